"""Chromium for tests of pages: that of the system, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMED = {
    "button",
    "checkbox",
    "combobox",
    "image",
    "img",
    "link",
    "listbox",
    "searchbox",
    "slider",
    "table",
    "textbox",
}


# Tables without column headers, and ids that occur twice.
UNSOUND = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const tables = [...document.querySelectorAll("table")];
  return [
    ...tables.filter((one) => !one.querySelector("th[scope=col]")).map(() => "table without headers"),
    ...ids.filter((id, place) => ids.indexOf(id) !== place),
  ];
}"""


def unnamed_elements(page: Any) -> list[str]:
    """Roles of the elements of a page (playwright.sync_api.Page) that need a name for a screen
    reader and have none, from Chromium's accessibility tree; then tables without headers and ids
    that occur twice."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    shown = [node for node in tree if not node["ignored"]]
    roles = [
        node["role"]["value"] for node in shown if not node.get("name", {}).get("value", "").strip()
    ]
    return [role for role in roles if role in NAMED] + page.evaluate(UNSOUND)


@contextmanager
def open_chromium() -> Iterator[Any]:
    """Yield a headless browser (playwright.sync_api.Browser); skip the test where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on the PATH; on Debian: apt install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()
