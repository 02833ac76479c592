// A heat map as a table: every cell is text on a shade, readable without colour.

import { el } from "./dom.js";

/** `cells[i][j]` gives {value 0-1, text, title, mark, onclick} or null for a hole. */
export function heatmap(rows, columns, cells, { corner = "", label, hole = ["0", "no image"] } = {}) {
  return el(
    "table",
    { class: "heat", "aria-label": label },
    el("thead", {}, el("tr", {}, corner ? el("th", { scope: "col" }, corner) : el("td", {}), columns.map((name) => el("th", { scope: "col" }, name)))),
    el(
      "tbody",
      {},
      rows.map((name, i) => el("tr", {}, el("th", { scope: "row" }, name), cells[i].map((one) => cell(one, hole)))),
    ),
  );
}

function cell(found, [nothing, why]) {
  if (!found) return el("td", { class: "hole", title: why }, nothing);
  const { value, text, title, mark, onclick } = found;
  const inner = onclick ? el("button", { onclick }, text) : text;
  return el("td", { title, class: mark ? "marked" : null, style: { "--value": `${Math.round(100 * value)}%` } }, inner);
}
