// The first screen of a run: question, verdict, scores, levels, learning curves.

import { curves, hue, intervals } from "./charts.js";
import { el, percent } from "./dom.js";
import { heatmap } from "./heatmap.js";
import { go } from "./state.js";

export function charted(found) {
  return el(
    "div", {},
    el("header", {}, el("h1", {}, found.question), el("p", { class: "note" }, found.name)),
    found.verdict.split("\n").map((text) => el("p", { class: "verdict" }, text)),
    el("div", { class: "columns" }, scores(found), el("div", {}, matrix(found), learning(found))),
  );
}

function scores(found) {
  const lines = found.arms.map((row) => ({
    label: row.label, value: row.mAP, low: row.mAP_low, high: row.mAP_high, mark: row.arm === found.reference ? "reference" : row.arm === "untrained" ? "floor" : row.outcome,
    title: `rank-1 ${percent(row.rank1)}, mINP ${percent(row.mINP)}, ${row.seeds} seeds${row.mAP_difference === null ? "" : `, difference ${percent(row.mAP_difference)}`}`,
  }));
  return el(
    "div", {},
    el("h2", {}, "mAP with 95% intervals"),
    el("p", { class: "note" }, `Reference: ${found.reference ?? "none"}. Choose an arm to compare it below.`),
    intervals(lines, (i) => go({ b: found.arms[i].arm, query: "" })),
  );
}

function matrix({ matrix: found }) {
  if (!found) return null;
  const values = found.lines.flatMap(([, line]) => line.map(([value]) => value)).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const cells = found.lines.map(([, line]) =>
    line.map(([value, own, text]) => value !== null && { value: (value - low) / (high - low || 1), text: percent(value, 0), title: text || percent(value), mark: own }),
  );
  return el(
    "div", {},
    el("h2", {}, "Arm × level"),
    el("p", { class: "note" }, `mAP, ${found.what}; framed: a level that the arm was trained on.`),
    el("div", { class: "scroll" }, heatmap(found.lines.map(([label]) => label), found.levels, cells, { corner: "arm", label: "mAP of each arm on each level", hole: ["–", "no query"] })),
  );
}

function learning({ curves: found }) {
  if (!found.length) return null;
  const arms = [...new Set(found.map((one) => one.arm))];
  const lines = found.map((one) => ({
    label: `${one.arm}, seed ${one.seed}`, colour: hue(arms.indexOf(one.arm)), points: one.steps.map(([step, loss]) => [step, loss]),
  }));
  return el(
    "div", {},
    el("h2", {}, "Training loss"),
    curves(lines, { label: `Training loss of ${arms.length} arms` }),
    el("p", { class: "legend" }, arms.map((arm, i) => el("span", {}, el("i", { style: { background: hue(i) } }), arm))),
  );
}
