// -- what is visible with the present folds, and where ----------------------------------------

const FOLDED = 46; // the height of a folded box in pixels

// A box and those around it, the innermost first.
function outwards(box) {
  const found = [];
  for (; box !== null; box = boxes[box].within) found.push(box);
  return found;
}
const enclosing = (operation) => outwards(operations[operation].box);

// All that depends on the folds alone. It is made again when they change, not at each step.
let view = null;
function arrange() {
  const hidden = boxes.map(() => false), foldOf = operations.map(() => null);
  const folds = [];
  boxes.forEach(({ within, first, last }, b) => { // outer boxes come first
    hidden[b] = within !== null && (hidden[within] || folded.has(within));
    if (hidden[b] || !folded.has(b)) return;
    folds.push(b);
    foldOf.fill(b, first, last + 1);
  });
  const gone = [0]; // the pixels that the folds above take away
  folds.forEach((b, i) => gone.push(gone[i] + layout.boxes[b].height - FOLDED));
  view = { folds, gone, foldOf };
  view.boxes = boxes.map((_, b) => b).filter((b) => !hidden[b]);
  view.operations = operations.map((_, i) => i).filter((i) => foldOf[i] === null);
  view.cards = layout.cards.filter((card) => foldOf[card.operation] === null);
  view.lines = lines(foldOf);
}

// The visible edges, those between a folded box and the same other row in one line.
function lines(foldOf) {
  const found = new Map();
  for (const edge of layout.edges) {
    const to = foldOf[edge.operation], made = madeBy.get(edge.value);
    const source = made === undefined ? null : foldOf[made];
    if (to !== null && (made === undefined || source === to)) continue; // within a folded box
    const key = `${source ?? `v${edge.value}`} to ${to ?? edgeKey(edge)}`;
    if (found.has(key)) found.get(key).push(edge); else found.set(key, [edge]);
  }
  return [...found.values()];
}

// The outermost folded box around an operation, or null.
function foldOf(operation) { return view.foldOf[operation]; }

// The current y of a y in the unfolded layout: folded boxes are narrow, and the rest moves up.
function place(y) {
  let low = 0, high = view.folds.length; // of the folds, those before `low` begin above y
  while (low < high) {
    const middle = (low + high) >> 1;
    if (layout.boxes[view.folds[middle]].y <= y) low = middle + 1; else high = middle;
  }
  if (low > 0) {
    const box = layout.boxes[view.folds[low - 1]], inside = (y - box.y) / box.height;
    if (inside < 1) return box.y - view.gone[low - 1] + inside * FOLDED;
  }
  return y - view.gone[low];
}

// On a narrow screen the columns of the layout come closer: leaves, operations, lanes.
let across = (x) => x, isNarrow = false;
function fitWidth(room) {
  const { card, operation, width } = layout;
  isNarrow = room < 0.85 * width; // less is the width of a scrollbar
  const from = [0, card.x, card.x + card.width, operation.x, operation.x + operation.width, width];
  const to = room >= width ? from : [0, 4, 0.42 * room, 0.5 * room, 0.92 * room, room];
  across = (x) => {
    const i = Math.max(1, from.findIndex((end) => x <= end));
    return to[i - 1] + ((x - from[i - 1]) / (from[i] - from[i - 1])) * (to[i] - to[i - 1]);
  };
  return Math.min(room, width);
}

// Of a folded box only the last step in each direction is shown.
function isSkipped(index) {
  const fold = foldOf(steps[index].operation);
  if (fold === null) return false;
  const next = steps[index + 1];
  return next !== undefined && isForward(next) === isForward(steps[index]) && foldOf(next.operation) === fold;
}

function toggle(box) {
  if (folded.has(box)) folded.delete(box); else folded.add(box);
  settle();
}

// A large graph as a whole is too much for a page: its boxes are opened one by one.
function foldAll() {
  if (folded.size && !DATA.large) folded.clear(); else boxes.forEach((_, box) => folded.add(box));
  settle();
}

function foldNote(step) {
  const fold = foldOf(step.operation);
  if (fold === null) return "";
  return ` (${boxes[fold].title} is folded: its other steps are skipped; unfold it to see them.)`;
}
