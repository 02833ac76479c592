"""The page in a real Chromium: 8,064 images are filtered, excluded, undone, opened and compared."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chromium import unnamed_elements

from gprplus import Split
from gprplus.core.files.workdir import write_json, write_table
from gprplus.ingest.tables.review import read_review

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no Chromium is installed (apt install chromium)"
)
COPIES = 42
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\nred\u202egnp.exe"
SHOWN = "<img src=x onerror=alert(1)>\\u001b[31m\\nred\\u202egnp.exe"


@pytest.fixture(scope="module")
def many(manifest_folder, tmp_path_factory) -> Path:
    """The images of the small manifest 42 times over, one identity with a name that is no name."""
    work = tmp_path_factory.mktemp("many")
    shutil.copytree(manifest_folder.parent, work, dirs_exist_ok=True)
    folder = work / "manifest"
    _repeat(folder / "images.parquet")
    _repeat(folder / "looks.parquet")
    people = pq.read_table(folder / "identities.parquet")
    write_table(folder / "identities.parquet", _renamed(people))
    record = json.loads((folder / "manifest.json").read_text())
    record["counts"]["images"] *= COPIES
    write_json(folder / "manifest.json", record)
    return folder


def _repeat(path: Path) -> None:
    table = pa.concat_tables([pq.read_table(path)] * COPIES).combine_chunks()
    uids = pa.array(range(1, len(table) + 1), pa.uint64())
    table = table.set_column(table.column_names.index("uid"), "uid", uids)
    write_table(path, _renamed(table) if "identity" in table.column_names else table)


def _renamed(table: pa.Table) -> pa.Table:
    names = [HOSTILE if name == "0008" else name for name in table["identity"].to_pylist()]
    column = pa.array(names).dictionary_encode()
    return table.set_column(table.column_names.index("identity"), "identity", column)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, serve):
    """Return `opened(folder)`: the page of a folder; no script error and no dialog may occur."""
    contexts, problems = [], []

    def opened(folder: Path):
        server = serve(folder)
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 800}))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.goto(server.guard.address)
        page.wait_for_selector(".tile img")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def page(opened, many):
    return opened(many)


def total(page) -> int:
    return int(page.inner_text(".total b").replace(",", ""))


def wait_total(page, count: int) -> None:
    page.wait_for_function(
        "n => document.querySelector('.total b')?.textContent.replaceAll(',', '') == n",
        arg=str(count),
    )


def test_filter_exclude_undo_open(page, many, tmp_path_factory):
    """192 x 42 images: sunny is a third, of it night is a half."""
    assert total(page) == 8064
    assert "token" not in page.url
    page.click(".level:has-text('sunny')")
    wait_total(page, 2688)
    page.fill(".where", "illumination = night")
    wait_total(page, 1344)
    assert "where=illumination" in page.url

    page.focus(".grid")
    page.keyboard.press("x")
    page.wait_for_selector("#notice:has-text('1 excluded')")
    assert len(read_review(many).excluded) == 1
    page.keyboard.press("u")
    page.wait_for_selector("#notice:has-text('Took back')")
    assert len(read_review(many).excluded) == 0

    page.click("text=Exclude all 1,344")
    page.wait_for_selector("#notice:has-text('1,344 excluded')")
    page.fill(".where", "not excluded")
    wait_total(page, 1344)
    page.keyboard.press("Escape")
    page.focus(".grid")
    page.keyboard.press("u")
    wait_total(page, 2688)
    page.wait_for_load_state("networkidle")

    page.focus(".grid")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".viewer dt:has-text('viewpoint_deg')")
    page.wait_for_selector(".viewer .thumb")
    page.screenshot(path=tmp_path_factory.mktemp("shots") / "images.png")
    page.keyboard.press("Escape")
    page.wait_for_selector(".viewer", state="hidden")


def test_the_end_of_the_grid_is_reached_and_the_address_brings_it_back(page):
    page.select_option("select[aria-label='Group by']", "weather")
    page.wait_for_selector(".grid-heading:has-text('sunny')")
    page.focus(".grid")
    page.keyboard.press("End")
    page.wait_for_selector("#tile8063 img")
    page.reload()
    page.wait_for_selector(".grid-heading:has-text('sunny')")


def test_names_from_files_stay_text(page):
    level = page.locator(".level", has_text="onerror")
    assert level.locator("span").first.inner_text() == SHOWN
    level.click()
    wait_total(page, 1008)
    page.focus(".grid")
    page.keyboard.press("Enter")
    page.wait_for_selector(".viewer h2:has-text('onerror')")
    assert page.inner_text(".viewer h2") == SHOWN
    assert page.query_selector(".viewer h2 img") is None


def test_checks_are_reviewed_the_worst_first(page, many):
    """The 192 images have 190 distinct contents; all others of the 8,064 are extra copies."""
    page.click("nav >> text=Issues")
    page.click(".check:has-text('exact-duplicate')")
    assert unnamed_elements(page) == []
    wait_total(page, 8064 - 190)
    page.focus(".grid")
    page.keyboard.press("a")
    page.wait_for_selector("#notice:has-text('1 accepted')")
    wait_total(page, 8064 - 191)
    assert read_review(many).accepted["reason"].to_pylist() == ["check exact-duplicate"]
    page.keyboard.press("u")
    wait_total(page, 8064 - 190)


def test_two_arms_are_compared_query_by_query(opened, run_work, tmp_path):
    """All arms find all 12 queries of this small world, so two are changed to be missed."""
    work = shutil.copytree(run_work, tmp_path / "work")
    table = work / "runs" / "weather" / "tiny" / "untrained" / "seed0" / "queries.parquet"
    rows = pq.read_table(table)
    ranks = pa.array([3, 3] + [1] * (len(rows) - 2), rows.schema.field("first_match_rank").type)
    place = rows.schema.get_field_index("first_match_rank")
    write_table(table, rows.set_column(place, rows.schema.field(place), ranks))
    page = opened(work)
    page.click("nav >> text=Runs")
    page.wait_for_selector(".interval:has-text('mix')")
    assert page.locator(".heat th[scope=col]").count() == 3  # the corner, two levels
    page.select_option("select[aria-label='B']", "untrained")
    page.wait_for_load_state("networkidle")
    page.click(".toggle:has-text('2 found by A, not by B')")
    page.locator("section .thumb").first.click()
    page.wait_for_selector(".ranked .relevant")
    assert page.locator(".ranked").count() == 2
    assert page.locator(".ranked .excluded").count() > 0


def test_a_screen_reader_has_a_name_for_everything(opened, run_work):
    page = opened(run_work)
    views = {"Design": ".heat", "Split": ".balance", "Runs": ".interval", "Map": ".legend i"}
    for view, part in {"Images": ".tile img", **views}.items():
        page.click(f"nav >> text={view}")
        page.wait_for_selector(part)
        assert unnamed_elements(page) == [], view


def test_a_loss_of_one_chunk_is_a_dot(opened, run_work):
    """Three steps are logged as one chunk for each of the arms of one seed."""
    page = opened(run_work)
    page.click("nav >> text=Runs")
    page.wait_for_selector(".curves circle")
    arms = len(Split.open(run_work / "splits" / "weather").record.arms)
    assert page.locator(".curves circle").count() == arms
    assert page.locator(".curves polyline").count() == 0


def test_a_lasso_opens_its_images(opened, run_work):
    page = opened(run_work)
    page.click("nav >> text=Map")
    page.wait_for_selector(".legend i")
    box = page.locator("canvas").bounding_box()
    left, top = box["x"] + 2, box["y"] + 2
    right, bottom = left + box["width"] - 4, top + box["height"] - 4
    page.mouse.move(left, top)
    page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom)):
        page.mouse.move(*corner)
    page.mouse.up()
    images = len(Split.open(run_work / "splits" / "weather").test())
    page.wait_for_selector(f"b:has-text('{images} selected')")
    page.click("text=Show images")
    wait_total(page, images)
    assert page.inner_text(".chip").startswith(f"in lasso of {images}")


def test_an_arm_and_the_design_that_it_took(opened, run_work):
    page = opened(run_work)
    page.click("nav >> text=Design")
    page.select_option("select[aria-label='Taken by']", label="weather: only-sunny")
    page.wait_for_selector(".heat td:has-text('/')")
    page.click("nav >> text=Split")
    page.wait_for_selector("figcaption:has-text('weather')")
    page.locator("tr", has_text="only-foggy").locator("text=Show images").click()
    page.wait_for_selector(".chip:has-text('weather: only-foggy')")
    levels = page.locator("details", has_text="weather").locator(".level")
    assert levels.all_inner_texts() == [f"foggy\n{total(page)}"]


def test_the_keys_are_listed(page):
    page.focus(".grid")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open] kbd:has-text('Enter')")


def test_a_foreign_page_reads_nothing(page):
    """A page of another origin in the same browser, with the cookie of this one."""
    own = page.url.partition("?")[0]
    foreign = page.context.new_page()
    foreign.route("http://foreign.test/", lambda route: route.fulfill(body="<title>x</title>"))
    foreign.goto("http://foreign.test/")
    for mode in ("cors", "no-cors"):
        read = foreign.evaluate(FETCH, [own + "api/workspace", mode])
        assert read in ("blocked", "")
    assert foreign.evaluate(IMAGE, own + "page/icon.svg") == "error"
    assert foreign.goto(own + "api/workspace").status == 200  # typed by the user
    foreign.close()


FETCH = """([address, mode]) =>
  fetch(address, {credentials: 'include', mode}).then((answer) => answer.text(), () => 'blocked')"""
IMAGE = """(address) => new Promise((done) => {
  const image = new Image();
  image.onload = () => done('loaded');
  image.onerror = () => done('error');
  image.src = address;
})"""


def test_contrast_of_text_is_at_least_4_5(page):
    for theme in ("light", "dark"):
        page.evaluate("theme => (document.documentElement.dataset.theme = theme)", theme)
        for pair in PAIRS:
            assert page.evaluate(CONTRAST, pair.split("/")) >= 4.5, (theme, pair)


PAIRS = (
    *("text/ground", "text/bar", "soft/panel", "soft/sunken", "accent/tint"),
    *("bad/panel", "good/panel", "warn/ground"),
)


CONTRAST = """([text, ground]) => {
  const probe = document.body.appendChild(document.createElement('i'));
  const light = (name) => {
    probe.style.color = `var(--${name})`;
    const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const linear = parts.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const [a, b] = [light(text), light(ground)];
  probe.remove();
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
