"""One dataclass gives a function its keywords, a command its options, a record its keys."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import click
import numpy as np
import pytest
from click.testing import CliRunner

from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.errors import GprplusError, RenderError
from gprplus.core.options import Options, accepts, combined, option, options_of, record_of, renamed
from gprplus.core.spelling import CannotSpell, spelled


@dataclass(frozen=True)
class PaintOptions(Options):
    """Options of a small painter."""

    error: ClassVar[type[GprplusError]] = RenderError

    colour: str = option(
        "red", group="Paint", choices={"red": "like a rose", "blue": "like the sea"}, help="Colour."
    )
    coats: int | None = option(
        None, group="Paint", old="layers", at_least=1, at_most=9, default_note="one", help="Coats."
    )
    share: float = option(0.5, group="Paint", at_least=0, below=1, help="Share that {coats} cover.")
    rooms: tuple[str, ...] = option((), group="Where", help="Rooms, separated by commas.")
    maps: Mapping[str, Path] = option({}, group="Where", flag="--map", help="A map of a house.")
    logs: tuple[Path, ...] = option((), group="Where", flag="--log", repeated=True, help="A log.")
    dry: bool | None = option(None, group="Paint", help="Wait until it is dry.")
    quiet: bool = option(False, group="Where", recorded=False, help="Print nothing.")


@accepts(PaintOptions)
def paint(
    house: str, options: PaintOptions | None = None, *, force: bool = False, **changes: Any
) -> PaintOptions:
    """Paint a house.

    Args:
        house: its name.
        force: paint over what is there.

    Raises:
        RenderError: there is no paint.
    """
    return combined(PaintOptions, options, changes, "paint")


@click.command("paint", cls=TopicCommand)
@click_options(PaintOptions)
def command(**values: Any) -> None:
    """Paint a house.

    \b
    Example:
      paint --coats 2
    """
    click.echo(repr(record_of(given_options(PaintOptions, values))))


def test_keywords_change_single_fields():
    assert paint("ours", coats=2) == PaintOptions(coats=2)
    assert paint("ours", PaintOptions(colour="blue", coats=3), coats=2) == PaintOptions(
        colour="blue", coats=2
    )


@pytest.mark.parametrize(
    ("keyword", "sentence"),
    [
        ("coat", r"paint\(\) has no option 'coat'. Did you mean 'coats'\?"),
        ("layers", r"paint\(\) has no option 'layers'. It is now called 'coats'."),
    ],
)
def test_an_unknown_keyword_names_the_nearest(keyword, sentence):
    with pytest.raises(TypeError, match=sentence):
        paint("ours", **{keyword: 2})


def test_the_signature_and_the_docstring_list_every_option():
    parameters = inspect.signature(paint).parameters
    assert list(parameters) == ["house", "options", "force", *options_of(PaintOptions)]
    assert parameters["share"].default == 0.5
    assert paint.__doc__.splitlines()[2:8] == [
        "Args:",
        "    house: its name.",
        "    force: paint over what is there.",
        "    colour (str): Colour. red: like a rose; blue: like the sea.",
        "    coats (int): Coats. Default: one.",
        "    share (float): Share that `coats` cover.",
    ]
    assert paint.__doc__.endswith("Raises:\n    RenderError: there is no paint.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"coats": 0}, "--coats must be at least 1; found 0."),
        ({"coats": 10}, "--coats must be at most 9; found 10."),
        ({"coats": "two"}, "--coats must be a whole number; found 'two'."),
        ({"coats": True}, "--coats must be a whole number; found True."),
        ({"coats": 2**63}, "--coats must be a whole number of 64 bits; found 9223372036854775808."),
        ({"share": 1}, "--share must be less than 1; found 1."),
        ({"share": float("nan")}, "--share must be a finite number; found nan."),
        ({"colour": "rot"}, "--colour rot is not known. Known: blue, red."),
        ({"rooms": 3}, "--rooms must be a list; found 3."),
        ({"maps": "a"}, "--map must be a dictionary; found 'a'."),
        ({"dry": "no"}, "--dry must be True or False; found 'no'."),
    ],
)
def test_a_wrong_value_is_one_sentence(options, sentence):
    with pytest.raises(RenderError) as raised:
        PaintOptions(**options)
    assert (
        str(raised.value) == sentence.replace("found 1.", "found 1.0.")
        if "share" in options
        else sentence
    )


def test_values_are_converted_as_callers_write_them():
    found = PaintOptions(
        coats=np.int64(2),
        share=np.float32(0.25),
        rooms="hall, loft",
        maps={"ours": "a/b"},
        logs="x.txt",
    )
    assert (found.coats, found.share, found.rooms) == (2, 0.25, ("hall", "loft"))
    assert (type(found.coats), found.maps, found.logs) == (
        int,
        {"ours": Path("a/b")},
        (Path("x.txt"),),
    )
    assert PaintOptions(rooms=[1, 2]).rooms == ("1", "2")


def test_a_record_has_the_earlier_keys_and_tables_take_both():
    assert record_of(PaintOptions(coats=2, quiet=True)) == {
        "colour": "red",
        "layers": 2,
        "share": 0.5,
        "rooms": [],
        "maps": {},
        "logs": [],
        "dry": None,
    }
    assert PaintOptions(quiet=True) == PaintOptions(), (
        "what is not recorded does not make another request"
    )
    assert renamed(PaintOptions, {"layers": 2, "colour": "red"}) == {"coats": 2, "colour": "red"}
    assert renamed(PaintOptions, {"layers": 2, "coats": 3}) == {"layers": 2, "coats": 3}, (
        "one of them is unknown"
    )


CASES = [
    PaintOptions(),
    PaintOptions(colour="blue", coats=2, share=0.125, rooms=("hall", "loft")),
    PaintOptions(maps={"ours": Path("a b"), "theirs": Path("c")}, logs=(Path("x"), Path("y"))),
    PaintOptions(dry=True),
    PaintOptions(dry=False),
]


@pytest.mark.parametrize("options", CASES)
def test_the_spelled_words_give_the_options_again(options):
    words = [
        "=".join(map(str, word)) if isinstance(word, tuple) else str(word)
        for word in spelled(options)
    ]
    shown = CliRunner().invoke(command, words)
    assert shown.output.strip() == repr(record_of(options))


def test_defaults_are_not_spelled_and_a_blank_cannot_be():
    assert spelled(PaintOptions(coats=2)) == ["--coats", "2"]
    assert spelled(PaintOptions(coats=2), leave=("coats",)) == []
    assert spelled(PaintOptions(), keep=("colour",)) == ["--colour", "red"]
    with pytest.raises(CannotSpell):
        spelled(PaintOptions(rooms=("dining room",)))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--coats", "0"], "Invalid value for '--coats': must be at least 1; found 0."),
        (["--colour", "rot"], "Invalid value for '--colour': rot is not known. Known: blue, red."),
    ],
)
def test_a_wrong_value_on_the_command_line_is_an_error_of_usage(words, sentence):
    shown = CliRunner().invoke(command, words)
    assert shown.exit_code == 2
    assert sentence in shown.output


def test_an_earlier_flag_is_accepted_and_not_shown():
    assert (
        CliRunner().invoke(command, ["--layers", "2"]).output
        == CliRunner().invoke(command, ["--coats", "2"]).output
    )
    assert "layers" not in CliRunner().invoke(command, ["--help"]).output
    assert "layers" not in CliRunner().invoke(command, ["--coats", "0"]).output


def test_help_lists_options_by_topic_and_ends_with_the_examples(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(command, ["--help"]).output.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")][1:] == [
        "Paint:",
        "Where:",
        "Output:",
        "Example:",
    ]
    assert "  --coats N                 Coats.  [default: one]" in lines
    assert "                            - blue: like the sea" in lines
    assert "  --share NUMBER            Share that --coats cover.  [default: 0.5]" in lines
    assert lines[-1] == "  paint --coats 2"
    assert max(map(len, lines)) <= 80


def test_options_are_replaced_with_checks():
    with pytest.raises(RenderError, match="--coats must be at least 1"):
        replace(PaintOptions(coats=2), coats=0)


def test_a_call_names_the_keyword_and_a_command_the_flag():
    with pytest.raises(GprplusError, match=r"^coat_share must be less than 1; found 2\.0\.$"):
        combined(Wardrobe, None, {"coat_share": 2.0}, "wear")
    with pytest.raises(GprplusError, match=r"^--coat-share must be less than 1; found 2\.0\.$"):
        Wardrobe(coat_share=2.0)


@dataclass(frozen=True)
class Wardrobe(Options):
    """An option whose keyword and flag differ."""

    coat_share: float = option(0.5, group="Paint", below=1, help="Share of coats.")
