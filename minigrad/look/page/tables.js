// -- tables: the numbers of a step, and of pinned values -------------------------------------

const MOST_TABLES = 8, MOST_PINNED = 200;
const PHONE = matchMedia("(max-width: 600px)");
function titled(text, ...children) { return [element("h3", { text }), ...children]; }
function note(text) { return element("p", { class: "about", text }); }
function row(...tables) { return element("div", { class: "row" }, ...tables); }
function contributionOf(step) {
  return { ...values[step.target].table, ...step.contribution };
}
function grid(...rows) { return element("table", {}, element("tbody", {}, ...rows)); }

function tableOf(table, title, remark = "") {
  const sizes = table.cells.flat().map((cell) => Math.abs(parseFloat(cell))).filter(Number.isFinite);
  const scale = Math.max(...sizes, 1e-30);
  const result = grid(...table.cells.map((cells, r) => element("tr", {},
    table.rows[r] === "" ? null : element("th", { scope: "row", text: table.rows[r] }),
    ...cells.map((cell) => cellOf(cell, scale)))));
  result.prepend(element("caption", {}, title, " ", element("small", { text: table.shape })));
  const about = element("span", { class: table.about.includes("NaN") ? "lost" : "", text: table.about });
  const remarks = [table.cut, remark].filter(Boolean).map((text) => ` · ${text}`);
  return element("div", {}, result, element("p", { class: "about" }, about, ...remarks));
}

// On a phone, six columns have room for three digits.
function fitted(cell) {
  const x = Number(cell);
  if (!PHONE.matches || cell.length < 7 || !Number.isFinite(x)) return cell;
  const plain = String(Number(x.toPrecision(3)));
  return plain.length <= 7 ? plain : x.toExponential(2);
}

function cellOf(cell, scale) {
  const x = parseFloat(cell.replace("−", "-").replace("∞", "Infinity"));
  const made = element("td", { text: fitted(cell), title: cell });
  const color = x > 0 ? "38,120,220" : "226,120,20", opacity = 0.08 + 0.42 * Math.min(1, Math.abs(x) / scale);
  if (Number.isNaN(x)) made.className = "lost";
  else if (x !== 0) made.style.background = `rgba(${color},${opacity.toFixed(2)})`;
  return made;
}

function gradientTable(value, at) {
  const { name, kind } = values[value], last = arrived(value, at).pop();
  if (kind === "constant") return null;
  if (last === undefined) return element("div", {}, note(`gradient of ${name}: not yet`));
  return tableOf(gradientAfter(value, last), `gradient of ${name}`, gradientState(value, at).replace("∂ ", ""));
}

function pairOf(value, at) {
  const { name, table } = values[value];
  return row(isComputed(value, at) ? tableOf(table, name) : note(`${name}: not computed yet`), gradientTable(value, at));
}

// Each input of a step's operation once, under the names that the formula uses.
function inputTables(step) {
  const { inputs, arguments: names } = operations[step.operation];
  const all = [...new Set(inputs)], rest = all.length - MOST_TABLES;
  const tables = all.slice(0, MOST_TABLES).map((value) => {
    const argumentsOf = names.filter((_, i) => inputs[i] === value);
    return tableOf(values[value].table, [...new Set([...argumentsOf, values[value].name])].join(" = "));
  });
  return row(...tables, rest > 0 ? note(`${countText(rest, "more input")}: click one in the graph to see it.`) : null);
}

// The values that are known before a step: from them the reader can predict the result.
function givenTables(step) {
  if (isForward(step)) return titled("The inputs", inputTables(step));
  if (step.kind === "start") return [];
  if (step.kind === "sum") {
    return titled("The contribution, before the sum", row(tableOf(contributionOf(steps[current - 1]), "per copy")));
  }
  const upstream = row(gradientTable(operations[step.operation].output, current));
  return [
    ...titled("The upstream gradient, dy", upstream),
    ...titled("The inputs of the operation", inputTables(step)),
  ];
}

function resultTables(step) {
  const { output } = operations[step.operation];
  if (isForward(step)) return titled("The result and its gradient", pairOf(output, current));
  if (step.kind === "start") return titled("The loss and its gradient", pairOf(step.target, current));
  const before = arrived(step.target, current - 1).length;
  const sign = step.waits ? "to be summed" : before ? "+= added to the total" : "= first contribution";
  return [
    ...titled("The contribution of this edge", row(tableOf(contributionOf(step), "contribution", sign))),
    ...titled("The value that receives it, and its gradient now", pairOf(step.target, current)),
  ];
}

// The tables of one pinned value; of several, such as a module's leaves, a line about each.
function showPinned() {
  const at = visibleUntil(), few = pinned.slice(0, MOST_PINNED), rest = pinned.length - few.length;
  if (pinned.length === 0) return $("pinned").replaceChildren();
  if (pinned.length === 1) {
    return $("pinned").replaceChildren(...titled(`Pinned: ${values[pinned[0]].name}`, pairOf(pinned[0], at)));
  }
  const lines = few.map((value) => element("p", { class: "about" },
    element("button", { text: values[value].name, onclick: () => { pinned = [value]; show(current); } }),
    ` ${values[value].shape.replaceAll(" ", "\u00a0")} · ${gradientLine(value, at)}`));
  $("pinned").replaceChildren(...titled(`Pinned: ${countText(pinned.length, "leaf", "leaves")}`, ...lines,
    rest > 0 ? note(`${rest.toLocaleString("en")} more`) : ""));
}

function gradientLine(value, at) {
  const last = arrived(value, at).pop(), state = gradientState(value, at);
  return last === undefined ? state : `${state}: ${gradientAfter(value, last).about}`;
}
