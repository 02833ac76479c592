"""Render plans as files: round trips, hand-edited tables, and one sentence for each wrong row."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.core.errors import PlanError
from gprplus.engine.plans import render_plan
from gprplus.engine.plans.plan_cells import compact_numbers, parse_numbers
from gprplus.engine.plans.render_plan import RenderPlan
from gprplus.schema import arrow_schema
from gprplus.schema.render_plan import PLAN_CELLS

ROW = {"viewpoint_deg": 90, "weather": "sunny", "illumination": "noon", "identities": "1-3 7"}

LEVELS = st.fixed_dictionaries(
    {
        "viewpoint_deg": st.integers(0, 359),
        "camera_height_m": st.none() | st.floats(0.3, 6),
        "weather": st.sampled_from(["sunny", "foggy"]),
        "illumination": st.sampled_from(["noon", "dusk-night"]),
        "background": st.none() | st.just("park"),
    }
)
FACTS = st.fixed_dictionaries(
    {
        "identities": st.sets(st.integers(1, 9999), min_size=1, max_size=6).map(sorted),
        "weight": st.floats(0, 1),
        "is_new": st.none() | st.booleans(),
        "reason": st.text(st.characters(codec="utf-8", categories=["L", "N", "P"])),
    }
)


@st.composite
def rows(draw) -> list[dict]:
    levels = draw(st.lists(LEVELS, min_size=1, max_size=5, unique_by=lambda one: str(one)))
    return [{**one, **draw(FACTS)} for one in levels]


@settings(max_examples=25, deadline=None)
@given(rows())
def test_a_plan_is_the_same_from_each_of_its_files(rows: list[dict]) -> None:
    plan = RenderPlan.make("fog", rows, info={"request": {"budget": 9}})
    with TemporaryDirectory() as home:
        folder = plan.write(Path(home) / "plan")
        whole = RenderPlan.open(folder)
        assert whole.info == plan.info
        assert whole.identities == plan.identities
        for file in ("plan.json", "plan.csv", "plan.parquet"):
            found = RenderPlan.open(folder / file)
            assert found.cells == plan.cells, file
            assert found.fingerprint == plan.fingerprint


def test_the_columns_are_those_of_the_schema() -> None:
    plan = RenderPlan.make("p", [ROW, {**ROW, "weather": "foggy", "identities": [12]}])
    assert plan.cells.schema == arrow_schema(PLAN_CELLS)
    first = plan.cells.slice(0, 1).to_pylist()[0]
    assert first["identities"] == ["0001", "0002", "0003", "0007"]
    assert (first["cell"], first["images"], first["weight"]) == (1, 4, 0.8)
    assert first["camera_height_m"] is first["background"] is first["is_new"] is None
    assert plan.identities["identity"].to_pylist() == ["0001", "0002", "0003", "0007", "0012"]
    assert repr(plan) == "RenderPlan 'p': 5 images of 5 identities in 2 cells, 0 of them new"


def test_a_hand_written_table_needs_four_columns(tmp_path: Path) -> None:
    """As a spreadsheet saves it: a mark of the byte order, semicolons, quotes, an empty line."""
    (tmp_path / "mine.csv").write_text(
        "\ufeffviewpoint_deg; weather;illumination;identities;reason\n"
        '90;sunny;noon;"1-2, 0004";"low; wet"\n;;;;\n359.0;foggy;dusk;7;\n',
        encoding="utf-8",
    )
    plan = RenderPlan.open(tmp_path / "mine.csv")
    assert (plan.name, plan.images) == ("mine", 4)
    assert [row.identities for row in plan.rows] == [(1, 2, 4), (7,)]
    assert [row.viewpoint_deg for row in plan.rows] == [90, 359]
    assert plan.rows[0].reason == "low; wet"


def test_the_fingerprint_is_of_the_images_alone() -> None:
    rows = [ROW, {**ROW, "weather": "foggy"}]
    one = RenderPlan.make("a", rows)
    other = RenderPlan.make(
        "b", [{**row, "reason": "why", "cell": 9 - i} for i, row in enumerate(rows[::-1])]
    )
    halves = RenderPlan.make(
        "c", [{**ROW, "identities": "1 2"}, {**ROW, "identities": "3 7"}, rows[1]]
    )
    assert one.fingerprint == other.fingerprint == halves.fingerprint
    assert one.fingerprint != RenderPlan.make("a", [ROW]).fingerprint


@given(st.sets(st.integers(1, 9999), min_size=1, max_size=50))
def test_compact_numbers_are_read_back(numbers: set[int]) -> None:
    assert parse_numbers(compact_numbers(sorted(numbers))) == tuple(sorted(numbers))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"viewpoint_deg": 360},
            r"row 2: viewpoint_deg: expected whole degrees from 0 to 359, found '360'",
        ),
        ({"viewpoint_deg": "left"}, r"row 2: viewpoint_deg: expected .*, found 'left'"),
        ({"viewpoint_deg": 90.5}, r"found '90.5'"),
        ({"viewpoint_deg": True}, r"found 'True'"),
        ({"weather": " "}, r"row 2: weather is missing; expected the name of a level"),
        ({"weather": 3}, r"row 2: weather: expected the name of a level, found '3'"),
        ({"camera_height_m": 0}, r"row 2: camera_height_m: expected meters above 0, found '0'"),
        ({"camera_height_m": float("nan")}, r"expected meters above 0, found 'nan'"),
        ({"identities": None}, r"row 2: identities is missing; expected different numbers"),
        ({"identities": "4-2"}, r"identities: expected different numbers .* found '4-2'"),
        ({"identities": "0 1"}, r"found '0 1'"),
        ({"identities": "10000"}, r"found '10000'"),
        ({"identities": "1-3 2"}, r"found '1-3 2'"),
        ({"identities": []}, r"found '\[\]'"),
        ({"identities": "1-2", "images": 3}, r"row 2: images is 3, but there are 2 identities"),
        ({"weight": -1}, r"weight: expected a number from 0, found '-1'"),
        ({"is_new": "maybe"}, r"is_new: expected true or false, found 'maybe'"),
        ({"cell": 1}, r"rows 1 and 2 both have cell 1"),
        ({"wether": "foggy"}, r"unknown column 'wether'. Did you mean 'weather'"),
        (
            {"identities": "7", "weather": "sunny"},
            r"rows 1 and 2 have the same image: identity 0007",
        ),
    ],
    ids=str,
)
def test_a_wrong_row_is_one_sentence(changes: dict, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        RenderPlan.make("p", [ROW, {**ROW, "weather": "foggy", **changes}])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("plan.csv", "", "has no rows"),
        ("plan.csv", "viewpoint_deg,weather\n", "has no rows"),
        ("plan.csv", "viewpoint_deg,weather\n90,sunny\n", "row 1: identities is missing"),
        ("plan.csv", "weather,weather\nsunny,sunny\n", "the column weather is there twice"),
        ("plan.csv", "weather\nsunny,1,2\n", "row 1: 3 cells in 1 columns"),
        ("plan.csv", b"\xff\xfe\x00", "cannot be read as CSV"),
        ("plan.json", "{", "cannot be read as a render plan"),
        ("plan.json", '{"rows": []}', "a list 'cells' was expected"),
        ("plan.json", '{"cells": [1]}', "row 1 of cells: expected an object"),
        ("plan.json", '{"cells": [], "identities": {}}', "identities: expected a list"),
        ("plan.json", '{"cells": [], "kind": "split"}', "expected render-plan .* found split"),
        ("plan.json", '{"cells": [], "schema_version": 9}', "found render-plan of 9"),
        ("plan.parquet", b"PAR1", "cannot be read as a Parquet table"),
        ("plan.txt", "", r"is a .csv, .json or .parquet file, not '.txt'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_that_is_no_plan_is_one_sentence(
    tmp_path: Path, name: str, content: str | bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PlanError, match=sentence):
        RenderPlan.open(tmp_path / name)


def test_a_missing_plan_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"is no file\. Give a plan"):
        RenderPlan.open(tmp_path / "plan.csv")
    with pytest.raises(PlanError, match=r"it has no plan\.json"):
        RenderPlan.open(tmp_path)


def test_the_folder_of_an_edited_table_is_refused(tmp_path: Path) -> None:
    folder = RenderPlan.make("p", [ROW]).write(tmp_path / "plan")
    table = folder / "plan.csv"
    table.write_text(table.read_text().replace("1-3 7", "1-3 8").replace(",4,", ",,"))
    with pytest.raises(PlanError, match=r"plan.csv differs from plan.json. Give the file"):
        RenderPlan.open(folder)
    assert RenderPlan.open(table).rows[0].identities == (1, 2, 3, 8)


def test_a_stopped_replacement_is_no_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RenderPlan.make("a", [ROW]).write(tmp_path / "plan")

    def stop(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(render_plan, "write_text", stop)
    with pytest.raises(KeyboardInterrupt):
        RenderPlan.make("b", [{**ROW, "identities": "4"}]).write(tmp_path / "plan")
    with pytest.raises(PlanError, match=r"it has no plan\.json"):
        RenderPlan.open(tmp_path / "plan")


def test_the_table_of_identities_has_the_expected_attributes(tmp_path: Path) -> None:
    rows = [
        {"identity": i, "hat": "yes" if i == 7 else None, "reason": "rare"} for i in (1, 2, 3, 7)
    ]
    plan = RenderPlan.make("p", [ROW], identities=rows)
    assert plan.identities.column_names == ["identity", "hat", "reason"]
    folder = plan.write(tmp_path / "plan")
    assert RenderPlan.open(folder).identities == plan.identities
    assert json.loads((folder / "plan.json").read_text())["identities"][3]["hat"] == "yes"
    assert plan.identities.schema.field("hat").type == pa.string()


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"identity": "1", "hut": "yes"}], "unknown attribute 'hut' .* Did you mean 'hat'"),
        ([{"identity": "1", "hat": "red"}], "row 1 of the identities: hat: 'red' is no level"),
        ([{"identity": "all"}], "identity: expected a number, found 'all'"),
        ([{"identity": "1"}], "are not those of the cells; one that differs is 0002"),
        ([{"identity": i} for i in (1, 2, 3, 7, 7)], "one that differs is 0007"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_identities_are_one_sentence(rows: list[dict], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        RenderPlan.make("p", [ROW], identities=rows)


def test_a_folder_with_other_files_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(PlanError, match="already holds other files"):
        RenderPlan.make("p", [ROW]).write(tmp_path)
