// Elements from data. All text goes through textContent: nothing from a file is ever markup.

/** Text with control characters and direction marks as visible escapes. */
export function plain(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (mark) => {
    const code = mark.codePointAt(0).toString(16);
    return mark === "\n" ? "\\n" : `\\u${code.padStart(4, "0")}`;
  });
}

/** An element: `on...` are listeners, `dataset` and `style` are objects, children are nodes or text. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "dataset" || name === "style") setEach(node[name], value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : plain(value));
  }
  append(node, children);
  return node;
}

function setEach(target, values) {
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith("--")) target.setProperty(name, value);
    else target[name] = value;
  }
}

function append(node, children) {
  for (const child of children.flat(3)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : plain(child));
  }
}

/** Replace the children of a node. */
export function show(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

export const count = (value) => Math.round(value).toLocaleString("en");
export const percent = (value, digits = 1) =>
  value === null || value === undefined ? "–" : (100 * value).toFixed(digits);

/** A function that runs once the calls have paused. */
export function debounce(run, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), milliseconds);
  };
}

let noticeTimer;

/** A short message at the foot of the page. */
export function notify(text, kind = "") {
  const place = document.getElementById("notice");
  show(place, text);
  place.className = `shown ${kind}`;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (place.className = ""), kind === "error" ? 8000 : 3000);
}

/** A labelled list of choices: [value, text] pairs. */
export function select(label, choices, value, onchange) {
  const options = choices.map(([key, text]) => el("option", { value: key, selected: key === value }, text));
  const list = el("select", { onchange: (event) => onchange(event.target.value), "aria-label": label }, options);
  return el("label", { class: "choice" }, el("span", {}, label), list);
}

/** A table; `label` is its name, `right` are the places of columns of numbers. */
export function table(headers, rows, { label, right = [], onrow } = {}) {
  const align = (i) => (right.includes(i) ? "number" : null);
  return el(
    "table",
    { class: "table", "aria-label": label },
    el("thead", {}, el("tr", {}, headers.map((text, i) => (text ? el("th", { scope: "col", class: align(i) }, text) : el("td", {}))))),
    el(
      "tbody",
      {},
      rows.map((cells, number) =>
        el(
          "tr",
          onrow ? { class: "link", tabindex: 0, onclick: () => onrow(number), onkeydown: (event) => event.key === "Enter" && onrow(number) } : {},
          cells.map((cell, i) => el("td", { class: align(i) }, cell)),
        ),
      ),
    ),
  );
}
