(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  // Tables: a button in each column header; a third press restores the order of the file.
  const valueOf = (cell) => {
    const text = cell.textContent.replace(/\u2212/g, "-").replace(/,/g, "").trim();
    const number = parseFloat(text.replace(/^</, ""));
    return Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => {
    const missing = (x) => x === "" || x === "\u2013";
    if (missing(a) || missing(b)) return null;
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
    return typeof a === "number" ? -1 : 1;
  };
  const sortRows = (table, column, direction) => {
    for (const body of table.tBodies) {
      body.original ??= [...body.rows];
      const rows = [...body.original];
      if (direction) {
        rows.sort((one, two) => {
          const [a, b] = [valueOf(one.cells[column]), valueOf(two.cells[column])];
          const order = compare(a, b);
          if (order !== null) return direction * order;
          return (a === "" || a === "\u2013") - (b === "" || b === "\u2013");
        });
      }
      body.append(...rows);
    }
  };
  for (const table of all("table.scores")) {
    const heads = all("thead th", table);
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", className: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const [first, second] = column ? ["descending", "ascending"] : ["ascending", "descending"];
        const now = head.getAttribute("aria-sort");
        const next = now === first ? second : now === second ? null : first;
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        if (next) head.setAttribute("aria-sort", next);
        sortRows(table, column, { ascending: 1, descending: -1 }[next] ?? 0);
      });
    });
  }

  // Copy buttons.
  const status = make("div", { className: "visually-hidden" });
  status.setAttribute("role", "status");
  document.body.append(status);
  const copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    status.textContent = "Copied.";
  };
  for (const block of all("[data-copy]")) {
    const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
    button.setAttribute("aria-label", `Copy ${block.dataset.copy}`);
    button.addEventListener("click", async () => {
      await copyText(block.firstElementChild.innerText.trim());
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }

  // Values of marks, on hover and on focus. One tab stop for each figure; arrow keys move in it.
  const tip = make("div", { id: "tip", hidden: true });
  tip.setAttribute("role", "tooltip");
  document.body.append(tip);
  let shown = null;
  const hideTip = () => (tip.hidden = true);
  const showTip = (mark) => {
    shown = mark;
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const [at, own] = [mark.getBoundingClientRect(), tip.getBoundingClientRect()];
    const left = Math.min(at.left + at.width / 2 - own.width / 2, innerWidth - own.width - 8);
    const above = at.top - own.height - 8;
    tip.style.left = `${Math.max(left, 8)}px`;
    tip.style.top = `${above < 50 ? at.bottom + 8 : above}px`;
  };
  const markOf = (event) => event.target.closest?.("[data-tip]");
  document.addEventListener("pointerover", (event) => {
    const mark = markOf(event);
    if (mark) showTip(mark);
    else if (!event.target.closest?.("#tip")) hideTip();
  });
  document.addEventListener("focusin", (event) => (markOf(event) ? showTip(markOf(event)) : hideTip()));
  document.addEventListener("scroll", () => tip.hidden || showTip(shown), { passive: true, capture: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hideTip());
  const stepFrom = (marks, mark, key) => {
    const place = marks.indexOf(mark);
    if (key === "Home") return marks[0];
    if (key === "End") return marks.at(-1);
    const forward = key === "ArrowRight" || key === "ArrowDown";
    if (mark.cellIndex !== undefined && (key === "ArrowUp" || key === "ArrowDown")) {
      const row = mark.parentNode[forward ? "nextElementSibling" : "previousElementSibling"];
      const cell = row?.cells[mark.cellIndex];
      return cell?.dataset.tip ? cell : mark;
    }
    return marks[place + (forward ? 1 : -1)] ?? mark;
  };
  for (const figure of all("[data-marks]")) {
    const marks = all("[data-tip]", figure);
    marks.forEach((mark, place) => mark.setAttribute("tabindex", place ? -1 : 0));
    figure.addEventListener("keydown", (event) => {
      const mark = markOf(event);
      if (!mark || !/^(Arrow|Home$|End$)/.test(event.key)) return;
      const next = stepFrom(marks, mark, event.key);
      marks.forEach((one) => one.setAttribute("tabindex", one === next ? 0 : -1));
      next.focus({ preventScroll: false });
      event.preventDefault();
    });
  }

  // The contents bar marks the section in view.
  const links = new Map(all(".bar a").map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver(
    (entries) => {
      const entry = entries.find((one) => one.isIntersecting);
      if (!entry) return;
      links.forEach((link) => link.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      link.setAttribute("aria-current", "true");
      const list = link.closest("ul");
      list.scrollLeft = link.offsetLeft - list.clientWidth / 2;
    },
    { rootMargin: "-20% 0px -70%" },
  );
  links.forEach((_, id) => seen.observe(document.getElementById(id)));

  // Printed with everything unfolded.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((one) => (one.open = true));
  });
  addEventListener("afterprint", () => closed.forEach((one) => (one.open = false)));
})();
