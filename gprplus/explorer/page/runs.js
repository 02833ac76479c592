// A run: scores with intervals, learning curves, levels, and two arms against each other.

import { ask, imageUrl } from "./api.js";
import { charted } from "./run_charts.js";
import { count, el, percent, select, show, table } from "./dom.js";
import { go, open, state } from "./state.js";

const SIDES = { a: "found by A, not by B", b: "found by B, not by A", neither: "found by neither" };
const SHOWN = 60;

export class RunsView {
  constructor({ source }) {
    this.source = source;
    this.top = el("div");
    this.pair = el("section");
    this.ranked = el("section", { "aria-live": "polite" });
    this.detail = el("section");
    this.node = el("div", { class: "page" }, this.top, this.pair, this.ranked, this.detail);
  }

  async update() {
    const { target = "" } = state();
    const key = `${this.source()}/${target}`;
    if (key !== this.loaded) {
      this.found = await ask("run", { s: this.source(), target });
      this.loaded = key;
      this.compared = null;
      show(this.top, charted(this.found));
      const names = this.found.targets;
      if (names.length > 1) this.top.prepend(el("div", { class: "tools" }, select("Target", names, this.found.target, (value) => go({ target: value }))));
    }
    await this.compare();
    await this.ranking();
  }

  /** The arms in the address where the run has them; else the reference and the arm farthest from it. */
  sides() {
    const names = this.found.arms.map((row) => row.arm);
    const { a, b } = state();
    const first = names.includes(a) ? a : this.found.reference && names.includes(this.found.reference) ? this.found.reference : names[0];
    const others = this.found.arms.filter((row) => row.arm !== first && row.arm !== "untrained");
    const farthest = others.sort((one, two) => Math.abs(two.mAP_difference ?? 0) - Math.abs(one.mAP_difference ?? 0))[0]?.arm ?? first;
    return [first, names.includes(b) ? b : farthest];
  }

  async compare() {
    const [a, b] = this.sides();
    const key = `${this.loaded}/${a}/${b}`;
    if (this.compared !== key) this.answer = await ask("compare", { s: this.source(), target: this.found.target, a, b });
    this.compared = key;
    const names = this.found.arms.map((row) => [row.arm, row.arm]);
    const side = state().side ?? "a";
    const tabs = Object.entries(SIDES).map(([name, text]) =>
      el("button", { class: "toggle", "aria-pressed": String(side === name), onclick: () => go({ side: name, query: "" }) }, `${count(this.answer.differ[name].length)} ${text}`),
    );
    show(
      this.pair,
      el("h2", {}, "Two arms, query by query"),
      el("div", { class: "tools" }, select("A", names, a, (value) => go({ a: value, b, query: "" })), select("B", names, b, (value) => go({ a, b: value, query: "" })), el("span", { class: "note" }, `${count(this.answer.queries)} queries; found: a true match at rank 1 in most seeds`)),
      el("div", { class: "row" }, tabs),
      this.queries(side),
    );
    show(this.detail, el("div", { class: "columns" }, this.failures(a, b), this.identities(a, b)));
  }

  picture(uid, height = 96) {
    return this.found.manifest === null ? null : el("img", { src: imageUrl(this.found.manifest, uid, height), alt: "", loading: "lazy" });
  }

  queries(side) {
    const rows = this.answer.differ[side].slice(0, SHOWN);
    if (!rows.length) return el("p", { class: "note" }, "No query.");
    return el(
      "div", { class: "strip" },
      rows.map((row) =>
        el(
          "button", { class: "thumb", "aria-pressed": String(state().query === row.uid), onclick: () => go({ query: row.uid }), title: `identity ${row.identity}` },
          this.picture(row.uid),
          el("span", {}, row.identity),
          el("span", { class: "note" }, `${percent(row.AP[0], 0)} : ${percent(row.AP[1], 0)}`),
        ),
      ),
    );
  }

  failures(a, b) {
    if (!this.answer.failures.length) return null;
    const share = (value) => el("span", { class: "pairbar b", style: { "--share": `${100 * value}%` } }, percent(value, 0));
    return el(
      "div", {},
      el("h3", {}, "Queries without a match at rank 1, in %"),
      this.answer.failures.map(({ name, levels }, i) =>
        el("details", { open: i < 2 }, el("summary", {}, name.replaceAll("_", " ")), table(["level", "queries", a, b], levels.map(([level, size, one, two]) => [level, count(size), share(one), share(two)]), { label: `Failed queries by ${name}`, right: [1] })),
      ),
    );
  }

  identities(a, b) {
    const rows = this.answer.identities.slice(0, 12).map((one) => [
      this.picture(one.uid), one.identity, count(one.queries), `${percent(one.AP[0])} : ${percent(one.AP[1])}`, `${percent(one.cost[0])} : ${percent(one.cost[1])}`,
    ]);
    return el("div", {}, el("h3", {}, "Identities that cost most"), el("p", { class: "note" }, "Cost: share of all that is missing to an mAP of 100, in %. Both columns: A : B."), table(["", "identity", "queries", "mAP", "cost"], rows, { label: "Identities that cost most", right: [2, 3, 4], onrow: (i) => this.show(this.answer.identities[i].identity) }));
  }

  show(identity) {
    if (this.found.manifest !== null) open("images", { manifest: this.found.manifest, pick: JSON.stringify({ identity: [identity] }) });
  }

  async ranking() {
    const { query, seed = "0" } = state();
    if (!query || this.found.target !== "self") {
      this.shown = "";
      return show(this.ranked);
    }
    const key = `${this.compared}/${query}/${seed}`;
    if (this.shown === key) return;
    this.shown = key;
    show(this.ranked, el("h2", {}, "Ranked galleries"), el("p", { class: "note" }, "Computing features of the test set…"));
    const sides = this.sides();
    const found = [];
    for (const arm of sides) found.push(await ask("ranking", { s: this.source(), arm, seed, uid: query }));
    if (this.shown !== key) return;
    show(
      this.ranked,
      el("h2", {}, "Ranked galleries"),
      el("p", { class: "note" }, `Seed ${seed}. ✓ relevant, ✗ wrong, ⊘ excluded by the protocol.`),
      sides.map((arm, i) => this.gallery(arm, query, found[i].images)),
    );
    this.ranked.scrollIntoView({ block: "nearest" });
  }

  gallery(arm, query, images) {
    const mark = { relevant: "✓", wrong: "✗", excluded: "⊘" };
    return el(
      "div", {},
      el("h3", {}, arm),
      el(
        "div", { class: "strip ranked" },
        el("figure", { class: "query" }, this.picture(query, 160), el("figcaption", {}, "query")),
        images.map((one) =>
          el(
            "figure", { class: one.kind, title: `${one.kind}: ${one.caption.join(" · ")}` },
            this.picture(one.uid, 160),
            el("figcaption", {}, `${mark[one.kind]} ${one.kind === "excluded" ? "" : one.rank}`, el("span", { class: "note" }, ` ${one.similarity.toFixed(2)}`)),
          ),
        ),
      ),
    );
  }
}
