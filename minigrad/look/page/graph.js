// -- the graph -------------------------------------------------------------------------------

function folds() {
  return layout.boxes
    .filter((box) => folded.has(box.call) && !outwards(calls[box.call].within).some((c) => folded.has(c)))
    .map((box) => [box.y, box.y + box.height]);
}
// The current y of a y in the unfolded layout: folded boxes are narrow, and the rest moves up.
function place(y) {
  let gone = 0;
  for (const [top, bottom] of folds()) {
    if (y >= bottom) gone += bottom - top - FOLDED;
    else if (y > top) return top - gone + ((y - top) / (bottom - top)) * FOLDED;
  }
  return y - gone;
}

function pathOf(edge) {
  const y1 = place(edge.y1), y2 = place(edge.y2);
  if (edge.side === "top") return `M${edge.x1} ${y1}V${y2}`;
  return `M${edge.x1} ${y1}H${edge.lane}V${y2}H${edge.x2}`;
}

function edgeLabel(edge, svg, classes) {
  const { argument, operation, value, side } = edge;
  const name = operations[operation].arguments[argument];
  const [x, y, anchor] = side === "top" ? [edge.x2 + 6, place(edge.y1) + 17, "start"]
    : side === "left" ? [edge.x2 - 10, place(edge.y2) - 4, "end"] : [edge.x2 + 10, place(edge.y2) - 4, "start"];
  const text = drawn("text", { x, y, "text-anchor": anchor, class: classes });
  text.textContent = `${name} ${isHidden() && !isComputed(value, visibleUntil()) ? "?" : values[value].shape}`;
  svg.append(text);
}

function edgeClass(edge) {
  const step = steps[current];
  const at = visibleUntil();
  if (isForward(step)) return step.operation === edge.operation ? "used" : "";
  const isHere = (s) => !isForward(s) && s.operation === edge.operation && s.argument === edge.argument;
  if (isHere(step)) return "gradient";
  return steps.slice(0, at + 1).some(isHere) ? "past-gradient" : "";
}

function drawGraph() {
  const canvas = $("canvas"), height = place(layout.height);
  const focus = document.activeElement?.dataset?.key;
  canvas.replaceChildren();
  canvas.style.width = `${layout.width}px`;
  canvas.style.height = `${height}px`;
  canvas.className = isForward(steps[current]) ? "" : "backwards";
  const svg = drawn("svg", { width: layout.width, height, "aria-hidden": "true" });
  svg.append(...["plain", "used", "gradient"].map(arrowHead));
  canvas.append(svg);
  for (const box of layout.boxes) drawBox(box, canvas, svg);
  for (const edge of layout.edges) drawEdge(edge, svg);
  operations.forEach((operation, i) => drawOperation(i, canvas));
  layout.cards.forEach((card) => drawCard(card, canvas));
  if (focus) canvas.querySelector(`[data-key="${focus}"]`)?.focus({ preventScroll: true });
}

// Forward, an edge points to its operation; backward, away from it.
function arrowHead(kind) {
  const marker = drawn("marker", {
    id: `to-${kind}`, class: kind, viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8,
    markerUnits: "userSpaceOnUse", orient: "auto-start-reverse",
  });
  marker.append(drawn("path", { d: "M0 0L8 4L0 8z" }));
  return marker;
}

function drawBox(box, canvas, svg) {
  const call = calls[box.call];
  if (outwards(call.within).some((outer) => folded.has(outer))) return;
  const isFolded = folded.has(box.call), y = place(box.y), count = call.last - call.first + 1;
  const height = place(box.y + box.height) - y;
  if (!isFolded) svg.append(drawn("rect", { x: box.x, y, width: box.width, height, rx: 6 }));
  const own = steps[current].operation >= call.first && steps[current].operation <= call.last;
  const text = isFolded ? `▸ ${call.title}: ${count} operation${count > 1 ? "s" : ""}` : `▾ ${call.title}`;
  const button = element("button", {
    class: `module${isFolded ? " folded" : ""}${isFolded && own ? " now" : ""}`, "aria-expanded": String(!isFolded),
    title: `${call.path}, a ${call.kind}: click to ${isFolded ? "unfold" : "fold"}`, "data-key": `c${box.call}`, text,
    onclick: () => { isFolded ? folded.delete(box.call) : folded.add(box.call); settle(); },
  });
  setPlace(button, { x: box.x, width: box.width, height: isFolded ? FOLDED : 24 }, y);
  canvas.append(button);
}

function drawEdge(edge, svg) {
  const fold = foldOf(edge.operation), made = madeBy.get(edge.value);
  if (fold !== null && (made === undefined || foldOf(made) === fold)) return;
  const classes = edgeClass(edge);
  svg.append(drawn("path", { d: pathOf(edge), class: classes }));
  if (fold === null) edgeLabel(edge, svg, classes);
}

function setPlace(button, { x, width, height }, y) {
  Object.assign(button.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
}

function stateText(value) {
  if (!isComputed(value, visibleUntil())) return "not computed yet";
  return `${values[value].shape} · ${gradientState(value, visibleUntil())}`;
}

function valueButton(value, key, classes, name, box) {
  const button = element("button", {
    class: classes + (pinned === value ? " pinned" : ""),
    "data-key": key, "aria-pressed": String(pinned === value),
    title: `${values[value].name}: click to pin it`,
    onclick: () => { pinned = pinned === value ? null : value; show(current); },
  }, element("b", { text: name }), element("i", { text: stateText(value) }));
  setPlace(button, box, place(box.y));
  return button;
}

function drawOperation(i, canvas) {
  if (foldOf(i) !== null) return;
  const step = steps[current], output = operations[i].output, at = layout.operations[i];
  const isNow = step.operation === i;
  const isTarget = !isForward(step) && step.target === output && !isNow;
  const isInput = isForward(step) && operations[step.operation].inputs.includes(output);
  const isWaiting = !isComputed(output, visibleUntil());
  const classes = ["operation", isNow && "now", (isTarget || isInput) && "lit", isWaiting && "waiting"];
  const name = `${isNow ? "▶ " : ""}${values[output].name}`;
  const button = valueButton(output, `o${i}`, classes.filter(Boolean).join(" "), name, { ...layout.operation, ...at });
  if (isNow) button.setAttribute("aria-current", "step");
  canvas.append(button);
}

function drawCard(card, canvas) {
  if (foldOf(card.operation) !== null) return;
  const step = steps[current], value = values[card.value];
  const isInput = operations[step.operation].inputs.includes(card.value) && step.operation >= card.operation;
  const isLit = isForward(step) ? isInput : step.target === card.value && step.kind !== "start";
  const classes = `${value.kind}${card.again ? " again" : ""}${isLit ? " lit" : ""}`;
  const key = `v${card.value}-${card.operation}`;
  canvas.append(valueButton(card.value, key, classes, card.name, { ...layout.card, y: card.y }));
}

function scrollToStep() {
  const graph = document.querySelector(".graph"), step = steps[current], fold = foldOf(step.operation);
  const shown = fold === null ? layout.operations[step.operation] : layout.boxes.find((box) => box.call === fold);
  const y = place(shown.y), top = graph.scrollTop, height = graph.clientHeight;
  if (y < top + 60 || y > top + height - 120) graph.scrollTop = y - height / 2;
  // The operations are visible, with as much to their left as fits.
  graph.scrollLeft = layout.operation.x + layout.operation.width + 8 - graph.clientWidth;
}
