"use strict";
// minigrad computed everything that this page shows. The script only displays it.
let DATA, values, operations, boxes, documentation, steps, layout; // set by `take`
let madeBy, gradientStep;
const $ = (id) => document.getElementById(id);

let current = 0, pinned = [], timer = null, revealed = false;
const folded = new Set();

// The data of a large graph are packed: they are mostly numbers, and one step shows few of them.
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

function take(data) {
  DATA = data;
  ({ values, operations, boxes, documentation, steps, layout } = DATA);
  madeBy = new Map(operations.map((operation, i) => [operation.output, i]));
  gradientStep = new Map(); // the first backward step of each edge
  steps.forEach((step, i) => {
    const key = edgeKey(step);
    if (!isForward(step) && !gradientStep.has(key)) gradientStep.set(key, i);
  });
  DATA.folded.forEach((box) => folded.add(box));
}

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

function countText(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

const isForward = (step) => step.kind === "forward";
const edgeKey = ({ operation, argument }) => `${operation} ${argument}`;

// -- the state at a step ---------------------------------------------------------------------

// The steps begin with one forward step for each operation.
function isComputed(value, at = current) {
  return !madeBy.has(value) || madeBy.get(value) <= at;
}

function arrived(value, at = current) {
  return values[value].arrivals.filter((arrival) => arrival.step <= at);
}

// A value's tables differ in their cells; the first contribution is the total, too.
function gradientAfter(value, arrival) {
  return { ...values[value].table, ...(arrival.total ?? steps[arrival.step].contribution) };
}

function isComplete(value, at = current) {
  return arrived(value, at).length === Math.max(1, values[value].expected);
}

function gradientState(value, at = current) {
  const { expected, kind } = values[value];
  if (kind === "constant") return "constant, no ∂";
  const count = arrived(value, at).length;
  if (count === 0) return "∂ not yet";
  return isComplete(value, at) ? "∂ complete" : `∂ ${count} of ${expected} paths`;
}

// In "predict first", the result of a step stays hidden until the reader has answered.
function isHidden() { return $("predict").checked && !revealed; }
function visibleUntil() { return isHidden() ? current - 1 : current; }
