"use strict";
// minigrad computed everything that this page shows. DATA holds it; the script only displays it.
const DATA = JSON.parse(document.getElementById("data").textContent);
const { values, operations, calls, documentation, steps, layout } = DATA;
const $ = (id) => document.getElementById(id);
const FOLDED = 34; // the height of a folded module in pixels

let current = 0, pinned = null, timer = null, revealed = false;
const folded = new Set();

// -- small helpers ---------------------------------------------------------------------------

function element(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") made.textContent = value;
    else if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function drawn(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A module call and the calls that enclose it, the innermost first.
function outwards(call) {
  const found = [];
  for (; call !== null; call = calls[call].within) found.push(call);
  return found;
}
const enclosing = (operation) => outwards(operations[operation].call);

// The outermost folded call around an operation, or null.
function foldOf(operation) {
  return enclosing(operation).filter((call) => folded.has(call)).pop() ?? null;
}

const isForward = (step) => step.kind === "forward";

// Of a folded module only the last step in each direction is shown.
function isSkipped(index) {
  const fold = foldOf(steps[index].operation);
  if (fold === null) return false;
  const next = steps[index + 1];
  return next !== undefined && isForward(next) === isForward(steps[index]) && foldOf(next.operation) === fold;
}

// -- the state at a step ---------------------------------------------------------------------

const madeBy = new Map(operations.map((operation, i) => [operation.output, i]));
const forwardStep = new Map(steps.flatMap((step, i) => (isForward(step) ? [[step.operation, i]] : [])));

function isComputed(value, at = current) {
  return !madeBy.has(value) || forwardStep.get(madeBy.get(value)) <= at;
}

function arrived(value, at = current) {
  return values[value].arrivals.filter((arrival) => arrival.step <= at);
}

function gradientState(value, at = current) {
  const { expected, kind } = values[value];
  if (kind === "constant") return "constant, no ∂";
  const count = arrived(value, at).length, all = Math.max(1, expected);
  if (count === 0) return "∂ not yet";
  return count === all ? "∂ complete" : `∂ ${count} of ${all} paths`;
}

// In "predict first", the result of a step stays hidden until the reader has answered.
function isHidden() { return $("predict").checked && !revealed; }
function visibleUntil() { return isHidden() ? current - 1 : current; }
