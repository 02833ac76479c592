// Requests to the server of this page; the cookie authorises them.

import { notify } from "./dom.js";

/** The answer to a question, as JSON. A failure is shown and thrown. */
export async function ask(name, given = {}) {
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== "" && value !== undefined));
  return answer(await send(`/api/${name}?${query}`));
}

/** Change something: `body` is sent as JSON. */
export async function change(name, body) {
  const headers = { "content-type": "application/json" };
  return answer(await send(`/change/${name}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

/** The address of an image; with a height, of its thumbnail. */
export const imageUrl = (source, uid, height) => `/image/${source}/${uid}${height ? `?h=${height}` : ""}`;

async function send(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw failed("The server does not answer. Is `gprplus browse` still running?");
  }
}

async function answer(response) {
  const found = response.headers.get("content-type")?.includes("json") ? await response.json() : { error: await response.text() };
  if (!response.ok) throw failed(found.error);
  return found;
}

function failed(text) {
  notify(text, "error");
  return new Error(text);
}
