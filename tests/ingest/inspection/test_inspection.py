"""What inspect finds in small trees whose faults are known."""

from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gprplus.ingest import build_manifest, inspect
from gprplus.ingest.inspection.cells import is_determined
from gprplus.ingest.inspection.sample_grid import pick_grid
from gprplus.ingest.tables.coded import CodedColumn


def test_a_whole_design_has_even_margins_and_no_holes(renders: Path, tmp_path: Path) -> None:
    found = inspect(build_manifest([renders], tmp_path / "m").path)
    assert found.counts == {"images": 36, "identities": 3, "rejected": 0}
    assert found.margins["weather"] == {"sunny": 12, "clouds": 12, "overcast": 12}
    assert found.margins["viewpoint_deg"] == {90: 18, 120: 18}
    (cells,) = found.cells
    assert (cells.cells, cells.missing, cells.fewest, cells.most) == (36, 0, 1, 1)
    assert [(alias.attribute, alias.of, alias.declared) for alias in found.aliases] == [
        ("camera", ("viewpoint_deg",), True)
    ]


def test_holes_incomplete_people_and_rejected_files_are_sentences(
    renders: Path, tmp_path: Path
) -> None:
    for name in ("0002/0002_c01_w02_l01.jpg", "0002/0002_c02_w03_l02.jpg"):
        (renders / name).unlink()
    (renders / "0003/0003_c01_w01_l01.jpg").write_bytes(b"")
    found = inspect(build_manifest([renders], tmp_path / "m"))
    assert found.cells[0].missing == 3
    assert found.cells[0].missing_examples[0] == "0002 90 clouds midnight"
    problems = "\n".join(found.problems)
    assert "1 file(s) rejected as empty: 0003/0003_c01_w01_l01.jpg." in problems
    assert "0002 (10), 0003 (11)" in problems
    assert "3 hold no image" in problems


def test_the_doubled_sunny_pass_is_told_and_fills_no_cell_twice(tmp_path: Path, plant) -> None:
    names = [
        f"0000/0000_C{c:02d}_W{w}_L00.jpg" for c, w in product(range(2), ["-1", "00", "01", "02"])
    ]
    manifest = build_manifest([plant(tmp_path / "r", names)], tmp_path / "m")
    found = inspect(manifest)
    assert (found.cells[0].fewest, found.cells[0].most) == (1, 1)
    assert "2 images of the weather pass -1 are second takes of 00: marked as junk" in "\n".join(
        found.problems
    )


def test_weather_and_background_are_confounded_in_the_first_raw_generator(
    tmp_path: Path, plant, picture
) -> None:
    names = [f"0000/0000_C00_W{w:02d}_L{light:02d}.jpg" for w, light in product(range(7), range(2))]
    root = plant(tmp_path / "r", names, picture(width=350, height=720, kind=".png"))
    aliases = inspect(build_manifest([root], tmp_path / "m")).aliases
    assert ("background", ("weather",), True) in [(a.attribute, a.of, a.declared) for a in aliases]


def test_a_level_with_few_images_is_named(tmp_path: Path, plant, design) -> None:
    names = [*design(identities=6), "0001/0001_c01_w07_l01.jpg"]
    found = inspect(build_manifest([plant(tmp_path / "r", names)], tmp_path / "m"))
    assert any(
        "few images have the level(s) snowlight (1)" in problem for problem in found.problems
    )


def test_market_is_not_taken_for_a_crossed_design(tmp_path: Path, plant) -> None:
    root = plant(
        tmp_path / "r",
        ["query/0001_c1s1_001051_00.jpg", "bounding_box_test/0002_c2s1_001051_01.jpg"],
    )
    assert inspect(build_manifest([root], tmp_path / "m")).cells == ()


@given(
    st.lists(
        st.tuples(st.integers(-1, 2), st.integers(-1, 2), st.integers(-1, 2)),
        min_size=1,
        max_size=20,
    )
)
def test_determined_agrees_with_looking_at_every_row(rows: list[tuple[int, int, int]]) -> None:
    columns = [CodedColumn([0, 1, 2], np.array(column)) for column in zip(*rows, strict=True)]
    known = [row for row in rows if min(row) >= 0]
    met = Counter(row[1:] for row in set(known))
    assert is_determined(columns[0], columns[1:]) == (bool(known) and max(met.values()) == 1)


def test_a_sheet_holds_everything_but_the_attribute(renders: Path, tmp_path: Path) -> None:
    manifest = build_manifest([renders], tmp_path / "m")
    (renders / "0001/0001_c01_w01_l01.jpg").unlink()
    sheet = pick_grid(manifest, "weather", columns=4)
    assert sheet.rows == ["sunny", "clouds", "overcast"]
    assert len(sheet.columns) == 4
    assert {label.split()[0] for label in sheet.columns[:3]} == {"0001", "0002", "0003"}
    assert all(cell is None or cell.shape == (47, 20, 3) for line in sheet.cells for cell in line)
    assert [
        len(pick_grid(manifest, by, columns=2).cells)
        for by in ("identity", "camera", "illumination")
    ] == [3, 2, 2]


def test_a_sheet_by_an_attribute_of_people(renders: Path, tmp_path: Path) -> None:
    (renders / "identities.csv").write_text("identity,hat\n0001,yes\n0002,no\n")
    manifest = build_manifest([renders], tmp_path / "m")
    sheet = pick_grid(manifest, "hat", columns=3)
    assert sheet.rows == ["no", "yes"]
    assert all(cell is not None for line in sheet.cells for cell in line)


def test_margins_tell_junk_apart(tmp_path: Path, shoot, save) -> None:
    """The sunny pass that the generator takes twice counts once."""
    save(tmp_path / "raw", [shot for shot in shoot(1, "A") if shot.camera == 0])
    found = inspect(build_manifest([tmp_path / "raw"], tmp_path / "m", layout="gta_raw_v314"))
    assert set(found.margins["weather"].values()) == {7}
    assert found.junk["weather"] == {"sunny": 7}
