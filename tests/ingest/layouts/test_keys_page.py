"""docs/layout_files.md describes every key of a layout."""

from dataclasses import fields
from pathlib import Path

import pytest

from gprplus.ingest.layouts import tokens
from gprplus.ingest.layouts.layout import DEFAULT_ENDINGS, Layout

PAGE = (Path(__file__).parents[3] / "docs" / "layout_files.md").read_text(encoding="utf-8")
OWN = {"name", "digest", "shipped"}  # not keys
CLASSES = (
    Layout,
    tokens.LevelTokens,
    tokens.DegreeTokens,
    tokens.ConcatenatedTokens,
    tokens.LayoutAttribute,
    tokens.RoleListRule,
    tokens.ExpectedCounts,
    tokens.RepeatedPassRule,
    tokens.EngineLogRule,
)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_key_is_on_the_page(kind: type) -> None:
    keys = {one.name for one in fields(kind)} - OWN
    marks = ("`{}`", "`[{}]`", "`[[{}]]`", "`[{}.NAME]`", "`[attributes.NAME.{}]`")
    absent = [key for key in keys if not any(mark.format(key) in PAGE for mark in marks)]
    assert absent == []


def test_every_default_extension_is_on_the_page() -> None:
    assert [one for one in DEFAULT_ENDINGS if f"`{one}`" not in PAGE] == []
