"""Layouts from elsewhere: no pattern runs for ever, no format string takes memory or reaches
attributes, no path leaves the folder.
"""

import json
import pickle
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gprplus.core import declarations
from gprplus.core.declarations import Declaration
from gprplus.core.errors import DeclarationError, GprplusError, LayoutError
from gprplus.ingest import Manifest, build_manifest
from gprplus.ingest.files.archive_members import list_images
from gprplus.ingest.inspection.layout_preview import preview_layout
from gprplus.ingest.layouts import patterns
from gprplus.ingest.layouts.decode import drop_unreadable, token_table
from gprplus.ingest.layouts.detect import detect_layout
from gprplus.ingest.layouts.explain_mismatch import explain_mismatch
from gprplus.ingest.layouts.load import (
    from_declaration,
    load_layout,
    rendered_layout,
    shipped_layouts,
)
from gprplus.ingest.layouts.match import match_names
from gprplus.ingest.layouts.templates import fill_template
from gprplus.ingest.layouts.tokens import LevelTokens

pytestmark = pytest.mark.slow

FOREVER = r"(?P<identity>(?:[a-z]|\w)+(?:_\w+)*)[#%]"


def own(folder: Path, path: str, more: str = "", name: str = "mine") -> Path:
    file = folder / f"{name}.toml"
    file.write_text(f"title = 'mine'\npath = '{path}'\n{more}\n")
    return file


def test_a_pattern_that_backtracks_for_ever_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    layout = load_layout(own(tmp_path, FOREVER))
    started = time.process_time()
    with pytest.raises(LayoutError, match=r"layout 'mine' took more than 0\.2 s on 'a{60}'"):
        match_names(layout, ["a" * 200 + ".jpg"])
    assert time.process_time() - started < 5


def test_the_time_limit_is_for_all_names_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that each take a little too long end a build too: 22 letters take some 0.1 s."""
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    layout = load_layout(own(tmp_path, r"(?P<identity>(?:\w|[a-z])+)[#%]"))
    with pytest.raises(LayoutError, match="took more than"):
        match_names(layout, ["a" * 18 + f"{i:04d}.jpg" for i in range(4000)])


def test_a_layout_without_examples_explains_a_name_within_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    layout = load_layout(own(tmp_path, r"(?:(?:a|aa)+)+(?P<identity>#)"))
    started = time.process_time()
    assert explain_mismatch(layout, "a" * 100 + ".jpg")
    assert time.process_time() - started < 5


def test_both_engines_read_every_example_alike(tmp_path: Path) -> None:
    """A copy of a shipped layout reads names as the shipped one does, though another engine matches
    them."""
    for layout in shipped_layouts():
        text = declarations.load_declaration("layouts", layout.name).path.read_text()
        (tmp_path / f"{layout.name}.toml").write_text(text)
        copy = load_layout(tmp_path / f"{layout.name}.toml")
        assert layout.shipped
        assert not copy.shipped
        assert copy.groups == layout.groups
        names = [*layout.examples, *(f"{name[:-5]}x.jpg" for name in layout.examples)]
        assert match_names(copy, names) == match_names(layout, names)
        assert match_names(pickle.loads(pickle.dumps(copy)), names) == match_names(layout, names)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("(?P<identity>(?:(?:a{1000}){1000}){1000})", "requires names of at least 1,000,000,029"),
        ("(?P<identity>a)(?=b{4000000000})", "requires names of at least 4,000,000,030"),
        ("(?P<identity>a)" + "b?" * 1000, "the pattern has 2,0"),
        ("(?P<identity>a{99999999999})", "nested too deeply, or repeats too often"),
        ("(" * 500 + "(?P<identity>a)" + ")" * 500, "nested too deeply, or repeats too often"),
        (r"(?P<identity>\d+)_(a|b)", "path has a group without a name"),
    ],
    ids=["repeats of repeats", "look-ahead", "length", "one repeat", "depth", "no name"],
)
def test_a_pattern_beyond_the_limits_is_one_sentence(
    tmp_path: Path, path: str, sentence: str
) -> None:
    with pytest.raises(DeclarationError, match=re.escape(sentence)):
        load_layout(own(tmp_path, path))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("numbered", "{:3000000000d}"),
        ("numbered", "{numbered:3000000000}"),
        ("numbered", "{:021d}"),
        ("numbered", "{0.__class__}"),
        ("numbered", "{!r}"),
        ("template", "{identity.__class__.__mro__}"),
        ("template", "{identity[0]}"),
        ("template", "{identity:>3000000000}"),
        ("template", "{identity:{identity}}"),
        ("template", "{identity:05d}"),
        ("template", "{identity"),
        ("template", "x" * 1001),
        ("template", "{}"),
    ],
)
def test_a_format_string_outside_the_grammar_is_one_sentence(
    tmp_path: Path, key: str, text: str
) -> None:
    line = f"[weather]\nnumbered = '{text}'" if key == "numbered" else f"template = '{text}'"
    file = own(tmp_path, r"(?P<identity>\d+)_(?P<weather>\d+)", line)
    with pytest.raises(DeclarationError, match=rf"mine\.toml: (weather\.)?{key}:? "):
        load_layout(file)


def test_templates_write_what_format_strings_wrote() -> None:
    assert LevelTokens(numbered="{:02d}_00").level("4") == "04_00"
    assert LevelTokens(numbered="h{}").level("004") == "h4"
    assert LevelTokens(numbered="{:03d}").level("-1") == f"{-1:03d}" == "-01"
    assert fill_template("{a}/{b}_{a}", {"a": "01", "b": "x"}) == "01/x_01"


def test_renders_json_names_a_shipped_layout_or_a_file_in_its_folder(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["a_1.jpg"])
    own(root, r"(?P<identity>[a-z])_(?P<camera>\d)")
    (root / "renders.json").write_text(json.dumps({"layout": "mine.toml"}))
    assert detect_layout(list_images(root)).layout.name == "mine"


@pytest.mark.parametrize(
    "name", ["../mine.toml", "mine", "r/../mine.toml", "other.toml", "../../x", ["engine"], 7]
)
def test_renders_json_names_no_other_file(tmp_path: Path, plant, monkeypatch, name: Any) -> None:
    monkeypatch.chdir(tmp_path)
    root = plant(tmp_path / "r", ["a_1.jpg"])
    own(tmp_path, r"(?P<identity>[a-z])_(?P<camera>\d)")
    for given in (name, str(tmp_path / "mine.toml")):
        (root / "renders.json").write_text(json.dumps({"layout": given}))
        with pytest.raises(GprplusError, match=r"renders\.json: layout: "):
            detect_layout(list_images(root))


def test_a_shipped_name_reaches_no_file_outside(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("title = 'x'\n")
    up = "../" * len(declarations.declarations_folder().joinpath("layouts").parts)
    with pytest.raises(DeclarationError, match="There is no layout called"):
        load_layout(f"{up}{tmp_path}/x")


def test_a_copy_reached_through_the_folder_of_shipped_ones_is_not_trusted(tmp_path: Path) -> None:
    file = own(tmp_path, r"(?P<identity>\d+)")
    around = (
        declarations.declarations_folder()
        / Path(*[".."] * len(declarations.declarations_folder().parts[1:]))
        / file.relative_to("/")
    )
    assert around.is_file()
    assert not load_layout(around).shipped


@pytest.mark.parametrize(
    "said",
    [
        {"degrees": [1]},
        {"groups": ["weather"]},
        {"groups": {"path": "x"}},
        {"groups": {"weather": "colour"}},
        {"weather": 3},
        {"background": 4},
        {"factors": {"a": 1}},
        {"expected": []},
        {"title": 3},
    ],
    ids=str,
)
def test_a_faulty_table_of_renders_json_is_one_sentence(said: dict[str, Any]) -> None:
    if said == {"expected": []}:
        assert rendered_layout(load_layout("engine"), said, "renders.json") == load_layout("engine")
        return
    with pytest.raises(DeclarationError, match=r"^renders\.json: "):
        rendered_layout(load_layout("engine"), said, "renders.json")


@pytest.mark.parametrize("path", ["/etc/passwd", "../../list.txt", "a/../../b", "a\\\\b", ""])
def test_role_lists_lie_inside_the_dataset(tmp_path: Path, path: str) -> None:
    file = own(tmp_path, r"(?P<identity>\d+)", f'[[lists]]\nfile = "{path}"\nrole = "train"')
    with pytest.raises(DeclarationError, match=r"lists\[0\]\.file: .* is not a relative path"):
        load_layout(file)
    file = own(
        tmp_path,
        r"(?P<identity>\d+)",
        f'[[lists]]\nfile = "a.txt"\nbelow = "{path}"\nrole = "train"',
    )
    if path:
        with pytest.raises(DeclarationError, match=r"lists\[0\]\.below: .* is not a relative path"):
            load_layout(file)


def test_joined_cameras_of_a_folder_that_does_not_fit_at_all(tmp_path: Path, plant) -> None:
    file = own(
        tmp_path,
        r"(?P<identity>x\d)_(?P<scene>\d)_(?P<camera>\d)",
        "[camera]\ngroups = ['scene', 'camera']",
    )
    tried = preview_layout(plant(tmp_path / "r", ["0001_c1.jpg"]), str(file))
    assert (tried.matched, tried.rows) == (0, [])
    with pytest.raises(LayoutError, match="None of the 1 files"):
        build_manifest([tmp_path / "r"], tmp_path / "m", layout=file)


LONG = {
    "camera": (
        r"(?P<identity>[a-z])_(?P<camera>\d+)",
        "a_2147483647",
        "b_2147483648",
        "2,147,483,647",
    ),
    "frame": (
        r"(?P<identity>[a-z])_(?P<frame>\d+)",
        "a_9223372036854775807",
        "b_9223372036854775808",
        "9,223,372,",
    ),
    "digits": (
        r"(?P<identity>[a-z])_(?P<frame>\d+)",
        "a_1",
        "b_" + "9" * 200,
        "too large a number",
    ),
    "scene": (
        (
            "(?P<identity>[a-z])_(?P<s>\\d+)_(?P<camera>\\d+)'\ncamera.groups = ['s',"
            " 'camera']\ntitle2='"
        ),
        "a_1_99",
        "b_1_100",
        "may number up to 99",
    ),
    "letters": (r"(?P<identity>[a-z])_(?P<camera>\w+)", "a_1", "b_x", "must be a number"),
}


@pytest.mark.parametrize("kind", LONG)
def test_a_number_that_no_column_holds_rejects_its_file_alone(
    tmp_path: Path, plant, kind: str
) -> None:
    path, good, bad, sentence = LONG[kind]
    file = own(tmp_path, path)
    file.write_text(file.read_text().replace("\ntitle2=''", ""))
    root = plant(tmp_path / "r", [f"{good}.jpg", f"{bad}.jpg"])
    made = build_manifest([root], tmp_path / "m", layout=file)
    assert made.images()["path"].to_pylist() == [f"{good}.jpg"]
    (row,) = made.rejected().to_pylist()
    assert (row["path"], row["reason"]) == (f"{bad}.jpg", "name")
    rejected = made.rejected()
    assert sentence in row["detail"]
    again = build_manifest([root], tmp_path / "m", layout=file)
    assert (again.rebuilt, again.fingerprint) == ((), made.fingerprint)
    plant(root, ["c_3_3.jpg" if kind == "scene" else "c_3.jpg"])
    more = build_manifest([root], tmp_path / "m", layout=file)
    assert (len(more.images()), more.rejected().to_pylist()) == (2, rejected.to_pylist())
    assert any(
        name == f"{bad}.jpg" and sentence.rstrip(".") in why
        for name, why in preview_layout(root, str(file)).misses
    )


def test_a_camera_that_no_column_holds_in_every_name_ends_the_build(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["a_2021040512300.jpg"])
    file = own(tmp_path, r"(?P<identity>[a-z])_(?P<camera>\d+)")
    with pytest.raises(
        LayoutError, match=r"a_2021040512300\.jpg: The camera 2021040512300 is too large a number"
    ):
        build_manifest([root], tmp_path / "m", layout=file)
    assert not (tmp_path / "m" / "manifest.json").exists()
    with pytest.raises(LayoutError, match="The camera 2021040512300 is too large a number"):
        preview_layout(root, str(file))


def test_a_layout_that_reads_the_number_as_a_text_takes_the_file_in_again(
    tmp_path: Path, plant
) -> None:
    root = plant(tmp_path / "r", ["a_1.jpg", "b_9999999999.jpg"])
    first = build_manifest(
        [root], tmp_path / "m", layout=own(tmp_path, r"(?P<identity>[a-z])_(?P<camera>\d+)")
    )
    assert len(first.images()) == 1
    build_manifest(
        [root], tmp_path / "m", layout=own(tmp_path, r"(?P<identity>[a-z])_(?P<shot>\d+)")
    )
    assert len(Manifest.open(tmp_path / "m").images()) == 2


STRANGE: list[Any] = [
    "",
    0,
    -1,
    1.5,
    float("nan"),
    float("inf"),
    True,
    [],
    {},
    ["x"],
    [["x"]],
    {"a": {"b": {}}},
    10**30,
]
STRANGE += [
    -(10**400),
    "x" * 5000,
    "\x1b[2J",
    "../..",
    "{0.__class__}",
    "(",
    "(a*)*" * 20,
    {"01": 99999999999},
]


def places(table: dict[str, Any], above: tuple = ()) -> Iterator[tuple]:
    for key, value in table.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from places(value, (*above, key))


def changed(table: dict[str, Any], place: tuple, value: Any) -> dict[str, Any]:
    key, *rest = place
    return {**table, key: changed(table[key], tuple(rest), value) if rest else value}


@pytest.mark.parametrize("name", declarations.declaration_names("layouts"))
def test_no_value_of_a_layout_ends_in_a_traceback(name: str) -> None:
    data = declarations.load_declaration("layouts", name).data
    for place in places(data):
        for value in STRANGE:
            one = Declaration("x", Path("x.toml"), "00", changed(data, place, value))
            try:
                layout = from_declaration(one)
                tokens = [found for found in match_names(layout, layout.examples[:3]) if found]
                drop_unreadable(
                    layout,
                    "x",
                    token_table(layout, "x", tokens).append_column("path", [["p"] * len(tokens)]),
                )
            except GprplusError:
                continue
