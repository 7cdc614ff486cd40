// -- from step to step --------------------------------------------------------------------------

function show(index) {
  if (index !== current) revealed = false;
  current = index;
  const step = steps[current], hidden = isHidden();
  $("slider").value = current;
  $("where").textContent = `step ${current + 1} of ${steps.length}`;
  $("heading").textContent = headingOf(step);
  $("sentence").textContent = step.before + foldNote(step);
  $("consequence").textContent = step.after;
  $("answer").hidden = hidden;
  $("given-tables").replaceChildren(...givenTables(step));
  $("tables").replaceChildren(...resultTables(step));
  showPinned();
  showChecks(step); showFormula(step); showSaved(step); showSource(step);
  ask();
  drawGraph();
  scrollToStep();
  $("first").disabled = $("previous").disabled = target(-1) === null;
  $("last").disabled = $("next").disabled = target(1) === null;
  $("fold").textContent = folded.size && !DATA.large ? "unfold all" : "fold all";
  try {
    history.replaceState(null, "", `#step=${current + 1}`);
  } catch { /* the frame of a notebook has no address */ }
}

// The next step in a direction that no folded module hides; null at the end.
function target(direction, from = current) {
  for (let i = from + direction; i >= 0 && i < steps.length; i += direction) if (!isSkipped(i)) return i;
  return null;
}
function move(direction) {
  const to = target(direction);
  if (to === null) stop(); else show(to);
}
function settle() { arrange(); show(isSkipped(current) ? target(1) ?? target(-1) : current); }

function stop() {
  clearInterval(timer); timer = null;
  $("play").setAttribute("aria-pressed", "false"); $("play").textContent = "▶▶ play";
}
function play() {
  if (timer) return stop();
  if (target(1) === null) show(target(1, -1));
  timer = setInterval(() => { if (isHidden()) stop(); else move(1); }, 1100);
  $("play").setAttribute("aria-pressed", "true"); $("play").textContent = "❚❚ stop";
}

function fromAddress() {
  const number = parseInt((/step=(\d+)/.exec(location.hash) || [])[1], 10);
  if (!Number.isFinite(number)) return 0;
  const index = Math.min(steps.length, Math.max(1, number)) - 1;
  enclosing(steps[index].operation).forEach((box) => folded.delete(box)); // unfold what hides the step
  arrange();
  return index;
}

const KEYS = {
  ArrowRight: () => move(1),
  ArrowLeft: () => move(-1),
  Home: () => show(target(1, -1)),
  End: () => show(target(-1, steps.length)),
  " ": play,
  p: () => { $("predict").click(); $("given")?.focus(); },
  c: () => $("check").click(),
  f: foldAll,
};
function press(event) {
  const { key, target: { id, tagName, type, value } } = event;
  const isText = ["INPUT", "SELECT"].includes(tagName) && !["checkbox", "range"].includes(type);
  const isEmptyAnswer = id === "given" && !value && key.startsWith("Arrow"); // there is no text to move in
  const presses = key === " " && ["BUTTON", "INPUT", "SUMMARY"].includes(tagName);
  const slides = type === "range" && ["ArrowRight", "ArrowLeft", "Home", "End"].includes(key);
  if ((isText && !isEmptyAnswer) || presses || slides) return; // the control itself uses the key
  if (event.ctrlKey || event.metaKey || event.altKey || !(key in KEYS)) return;
  event.preventDefault();
  KEYS[key]();
}

function listen() {
  document.addEventListener("keydown", press);
  $("first").onclick = KEYS.Home; $("last").onclick = KEYS.End;
  $("previous").onclick = () => move(-1); $("next").onclick = () => move(1);
  $("play").onclick = play; $("fold").onclick = foldAll;
  $("predict").onchange = () => { revealed = false; show(current); };
  $("check").onchange = () => show(current);
  $("slider").oninput = (event) => {
    const index = Number(event.target.value);
    show(isSkipped(index) ? target(1, index) ?? target(-1, index) : index);
  };
  window.addEventListener("hashchange", () => show(fromAddress()));
  window.addEventListener("resize", () => { drawGraph(); scrollToStep(); });
  PHONE.addEventListener("change", () => show(current));
}

function start(data) {
  take(data);
  arrange();
  $("slider").max = steps.length - 1;
  $("fold").hidden = !boxes.length;
  listen();
  const first = fromAddress();
  show(isSkipped(first) ? target(1, first) ?? first : first);
}

const { type, textContent: written } = $("data");
if (type === "application/json") start(JSON.parse(written));
else if ("DecompressionStream" in window) unpacked(written).then((text) => start(JSON.parse(text)));
else $("heading").textContent = "The steps are compressed, and this browser cannot unpack them: use one of 2023 or later.";
