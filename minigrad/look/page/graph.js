// -- the graph -------------------------------------------------------------------------------

function pathOf(edge) {
  const y1 = place(edge.y1), y2 = place(edge.y2), x1 = across(edge.x1), x2 = across(edge.x2);
  if (edge.side === "top") return `M${x1} ${y1}V${y2}`;
  return `M${x1} ${y1}H${across(edge.lane)}V${y2}H${x2}`;
}

// Beside an edge at the left or right there is room for its name only, if the screen is narrow.
function edgeLabel(edge, svg, classes) {
  const { argument, operation, value, side } = edge, x2 = across(edge.x2);
  const name = operations[operation].arguments[argument];
  const [x, y, anchor] = side === "top" ? [x2 + 6, place(edge.y1) + 17, "start"]
    : side === "left" ? [x2 - 8, place(edge.y2) - 4, "end"] : [x2 + 8, place(edge.y2) - 4, "start"];
  const text = drawn("text", { x, y, "text-anchor": anchor, class: classes });
  const shape = isHidden() && !isComputed(value, visibleUntil()) ? "?" : values[value].shape;
  text.textContent = isNarrow && side !== "top" ? name.slice(0, 5) : `${name} ${shape}`;
  svg.append(text);
}

function edgeClass(edge) {
  const step = steps[current];
  if (isForward(step)) return step.operation === edge.operation ? "used" : "";
  if (edgeKey(step) === edgeKey(edge)) return "gradient";
  return gradientStep.get(edgeKey(edge)) <= visibleUntil() ? "past-gradient" : "";
}

function drawGraph() {
  const canvas = $("canvas"), height = place(layout.height);
  const focus = document.activeElement?.dataset?.key;
  canvas.replaceChildren();
  canvas.style.width = `${layout.width}px`; // as much as it likes to have, to see what it gets
  canvas.style.height = `${height}px`;
  const width = fitWidth(canvas.parentElement.clientWidth);
  canvas.style.width = `${width}px`;
  canvas.className = isForward(steps[current]) ? "" : "backwards";
  const svg = drawn("svg", { width, height, "aria-hidden": "true" });
  svg.append(...["plain", "used", "gradient"].map(arrowHead));
  canvas.append(svg);
  for (const box of view.boxes) drawBox(box, canvas, svg);
  for (const line of view.lines) drawLine(line, svg);
  for (const operation of view.operations) drawOperation(operation, canvas);
  for (const card of view.cards) drawCard(card, canvas);
  for (const fold of view.folds) drawLeaves(fold, canvas, svg);
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

function drawBox(b, canvas, svg) {
  const box = boxes[b], at = layout.boxes[b], isFolded = folded.has(b);
  const y = place(at.y), height = place(at.y + at.height) - y, x = across(at.x), width = across(at.x + at.width) - x;
  if (!isFolded) svg.append(drawn("rect", { x, y, width, height, rx: 6 }));
  const { operation } = steps[current], isNow = isFolded && operation >= box.first && operation <= box.last;
  const isWaiting = isFolded && !isComputed(operations[box.last].output, visibleUntil());
  const title = isNarrow ? box.title.replace(/ \(\w+\)/, "") : box.title;
  const what = box.path ? `${box.path}, a ${box.kind}` : "a group of neighbours";
  const button = element("button", {
    class: `module${isFolded ? " folded" : ""}${isNow ? " now" : ""}${isWaiting ? " waiting" : ""}`, "aria-expanded": String(!isFolded),
    title: `${box.title}: ${what}: click to ${isFolded ? "unfold" : "fold"}`, "data-key": `c${b}`, onclick: () => toggle(b),
  }, element("b", { text: `${isFolded ? "▸" : "▾"} ${title}` }),
  isFolded ? element("i", { text: countText(box.last - box.first + 1, "operation") }) : null);
  setPlace(button, { x, width, height: isFolded ? FOLDED : 24 }, y);
  canvas.append(button);
}

// One line for all edges between two rows, of which one is folded.
function drawLine(edges, svg) {
  const classes = edges.map(edgeClass), [edge] = edges;
  const most = ["used", "gradient", "past-gradient"].find((kind) => classes.includes(kind)) ?? "";
  svg.append(drawn("path", { d: pathOf(edge), class: most }));
  if (foldOf(edge.operation) === null) edgeLabel(edge, svg, most);
}

function setPlace(button, { x, width, height }, y) {
  Object.assign(button.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
}

function stateText(value) {
  if (!isComputed(value, visibleUntil())) return "not computed yet";
  return `${values[value].shape} · ${gradientState(value, visibleUntil())}`;
}

// A button that pins these values.
function valueButton(pins, key, classes, name, state, box) {
  const isPinned = pinned.join() === pins.join();
  const button = element("button", {
    class: classes + (isPinned ? " pinned" : ""), "data-key": key, "aria-pressed": String(isPinned),
    title: `${pins.length > 1 ? name : values[pins[0]].name}: click to pin ${pins.length > 1 ? "them" : "it"}`,
    onclick: () => { pinned = isPinned ? [] : pins; show(current); },
  }, element("b", { text: name }), element("i", { text: state }));
  const x = across(box.x);
  setPlace(button, { x, width: across(box.x + box.width) - x, height: box.height }, place(box.y));
  return button;
}

function drawOperation(i, canvas) {
  const step = steps[current], output = operations[i].output, at = layout.operations[i];
  const isNow = step.operation === i;
  const isTarget = !isForward(step) && step.target === output && !isNow;
  const isInput = isForward(step) && operations[step.operation].inputs.includes(output);
  const isWaiting = !isComputed(output, visibleUntil());
  const classes = ["operation", isNow && "now", (isTarget || isInput) && "lit", isWaiting && "waiting"];
  const name = `${isNow ? "▶ " : ""}${values[output].name}`, box = { ...layout.operation, ...at };
  const button = valueButton([output], `o${i}`, classes.filter(Boolean).join(" "), name, stateText(output), box);
  if (isNow) button.setAttribute("aria-current", "step");
  canvas.append(button);
}

function drawCard(card, canvas) {
  const step = steps[current], value = values[card.value];
  const isInput = operations[step.operation].inputs.includes(card.value) && step.operation >= card.operation;
  const isLit = isForward(step) ? isInput : step.target === card.value && step.kind !== "start";
  const classes = `${value.kind}${card.again ? " again" : ""}${isLit ? " lit" : ""}`;
  const key = `v${card.value}-${card.operation}`, box = { ...layout.card, y: card.y };
  canvas.append(valueButton([card.value], key, classes, card.name, stateText(card.value), box));
}

// A card for all leaves that the operations of a folded box use.
function drawLeaves(fold, canvas, svg) {
  const { leaves, first, last } = boxes[fold], at = visibleUntil(), y = layout.boxes[fold].y;
  if (!leaves.length) return;
  const done = leaves.filter((value) => isComplete(value, at)).length;
  const state = leaves.length === 1 ? stateText(leaves[0]) : `∂ ${done} of ${leaves.length} complete`;
  const { operation, target } = steps[current];
  const isLit = operation >= first && operation <= last && (isForward(steps[current]) || leaves.includes(target));
  canvas.append(valueButton(leaves, `l${fold}`, `leaf${isLit ? " lit" : ""}`, layout.boxes[fold].leaves, state, { ...layout.card, y }));
  const from = across(layout.card.x + layout.card.width), middle = place(y) + FOLDED / 2;
  const end = across(layout.boxes[fold].x), used = isForward(steps[current]) ? "used" : "gradient";
  svg.append(drawn("path", { d: `M${from} ${middle}H${end}`, class: isLit ? used : "" }));
}

function scrollToStep() {
  const graph = document.querySelector(".graph"), step = steps[current], fold = foldOf(step.operation);
  const shown = fold === null ? layout.operations[step.operation] : layout.boxes[fold];
  const y = place(shown.y), top = graph.scrollTop, height = graph.clientHeight;
  if (y < top + 60 || y > top + height - 120) graph.scrollTop = y - height / 2;
}
