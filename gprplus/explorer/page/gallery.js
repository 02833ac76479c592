// Images under a selection: filter field, actions, grid and viewer. The views differ in what they put
// on the left side.

import { ask, change } from "./api.js";
import { count, debounce, el, notify, select, show } from "./dom.js";
import { Grid } from "./grid.js";
import { go, selection, state } from "./state.js";
import { Viewer } from "./viewer.js";

const STATES = { a: "accepted", x: "excluded", o: "open" };

export class Gallery {
  /** `side` is the node on the left; `onfacets(answer)` gets the counts of each load; `reason()` is the default one. */
  constructor({ side, source, given = () => ({}), reason = () => "", onfacets = () => {} }) {
    Object.assign(this, { source, given, onfacets, reason });
    this.grid = new Grid({
      source, load: (offset, limit) => this.load(offset, limit), onopen: (row) => go({ uid: row.uid }), onselect: () => this.actions(),
    });
    this.viewer = new Viewer({
      source, onclose: () => this.close(), onopen: (uid) => go({ uid }), onreview: (value, uids) => this.review(value, uids),
    });
    this.where = el("input", {
      type: "search", class: "where", spellcheck: "false", "aria-label": "Filter", placeholder: 'Filter, as --where: weather = sunny and not excluded',
      onchange: (event) => go({ where: event.target.value }),
      oninput: debounce(() => go({ where: this.where.value }, { replace: true }), 400),
    });
    this.problem = el("p", { class: "problem", role: "alert" });
    this.tools = el("div", { class: "tools" });
    this.note = el("input", { type: "text", class: "reason", placeholder: "Reason", "aria-label": "Reason" });
    this.bar = el("div", { class: "actions" });
    const middle = el("section", { class: "middle" }, el("div", { class: "filter" }, this.where, this.problem, this.tools), this.bar, this.grid.node);
    this.node = el("div", { class: "gallery" }, side, middle, this.viewer.node);
    this.onkey = (event) => this.key(event);
  }

  // -- loading -----------------------------------------------------------------------------------

  async update({ keep = false } = {}) {
    const chosen = selection();
    if (document.activeElement !== this.where) this.where.value = chosen.where;
    const key = JSON.stringify([this.source(), chosen, this.given()]);
    if (key !== this.loaded || keep) {
      const same = JSON.stringify([this.source(), chosen]) === this.rows;
      const round = (this.round = (this.round ?? 0) + 1);
      let found;
      try {
        found = await ask("facets", { s: this.source(), ...chosen, ...this.given() });
      } catch (error) {
        show(this.problem, error.message);
        return;
      }
      if (round !== this.round) return;
      show(this.problem);
      this.loaded = key;
      this.found = found;
      this.onfacets(found);
      if (!same || keep) this.grid.setRows(found.count, found.groups, { keep: same || keep });
      this.rows = JSON.stringify([this.source(), chosen]);
      this.toolbar();
      this.actions();
    }
    this.viewer.open(state().uid ?? "");
  }

  async load(offset, limit) {
    return (await ask("rows", { s: this.source(), ...selection(), offset, limit })).rows;
  }

  // -- tools -------------------------------------------------------------------------------------

  toolbar() {
    const { group = "", sort = "", subset } = state();
    const names = this.found.facets.map((facet) => facet.name);
    const groups = [["", "nothing"], ["cell", "cell"], ...names.map((name) => [name, name.replaceAll("_", " ")])];
    const sorts = [["", "path"], ...this.found.columns.flatMap((name) => [[name, `${name} ↑`], [`-${name}`, `${name} ↓`]])];
    const size = el("input", {
      type: "range", min: 64, max: 320, step: 16, value: this.grid.size, "aria-label": "Size of thumbnails",
      oninput: (event) => this.grid.setSize(Number(event.target.value)),
    });
    show(
      this.tools,
      el("output", { class: "total" }, el("b", {}, count(this.found.count)), ` of ${count(this.found.total)} images`),
      subset && el("button", { class: "chip", title: "Show all images", onclick: () => go({ subset: "" }) }, `in ${subset}`, " ✕"),
      el("span", { class: "space" }),
      select("Group by", groups, group, (value) => go({ group: value })),
      select("Sort by", sorts, sort, (value) => go({ sort: value })),
      el("label", { class: "choice" }, el("span", {}, "Size"), size),
    );
  }

  actions() {
    if (!this.found) return;
    const chosen = this.grid.chosen.size;
    const what = chosen ? `${count(chosen)} selected` : "image at the cursor";
    const button = (key, text) => el("button", { onclick: () => this.decide(STATES[key]), title: what }, text, el("kbd", {}, key));
    show(
      this.bar,
      button("a", "Accept"), button("x", "Exclude"), button("o", "Reopen"),
      el("span", { class: "note" }, what),
      chosen > 0 && el("button", { class: "quiet", onclick: () => this.forget() }, "Clear"),
      el("span", { class: "space" }),
      this.note,
      el("button", { class: "quiet", disabled: !this.found.count, onclick: () => this.all("accepted") }, `Accept all ${count(this.found.count)}`),
      el("button", { class: "quiet", disabled: !this.found.count, onclick: () => this.all("excluded") }, `Exclude all ${count(this.found.count)}`),
      el("button", { disabled: !this.found.undo, onclick: () => this.undo() }, "Undo", el("kbd", {}, "u")),
    );
  }

  forget() {
    this.grid.chosen.clear();
    this.actions();
    this.grid.render();
  }

  close() {
    go({ uid: "" });
    this.grid.node.focus({ preventScroll: true });
  }

  // -- review ------------------------------------------------------------------------------------

  /** Review the chosen images; else the open one, else the one at the cursor. */
  async decide(value) {
    const { uid } = state();
    await this.review(value, uid && !this.grid.chosen.size ? [uid] : await this.grid.acted());
  }

  async review(value, uids) {
    if (!uids.length) return;
    await change("review", { s: this.source(), uids, state: value, reason: this.note.value || this.reason() });
    this.grid.setState(uids, value);
    if (uids.includes(state().uid)) this.viewer.setState(value);
    notify(value === "open" ? `${count(uids.length)} reopened` : `${count(uids.length)} ${value}`);
    if (uids.length === 1 && !this.grid.chosen.size) this.grid.step(1);
    this.grid.chosen.clear();
    this.refresh();
  }

  async all(value) {
    const { uids } = await ask("uids", { s: this.source(), ...selection() });
    await this.review(value, uids);
  }

  async undo() {
    const { changed } = await change("undo", { s: this.source() });
    notify(`Took back a change of ${count(changed)} image${changed === 1 ? "" : "s"}`);
    this.viewer.uid = undefined;
    this.refresh();
  }

  refresh() {
    return this.update({ keep: true });
  }

  // -- keys --------------------------------------------------------------------------------------

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
    if (event.key in STATES) this.decide(STATES[event.key]);
    else if (event.key === "u") this.undo();
    else if (event.key === "/") this.where.focus();
    else if (event.key === "Escape" && state().uid) this.close();
    else return;
    event.preventDefault();
  }
}
