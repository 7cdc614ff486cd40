// -- predicting --------------------------------------------------------------------------------

// The question before a step: an element of a small result, the shape of a large one.
function questionOf(step) {
  if (step.kind === "start") return { text: "What is the gradient of the loss with respect to itself?", answer: "1", isShape: false, first: null };
  const output = operations[step.operation].output;
  const table = isForward(step) ? values[output].table : step.contribution;
  const result = isForward(step) ? `the value of ${values[output].name}` : "the contribution of this edge";
  const first = isForward(step) || step.waits ? null : arrived(step.target, current - 1).length ? "+=" : "=";
  if (table.size > 12 || table.cut || !table.size) return { text: `Which shape has ${result}?`, answer: table.shape, isShape: true, first };
  const flat = table.cells.flat(), k = (7 * current + 1) % flat.length, width = table.cells[0].length;
  const index = [table.rows[Math.floor(k / width)], table.shape === "()" ? "" : k % width].filter((part) => part !== "").join(", ");
  return { text: `What is ${index === "" ? result : `element [${index}] of ${result}`}?`, answer: flat[k], isShape: false, first };
}

function isRight(given, question) {
  if (question.isShape) return given.replace(/[^0-9]+/g, " ").trim() === question.answer.replace(/[^0-9]+/g, " ").trim();
  const x = parseFloat(given.replace(",", ".").replace("−", "-")), y = parseFloat(question.answer);
  return Math.abs(x - y) <= 0.02 * Math.abs(y) + 0.005;
}

function ask() {
  const question = questionOf(steps[current]), form = $("question");
  form.hidden = !$("predict").checked;
  const answering = form.contains(document.activeElement);
  if (form.hidden) return form.replaceChildren();
  if (revealed) return;
  const given = element("input", { id: "given", "aria-label": question.text, placeholder: question.isShape ? "2, 3" : "a number", autocomplete: "off" });
  const sign = element("select", { "aria-label": "is it the first contribution, or added?" }, element("option", { text: "=" }), element("option", { text: "+=" }));
  const submit = element("button", { type: "submit", text: "show" }), verdict = element("p", { role: "status" });
  form.replaceChildren(element("label", {}, question.text, given), ...(question.first ? [element("label", {}, "It is the first contribution (=) or added (+=):", sign)] : []),
    submit, verdict);
  if (answering) given.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    if (revealed) return move(1);
    const answers = [];
    if (given.value.trim()) answers.push(isRight(given.value, question) ? "Right" : `Not quite: you said ${given.value}, it is ${question.answer}`);
    else answers.push(`It is ${question.answer}`);
    if (question.first) answers.push(sign.value === question.first ? `and yes, ${question.first}` : `and it is ${question.first}`);
    revealed = true;
    show(current);
    verdict.textContent = `${answers.join(", ")}.`;
    verdict.className = answers[0] === "Right" ? "yes" : "";
    submit.textContent = "next";
    submit.hidden = target(1) === null;
    given.focus();
    form.scrollIntoView({ block: "nearest" });
  };
}
