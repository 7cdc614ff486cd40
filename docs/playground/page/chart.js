// The curve of the loss, in SVG: of each step, of the validation stories, and the best possible.

const HEIGHT = 240, LEFT = 30, RIGHT = 92, TOP = 14, BOTTOM = 30;
const NAMESPACE = "http://www.w3.org/2000/svg";

function element(name, attributes, text) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function drawLoss(place, model, losses, validations) {
  const width = Math.max(280, Math.min(place.clientWidth, 720));  // letters keep their size
  const end = width - RIGHT, bottom = HEIGHT - BOTTOM, highest = Math.ceil(model.uniform);
  const x = (step) => LEFT + (end - LEFT) * (step / model.steps);
  const y = (loss) => bottom - (bottom - TOP) * (Math.min(loss, highest) / highest);
  const point = ([step, loss]) => `${x(step).toFixed(1)} ${y(loss).toFixed(1)}`;
  const path = (points) => points.length ? "M" + points.map(point).join("L") : "";
  const label = (loss, text) => element("text", { x: end + 6, y: y(loss) + 4 }, text);
  const drawing = element("svg", {
    width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
    "aria-label": `The loss after ${losses.length} of ${model.steps} steps`,
  });
  for (let loss = 0; loss <= highest; loss += 2) {
    drawing.append(element("path", { class: "axis", d: `M${LEFT} ${y(loss)}H${end}` }));
    drawing.append(element("text", { x: LEFT - 8, y: y(loss) + 4, "text-anchor": "end" }, loss));
  }
  drawing.append(
    element("text", { x: LEFT, y: HEIGHT - 8 }, "nats per token, by step"),
    element("text", { x: end, y: HEIGHT - 8, "text-anchor": "end" }, model.steps),
    element("path", { class: "training", d: path(losses.map((loss, i) => [i + 1, loss])) }),
    element("path", { class: "validation", d: path(validations) }),
    ...validations.map(([s, l]) => element("circle", { cx: x(s), cy: y(l), r: 3 })),
    element("path", { class: "best", d: `M${LEFT} ${y(model.best)}H${end}` }),
    label(model.best, "best possible"),
    label(model.uniform, "guessing"),
  );
  place.replaceChildren(drawing);
}
