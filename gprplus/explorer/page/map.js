// The test images of a run on the two main axes of its features; a lasso selects.

import { ask, change, imageUrl } from "./api.js";
import { hue } from "./charts.js";
import { count, el, percent, select, show } from "./dom.js";
import { go, open, state } from "./state.js";

const MARGIN = 20;
const NEAR = 12; // pixels from a point that the mouse shows

export class MapView {
  constructor({ source }) {
    this.source = source;
    this.tools = el("div", { class: "tools" });
    this.legend = el("p", { class: "legend" });
    this.canvas = el("canvas", {
      class: "map", tabindex: 0, role: "img", "aria-label": "Map of features", onpointerdown: (event) => this.begin(event),
      onpointermove: (event) => this.move(event), onpointerup: () => this.end(), onpointerleave: () => this.hint.classList.remove("shown"),
    });
    this.hint = el("div", { class: "hint" });
    this.box = el("div", { class: "mapbox" }, this.canvas, this.hint);
    this.node = el("div", { class: "page whole" }, this.tools, this.box, this.legend);
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  async update() {
    const { arm = "", seed = "0" } = state();
    if (this.run?.s !== this.source()) this.run = { s: this.source(), ...(await ask("run", { s: this.source() })) };
    const names = this.run.arms.map((row) => row.arm);
    const shown = names.includes(arm) ? arm : this.run.reference && names.includes(this.run.reference) ? this.run.reference : names[0];
    const key = `${this.source()}/${shown}/${seed}`;
    if (this.loaded !== key) {
      show(this.tools, el("p", { class: "note" }, "Computing features of the test set…"));
      this.found = await ask("map", { s: this.source(), arm: shown, seed });
      this.loaded = key;
      this.lasso = [];
      this.chosen = [];
    }
    this.arm = shown;
    this.toolbar();
    this.draw();
  }

  toolbar() {
    const { shares, colours, uids } = this.found;
    const names = Object.keys(colours);
    this.by = names.includes(state().color) ? state().color : names.includes("weather") ? "weather" : names[0];
    const some = this.chosen.length;
    show(
      this.tools,
      select("Arm", this.run.arms.map((row) => [row.arm, row.arm]), this.arm, (arm) => go({ arm })),
      select("Colour", names.map((name) => [name, name.replaceAll("_", " ")]), this.by, (color) => go({ color })),
      el("span", { class: "note" }, `${count(uids.length)} test images; the axes hold ${shares.map((one) => `${percent(one, 0)}%`).join(" and ")} of the variance. Draw around points to select them.`),
      el("span", { class: "space" }),
      el("b", {}, some ? `${count(some)} selected` : ""),
      el("button", { disabled: !some || this.found.manifest === null, onclick: () => this.look() }, "Show images"),
    );
    const { levels, codes } = colours[this.by];
    const seen = levels.slice(0, 12);
    show(this.legend, seen.map((level, i) => el("span", {}, el("i", { style: { background: hue(i) } }), level, ` ${count(codes.filter((code) => code === i).length)}`)), levels.length > 12 && `and ${levels.length - 12} more, whose colours repeat`);
  }

  // -- drawing -----------------------------------------------------------------------------------

  draw() {
    if (!this.found || !this.box.clientWidth) return;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.box.clientWidth, this.box.clientHeight];
    Object.assign(this.canvas, { width: width * ratio, height: height * ratio });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.project(width, height);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const colours = this.palette();
    const { codes } = this.found.colours[this.by];
    const chosen = new Set(this.chosen);
    for (let i = 0; i < this.px.length; i++) {
      context.globalAlpha = !chosen.size || chosen.has(i) ? 0.85 : 0.12;
      context.fillStyle = codes[i] < 0 ? colours.at(-1) : colours[codes[i] % 12];
      context.beginPath();
      context.arc(this.px[i], this.py[i], this.found.roles[i] === "query" ? 5 : 3, 0, 7);
      context.fill();
    }
    this.outline(context);
  }

  project(width, height) {
    const scale = (values, room) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return values.map((value) => MARGIN + ((room - 2 * MARGIN) * (value - low)) / (high - low || 1));
    };
    this.px = scale(this.found.x, width);
    this.py = scale(this.found.y, height).map((y) => height - y);
  }

  /** The colours of the style sheet as the canvas takes them. */
  palette() {
    const probe = el("i", { style: { display: "none" } });
    this.box.append(probe);
    const colours = Array.from({ length: 12 }, (_, i) => {
      probe.style.color = hue(i);
      return getComputedStyle(probe).color;
    });
    probe.style.color = "var(--soft)";
    colours.push(getComputedStyle(probe).color);
    probe.remove();
    return colours;
  }

  outline(context) {
    if (this.lasso.length < 2) return;
    context.globalAlpha = 1;
    context.strokeStyle = this.palette().at(-1);
    context.setLineDash([4, 3]);
    context.beginPath();
    this.lasso.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x, y));
    context.closePath();
    context.stroke();
  }

  // -- lasso -------------------------------------------------------------------------------------

  begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.drawing = true;
    this.lasso = [[event.offsetX, event.offsetY]];
  }

  move(event) {
    if (!this.found) return;
    if (!this.drawing) return this.point(event);
    this.lasso.push([event.offsetX, event.offsetY]);
    this.draw();
  }

  end() {
    this.drawing = false;
    this.chosen = this.lasso.length < 3 ? [] : [...this.px.keys()].filter((i) => inside(this.px[i], this.py[i], this.lasso));
    if (!this.chosen.length) this.lasso = [];
    this.toolbar();
    this.draw();
  }

  point(event) {
    let best = -1;
    let least = NEAR ** 2;
    for (let i = 0; i < this.px.length; i++) {
      const distance = (this.px[i] - event.offsetX) ** 2 + (this.py[i] - event.offsetY) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    this.hint.classList.toggle("shown", best >= 0);
    if (best < 0 || best === this.hinted) return;
    this.hinted = best;
    const facts = Object.values(this.found.colours).slice(0, 5).map(({ levels, codes }) => levels[codes[best]] ?? "unknown");
    const image = this.found.manifest !== null && el("img", { src: imageUrl(this.found.manifest, this.found.uids[best], 160), alt: "" });
    show(this.hint, image, el("span", {}, facts.join(" · ")));
    this.hint.style.left = `${Math.min(this.px[best] + 14, this.box.clientWidth - 130)}px`;
    this.hint.style.top = `${Math.min(this.py[best] + 8, this.box.clientHeight - 200)}px`;
  }

  async look() {
    const uids = this.chosen.map((i) => this.found.uids[i]);
    const { subset } = await change("subset", { s: this.found.manifest, uids, name: `lasso of ${count(uids.length)}` });
    open("images", { manifest: this.found.manifest, subset });
  }
}

/** Whether a point is in a polygon: a ray to the right crosses its edges an odd number of times. */
export function inside(x, y, polygon) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[ax, ay], [bx, by]] = [polygon[i], polygon[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}
