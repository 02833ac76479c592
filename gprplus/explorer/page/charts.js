// Small charts in SVG: intervals and curves, each with its values as text.

import { el, percent, svg } from "./dom.js";

const HUES = [226, 28, 150, 300, 48, 190, 345, 95, 262, 10, 170, 60];

/** A colour of a category; the same in all charts. */
export const hue = (i) => `light-dark(hsl(${HUES[i % HUES.length]} 62% 42%), hsl(${HUES[i % HUES.length]} 75% 68%))`;

/** Scores with intervals, a line each: {label, value, low, high, mark}. */
export function intervals(lines, onclick) {
  const ends = lines.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const [low, high] = [Math.max(0, Math.min(...ends) - 0.02), Math.min(1, Math.max(...ends) + 0.02)];
  const x = (value) => `${(100 * (value - low)) / (high - low || 1)}%`;
  return el(
    "div", { class: "intervals", role: "list" },
    lines.map((line, i) =>
      el("div", { role: "listitem" }, el(
        "button", { class: `interval ${line.mark ?? ""}`, onclick: () => onclick?.(i), title: line.title },
        el("span", { class: "label" }, line.label),
        svg(
          "svg", { class: "whisker", height: 18, "aria-hidden": "true" },
          svg("line", { x1: 0, x2: "100%", y1: 9, y2: 9, class: "rail" }),
          line.low !== null && svg("line", { x1: x(line.low), x2: x(line.high), y1: 9, y2: 9, class: "range" }),
          svg("circle", { cx: x(line.value), cy: 9, r: 4 }),
        ),
        el("span", { class: "number" }, `${percent(line.value)}${line.low === null ? "" : ` (${percent(line.low)}–${percent(line.high)})`}`),
      )),
    ),
  );
}

/** A line through places "x,y"; a dot where there is only one. */
function drawn({ label, colour }, places) {
  const title = svg("title", {}, label);
  if (places.length > 1) return svg("polyline", { points: places.join(" "), fill: "none", style: { stroke: colour } }, title);
  const [x, y] = places[0].split(",");
  return svg("circle", { cx: x, cy: y, r: 4, style: { fill: colour } }, title);
}

/** Curves over steps: {label, colour, points: [[x, y]]}. */
export function curves(lines, { width = 560, height = 240, label = "" } = {}) {
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const ys = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const [right, top] = [Math.max(...xs) || 1, Math.max(...ys) || 1];
  const place = ([x, y]) => `${(44 + ((width - 56) * x) / right).toFixed(1)},${(height - 24 - ((height - 36) * y) / top).toFixed(1)}`;
  const tick = (y) => {
    const [, at] = place([0, y]).split(",");
    return [svg("line", { x1: 44, x2: width - 12, y1: at, y2: at, class: "rail" }), svg("text", { x: 38, y: Number(at) + 4, "text-anchor": "end" }, y.toPrecision(2))];
  };
  return svg(
    "svg", { class: "curves", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    [0, top / 2, top].flatMap(tick),
    svg("text", { x: width - 12, y: height - 6, "text-anchor": "end" }, `step ${right}`),
    lines.map((line) => drawn(line, line.points.map(place))),
  );
}
