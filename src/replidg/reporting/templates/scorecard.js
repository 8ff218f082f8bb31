"use strict";
/* Tables of verdicts. `jQuery` and `DataTable` are the library's; report_assets.py puts them here. */

const { rows: ROWS, text: TEXT, numbers: NUMBERS, states: STATES } =
  JSON.parse(document.getElementById("verdict-data").textContent);
const textOf = (column, row) => TEXT[column].values[TEXT[column].codes[row]];
const DASH = "\u2013";

/* All rows: what was compared comes first, and of that what deviates. */
const RANKS = ["deviates", "reproduced", "incomparable", "absent", "unpublished"];
const rankOf = (row) => RANKS.indexOf(STATES[textOf("verdict", row)]);
const EVERY = Array.from({ length: ROWS }, (_, row) => row).sort((a, b) => rankOf(a) - rankOf(b) || a - b);

const BY_TARGET = new Map();
for (const row of EVERY) {
  const target = textOf("target", row);
  if (!BY_TARGET.has(target)) BY_TARGET.set(target, []);
  BY_TARGET.get(target).push(row);
}

const escaped = (value) =>
  String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const shortNumber = (value) => {
  if (value === null) return "";
  if (Number.isInteger(value) || Math.abs(value) >= 1)
    return value.toLocaleString("en", { maximumFractionDigits: 2 });
  return value.toPrecision(2);
};
const signed = (value) => (value !== null && value > 0 ? "+" : "") + shortNumber(value);

/* What a column shows, sorts by and gives away, of one row. */
const number = (column, show = shortNumber) => ({
  numeric: true,
  sort: (row) => NUMBERS[column][row],
  plain: (row) => (NUMBERS[column][row] === null ? "" : String(NUMBERS[column][row])),
  html: (row) => escaped(show(NUMBERS[column][row])) || DASH,
});
const withSpread = (column, spread, count) => ({
  ...number(column),
  plain: (row) => {
    const value = NUMBERS[column][row];
    const around = NUMBERS[spread][row];
    return value === null ? "" : String(value) + (around === null ? "" : ` ± ${around}`);
  },
  html: (row) => {
    if (NUMBERS[column][row] === null) return DASH;
    const around = NUMBERS[spread][row];
    const many = NUMBERS[count][row];
    const tail = around === null ? "" : ` <span class="muted">± ${escaped(shortNumber(around))}</span>`;
    const title = many === null ? "" : ` title="n = ${escaped(many)}"`;
    return `<span${title}>${escaped(shortNumber(NUMBERS[column][row]))}${tail}</span>`;
  },
});
const words = (column) => ({
  sort: (row) => textOf(column, row),
  plain: (row) => textOf(column, row),
  html: (row) => escaped(textOf(column, row)),
});

const COLUMNS = [
  { title: "Paper", overall: true, ...words("paper") },
  {
    title: "Artefact", overall: true, ...words("artefact"),
    html: (row) => {
      const target = textOf("target", row);
      const name = escaped(textOf("artefact", row));
      return target && document.getElementById(target) ? `<a href="#${escaped(target)}">${name}</a>` : name;
    },
  },
  { title: "Data set", ...words("dataset") },
  { title: "Domain", ...words("domain") },
  { title: "Method", ...words("method") },
  { title: "Setting", ...words("setting") },
  { title: "Metric", small: true, ...words("metric") },
  { title: "x", small: true, ...number("x") },
  { title: "Ours", ...withSpread("ours", "sd", "n") },
  { title: "Published", ...withSpread("published", "published_stderr", "published_n") },
  { title: "Difference", ...number("delta", signed) },
  { title: "n", small: true, ...number("n") },
  {
    title: "Verdict", ...words("verdict"),
    html: (row) => {
      const verdict = textOf("verdict", row);
      return `<span class="pill state-${STATES[verdict]}">${escaped(verdict)}</span>`;
    },
  },
  { title: "Why", wide: true, ...words("reason") },
  { title: "p (adjusted)", extra: true, ...number("p_adjusted") },
  { title: "Tolerance", extra: true, ...number("tolerance") },
  { title: "Split", extra: true, ...words("split") },
  { title: "Read from", extra: true, wide: true, ...words("source") },
  { title: "How", extra: true, ...words("quality") },
  { title: "Note", extra: true, wide: true, ...words("note") },
];
const ALWAYS = new Set(["Ours", "Published", "Difference", "n", "Verdict", "Why"]);

/* A column that says the same in each row only takes room; the button "Columns" brings it back. */
const isTelling = (column, rows, overall) => {
  if (column.extra || (overall ? column.small : column.overall)) return false;
  const first = column.plain(rows[0]);
  return ALWAYS.has(column.title) || rows.some((row) => column.plain(row) !== first);
};

/* What is filtered and shown, in its order, as a grid of text with a heading row. */
const gridOf = (table) => {
  const shown = COLUMNS.filter((_, place) => table.column(place).visible());
  const rows = table.rows({ search: "applied", order: "applied" }).data().toArray();
  return [shown.map((c) => c.title), ...rows.map((row) => shown.map((c) => c.plain(row)))];
};
const FORMATS = {
  CSV: (grid) =>
    grid.map((line) => line.map((cell) =>
      /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell).join(",")).join("\n") + "\n",
  Markdown: (grid) => {
    const line = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
    return [line(grid[0]), line(grid[0].map(() => "---")), ...grid.slice(1).map(line)].join("\n") + "\n";
  },
  LaTeX: (grid) => {
    const signs = {
      "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$",
      "<": "$<$", ">": "$>$", ...Object.fromEntries([..."&%$#_{}"].map((sign) => [sign, "\\" + sign])),
    };
    const line = (cells) =>
      cells.map((cell) => cell.replace(/[\\~^±<>&%$#_{}]/g, (sign) => signs[sign])).join(" & ") + " \\\\";
    return [
      "% needs \\usepackage{booktabs}", `\\begin{tabular}{${"l".repeat(grid[0].length)}}`, "\\toprule",
      line(grid[0]), "\\midrule", ...grid.slice(1).map(line), "\\bottomrule", "\\end{tabular}",
    ].join("\n") + "\n";
  },
};
const save = (name, text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

const build = (place) => {
  const target = place.dataset.verdicts;
  const overall = target === "";
  const rows = overall ? EVERY : BY_TARGET.get(target) || [];
  if (!rows.length || place.firstChild) return;
  const node = document.createElement("table");
  node.className = "display compact verdicts";
  place.append(node);
  /* Without a head of its own the menus' row would become the head, and nothing could be sorted. */
  const head = node.createTHead().insertRow();
  for (const { title } of COLUMNS) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const columns = COLUMNS.map((column) => ({
    title: column.title,
    visible: isTelling(column, rows, overall),
    className: [column.numeric ? "n" : "", column.wide ? "wide" : ""].join(" ").trim(),
    type: column.numeric ? "num" : "string",
    data: null,
    render: (row, kind) =>
      kind === "display" ? column.html(row)
        : kind === "sort" || kind === "type" ? column.sort(row)
        : column.plain(row),
    columnControl: [["orderAsc", "orderDesc", "spacer", column.numeric || column.wide ? "search" : "searchList"]],
  }));
  const label = overall ? "Every number with its verdict" : `Numbers of ${target}`;
  const table = new DataTable(node, {
    data: rows,
    columns,
    order: [],
    ordering: { indicators: false },
    pageLength: overall ? 15 : 10,
    lengthMenu: [10, 15, 50, 200],
    deferRender: true,
    autoWidth: false,
    layout: {
      topStart: {
        buttons: [
          ...Object.entries(FORMATS).map(([name, form]) => ({
            text: `Copy ${name}`,
            action: (event, table) => event.currentTarget.dispatchEvent(
              new CustomEvent("copy-text", { bubbles: true, detail: form(gridOf(table)) })),
          })),
          { text: "Save CSV", action: (_, table) => save(`${target || "verdicts"}.csv`, FORMATS.CSV(gridOf(table))) },
          { extend: "colvis", text: "Columns" },
        ],
      },
      topEnd: "search",
      bottomStart: ["info", "pageLength"],
      bottomEnd: "paging",
    },
    language: {
      search: "Search these rows", searchPlaceholder: "search these rows",
      lengthMenu: "_MENU_ rows a page",
      entries: { _: "rows", 1: "row" }, columnControl: { dropdown: "Sort and filter" },
    },
  });
  node.setAttribute("aria-label", label);
  const namePages = () =>
    table.table().container().querySelector("nav")?.setAttribute("aria-label", `Pages of: ${label}`);
  table.on("draw", namePages);
  namePages();
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", label);
  node.before(scroll);
  scroll.append(node);
};

/* The large table is made when it comes into sight, the others when they are opened. */
for (const details of document.querySelectorAll("details.numbers"))
  details.addEventListener("toggle", () => {
    if (details.open) build(details.querySelector("[data-verdicts]"));
  });
const large = document.querySelector('[data-verdicts=""]');
if (large) {
  const seen = new IntersectionObserver((found) => {
    if (!found.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    build(large);
  }, { rootMargin: "600px" });
  seen.observe(large);
}
