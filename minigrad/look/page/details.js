// -- the text, check, formula and source of a step ----------------------------------------------

function checksOf(value) {
  const { checks, name } = values[value];
  if (!checks.length) return note(`${name} was not checked.`);
  const heads = ["index", "backward", "by differences", ""].map((text) => element("th", { text }));
  const verdicts = { true: ["yes", "agree"], false: ["no", "differ"], null: ["open", "not decided"] };
  const rows = checks.map(({ at, found, expected, agree }) => element("tr", {},
    element("th", { text: at || "·" }), element("td", { text: found }), element("td", { text: expected }),
    element("td", { class: verdicts[agree][0], text: verdicts[agree][1] })));
  const table = grid(element("tr", {}, ...heads), ...rows);
  table.prepend(element("caption", { text: `gradient of ${name}, complete` }));
  return table;
}

function showChecks(step) {
  const value = step.target ?? operations[step.operation].output;
  const checked = $("check").checked ? titled("The check of the gradient", checksOf(value), note(DATA.method)) : [];
  $("checks").replaceChildren(...checked);
}

function marked(text, phrase) {
  const at = phrase ? text.indexOf(phrase) : -1;
  if (at < 0) return [text];
  return [text.slice(0, at), element("mark", { text: phrase }), text.slice(at + phrase.length)];
}

function showFormula(step) {
  const page = documentation[operations[step.operation].name];
  const direction = isForward(step) ? "forward" : "backward";
  const parts = [];
  if (step.rule) parts.push(element("p", {}, "This edge: ", element("mark", { text: step.rule })));
  if (page[direction]) {
    if (page.title) parts.push(element("p", { text: page.title }));
    parts.push(element("pre", {}, ...marked(page[direction], step.rule)));
  }
  if (direction === "backward" && page.surrogate) {
    parts.push(element("p", { text: "This is the gradient of the surrogate:" }));
    parts.push(element("pre", { text: page.surrogate }));
  }
  const title = isForward(step) ? "The formula" : "The local rule";
  $("rule").replaceChildren(...(parts.length ? titled(title, ...parts) : []));
}

function showSource(step) {
  const page = documentation[operations[step.operation].name];
  const { file, first, lines } = isForward(step) ? page.forward_source : page.backward_source;
  const numbered = lines.flatMap((line, i) => {
    const number = `${String(first + i).padStart(4)}  `;
    return [element("span", { class: "number", text: number }), `${line}\n`];
  });
  $("source").replaceChildren(...(lines.length
    ? titled(`The source: ${file}, line ${first}`, element("pre", {}, ...numbered))
    : titled("The source is not available.")));
}

function showSaved(step) {
  const { saved, saved_bytes: bytes, options } = operations[step.operation];
  const title = isForward(step) ? "Saved for the backward pass"
    : "Saved by the forward pass, released after its backward pass";
  const rows = saved.map(([name, text]) => element("tr", {},
    element("th", { scope: "row", text: name }), element("td", { text })));
  const parts = titled(`${title}: ${bytes.toLocaleString("en")} bytes`, rows.length ? grid(...rows) : note("nothing"));
  if (options) parts.push(note(`options: ${options}`));
  $("saved").replaceChildren(...(step.kind === "start" ? [] : parts));
}

function headingOf(step) {
  const count = operations.length, from = values[operations[step.operation].output].name;
  if (isForward(step)) return `Forward ${current + 1} of ${count}: ${from}`;
  const number = `Backward ${current - count + 1} of ${steps.length - count}`;
  if (step.kind === "start") return `${number}: the loss`;
  const to = values[step.target].name;
  return `${number}: ${step.kind === "sum" ? `sum over the copies of ${to}` : `from ${from} to ${to}`}`;
}
