// A split: its arms, two of them side by side, its test set and the excluded queries.

import { ask, change, imageUrl } from "./api.js";
import { count, el, percent, select, show, table } from "./dom.js";
import { go, open, state } from "./state.js";

export class SplitView {
  constructor({ source }) {
    this.source = source;
    this.node = el("div", { class: "page" });
  }

  async update() {
    const { a = "", b = "" } = state();
    const known = this.found?.parts ?? [];
    const found = await ask("split", { s: this.source(), ...(known.includes(a) && { a }), ...(known.includes(b) && { b }) });
    const first = this.found === undefined && (a || b);
    this.found = found;
    if (first && (found.parts.includes(a) || found.parts.includes(b))) return this.update();
    show(this.node, this.head(found), this.arms(found), this.compared(found), this.test(found), this.excluded(found));
  }

  head(found) {
    const out = found.exclusions;
    return el(
      "header", {},
      el("h1", {}, found.question),
      el("p", { class: "note" }, `${found.name}: design ${found.design}, ${found.parts.length} sets, ${found.deals} draw${found.deals > 1 ? "s" : ""}, ${percent(found.retention, 0)}% of the images matched`),
      out && el("p", { class: "note" }, `${count(out.images)} images excluded by ${out.path} (${out.fingerprint.slice(0, 12)}…)`),
      found.warnings.length > 0 && el("details", { class: "warnings" }, el("summary", {}, `${found.warnings.length} warning${found.warnings.length > 1 ? "s" : ""}`), el("ul", {}, found.warnings.map((text) => el("li", {}, text)))),
    );
  }

  look(part) {
    const look = async () => {
      const { manifest, subset } = await change("part", { s: this.source(), part });
      open("images", { manifest, subset });
    };
    return el("button", { class: "quiet", disabled: this.found.manifest === null, onclick: look }, "Show images");
  }

  arms(found) {
    const rows = found.arms.map((arm) => [
      arm.name, arm.kind, arm.levels.join(", "), count(arm.images), count(arm.identities), arm.name === found.reference ? "reference" : "", this.look(arm.name),
    ]);
    return el("section", {}, el("h2", {}, "Arms"), table(["arm", "kind", "levels", "images", "identities", "", ""], rows, { label: "Arms", right: [3, 4] }));
  }

  compared(found) {
    const { a, b, images, identities, balance } = found.compared;
    const parts = found.parts.map((name) => [name, name]);
    const line = (what, { a: one, b: two, both }) => [what, count(one), count(both), count(two)];
    return el(
      "section", {},
      el("h2", {}, "Side by side"),
      el("div", { class: "tools" }, select("A", parts, a, (value) => go({ a: value, b })), select("B", parts, b, (value) => go({ a, b: value }))),
      table(["", `only in ${a}`, "in both", `only in ${b}`], [line("images", images), line("identities", identities)], { label: "Images and identities of two arms", right: [1, 2, 3] }),
      el("div", { class: "cards" }, balance.map(({ name, levels }) => this.balance(name, levels, a, b))),
    );
  }

  balance(name, levels, a, b) {
    const most = Math.max(1, ...levels.flatMap(([, one, two]) => [one, two]));
    const bar = (side, size) => el("span", { class: `pairbar ${side}`, style: { "--share": `${(100 * size) / most}%` } }, count(size));
    return el(
      "figure", { class: "card" },
      el("figcaption", {}, name.replaceAll("_", " ")),
      el("table", { class: "balance", "aria-label": `Images of each ${name.replaceAll("_", " ")} in two arms` },
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "level"), el("th", { scope: "col" }, a), el("th", { scope: "col" }, b))),
        el("tbody", {}, levels.map(([level, one, two]) => el("tr", {}, el("th", { scope: "row" }, level ?? "unknown"), el("td", {}, bar("a", one)), el("td", {}, bar("b", two))))),
      ),
    );
  }

  test({ test }) {
    return el(
      "section", {},
      el("h2", {}, "Test set"),
      el("p", {}, `${count(test.queries)} queries and ${count(test.gallery)} gallery images of ${count(test.identities)} identities, protocol ${test.protocol}. All arms are tested on it.`),
      test.queries > 0 && el("div", { class: "row" }, el("span", {}, "Queries:"), this.look("queries"), el("span", {}, "Gallery:"), this.look("gallery")),
    );
  }

  excluded({ excluded, manifest }) {
    if (!excluded.total) return el("section", {}, el("h2", {}, "Excluded queries"), el("p", { class: "note" }, "None: the gallery has a true match for each query."));
    const picture = (row) => manifest !== null && el("img", { class: "small", src: imageUrl(manifest, row.uid, 96), alt: "", loading: "lazy" });
    const rows = excluded.rows.map((row) => [picture(row), row.identity, row.protocol, row.reason, row.path]);
    return el(
      "section", {},
      el("h2", {}, `Excluded queries: ${count(excluded.total)}`),
      el("div", { class: "scroll tall" }, table(["", "identity", "protocol", "reason", "path"], rows, { label: "Excluded queries" })),
    );
  }
}
