// The page: its parts, and the line that says what Python is doing.

import { Python } from "./python.js";
import { makeEditor } from "./editor.js";
import { makeCheck } from "./check.js";
import { makeTraining } from "./train.js";

export const find = (id) => document.getElementById(id);

const python = new Python();
const parts = [makeEditor(python), makeCheck(python), makeTraining(python)];
const progress = find("progress"), stage = find("stage");
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
let loading = { loaded: 0, total: 0, stage: "starting" };

function showLoading(seconds) {
  const { loaded, total } = loading;
  const bytes = total ? `${megabytes(loaded)} of ${megabytes(total)} MB, ` : "";
  progress.hidden = false;
  progress.value = total ? loaded / total : 0;
  stage.textContent = `Loading: ${loading.stage}, ${bytes}${seconds.toFixed(0)} s`;
}

python.on("loading", (message) => { loading = message; });
python.on("seconds", showLoading);
python.on("ready", (seconds) => {
  progress.hidden = true;
  stage.textContent = `Python is ready. Loading took ${seconds.toFixed(1)} s.`;
  for (const part of parts) part.ready();
});
python.on("unavailable", (text) => {
  progress.hidden = true;
  stage.textContent = `Python could not be loaded (${text}). Reload the page to try again.`;
});
python.on("ended", (reason) => {
  for (const part of parts) part.ended(reason);
});

const settings = await (await fetch("settings.json")).json();
if (settings.documentation) {
  find("docs").firstChild.href = settings.documentation;
  find("docs").hidden = false;
}
python.start();
