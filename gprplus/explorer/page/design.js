// The crossed design: any two attributes as a heat map, holes, and attributes that go together.

import { ask, change } from "./api.js";
import { count, el, select, show, table } from "./dom.js";
import { heatmap } from "./heatmap.js";
import { go, open, selection, state } from "./state.js";

export class DesignView {
  constructor({ source, sources }) {
    Object.assign(this, { source, sources });
    this.node = el("div", { class: "page" });
    this.subsets = new Map();
  }

  async update() {
    const { a = "", b = "", arm = "" } = state();
    const taken = arm ? await this.subset(arm) : "";
    const found = await ask("design", { s: this.source(), ...selection(), a, b, taken });
    this.show(found, arm);
  }

  /** The images of an arm as a subset of this manifest; `arm` is "SPLIT/PART". */
  async subset(arm) {
    if (!this.subsets.has(arm)) {
      const [split, ...part] = arm.split("/");
      const { manifest, subset } = await change("part", { s: split, part: part.join("/") });
      this.subsets.set(arm, manifest === this.source() ? subset : "");
    }
    return this.subsets.get(arm);
  }

  async arms() {
    if (this.choices) return this.choices;
    const splits = this.sources().filter((one) => one.kind === "split");
    const answers = await Promise.all(splits.map(({ id }) => ask("split", { s: id })));
    const parts = answers.flatMap((found, i) => (found.manifest === this.source() ? found.parts.map((part) => [`${splits[i].id}/${part}`, `${splits[i].name}: ${part}`]) : []));
    return (this.choices = [["", "all images"], ...parts]);
  }

  async show(found, arm) {
    const names = found.attributes.map((name) => [name, name.replaceAll("_", " ")]);
    const arms = await this.arms();
    show(
      this.node,
      el(
        "div", { class: "tools" },
        select("Rows", names, found.a, (a) => go({ a })),
        select("Columns", names, found.b, (b) => go({ b })),
        el("button", { class: "quiet", onclick: () => go({ a: found.b, b: found.a }) }, "Swap"),
        arms.length > 1 && select("Taken by", arms, arm, (value) => go({ arm: value })),
      ),
      el("p", {}, this.sentence(found)),
      el("div", { class: "scroll" }, this.map(found)),
      el("h2", {}, "Attributes that go together"),
      el("p", { class: "note" }, "Cramér's V of each pair: 0 is balanced, 1 is fully confounded. Choose a row to see the pair."),
      this.pairs(found),
    );
  }

  sentence(found) {
    const cells = found.rows.length * found.columns.length;
    const holes = found.holes ? `${count(found.holes)} of them have no image` : "each has images";
    return `${found.a} × ${found.b} has ${count(cells)} cells; ${holes}.`;
  }

  map(found) {
    const most = Math.max(1, ...found.counts.flat());
    const cells = found.counts.map((line, i) => line.map((size, j) => size > 0 && this.cell(found, i, j, size, most)));
    return heatmap(found.rows, found.columns, cells, { corner: `${found.a} \\ ${found.b}`, label: `Images of each ${found.a} and ${found.b}` });
  }

  cell(found, i, j, size, most) {
    const levels = { [found.a]: [found.rows[i]], [found.b]: [found.columns[j]] };
    const taken = found.taken?.[i][j];
    return {
      value: taken === undefined ? size / most : taken / size,
      text: taken === undefined ? count(size) : `${count(taken)} / ${count(size)}`,
      title: `${found.rows[i]} × ${found.columns[j]}`,
      onclick: () => open("images", { pick: JSON.stringify(levels) }),
    };
  }

  pairs(found) {
    const rows = found.pairs.map(([a, b, strength, empty]) => [a, b, el("span", { class: "strength", style: { "--share": `${100 * strength}%` } }), strength.toFixed(2), count(empty)]);
    return table(["attribute", "attribute", "", "V", "empty pairs"], rows, {
      label: "Attributes that go together", right: [3, 4], onrow: (i) => go({ a: found.pairs[i][0], b: found.pairs[i][1] }),
    });
  }
}
