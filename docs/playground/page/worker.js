// Python in a worker, so that the page stays alive while it computes.
//
// From the page:  {id, task, ...}. To the page:  {kind, ...}, and for each task one
// {kind: "done", id, result}. Between two training steps other tasks are done.

import { countedFetch, report } from "./loading.js";

const PACKAGES = "/home/pyodide/packages";
const post = (message) => self.postMessage(message);
let python, interrupt, training = null, isTraining = false;

async function load({ buffer }) {
  const settings = await expectOk(await fetch("settings.json")).json();
  report(post, settings.bytes);
  self.fetch = countedFetch(self.fetch.bind(self));
  const index = new URL(settings.pyodide, self.location).href;
  const { loadPyodide } = await import(index + "pyodide.mjs");
  const ours = fetch("packages.zip").then(expectOk).then((answer) => answer.arrayBuffer());
  const quiet = { stdout: () => {}, stderr: () => {} };
  python = await loadPyodide({ indexURL: index, packages: ["numpy"], ...quiet });
  report(post, settings.bytes, "minigrad");
  python.unpackArchive(await ours, "zip", { extractDir: PACKAGES });
  python.runPython(`import sys; sys.path.insert(0, "${PACKAGES}")`);
  python.pyimport("session.products").install(PACKAGES);
  python.pyimport("session.run_code");
  python.pyimport("session.expression");
  interrupt = buffer;
}

function expectOk(answer) {
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${answer.statusText}`);
  return answer;
}

// Call a function of session; dictionaries become objects.
function call(module, name, ...values) {
  return plain(python.pyimport(`session.${module}`)[name](...values));
}

function plain(value) {
  if (!value?.toJs) return value;
  const result = value.toJs({ dict_converter: Object.fromEntries });
  value.destroy();
  return result;
}

async function train({ tokens }) {
  if (tokens) {
    training?.destroy();
    training = python.pyimport("session.training").Training(tokens);
    post({ kind: "training", model: plain(training.describe()) });
    show();
  }
  isTraining = true;
  while (isTraining) {
    const state = plain(training.step());
    post({ kind: "step", state });
    const steps = training.config.steps;
    isTraining &&= state.step < steps;
    if (state.step === steps || state.step % 20 === 0) show();
    await new Promise((resolve) => setTimeout(resolve));  // other messages come now
  }
}

// The loss on stories of their own, and a story of the model.
function show() {
  post({ kind: "sample", step: training.taken, loss: training.validate(), text: training.sample() });
}

// Stop interrupts a program, also one that waits for a training step, but never the step.
function run({ id, source }) {
  const output = (text) => post({ kind: "output", id, text });
  if (interrupt) python.setInterruptBuffer(interrupt);
  try {
    return call("run_code", "run_code", source, output);
  } catch (error) {
    if (error.type !== "KeyboardInterrupt") throw error;  // it came before the first line
    return { error: "KeyboardInterrupt: you stopped the program", page: null };
  } finally {
    python.setInterruptBuffer(undefined);
  }
}

const tasks = {
  load,
  run,
  check: ({ inputs, expression, mistake }) => call("expression", "check", inputs, expression, mistake),
  picture: ({ inputs, expression }) => call("expression", "picture", inputs, expression),
  train,
  pause: () => { isTraining = false; },
};

self.onmessage = async ({ data }) => {
  try {
    const result = await tasks[data.task](data);
    post({ kind: "done", id: data.id, result });
  } catch (error) {
    post({ kind: "failed", id: data.id, text: String(error?.message ?? error) });
  }
};
