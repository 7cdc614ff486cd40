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

const plain = (text) => text.toLowerCase().replace("−", "-").replace("∞", "inf").replace(/^\+|inity$/g, "");
const shapeOf = (text) => `(${(text.match(/[0-9]+/g) ?? []).join(", ")})`;
const isNear = (x, y) => Math.abs(x - y) <= 0.02 * Math.abs(y) + 0.005;

// An answer and the truth in the form that is kept; null if the answer is neither a number nor a shape.
function readAnswer(given, { answer, isShape }) {
  if (isShape) {
    const isNone = /^(\(\)|scalar)$/.test(given);
    return isNone || /[0-9]/.test(given) ? { kind: "choice", given: shapeOf(given), truth: shapeOf(answer) } : null;
  }
  const text = plain(given).replace(",", "."), x = Number(text), y = Number(answer);
  if (Number.isFinite(x) && Number.isFinite(y)) return { kind: "number", given: String(x), truth: String(y) };
  return Number.isFinite(x) || /^(nan|-?inf)$/.test(text) ? { kind: "choice", given: text, truth: plain(answer) } : null;
}

function verdictOn(given, sign, { answer, first }, right, kept) {
  const parts = [right ? "Right" : given ? `Not quite: you said ${given}, it is ${answer}` : `It is ${answer}`];
  if (first) parts.push(sign === first ? `and yes, ${first}` : `and it is ${first}`);
  return `${parts.join(", ")}.${kept ? ` Your first answer is kept: ${kept}.` : ""}`;
}

// Keep an answer and the sign beside it. Returns the kept answer if it is an earlier, other one.
function keepAnswer({ kind, given, truth }, sign, { text, first }) {
  const heading = $("heading").textContent;
  const kept = keep(`${heading}. ${text}`, kind, given, truth);
  const word = (mark) => (mark === "=" ? "first" : "added"); // to a spreadsheet, = begins a formula
  if (first) keep(`${heading}. Is it the first contribution, or added?`, "choice", word(sign), word(first));
  return kept === given ? null : kept;
}

// No <form>: a sandboxed frame may not submit one.
function ask() {
  const question = questionOf(steps[current]), box = $("question");
  box.hidden = !$("predict").checked;
  showKept();
  if (box.hidden) return box.replaceChildren();
  if (revealed) return;
  const answering = box.contains(document.activeElement);
  const given = element("input", {
    id: "given", "aria-label": question.text, placeholder: question.isShape ? "2, 3" : "a number", autocomplete: "off",
  });
  const sign = element("select", { "aria-label": "is it the first contribution, or added?" },
    element("option", { text: "=" }), element("option", { text: "+=" }));
  const submit = element("button", { text: "show" });
  const verdict = element("p", { role: "status" });
  const asked = [element("label", {}, question.text, given)];
  if (question.first) asked.push(element("label", {}, "It is the first contribution (=) or added (+=):", sign));
  box.replaceChildren(...asked, submit, verdict);
  if (answering) given.focus();
  given.onkeydown = (event) => { if (event.key === "Enter") submit.click(); };
  submit.onclick = () => {
    if (revealed) return move(1);
    const text = given.value.trim(), answer = text === "" ? null : readAnswer(text, question);
    if (text !== "" && answer === null) {
      const wanted = question.isShape ? "shape, such as 2, 3" : "number, such as 0.25";
      verdict.textContent = `“${text}” is no ${wanted}. Without an answer, Enter shows the result.`;
      return;
    }
    const kept = answer && keepAnswer(answer, sign.value, question);
    revealed = true;
    show(current);
    const right = answer !== null && isHit(["", "", "", answer.kind, answer.given, answer.truth]);
    verdict.textContent = verdictOn(text, sign.value, question, right, kept);
    verdict.className = right ? "yes" : "";
    submit.textContent = "next";
    submit.hidden = target(1) === null;
    given.focus();
    box.scrollIntoView({ block: "nearest" });
  };
}
