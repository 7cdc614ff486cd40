// -- "predict first" ----------------------------------------------------------------------------

// The question before a step: an element of a small result, the shape of a large one.
function questionOf(step) {
  if (step.kind === "start") {
    const text = "What is the gradient of the loss with respect to itself?";
    return { text, answer: "1", isShape: false, first: null };
  }
  const { name, table: value } = values[operations[step.operation].output];
  const table = isForward(step) ? value : contributionOf(step);
  const result = isForward(step) ? `the value of ${name}` : "the contribution of this edge";
  const sign = () => (arrived(step.target, current - 1).length ? "+=" : "=");
  const first = isForward(step) || step.waits ? null : sign();
  if (table.size > 12 || table.cut || !table.size) {
    return { text: `Which shape has ${result}?`, answer: table.shape, isShape: true, first };
  }
  const flat = table.cells.flat(), k = (7 * current + 1) % flat.length, width = table.cells[0].length;
  const indices = [table.rows[Math.floor(k / width)], table.shape === "()" ? "" : k % width];
  const index = indices.filter((part) => part !== "").join(", ");
  const text = `What is ${index === "" ? result : `element [${index}] of ${result}`}?`;
  return { text, answer: flat[k], isShape: false, first };
}

function isRight(given, question) {
  const digits = (text) => text.replace(/[^0-9]+/g, " ").trim();
  if (question.isShape) return digits(given) === digits(question.answer);
  const plain = (text) => text.toLowerCase().replace("−", "-").replace("∞", "inf").replace(/^\+|inity$/g, "");
  const x = parseFloat(plain(given).replace(",", ".")), y = parseFloat(question.answer);
  if (!Number.isFinite(y)) return plain(given) === plain(question.answer);
  return Math.abs(x - y) <= 0.02 * Math.abs(y) + 0.005;
}

function verdictOn(given, sign, { answer, first }, right) {
  const parts = [right ? "Right" : given ? `Not quite: you said ${given}, it is ${answer}` : `It is ${answer}`];
  if (first) parts.push(sign === first ? `and yes, ${first}` : `and it is ${first}`);
  return `${parts.join(", ")}.`;
}

function ask() {
  const question = questionOf(steps[current]), form = $("question");
  form.hidden = !$("predict").checked;
  if (form.hidden) return form.replaceChildren();
  if (revealed) return;
  const answering = form.contains(document.activeElement);
  const given = element("input", {
    id: "given", "aria-label": question.text, placeholder: question.isShape ? "2, 3" : "a number", autocomplete: "off",
  });
  const sign = element("select", { "aria-label": "is it the first contribution, or added?" },
    element("option", { text: "=" }), element("option", { text: "+=" }));
  const submit = element("button", { type: "submit", text: "show" });
  const verdict = element("p", { role: "status" });
  const asked = [element("label", {}, question.text, given)];
  if (question.first) asked.push(element("label", {}, "It is the first contribution (=) or added (+=):", sign));
  form.replaceChildren(...asked, submit, verdict);
  if (answering) given.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    if (revealed) return move(1);
    revealed = true;
    show(current);
    const text = given.value.trim(), right = text !== "" && isRight(text, question);
    verdict.textContent = verdictOn(text, sign.value, question, right);
    verdict.className = right ? "yes" : "";
    submit.textContent = "next";
    submit.hidden = target(1) === null;
    given.focus();
    form.scrollIntoView({ block: "nearest" });
  };
}
