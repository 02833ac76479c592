// The frame of the page: sources, views, keys, light and dark.

import { ask } from "./api.js";
import { el, select, show } from "./dom.js";
import { go, onchange, open, state } from "./state.js";
import { DesignView } from "./design.js";
import { ImagesView } from "./images.js";
import { IssuesView } from "./issues.js";
import { MapView } from "./map.js";
import { RunsView } from "./runs.js";
import { SplitView } from "./split.js";

// View -> title, kind of source, class.
const VIEWS = {
  images: ["Images", "manifest", ImagesView],
  issues: ["Issues", "manifest", IssuesView],
  design: ["Design", "manifest", DesignView],
  split: ["Split", "split", SplitView],
  runs: ["Runs", "run", RunsView],
  map: ["Map", "run", MapView],
};

const KEYS = [
  ["← ↑ → ↓", "move in the grid; with Shift, select"],
  ["Space", "select the image at the cursor"],
  ["Enter", "open the image"],
  ["Esc", "close it"],
  ["a", "accept the selected images, or the one at the cursor"],
  ["x", "exclude them"],
  ["o", "reopen them"],
  ["u", "undo the last change"],
  ["/", "go to the filter"],
  ["Page Up, Page Down, Home, End", "scroll"],
  ["?", "show these keys"],
];

let sources = [];
const made = new Map();
const bar = document.getElementById("bar");
const view = document.getElementById("view");

/** The source that a view shows: the one in the address if it fits, else the first of its kind. */
function sourceOf(kind) {
  const chosen = sources.find((one) => one.id === state()[kind]);
  return chosen?.kind === kind ? chosen.id : sources.find((one) => one.kind === kind)?.id;
}

const usable = () => Object.entries(VIEWS).filter(([, [, kind]]) => sourceOf(kind) !== undefined);

function current() {
  const names = usable().map(([name]) => name);
  return names.includes(state().view) ? state().view : names[0];
}

function header() {
  const name = current();
  const kind = VIEWS[name]?.[1];
  const same = sources.filter((one) => one.kind === kind).map((one) => [one.id, one.name]);
  show(
    bar,
    el("a", { class: "brand", href: "/" }, el("img", { src: "/page/icon.svg", alt: "", width: 18, height: 18 }), "gprplus"),
    el(
      "nav",
      { "aria-label": "Views" },
      usable().map(([key, [title]]) =>
        el("a", { href: `?view=${key}`, "aria-current": key === name ? "page" : null, onclick: (event) => follow(event, key) }, title),
      ),
    ),
    el("span", { class: "space" }),
    same.length > 0 && select(kind, same, sourceOf(kind), (id) => open(name, { [kind]: id })),
    el("button", { class: "icon", title: "Light or dark", "aria-label": "Light or dark", onclick: turn }, "◐"),
    el("button", { class: "icon", title: "Keys (?)", "aria-label": "Keys", onclick: keys }, "?"),
  );
}

function follow(event, name) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(name);
}

function update() {
  header();
  const name = current();
  if (!name) {
    show(view, el("p", { class: "empty" }, "Nothing to show."));
    return;
  }
  const [title, kind, View] = VIEWS[name];
  document.title = `${title} – gprplus`;
  if (!made.has(name)) made.set(name, new View({ source: () => sourceOf(kind), sourceOf, sources: () => sources }));
  const shown = made.get(name);
  if (view.firstChild !== shown.node) view.replaceChildren(shown.node);
  shown.update();
}

function turn() {
  const dark = getComputedStyle(document.documentElement).colorScheme.trim() === "dark";
  setTheme(dark ? "light" : "dark");
}

function setTheme(theme) {
  if (!theme) return;
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("gprplus-theme", theme);
}

function keys() {
  const dialog = el(
    "dialog",
    { class: "keys", "aria-label": "Keys", onclose: () => dialog.remove() },
    el("h2", {}, "Keys"),
    el("dl", {}, KEYS.map(([key, text]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)])),
    el("form", { method: "dialog" }, el("button", {}, "Close")),
  );
  document.body.append(dialog);
  dialog.showModal();
}

function key(event) {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?" && !/INPUT|TEXTAREA/.test(event.target.tagName)) keys();
  else made.get(current())?.key?.(event);
}

setTheme(localStorage.getItem("gprplus-theme"));
({ sources } = await ask("workspace"));
onchange(update);
addEventListener("keydown", key);
update();
if (!state().view) go({ view: current() }, { replace: true });
