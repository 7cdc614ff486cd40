// Check a gradient: after each change of the expression, its check and then its graph.

import { find, make } from "./dom.js";

const PAUSE = 500;  // milliseconds without a change until the check begins

export function makeCheck(python) {
  const inputs = find("inputs"), expression = find("expression"), mistake = find("mistake");
  const answer = find("answer"), rows = find("rows"), graph = find("graph");
  let isReady = false, isBusy = false, isChanged = true, timer;

  function showAnswer({ answer: kind, text, rows: numbers }) {
    answer.className = kind;
    answer.textContent = kind === "error" ? text : `${kind}: ${text}`;
    rows.hidden = !numbers.length;
    rows.tBodies[0].replaceChildren(...numbers.map(row));
  }

  function row([name, index, backward, difference]) {
    const values = [`${name}${index}`, backward.toPrecision(8), difference.toPrecision(8)];
    const line = make("tr");
    line.append(...values.map((value) => make("td", value)));
    const size = Math.max(Math.abs(backward), Math.abs(difference), 1e-3);
    if (Math.abs(backward - difference) > 1e-4 * size) line.children[1].className = "differs";
    return line;
  }

  async function update() {
    if (!isReady || isBusy) return;
    isBusy = true;
    while (isChanged && isReady) {
      isChanged = false;
      const task = { inputs: inputs.value, expression: expression.value, mistake: mistake.checked };
      try {
        showAnswer(await python.ask({ task: "check", ...task }));
        if (!isChanged) showGraph(await python.ask({ task: "picture", ...task }));
      } catch (error) {
        answer.textContent = `The check was ended: ${error.message}`;
      }
    }
    isBusy = false;
  }

  function showGraph({ page }) {
    graph.hidden = !page;
    if (page && graph.srcdoc !== page) graph.srcdoc = page;
  }

  function changed() {
    isChanged = true;
    answer.classList.add("old");
    clearTimeout(timer);
    timer = setTimeout(update, PAUSE);
  }

  for (const field of [inputs, expression]) field.addEventListener("input", changed);
  mistake.addEventListener("change", changed);
  return {
    ready: () => { isReady = true; update(); },
    ended: () => { isReady = false; },
  };
}
