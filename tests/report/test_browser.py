"""The report in a real browser: what a reader sees first, clicks, types and prints."""

import json

import pytest
from chromium import open_chromium, unnamed_elements

from gprplus.reporting import report

pytestmark = pytest.mark.browser

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LONG = (
    "5 of 72 test images resemble a training image (0001/a.jpg and 0002/b.jpg, 0003/c.jpg and"
    " 0004/d.jpg, 0005/e.jpg and 0006/f.jpg and 2 more). This can be one identity under two names:"
    " check some of them, because queries of such identities are easier than others."
)

# Every visible text node whose contrast with what is behind it is below 4.5, as its text and ratio.
LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const paint = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), parent = walker.currentNode.parentElement;
    if (!text || !parent.checkVisibility() || parent.closest("script, .visually-hidden")) continue;
    const behind = [];
    for (let one = parent; one; one = one.parentElement)
      behind.unshift(getComputedStyle(one).backgroundColor);
    const style = getComputedStyle(parent);
    const color = parent.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(paint(behind)), light(paint([...behind, color]))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def html(build, tmp_path_factory):
    """A report with two targets and a long warning of its split."""
    world = build(
        tmp_path_factory.mktemp("report"),
        ("sunny", "foggy", "snow"),
        targets=("self", "street"),
        people=("0001", "0002"),
        test_people=6,
    )
    info = json.loads((world.split / "split.json").read_text())
    info["warnings"] = [LONG]
    (world.split / "split.json").write_text(json.dumps(info))
    return report([world.run])[0]


@pytest.fixture
def open_page(browser, html, request):
    """Open the report; a screenshot of what each test ended with is kept beside it."""
    contexts = []

    def opened(size, scheme="light", **options):
        context = browser.new_context(
            viewport=size, color_scheme=scheme, reduced_motion="reduce", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.requests, page.errors = [], []
        page.on("request", lambda one: page.requests.append(one.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(html.as_uri())
        return page

    yield opened
    for number, context in enumerate(contexts):
        (page,) = context.pages
        name = request.node.name.removeprefix("test_")
        page.screenshot(path=html.parent / "screenshots" / f"{name}-{number}.png")
        assert page.errors == []
        context.close()


def bottom(page, selector):
    box = page.locator(selector).last.bounding_box()
    return box["y"] + box["height"]


def test_question_verdicts_and_warnings_are_on_the_first_screen(open_page):
    page = open_page(DESKTOP)
    assert page.locator("h1").inner_text() == "What is the weather worth?"
    assert page.locator(".verdicts article").count() == 2
    assert bottom(page, ".verdicts article") < 800
    assert bottom(page, ".warnings li") < 800
    assert "only 6 test identities" in page.locator(".warnings").inner_text()
    assert page.requests == [page.url], "nothing but the file itself was loaded"


def test_a_long_warning_unfolds(open_page):
    page = open_page(DESKTOP)
    warning = page.locator(".warnings details")
    assert "0005/e.jpg" not in warning.inner_text()
    warning.locator("summary").click()
    assert LONG in warning.inner_text()


def test_a_table_sorts_by_a_column_and_back(open_page):
    page = open_page(DESKTOP)
    table = page.locator("#table table").first
    arms = table.locator("tbody.arms th")
    first = arms.all_inner_texts()
    scores = dict(
        zip(first, page.locator("#table tbody.arms td:nth-child(2)").all_inner_texts(), strict=True)
    )
    head = table.locator("thead th").nth(1)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    by_score = sorted(first, key=lambda arm: -float(scores[arm].split()[0]))
    assert arms.all_inner_texts() == by_score != first
    head.get_by_role("button").press("Enter")
    assert arms.all_inner_texts() == by_score[::-1]
    head.get_by_role("button").press("Enter")
    assert (arms.all_inner_texts(), head.get_attribute("aria-sort")) == (first, None)
    assert table.locator("tbody.floor th").inner_text() == "untrained"


def test_commands_and_paths_are_copied(open_page):
    page = open_page(DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    copied = "navigator.clipboard.readText()"
    page.get_by_role("button", name="Copy the commands").click()
    page.get_by_role("status").get_by_text("Copied.").wait_for(state="attached")
    assert page.evaluate(copied).splitlines()[-1].startswith("gprplus benchmark ")
    page.get_by_role("button", name="Copy the export of only-foggy").click()
    page.wait_for_function(f"{copied}.then((text) => text.includes('--arm only-foggy'))")
    page.locator("#failures-2 details summary").first.click()
    page.locator("#failures-2").get_by_role("button", name="Copy the path").first.click()
    path = page.locator("#failures-2 .path code").first.inner_text()
    page.wait_for_function(f"{copied}.then((text) => text === {json.dumps(path)})")
    assert path.endswith(".jpg")


def test_the_keyboard_reaches_results_and_values(open_page):
    page = open_page(DESKTOP)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    marks = page.locator("#effects [data-tip]")
    assert [mark.get_attribute("tabindex") for mark in marks.all()][:2] == ["0", "-1"]
    marks.first.focus()
    tip = page.get_by_role("tooltip")
    assert tip.inner_text() == marks.first.get_attribute("aria-label")
    assert "95% interval" in tip.inner_text()
    page.keyboard.press("ArrowDown")
    assert tip.inner_text() == marks.nth(1).get_attribute("data-tip")
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    page.locator("#heat td.cell").first.hover()
    assert "Trained on sunny, queries of" in tip.inner_text()


def test_a_phone_scrolls_down_alone(open_page):
    page = open_page(PHONE)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator(".jump").bounding_box()["y"] < 844, "a link to the warnings"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(open_page, scheme):
    page = open_page(DESKTOP, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.locator("#effects [data-tip]").first.focus()
    assert page.evaluate(LOW_CONTRAST) == []


def test_the_colored_cells_of_the_level_matrix_have_contrast(open_page):
    """The experiment of these tests decides no cell: two are put into the page."""
    page = open_page(DESKTOP)
    page.evaluate(
        """document.querySelector("main").innerHTML = '<table class="levels"><tbody><tr>' +
        '<td class="gain"><b>1</b> <small>+2.0</small></td>' +
        '<td class="loss"><b>1</b> <small>−2.0</small></td></tr></tbody></table>'"""
    )
    assert page.evaluate(LOW_CONTRAST) == []


def test_a_screen_reader_has_a_name_for_everything(open_page):
    page = open_page(DESKTOP)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert unnamed_elements(page) == []


def test_print_has_light_colors_and_no_cut_table(open_page):
    page = open_page({"width": 700, "height": 900}, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    color = "getComputedStyle(document.documentElement).getPropertyValue"
    assert page.evaluate(
        f"['--gain', '--loss', '--caution'].map((one) => {color}(one).trim())"
    ) == [
        "#1f63ad",
        "#b4490b",
        "#8a4b00",
    ]
    assert page.evaluate("document.documentElement.scrollWidth") == 700


def test_print_unfolds_everything_and_drops_the_controls(open_page):
    page = open_page(DESKTOP)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".bar").is_hidden()
    assert page.locator(".statistics .note").first.is_visible()
    assert page.get_by_role("button", name="Copy the commands").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf()) > 10_000


def test_the_page_works_without_its_script(open_page):
    page = open_page(DESKTOP, java_script_enabled=False)
    assert page.get_by_role("button").count() == 0
    page.locator("#effects summary").click()
    assert page.locator("#effects .statistics table").first.is_visible()
    page.get_by_role("link", name="Balance").click()
    assert page.url.endswith("#audit")
