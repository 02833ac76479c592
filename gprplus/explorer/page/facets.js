// The facets: the levels of each attribute, with counts that follow all other filters.

import { count, debounce, el, show } from "./dom.js";
import { go, picks, state } from "./state.js";

const OPEN = 6; // facets that are open at first
const SHORT = 8; // levels shown before "more"

export class Facets {
  constructor(onfind) {
    this.node = el("nav", { class: "facets", "aria-label": "Filters" });
    this.finds = {};
    this.expanded = new Set();
    this.folded = new Map();
    this.onfind = debounce(onfind, 150);
  }

  /** Text that is searched for in the levels of a facet, as parameters of a request. */
  given() {
    return Object.fromEntries(Object.entries(this.finds).map(([name, text]) => [`find.${name}`, text]));
  }

  update(facets) {
    const focused = document.activeElement?.dataset?.facet;
    show(this.node, this.clear(), facets.map((facet, i) => this.facet(facet, i)));
    if (focused) this.node.querySelector(`[data-facet="${CSS.escape(focused)}"]`)?.focus();
  }

  clear() {
    const { where, subset } = state();
    if (!Object.keys(picks()).length && !where && !subset) return null;
    return el("button", { class: "quiet", onclick: () => go({ pick: "", where: "", subset: "", uid: "" }) }, "Clear all filters");
  }

  facet(facet, i) {
    const picked = picks()[facet.name] ?? [];
    const most = Math.max(1, ...facet.levels.map(([, size]) => size));
    const long = facet.levels.length > SHORT && !this.expanded.has(facet.name);
    const levels = long ? facet.levels.filter(([level], k) => k < SHORT || picked.includes(level)) : facet.levels;
    const isOpen = this.folded.has(facet.name) ? !this.folded.get(facet.name) : i < OPEN || picked.length > 0;
    return el(
      "details",
      { open: isOpen, ontoggle: (event) => this.folded.set(facet.name, !event.target.open) },
      el("summary", {}, facet.name.replaceAll("_", " "), el("span", { class: "note" }, picked.length ? `${picked.length} picked` : count(facet.distinct))),
      facet.distinct > 20 && this.search(facet.name),
      el("ul", {}, levels.map((level) => this.level(facet.name, level, most, picked.includes(level[0])))),
      long && el("button", { class: "quiet", onclick: () => this.expand(facet.name) }, `${count(facet.levels.length - SHORT)} more`),
      !long && facet.more > 0 && el("p", { class: "note" }, `and ${count(facet.more)} more; search for them`),
    );
  }

  search(name) {
    return el("input", {
      type: "search", placeholder: "Find", "aria-label": `Find in ${name}`, value: this.finds[name] ?? "", dataset: { facet: name },
      oninput: (event) => {
        this.finds[name] = event.target.value;
        this.onfind();
      },
    });
  }

  level(name, [level, size], most, picked) {
    return el(
      "li",
      {},
      el(
        "button",
        {
          class: "level", "aria-pressed": String(picked), style: { "--share": `${(100 * size) / most}%` }, dataset: { facet: `${name}=${level}` },
          onclick: () => toggle(name, level),
        },
        el("span", {}, level ?? "unknown"),
        el("span", { class: "note" }, count(size)),
      ),
    );
  }

  expand(name) {
    this.expanded.add(name);
    this.onfind();
  }
}

function toggle(name, level) {
  const found = picks();
  const levels = found[name] ?? [];
  found[name] = levels.includes(level) ? levels.filter((one) => one !== level) : [...levels, level];
  if (!found[name].length) delete found[name];
  go({ pick: Object.keys(found).length ? JSON.stringify(found) : "", uid: "" });
}
