// The page: its parts, and the line that says what Python is doing.

import { makeCheck } from "./check.js";
import { find } from "./dom.js";
import { makeEditor } from "./editor.js";
import { Python } from "./python.js";
import { makeTraining } from "./train.js";

const python = new Python();
const parts = [makeEditor(python), makeCheck(python), makeTraining(python)];
const progress = find("progress"), stage = find("stage");
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
let loading = { loaded: 0, total: 0, stage: "Python" };

function showLoading(seconds) {
  const { loaded, total } = loading;
  const bytes = total ? `${megabytes(loaded)} of ${megabytes(total)} MB after ` : "";
  progress.hidden = false;
  stage.removeAttribute("role");
  progress.value = total ? loaded / total : 0;
  stage.textContent = `Loading ${loading.stage}: ${bytes}${seconds.toFixed(0)} s`;
}

python.on("loading", (message) => { loading = message; });
python.on("seconds", showLoading);
function showEnd(text) {
  progress.hidden = true;
  stage.setAttribute("role", "status");  // only now: a screen reader need not hear each second
  stage.textContent = text;
}

python.on("ready", (seconds) => {
  showEnd(`Python is ready. Loading took ${seconds.toFixed(1)} s.`);
  for (const part of parts) part.ready();
});
python.on("unavailable", (text) => {
  showEnd(`Python could not be loaded (${text}). Reload the page to try again.`);
});
python.on("ended", (reason) => {
  for (const part of parts) part.ended(reason);
});

python.start();
const settings = await (await fetch("settings.json")).json();
if (settings.documentation) {
  find("docs").firstChild.href = settings.documentation;
  find("docs").hidden = false;
}
