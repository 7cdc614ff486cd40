// -- the step's text, tables, formula and source -----------------------------------------------

function tableOf(table, title, note = "") {
  const scale = Math.max(...table.cells.flat().map((cell) => Math.abs(parseFloat(cell))).filter(Number.isFinite), 1e-30);
  const body = table.cells.map((row, r) => element("tr", {},
    table.rows[r] === "" ? null : element("th", { scope: "row", text: table.rows[r] }),
    ...row.map((cell) => cellOf(cell, scale))));
  const caption = element("caption", {}, title, " ", element("small", { text: table.shape }));
  const lost = table.about.includes("NaN");
  return element("div", {}, element("table", {}, caption, element("tbody", {}, ...body)),
    element("p", { class: "about" }, element("span", { class: lost ? "lost" : "", text: table.about }), table.cut ? ` · ${table.cut}` : "", note ? ` · ${note}` : ""));
}

function cellOf(cell, scale) {
  const x = parseFloat(cell), share = Math.min(1, Math.abs(x) / scale);
  const made = element("td", { text: cell });
  if (!Number.isFinite(x)) made.className = "lost";
  else if (x !== 0) made.style.background = `rgba(${x > 0 ? "38,120,220" : "226,120,20"},${(0.08 + 0.42 * share).toFixed(2)})`;
  return made;
}

function gradientTable(value, at) {
  const all = arrived(value, at);
  if (values[value].kind === "constant") return null;
  if (!all.length) return element("div", {}, element("p", { class: "about", text: `gradient of ${values[value].name}: not yet` }));
  const total = all[all.length - 1].total;
  return tableOf(total, `gradient of ${values[value].name}`, gradientState(value, at).replace("∂ ", ""));
}

function pairOf(value, at) {
  const title = values[value].name;
  const own = isComputed(value, at) ? tableOf(values[value].table, title) : element("p", { class: "about", text: `${title}: not computed yet` });
  return element("div", { class: "row" }, own, gradientTable(value, at));
}

function titled(text, ...children) { return [element("h3", { text }), ...children]; }

// Every input of a step's operation once, under the names that the formula uses.
function inputTables(step) {
  const { inputs, arguments: names } = operations[step.operation];
  const once = inputs.filter((value, i) => inputs.indexOf(value) === i);
  const label = (value) => [...new Set([...names.filter((_, i) => inputs[i] === value), values[value].name])].join(" = ");
  return element("div", { class: "row" }, ...once.map((value) => tableOf(values[value].table, label(value))));
}

// The values that are known before a step: from them the reader can predict the result.
function givenTables(step) {
  if (isForward(step)) return titled("The inputs", inputTables(step));
  if (step.kind === "start") return [];
  if (step.kind === "sum") return titled("The contribution, before the sum", element("div", { class: "row" }, tableOf(steps[current - 1].contribution, "per copy")));
  const upstream = element("div", { class: "row" }, gradientTable(operations[step.operation].output, current));
  return [...titled("The upstream gradient, dy", upstream), ...titled("The inputs of the operation", inputTables(step))];
}

function resultTables(step) {
  if (isForward(step)) return titled("The result and its gradient", pairOf(operations[step.operation].output, current));
  if (step.kind === "start") return titled("The loss and its gradient", pairOf(step.target, current));
  const before = arrived(step.target, current - 1).length;
  const sign = step.waits ? "to be summed" : before ? "+= added to the total" : "= first contribution";
  return [
    ...titled("The contribution of this edge", element("div", { class: "row" }, tableOf(step.contribution, "contribution", sign))),
    ...titled("The value that receives it, and its gradient now", pairOf(step.target, current)),
  ];
}

function checksOf(value) {
  const { checks, name } = values[value];
  if (!checks.length) return [element("p", { class: "about", text: `${name} was not checked.` })];
  const rows = checks.map((check) => element("tr", {}, element("th", { text: check.at || "·" }), element("td", { text: check.found }),
    element("td", { text: check.expected }), element("td", { class: check.agree ? "yes" : "no", text: check.agree ? "agree" : "differ" })));
  const head = element("tr", {}, ...["index", "backward", "by differences", ""].map((text) => element("th", { text })));
  return [element("table", {}, element("caption", { text: `gradient of ${name}, complete` }), element("tbody", {}, head, ...rows))];
}

function showChecks(step) {
  const value = step.target ?? operations[step.operation].output;
  const why = "By differences: one number is increased and decreased a little, in float64, and the loss is computed again.";
  $("checks").replaceChildren(...($("check").checked ? titled("The check of the gradient", ...checksOf(value), element("p", { class: "about", text: why })) : []));
}

function marked(text, phrase) {
  const at = phrase ? text.indexOf(phrase) : -1;
  if (at < 0) return [text];
  return [text.slice(0, at), element("mark", { text: phrase }), text.slice(at + phrase.length)];
}

function showFormula(step) {
  const operation = operations[step.operation], page = documentation[operation.name];
  const direction = isForward(step) ? "forward" : "backward";
  const parts = [];
  if (step.rule) parts.push(element("p", {}, "This edge: ", element("mark", { text: step.rule })));
  if (page[direction]) {
    if (page.title) parts.push(element("p", { text: page.title }));
    parts.push(element("pre", {}, ...marked(page[direction], step.rule)));
    if (direction === "backward" && page.surrogate) parts.push(element("p", { text: "This is the gradient of the surrogate:" }), element("pre", { text: page.surrogate }));
  }
  $("rule").replaceChildren(...(parts.length ? titled(isForward(step) ? "The formula" : "The local rule", ...parts) : []));
}

function showSource(step) {
  const name = operations[step.operation].name;
  const { file, first, lines } = documentation[name][isForward(step) ? "forward_source" : "backward_source"];
  const numbered = lines.flatMap((line, i) => [element("span", { class: "number", text: `${String(first + i).padStart(4)}  ` }), `${line}\n`]);
  const title = `The source: ${file}, line ${first}`;
  $("source").replaceChildren(...(lines.length ? titled(title, element("pre", {}, ...numbered)) : titled("The source is not available.")));
}

function showSaved(step) {
  const { saved, saved_bytes: bytes, options } = operations[step.operation];
  const rows = saved.map(([name, text]) => element("tr", {}, element("th", { scope: "row", text: name }), element("td", { text })));
  const title = isForward(step) ? "Saved for the backward pass" : "Saved by the forward pass, released after its backward pass";
  const kept = rows.length ? element("table", {}, element("tbody", {}, ...rows)) : element("p", { class: "about", text: "nothing" });
  $("saved").replaceChildren(...(step.kind === "start" ? [] : titled(`${title}: ${bytes.toLocaleString("en")} bytes`, kept, options ? element("p", { class: "about", text: `options: ${options}` }) : null).filter(Boolean)));
}

function headingOf(step) {
  const same = steps.filter((s) => isForward(s) === isForward(step));
  const operation = operations[step.operation], count = `${same.indexOf(step) + 1} of ${same.length}`;
  if (isForward(step)) return `Forward ${count}: ${values[operation.output].name}`;
  if (step.kind === "start") return `Backward ${count}: the loss`;
  const from = values[operation.output].name, to = values[step.target].name;
  return step.kind === "sum" ? `Backward ${count}: sum over the copies of ${to}` : `Backward ${count}: from ${from} to ${to}`;
}

function foldNote(step) {
  const fold = foldOf(step.operation);
  if (fold === null) return "";
  return ` (${calls[fold].title} is folded: its other steps are skipped; unfold it to see them.)`;
}
