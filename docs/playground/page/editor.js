// Run code: the programs to choose from, the editor, and the output.

import { find, make } from "./dom.js";

export function makeEditor(python) {
  const source = find("source"), output = find("output"), page = find("run-page");
  const run = find("run"), stop = find("stop-run"), note = find("run-note");
  let isReady = false, answer = null;  // the promise of the program that runs

  // Programs print faster than a page can lay out: what comes within 50 ms is shown together.
  let waiting = "";
  function show(text) {
    if (!waiting) setTimeout(() => showWaiting(), 50);
    waiting += text;
  }

  function showWaiting(className = "") {
    if (!waiting) return;
    output.append(make("span", waiting, className));
    waiting = "";
    output.scrollTop = output.scrollHeight;
  }

  function setRunning(isRunning) {
    run.disabled = isRunning || !isReady;
    stop.disabled = !isRunning;
  }

  async function start() {
    if (run.disabled) return;
    const begin = performance.now();
    output.replaceChildren();
    page.hidden = true;
    note.textContent = "running …";
    setRunning(true);
    try {
      answer = python.ask({ task: "run", source: source.value }, show);
      const { error, page: html } = await answer;
      showWaiting();
      waiting = error ?? "";
      showWaiting("error");
      if (html) {
        page.srcdoc = html;
        page.hidden = false;
      }
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      const silent = error || html || output.textContent ? "" : "; it printed nothing";
      note.textContent = `${error ? "ended by an error" : "finished"} after ${seconds} s${silent}`;
    } catch (error) {
      const wasStopped = error.message === "stopped";
      note.textContent = wasStopped ? "stopped; Python starts again"
        : `Python ended (${error.message}); it starts again`;
    }
    answer = null;
    setRunning(false);
  }

  function end() {
    stop.disabled = true;
    note.textContent = "stopping …";
    python.stop(answer);
  }

  // Tab indents, as in an editor; after Escape it moves the focus on, as in a page.
  let tabLeaves = false;
  source.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) start();
    else if (event.key === "Tab" && !tabLeaves && !event.shiftKey) {
      event.preventDefault();
      source.setRangeText("    ", source.selectionStart, source.selectionEnd, "end");
    }
    tabLeaves = event.key === "Escape";
  });
  run.addEventListener("click", start);
  stop.addEventListener("click", end);
  loadExamples(find("examples"), source);

  return {
    ready: () => { isReady = true; setRunning(false); },
    ended: () => { isReady = false; setRunning(false); },
  };
}

// The programs of examples.json; ?example=NAME in the address chooses one. A program that was
// changed keeps its changes while another one is shown.
async function loadExamples(list, source) {
  const examples = await (await fetch("examples.json")).json();
  for (const { name, title } of examples) list.add(new Option(title, name));
  const wanted = new URLSearchParams(location.search).get("example");
  if (examples.some(({ name }) => name === wanted)) list.value = wanted;
  let shown = examples[list.selectedIndex];
  source.value ||= shown.source;
  list.addEventListener("change", () => {
    shown.source = source.value;
    shown = examples[list.selectedIndex];
    source.value = shown.source;
  });
}
