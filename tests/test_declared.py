"""Declarations: found in both kinds of install, read strictly, refused with the place and the
reason."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gprplus.core import declarations
from gprplus.core.declarations import (
    Attribute,
    attributes,
    from_mapping,
    load_declaration,
    load_toml,
    sort_levels,
)
from gprplus.core.errors import DeclarationError


@dataclass(frozen=True)
class Inner:
    size: int
    share: float = 0.5


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    many: tuple[Inner, ...] = ()
    codes: dict[str, int] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    flag: bool = False
    limit: int | None = None
    seed: int | str = 0


RIGHT = {"name": "x", "inner": {"size": 3}}


def test_a_right_table_fills_the_dataclass():
    table = RIGHT | {
        "many": [{"size": 1, "share": 1}],
        "codes": {"01": 90},
        "words": ["a"],
        "limit": 4,
        "seed": "auto",
    }
    filled = from_mapping(Outer, table, "x.toml")
    assert filled == Outer("x", Inner(3), (Inner(1, 1.0),), {"01": 90}, ["a"], False, 4, "auto")
    assert isinstance(filled.many[0].share, float)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"nmae": "y"}, "x.toml: unknown key 'nmae'. Did you mean 'name'?"),
        ({"inner": {}}, "x.toml: inner: the key 'size' is missing."),
        ({"inner": 3}, "x.toml: inner: expected a table, found 3."),
        (
            {"inner": {"size": 3, "shre": 1}},
            "x.toml: inner: unknown key 'shre'. Did you mean 'share'?",
        ),
        ({"inner": {"size": True}}, "x.toml: inner: size: expected a whole number, found True."),
        (
            {"inner": {"size": 3, "share": True}},
            "x.toml: inner: share: expected a number, found True.",
        ),
        ({"name": 5}, "x.toml: name: expected text, found 5."),
        ({"many": [{"size": 1}, {}]}, "x.toml: many[1]: the key 'size' is missing."),
        ({"codes": {"01": "x"}}, "x.toml: codes.01: expected a whole number, found 'x'."),
        ({"words": "abc"}, "x.toml: words: expected a list, found 'abc'."),
        ({"flag": 1}, "x.toml: flag: expected true or false, found 1."),
        ({"limit": "four"}, "x.toml: limit: expected a whole number, found 'four'."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_table_is_refused_with_place_and_reason(change, sentence):
    with pytest.raises(DeclarationError) as caught:
        from_mapping(Outer, RIGHT | change, "x.toml")
    assert str(caught.value) == sentence


def test_a_missing_key_is_named():
    with pytest.raises(DeclarationError, match="the key 'inner' is missing"):
        from_mapping(Outer, {"name": "x"}, "x.toml")


def test_only_dataclasses_are_filled():
    with pytest.raises(AssertionError):
        from_mapping(dict, {}, "x.toml")


def test_the_digest_is_of_the_text_and_free_of_line_ends(tmp_path):
    texts = {"a": b"x = 1\ny = 2\n", "b": b"x = 1\r\ny = 2\r\n", "c": b"x = 1\ny = 3\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_bytes(text)
    digests = {name: load_toml(tmp_path / f"{name}.toml").digest for name in texts}
    assert digests["a"] == digests["b"] != digests["c"]


@pytest.mark.parametrize("text", [b"x = ", b"\xff\xfe"], ids=["not TOML", "not UTF-8"])
def test_what_is_not_toml_is_one_sentence(tmp_path, text):
    (tmp_path / "x.toml").write_bytes(text)
    with pytest.raises(DeclarationError, match="is not valid TOML"):
        load_declaration("recipes", tmp_path / "x.toml")


def test_an_absent_file_and_an_unknown_name_are_told_apart(tmp_path):
    with pytest.raises(DeclarationError, match="cannot be read"):
        load_declaration("layouts", tmp_path / "nowhere.toml")
    for kind, one in (("layouts", "layout"), ("recipes", "recipe"), ("studies", "study")):
        with pytest.raises(DeclarationError, match=f"There is no {one} called 'qqq'"):
            load_declaration(kind, "qqq")


@pytest.mark.parametrize("kind", ["layouts", "recipes", "studies", "constructions"])
def test_every_shipped_declaration_is_read_by_its_name(kind):
    for name in declarations.declaration_names(kind):
        found = load_declaration(kind, name)
        assert found.name == name
        assert found.data


def test_attributes_are_whole():
    for name, attribute in attributes().items():
        assert attribute.level in ("image", "identity"), name
        assert attribute.type in ("category", "integer"), name
        assert attribute.sentence.endswith("."), name
        assert len(set(attribute.levels)) == len(attribute.levels), name
        assert all(level == level.lower() and " " not in level for level in attribute.levels), name
    assert len(declarations.identity_attributes()) == 13
    assert set(declarations.image_attributes()) | set(declarations.identity_attributes()) == set(
        attributes()
    )


def test_attributes_are_declared_strictly():
    with pytest.raises(DeclarationError, match="Did you mean 'ordered'"):
        from_mapping(
            Attribute,
            {"level": "image", "type": "category", "sentence": ".", "orderd": True},
            "attributes.toml",
        )


def test_levels_stand_in_declared_order_and_numbers_by_value():
    assert sort_levels("illumination", {"night", "dawn", "noon", "zzz", "aaa"}) == [
        "dawn",
        "noon",
        "night",
        "aaa",
        "zzz",
    ]
    assert sort_levels("viewpoint_deg", [270, 30, 120]) == [30, 120, 270]
    assert sort_levels("not declared", ["b", "a"]) == ["a", "b"]


def found_from(site: Path) -> str:
    """The folder of declarations that the package copied to `site` finds, asked in a process of its
    own."""
    source = Path(declarations.__file__).parents[1]
    (site / "gprplus").mkdir(parents=True, exist_ok=True)
    (site / "gprplus" / "core").mkdir(parents=True, exist_ok=True)
    for name in ("__init__", "core/__init__", "core/declarations", "core/errors", "core/typed"):
        (site / "gprplus" / f"{name}.py").write_text((source / f"{name}.py").read_text())
    line = "import sys; sys.path.insert(0, sys.argv[1]); from gprplus.core import declarations; "
    line += "print(declarations.declarations_folder())"
    ran = subprocess.run(
        [sys.executable, "-c", line, str(site)], capture_output=True, text=True, check=False
    )
    return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "place", ["gprplus/manifests", "manifests"], ids=["a wheel", "an editable install"]
)
def test_both_kinds_of_install_find_the_declarations(tmp_path, place):
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "attributes.toml").write_text("")
    assert Path(found_from(tmp_path)) == (tmp_path / place).resolve()


def test_an_install_without_declarations_says_what_to_do(tmp_path):
    assert "Install gprplus again with pip." in found_from(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = " + "[" * 5000, "nested too deeply"),
        ("a." * 40 + "a = 1", "a key has more than 32 parts"),
        ('["a"' + " . 'b'" * 40 + "]", "a key has more than 32 parts"),
        ("x = 1" + "0" * 5000, "is not valid TOML"),
        ("# " + "x" * 1_000_000, "is larger than 1,000,000 bytes"),
    ],
    ids=["depth", "dotted key", "dotted table", "long number", "size"],
)
def test_a_file_that_would_take_the_parser_for_ever_is_one_sentence(tmp_path, text, sentence):
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(DeclarationError, match=sentence):
        load_toml(tmp_path / "x.toml")


def test_texts_with_many_dots_are_no_keys(tmp_path):
    (tmp_path / "x.toml").write_text(f"# {'.' * 80}\nx = '{'.'.join('abcdefghij')}'\n")
    assert load_toml(tmp_path / "x.toml").data == {"x": "a.b.c.d.e.f.g.h.i.j"}


def test_an_address_is_not_a_missing_file():
    with pytest.raises(
        DeclarationError, match=r"^s3://bucket/mine\.toml is an address, and only a"
    ):
        load_toml(Path("s3://bucket/mine.toml"))
