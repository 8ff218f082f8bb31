"use strict";
// KEY names this sheet: verdicts are kept in the browser under it, so a reload loses nothing.
const rows = JSON.parse(document.getElementById("rows").textContent);
const options = JSON.parse(document.getElementById("options").textContent);
const { columns, words } = options;
const idOf = (row) => row.dataset + "\n" + row.image_id;
let verdicts = {};
try {
  verdicts = JSON.parse(localStorage.getItem(KEY)) || {};
} catch {
  document.getElementById("note").textContent =
    "This browser keeps nothing for local files: download the csv before you leave.";
}

const sheet = document.getElementById("sheet");
const figures = [];
let heading = "", grid = null;
[...sheet.querySelectorAll("img")].forEach((image, place) => {
  const row = rows[place];
  const title = options.groups.map((name) => row[name]).join(", ");
  if (title !== heading) {
    heading = title;
    const head = document.createElement("h2");
    head.textContent = title;
    grid = document.createElement("div");
    grid.className = "grid";
    sheet.append(head, grid);
  }
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const label = document.createElement("strong");
  label.textContent = options.bold ? row[options.bold].replaceAll("_", " ") : "";
  const verdict = document.createElement("span");
  verdict.className = "verdict";
  const origin = document.createElement("div");
  origin.textContent = options.small.map((name) => row[name]).join(", ");
  caption.append(label, " ", verdict, origin);
  image.hidden = false;
  image.alt = options.bold ? "picture labelled " + label.textContent : "picture";
  figure.tabIndex = 0;
  figure.append(image, caption);
  figure.addEventListener("click", () => figure.focus());
  figure.addEventListener("keydown", (event) => onKey(event, place));
  grid.append(figure);
  figures.push(figure);
});

function show(place) {
  const verdict = verdicts[idOf(rows[place])] || "";
  figures[place].dataset.choice = Object.keys(words).indexOf(verdict);
  figures[place].querySelector(".verdict").textContent = verdict ? "– " + words[verdict] : "";
}

function count() {
  const done = rows.filter((row) => verdicts[idOf(row)]).length;
  document.getElementById("done").textContent = done + " of " + rows.length + " done.";
}

function move(place) {
  const next = figures[Math.max(0, Math.min(figures.length - 1, place))];
  if (!next) return;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "center" });
}

function perRow(place) {
  const same = figures.filter((f) => f.parentNode === figures[place].parentNode);
  const first = same[0].offsetTop;
  return Math.max(1, same.filter((f) => f.offsetTop === first).length);
}

function onKey(event, place) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const steps = { ArrowRight: 1, ArrowLeft: -1 };
  if (key in words) {
    verdicts[idOf(rows[place])] = key;
    changed(place);
    move(place + 1);
  } else if (key === "Backspace" || key === "Delete") {
    delete verdicts[idOf(rows[place])];
    changed(place);
  } else if (key in steps) {
    move(place + steps[key]);
  } else if (key === "ArrowDown" || key === "ArrowUp") {
    move(place + (key === "ArrowDown" ? 1 : -1) * perRow(place));
  } else {
    return;
  }
  event.preventDefault();
}

function changed(place) {
  show(place);
  count();
  try {
    localStorage.setItem(KEY, JSON.stringify(verdicts));
  } catch { /* said above */ }
}

const cell = (value) => /[",\n]/.test(value) ? '"' + value.replaceAll('"', '""') + '"' : value;
function asCsv() {
  const lines = [columns.join(",")];
  for (const row of rows) {
    const filled = { ...row, verdict: verdicts[idOf(row)] || "" };
    lines.push(columns.map((name) => cell(String(filled[name] ?? ""))).join(","));
  }
  return lines.join("\n") + "\n";
}

function fromCsv(text) {
  const found = [...text.matchAll(/("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/g)];
  const table = [[]];
  for (const [whole, value, end] of found) {
    if (!whole) break;
    table.at(-1).push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (end !== ",") table.push([]);
  }
  const [head, ...body] = table;
  const at = Object.fromEntries(head.map((name, place) => [name, place]));
  const known = new Set(rows.map(idOf));
  let taken = 0;
  for (const line of body) {
    const id = line[at.dataset] + "\n" + line[at.image_id];
    if (known.has(id) && line[at.verdict] in words) {
      verdicts[id] = line[at.verdict];
      taken += 1;
    }
  }
  return taken;
}

document.getElementById("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" }));
  link.download = "sheet.csv";
  link.click();
  URL.revokeObjectURL(link.href);
});
document.getElementById("load").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  const taken = fromCsv(await file.text());
  document.getElementById("note").textContent = taken + " verdicts read.";
  figures.forEach((_, place) => changed(place));
});
figures.forEach((_, place) => show(place));
count();
const open = rows.findIndex((row) => !verdicts[idOf(row)]);
move(open < 0 ? 0 : open);
