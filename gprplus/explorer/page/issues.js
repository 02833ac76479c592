// The checks: what each flagged, the worst first, to accept or exclude.

import { ask } from "./api.js";
import { count, el, show } from "./dom.js";
import { Gallery } from "./gallery.js";
import { go, state } from "./state.js";

const OPEN = JSON.stringify({ review: ["open"] });

export class IssuesView {
  constructor({ source }) {
    this.source = source;
    this.list = el("nav", { "aria-label": "Checks" });
    this.gallery = new Gallery({
      source,
      side: el("div", { class: "side" }, this.list),
      reason: () => (state().check ? `check ${state().check}` : ""),
      onfacets: () => this.checks(),
    });
    this.node = this.gallery.node;
  }

  async update() {
    if (this.loaded !== this.source()) await this.checks();
    const first = this.found.checks.find((check) => check.flagged && !check.common) ?? this.found.checks[0];
    if (first && !state().check) return this.choose(first, true);
    return this.gallery.update();
  }

  async checks() {
    this.loaded = this.source();
    this.found = await ask("issues", { s: this.source() });
    const { checks, command } = this.found;
    show(
      this.list,
      el("h2", {}, "Checks"),
      !checks.length && el("p", { class: "note" }, "The manifest was built without checks. Add them with:"),
      !checks.length && el("pre", {}, command),
      el("ul", { class: "checks" }, checks.map((check) => el("li", {}, this.check(check)))),
    );
  }

  check(check) {
    return el(
      "button",
      {
        class: "check", "aria-pressed": String(state().check === check.name), disabled: !check.flagged, onclick: () => this.choose(check),
        title: check.sentence,
      },
      el("span", {}, check.name),
      el("span", { class: "note" }, check.flagged ? `${count(check.open)} of ${count(check.flagged)}` : "none"),
      check.common && el("span", { class: "note wide" }, "most images: a trait of the dataset"),
    );
  }

  choose(check, replace = false) {
    go({ check: check.name, where: check.where, sort: check.sort, pick: OPEN, group: "", uid: "" }, { replace });
  }

  key(event) {
    this.gallery.key(event);
  }
}
