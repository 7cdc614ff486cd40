// -- the predictions that are kept, in this browser -------------------------------------------

// A row is [date, place, question, kind, prediction, truth], as in the saved file. The place is
// the page's title; the kind is "number" or "choice". docs/teach.md describes the file.
const COLUMNS = ["date", "place", "question", "kind", "prediction", "truth"];
const STORE = "minigrad.predictions", WINDOW = 10, LEAST = 8;
let inMemory = []; // where the browser keeps nothing, as in a sandboxed frame
let isStored = true;

// Read again each time: other pages share the store.
function keptRows() {
  if (!isStored) return inMemory;
  try {
    const rows = JSON.parse(localStorage.getItem(STORE) ?? "[]");
    if (!rows.every((row) => row.length === COLUMNS.length)) throw new Error("other data");
    return rows;
  } catch { isStored = false; return inMemory; }
}

function store(rows) {
  inMemory = rows;
  if (isStored) try { localStorage.setItem(STORE, JSON.stringify(rows)); } catch { isStored = false; }
}

// The first answer to a question counts. Returns it.
function keep(question, kind, prediction, truth) {
  const place = document.title, rows = keptRows();
  const before = rows.find((row) => row[1] === place && row[2] === question && row[5] === truth);
  if (before !== undefined) return before[4];
  const date = `${new Date().toISOString().slice(0, 19)}Z`;
  store([...rows, [date, place, question, kind, prediction, truth]]);
  return prediction;
}

const isHit = ([, , , kind, given, truth]) => (kind === "number" ? isNear(Number(given), Number(truth)) : given === truth);

function asCsv(rows) {
  const field = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [COLUMNS, ...rows].map((row) => `${row.map(field).join(",")}\n`).join("");
}

function saveKept() {
  const url = URL.createObjectURL(new Blob([asCsv(keptRows())], { type: "text/csv" }));
  element("a", { href: url, download: "predictions.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// -- and how they got better ---------------------------------------------------------------------

const share = (hits) => Math.round((100 * hits.filter(Boolean).length) / hits.length);

function summaryOf(hits) {
  const text = `${hits.length} predicted, ${hits.filter(Boolean).length} right`;
  if (hits.length < LEAST) return `${text}. From ${LEAST} on, the first half is compared with the last.`;
  const half = Math.floor(hits.length / 2);
  return `${text}: ${share(hits.slice(0, half))} % of the first half, ${share(hits.slice(-half))} % of the last half.`;
}

// A mark for each answer, right above and wrong below, and the share of right ones among the last ten.
function pictureOf(hits) {
  const width = 300, height = 64, x = (i) => 8 + (i * (width - 16)) / Math.max(1, hits.length - 1);
  const y = (percent) => 54 - 0.44 * percent;
  const made = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summaryOf(hits) });
  hits.forEach((hit, i) => made.append(drawn("circle", {
    cx: x(i), cy: hit ? 5 : 59, r: 2.5, class: hit ? "hit" : "miss",
  })));
  const last = (i) => share(hits.slice(Math.max(0, i + 1 - WINDOW), i + 1));
  const points = hits.map((_, i) => `${x(i).toFixed(1)},${y(last(i)).toFixed(1)}`);
  made.append(drawn("polyline", { points: points.join(" ") }));
  return made;
}

function showKept(asksAgain = false) {
  const hits = keptRows().map(isHit), box = $("kept");
  box.hidden = !$("predict").checked || !hits.length;
  if (box.hidden) return;
  const where = isStored ? "They are kept in this browser, and nowhere else."
    : "This page may not keep them: they are lost when it is closed. Save them before.";
  box.replaceChildren(
    element("summary", { text: summaryOf(hits) }), pictureOf(hits),
    note(`Above: right, below: wrong; the line: the share of the last ${WINDOW}. ${where}`),
    element("button", { text: "save predictions.csv", onclick: saveKept }), " ",
    element("button", {
      text: asksAgain ? `really forget all ${hits.length}?` : "forget them",
      onclick: () => { if (asksAgain) store([]); showKept(!asksAgain); },
    }),
  );
  if (asksAgain) box.lastChild.focus();
}
