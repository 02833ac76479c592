// A grid of thumbnails that holds only what is on the screen: millions of images scroll without end.
//
// Rows are laid out in "virtual" pixels. Browsers limit an element to about 33 million real ones, so
// the scroll bar runs over at most TALLEST, and a factor maps one to the other; the wheel and the keys
// move by virtual pixels.

import { imageUrl } from "./api.js";
import { el, plain, count } from "./dom.js";

const TALLEST = 8_000_000;
const PAGE = 200; // images of one request
const HELD = 60; // pages kept
const HEADING = 34;
const GAP = 8;
const CAPTION = 34;

export class Grid {
  /** `load(offset, limit)` gives rows; `onopen(row, index)` and `onselect()` are called back. */
  constructor({ source, load, onopen, onselect }) {
    Object.assign(this, { source, load, onopen, onselect });
    this.size = Number(localStorage.getItem("gprplus-size")) || 160;
    this.layer = el("div", { class: "grid-layer" });
    this.spacer = el("div", { class: "grid-spacer" });
    this.node = el(
      "div",
      {
        class: "grid", tabindex: 0, role: "listbox", "aria-label": "Images", "aria-multiselectable": "true",
        onscroll: () => this.scrolled(), onkeydown: (event) => this.key(event),
      },
      this.layer,
      this.spacer,
    );
    this.node.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.tiles = new Map();
    this.chosen = new Map(); // uid -> index
    this.setRows(0, []);
    new ResizeObserver(() => this.layout()).observe(this.node);
  }

  /** Show `total` images in groups of [levels, count]; the place is kept where there is one. */
  setRows(total, groups, { keep = false } = {}) {
    this.total = total;
    this.groups = groups.length ? groups : [[[], total]];
    this.pages = new Map();
    this.round = (this.round || 0) + 1;
    if (!keep) {
      this.top = 0;
      this.cursor = 0;
      this.chosen.clear();
    }
    this.cursor = Math.min(this.cursor, Math.max(total - 1, 0));
    this.tiles.forEach((tile) => tile.remove());
    this.tiles.clear();
    this.layout();
  }

  setSize(size) {
    this.size = size;
    localStorage.setItem("gprplus-size", size);
    this.tiles.forEach((tile) => tile.remove());
    this.tiles.clear();
    this.layout();
    this.reveal(this.cursor);
  }

  // -- layout ------------------------------------------------------------------------------------

  layout() {
    const wide = this.node.clientWidth - GAP;
    this.tileWidth = Math.round(this.size * 0.62) + GAP;
    this.tileHeight = this.size + CAPTION + GAP;
    this.columns = Math.max(1, Math.floor(wide / this.tileWidth));
    // Where each group begins: its first image, and its top in virtual pixels.
    this.firsts = new Float64Array(this.groups.length + 1);
    this.tops = new Float64Array(this.groups.length + 1);
    this.groups.forEach(([levels, size], i) => {
      const heading = levels.length ? HEADING : 0;
      this.firsts[i + 1] = this.firsts[i] + size;
      this.tops[i + 1] = this.tops[i] + heading + Math.ceil(size / this.columns) * this.tileHeight;
    });
    this.height = this.tops[this.groups.length] + GAP;
    this.view = this.node.clientHeight;
    const real = Math.min(this.height, TALLEST);
    this.spacer.style.height = `${Math.max(0, real - this.view)}px`;
    this.factor = real > this.view ? (this.height - this.view) / (real - this.view) : 1;
    this.moveTo(this.top);
  }

  /** The group of a value in an ascending array of starts. */
  place(starts, value) {
    let low = 0;
    let high = starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  headingOf(group) {
    return this.groups[group][0].length ? HEADING : 0;
  }

  /** Top and column of an image in virtual pixels. */
  spot(index) {
    const group = this.place(this.firsts, index);
    const within = index - this.firsts[group];
    const line = Math.floor(within / this.columns);
    return { y: this.tops[group] + this.headingOf(group) + line * this.tileHeight, column: within % this.columns };
  }

  // -- scrolling ---------------------------------------------------------------------------------

  moveTo(top) {
    this.top = Math.max(0, Math.min(top, this.height - this.view));
    this.expected = Math.round(this.top / this.factor);
    if (Math.round(this.node.scrollTop) !== this.expected) this.node.scrollTop = this.expected;
    this.render();
  }

  scrolled() {
    const now = Math.round(this.node.scrollTop);
    if (Math.abs(now - this.expected) <= 1) return;
    this.expected = now;
    this.top = Math.max(0, Math.min(now * this.factor, this.height - this.view));
    this.render();
  }

  wheel(event) {
    if (event.ctrlKey || this.factor <= 1) return;
    event.preventDefault();
    this.moveTo(this.top + event.deltaY * (event.deltaMode ? 40 : 1));
  }

  reveal(index) {
    if (!this.total) return;
    const { y } = this.spot(index);
    if (y < this.top) this.moveTo(y - HEADING);
    else if (y + this.tileHeight > this.top + this.view) this.moveTo(y + this.tileHeight - this.view + GAP);
    else this.render();
  }

  // -- drawing -----------------------------------------------------------------------------------

  render() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.draw();
    });
  }

  draw() {
    const wanted = new Map();
    const end = this.top + this.view;
    for (let group = this.place(this.tops, this.top); group < this.groups.length && this.tops[group] < end; group++) {
      if (this.headingOf(group)) wanted.set(`g${group}`, () => this.heading(group));
      const start = this.tops[group] + this.headingOf(group);
      const first = Math.max(0, Math.floor((this.top - start) / this.tileHeight));
      const last = Math.ceil((end - start) / this.tileHeight);
      const from = this.firsts[group] + first * this.columns;
      const to = Math.min(this.firsts[group + 1], this.firsts[group] + last * this.columns);
      for (let index = from; index < to; index++) wanted.set(index, () => this.tile(index));
    }
    for (const [key, tile] of this.tiles) {
      if (!wanted.has(key)) {
        tile.remove();
        this.tiles.delete(key);
      }
    }
    for (const [key, make] of wanted) {
      let tile = this.tiles.get(key);
      if (!tile) {
        tile = make();
        this.tiles.set(key, tile);
        this.layer.append(tile);
      }
      this.position(key, tile);
    }
  }

  position(key, tile) {
    if (typeof key === "string") {
      tile.style.transform = `translateY(${this.tops[Number(key.slice(1))] - this.top}px)`;
      return;
    }
    const { y, column } = this.spot(key);
    tile.style.transform = `translate(${GAP + column * this.tileWidth}px, ${y - this.top + GAP / 2}px)`;
    this.mark(key, tile);
  }

  heading(group) {
    const [levels, size] = this.groups[group];
    const text = levels.map((level) => level ?? "unknown").join(" · ");
    return el("div", { class: "grid-heading" }, el("b", {}, text), el("span", {}, count(size)));
  }

  tile(index) {
    const box = el("div", {
      class: "tile", role: "option", id: `tile${index}`,
      style: { width: `${this.tileWidth - GAP}px`, height: `${this.tileHeight - GAP}px` },
      onclick: (event) => this.click(index, event),
      ondblclick: () => this.open(index),
    });
    this.fill(index, box);
    return box;
  }

  async fill(index, box) {
    const row = this.row(index) ?? (await this.fetch(index));
    if (!row || this.tiles.get(index) !== box && box.isConnected === false && this.tiles.has(index)) return;
    const image = el("img", {
      alt: "", draggable: "false", decoding: "async", src: imageUrl(this.source(), row.uid, this.size),
      style: { height: `${this.size}px` },
      onerror: (event) => event.target.replaceWith(el("div", { class: "broken", style: { height: `${this.size}px` } }, "no image")),
    });
    const [first, ...rest] = row.caption;
    const number = row.number === null ? "" : `${Number(row.number.toPrecision(3))} `;
    box.replaceChildren(
      image,
      el("div", { class: "caption" }, el("b", {}, number + (first ?? "–")), el("span", {}, rest.map((one) => one ?? "?").join(" "))),
    );
    box.title = plain(row.caption.join(" · "));
    this.mark(index, box);
  }

  mark(index, box) {
    const row = this.row(index);
    box.classList.toggle("cursor", index === this.cursor);
    box.classList.toggle("chosen", row !== undefined && this.chosen.has(row.uid));
    box.dataset.state = row?.state ?? "";
    box.setAttribute("aria-selected", String(row !== undefined && this.chosen.has(row.uid)));
    if (index === this.cursor) this.node.setAttribute("aria-activedescendant", box.id);
  }

  // -- data --------------------------------------------------------------------------------------

  row(index) {
    return this.pages.get(Math.floor(index / PAGE))?.rows?.[index % PAGE];
  }

  async fetch(index) {
    const page = Math.floor(index / PAGE);
    const round = this.round;
    if (!this.pages.has(page)) {
      const held = {};
      held.promise = this.load(page * PAGE, PAGE).then((found) => (held.rows = found));
      this.pages.set(page, held);
      if (this.pages.size > HELD) this.pages.delete(this.pages.keys().next().value);
    }
    const rows = await this.pages.get(page).promise;
    return round === this.round ? rows[index % PAGE] : undefined;
  }

  /** Set the state of images that are shown already, until the next load. */
  setState(uids, value) {
    const changed = new Set(uids);
    for (const page of this.pages.values()) {
      for (const row of page.rows ?? []) if (changed.has(row.uid)) row.state = value;
    }
    this.render();
  }

  // -- choosing ----------------------------------------------------------------------------------

  click(index, event) {
    if (event.shiftKey) this.extend(index);
    else if (event.ctrlKey || event.metaKey) this.toggle(index);
    else this.only(index);
    this.cursor = index;
    this.node.focus({ preventScroll: true });
    this.render();
  }

  only(index) {
    this.chosen.clear();
    this.toggle(index);
  }

  toggle(index) {
    const row = this.row(index);
    if (!row) return;
    if (!this.chosen.delete(row.uid)) this.chosen.set(row.uid, index);
    this.onselect();
  }

  async extend(index) {
    const [low, high] = [Math.min(this.cursor, index), Math.max(this.cursor, index)];
    for (let i = low; i <= Math.min(high, low + 5000); i++) {
      const row = this.row(i) ?? (await this.fetch(i));
      if (row) this.chosen.set(row.uid, i);
    }
    this.onselect();
    this.render();
  }

  async open(index) {
    const row = this.row(index) ?? (await this.fetch(index));
    if (row) this.onopen(row, index);
  }

  /** The uids that an action is about: the chosen images, else the one at the cursor. */
  async acted() {
    if (this.chosen.size) return [...this.chosen.keys()];
    if (!this.total) return [];
    const row = this.row(this.cursor) ?? (await this.fetch(this.cursor));
    return row ? [row.uid] : [];
  }

  step(by, extending = false) {
    const next = Math.max(0, Math.min(this.cursor + by, this.total - 1));
    if (extending) this.extend(next);
    else this.chosen.clear();
    this.cursor = next;
    this.onselect();
    this.reveal(next);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.view / this.tileHeight)) * this.columns;
    const steps = {
      ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns,
      PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity,
    };
    if (event.key in steps && !event.ctrlKey && !event.altKey) this.step(steps[event.key], event.shiftKey);
    else if (event.key === "Enter") this.open(this.cursor);
    else if (event.key === " ") this.toggle(this.cursor);
    else return;
    event.preventDefault();
    this.render();
  }
}
