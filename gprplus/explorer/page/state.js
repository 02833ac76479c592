// The state of the page, kept in its address: what is shown can be bookmarked and sent by mail.

const listeners = new Set();

const PER_VIEW = ["where", "pick", "group", "sort", "subset", "uid", "check", "a", "b", "arm", "side", "query", "color", "target", "seed"];

/** The parameters of the address. */
export function state() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

/** Change parameters; empty ones are left out. `replace` keeps the history short. */
export function go(changes, { replace = false } = {}) {
  const next = Object.entries({ ...state(), ...changes }).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const query = new URLSearchParams(next).toString();
  if (query === new URLSearchParams(location.search).toString()) return;
  history[replace ? "replaceState" : "pushState"]({}, "", query ? `?${query}` : location.pathname);
  listeners.forEach((listener) => listener());
}

/** Show another view, with its own parameters. */
export function open(view, changes = {}) {
  const cleared = Object.fromEntries(PER_VIEW.map((name) => [name, ""]));
  go({ ...cleared, view, ...changes });
}

export const onchange = (listener) => listeners.add(listener);
addEventListener("popstate", () => listeners.forEach((listener) => listener()));

/** The picked levels of each facet. */
export function picks() {
  try {
    return JSON.parse(state().pick || "{}");
  } catch {
    return {};
  }
}

/** The part of the state that selects images. */
export function selection() {
  const { where = "", pick = "", group = "", sort = "", subset = "" } = state();
  return { where, pick, group, sort, subset };
}
