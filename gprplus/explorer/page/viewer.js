// One image large, with all of its columns and the images like it.

import { ask, imageUrl } from "./api.js";
import { el, show } from "./dom.js";

export class Viewer {
  constructor({ source, onclose, onopen, onreview }) {
    Object.assign(this, { source, onclose, onopen, onreview });
    this.node = el("aside", { class: "viewer", "aria-label": "Image", hidden: true });
  }

  async open(uid) {
    this.uid = uid;
    this.node.hidden = !uid;
    if (!uid) return;
    const found = await ask("image", { s: this.source(), uid });
    if (this.uid !== uid) return;
    show(this.node, this.head(found), this.actions(found), this.picture(found), this.alike(found), this.columns(found));
  }

  setState(state) {
    const badge = this.node.querySelector(".state");
    if (badge) show(badge, state).dataset.state = state;
  }

  head(found) {
    const facts = Object.fromEntries(found.columns);
    return el(
      "header",
      {},
      el("h2", {}, facts.identity ?? "no identity"),
      el("span", { class: "state", dataset: { state: found.state } }, found.state),
      el("button", { class: "icon", "aria-label": "Close", title: "Close (Esc)", onclick: this.onclose }, "✕"),
    );
  }

  picture(found) {
    const address = imageUrl(this.source(), found.uid);
    return el("a", { class: "picture", href: address, target: "_blank", rel: "noopener" }, el("img", { src: address, alt: "The image in full" }));
  }

  actions() {
    const button = (state, key, text) => el("button", { onclick: () => this.onreview(state, [this.uid]) }, text, el("kbd", {}, key));
    return el("div", { class: "row" }, button("accepted", "a", "Accept"), button("excluded", "x", "Exclude"), button("open", "o", "Reopen"));
  }

  alike(found) {
    if (!found.alike.length) return null;
    return el(
      "section",
      {},
      el("h3", {}, "Near-duplicates"),
      el(
        "div",
        { class: "strip" },
        found.alike.map((one) =>
          el(
            "button",
            { class: "thumb", dataset: { state: one.state }, onclick: () => this.onopen(one.uid), title: one.caption.join(" · ") },
            el("img", { src: imageUrl(this.source(), one.uid, 96), alt: "", loading: "lazy" }),
            el("span", {}, one.copy ? "copy" : `${one.bits} bits`),
            el("span", { class: "note" }, one.caption[0] ?? "–"),
          ),
        ),
      ),
    );
  }

  columns(found) {
    return el(
      "dl",
      {},
      found.columns.map(([name, value]) => [el("dt", {}, name), el("dd", {}, typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : value)]),
    );
  }
}
