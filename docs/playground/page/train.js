// Train a language model: start, stop and go on; the numbers, the curve, the samples.

import { drawLoss } from "./chart.js";
import { find, make } from "./dom.js";

const MOST_SAMPLES = 6;  // that are shown, the newest first

export function makeTraining(python) {
  const start = find("start"), pause = find("pause"), tokens = find("tokens");
  const numbers = find("numbers"), chart = find("chart"), samples = find("samples");
  let isReady = false, state = "new";  // "new", "running", "stopped" or "finished"
  let model, steps, validations;

  function show(newState) {
    state = newState;
    start.textContent = { new: "Start", stopped: "Go on", finished: "Start again" }[state] ?? "Start";
    start.disabled = !isReady || state === "running";
    pause.disabled = state !== "running";
    tokens.disabled = state === "running" || state === "stopped";
  }

  async function run() {
    const isNew = state !== "stopped";
    if (isNew) {
      model = null;
      samples.replaceChildren();
      chart.replaceChildren();
      numbers.textContent = "Making up 1,500 stories …";
    }
    show("running");
    try {
      await python.ask({ task: "train", tokens: isNew ? tokens.value : null });
      show(steps.length < model.steps ? "stopped" : "finished");
    } catch (error) {
      show("new");
    }
  }

  python.on("training", ({ model: made }) => {
    [model, steps, validations] = [made, [], []];
  });

  python.on("step", ({ state: { step, loss, rate, seconds } }) => {
    steps.push(loss);
    const left = Math.ceil((seconds / step) * (model.steps - step));
    numbers.textContent =
      `${model.parameters.toLocaleString("en")} parameters, ${model.vocabulary} different tokens. ` +
      `Step ${step} of ${model.steps}, ${rate.toFixed(0)} tokens per second, ` +
      (left ? `about ${left} s left.` : `${seconds.toFixed(0)} s in all.`);
    drawLoss(chart, model, steps, validations);
  });

  python.on("sample", ({ step, loss, text }) => {
    validations.push([step, loss]);
    drawLoss(chart, model, steps, validations);
    const article = make("article"), perCharacter = (loss / model.characters).toFixed(2);
    const title =
      `step ${step}: ${loss.toFixed(2)} nats per token (${perCharacter} per character), ` +
      `best possible ${model.best.toFixed(2)}`;
    article.append(make("h3", title), make("p", text.replace(/\n{3,}/g, "\n\n")));
    samples.prepend(article);
    while (samples.children.length > MOST_SAMPLES) samples.lastChild.remove();
  });

  start.addEventListener("click", run);
  pause.addEventListener("click", () => {
    pause.disabled = true;
    python.ask({ task: "pause" }).catch(() => {});
  });
  return {
    ready: () => { isReady = true; show(state === "running" ? "new" : state); },
    ended: () => {
      isReady = false;
      if (state !== "new") numbers.textContent += " The model is lost, because Python starts again.";
      show("new");
    },
  };
}
