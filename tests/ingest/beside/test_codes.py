"""Attribute tables in codes: read by name, and unknown where they say what cannot be."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gprplus.core.declarations import attributes, declaration_names
from gprplus.core.errors import DeclarationError, ManifestError
from gprplus.ingest import build_manifest, inspect
from gprplus.ingest.layouts.load import shipped_layouts
from gprplus.ingest.sidecars.identities import IdentityTable, read_identities
from gprplus.ingest.sidecars.identity_codes import load_code_table

UP = ["upblack", "upwhite", "upred", "uppurple", "upyellow", "upgray", "upblue", "upgreen"]
DOWN = [
    "downblack",
    "downwhite",
    "downpink",
    "downpurple",
    "downyellow",
    "downgray",
    "downblue",
    "downgreen",
]
DOWN += ["downbrown"]
PLAIN = ["gender", "hair", "up", "down", "clothes", "hat", "backpack", "bag", "handbag", "age"]


def struct(people: dict[str, dict[str, int]], order: list[str]) -> dict[str, object]:
    """One half of an attribute file: a row vector for each field, in the given order, 1 unless said
    otherwise."""
    fields = {
        name: np.array([[said.get(name, 1) for said in people.values()]], np.uint8)
        for name in order
    }
    cells = np.empty((1, len(people)), object)
    cells[0, :] = list(people)
    return {**fields, "image_index": cells}


def market_mat(
    path: Path, train: dict[str, dict[str, int]], test: dict[str, dict[str, int]]
) -> Path:
    savemat = pytest.importorskip("scipy.io").savemat
    order = [*PLAIN, *UP, *DOWN]
    halves = {"train": struct(train, order), "test": struct(test, order[::-1])}
    savemat(path, {"market_attribute": halves})
    return path


def duke_mat(path: Path, train: dict[str, dict[str, int]]) -> Path:
    savemat = pytest.importorskip("scipy.io").savemat
    order = ["gender", "top", "boots", "hat", "backpack", "bag", "handbag", "shoes"]
    order += [
        f"up{c}" for c in ("black", "white", "red", "purple", "gray", "blue", "green", "brown")
    ]
    order += [f"down{c}" for c in ("black", "white", "red", "gray", "blue", "green", "brown")]
    savemat(
        path,
        {
            "duke_attribute": {
                "test": struct({"0005": {}, "0006": {}}, order),
                "train": struct(train, order),
            }
        },
    )
    return path


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_fields_are_found_by_name_though_train_and_test_order_them_differently(
    tmp_path: Path,
) -> None:
    one = {
        "gender": 2,
        "hair": 2,
        "up": 2,
        "clothes": 1,
        "age": 3,
        "upred": 2,
        "downblue": 2,
        "handbag": 2,
    }
    two = {
        "gender": 1,
        "hair": 1,
        "up": 1,
        "clothes": 2,
        "age": 4,
        "upgreen": 2,
        "downpink": 2,
        "hat": 2,
    }
    path = market_mat(
        tmp_path / "market_attribute.mat", {"0002": one, "0007": one}, {"0001": two, "0003": two}
    )
    found = read_identities(path, "market1501")
    assert found.warnings == ()
    assert found.known["0002"] == found.known["0007"]
    assert found.known["0002"] == {
        "gender": "female",
        "hair": "long",
        "sleeve": "short",
        "dress": "yes",
        "age": "adult",
        "hat": "no",
        "bag": "yes",  # a handbag is one
        "upper_colour": "red",
        "lower_colour": "blue",
    }
    assert (found.known["0001"]["upper_colour"], found.known["0001"]["bag"]) == ("green", "no")
    assert (found.known["0001"]["age"], found.known["0001"]["lower_colour"]) == ("older", "pink")


def test_a_person_with_no_colour_or_with_two_has_an_unknown_one(tmp_path: Path) -> None:
    halves = (
        {"0002": {"downblue": 2}, "0007": {"upred": 2, "upblue": 2, "downblue": 2}},
        {"0001": {}, "0003": {}},
    )
    found = read_identities(market_mat(tmp_path / "m.mat", *halves), "market1501")
    assert [found.known[name].get("upper_colour") for name in ("0001", "0002", "0007")] == [
        None,
        None,
        None,
    ]
    assert found.known["0007"]["lower_colour"] == "blue"
    told = " ".join(found.warnings)
    assert "gives upper_colour none of the levels black, white" in told
    assert "for 3 identities (0001, 0002, 0003): it stays unknown." in told
    assert "gives upper_colour more than one of the levels black, white" in told
    assert "for 1 identity (0007)" in told


def test_dukes_top_of_nought_is_unknown_and_told(tmp_path: Path, plant) -> None:
    colours = {"upred": 2, "downblue": 2}
    people = {"0370": {"top": 0, **colours}, "0001": {"top": 2, "shoes": 2, **colours}}
    root = plant(
        tmp_path / "duke", ["bounding_box_train/0370_c2_f0046182.jpg", "query/0001_c2_f0046182.jpg"]
    )
    path = duke_mat(root / "duke_attribute.mat", people)
    manifest = build_manifest([root], tmp_path / "m", identities=path)
    rows = {row["identity"]: row for row in manifest.identities().to_pylist()}
    assert (rows["0370"]["top_length"], rows["0370"]["upper_colour"]) == (None, "red")
    assert (rows["0001"]["top_length"], rows["0001"]["shoe_colour"]) == ("long", "light")
    assert manifest.record.counts["rejected"] == 0
    told = " ".join(inspect(manifest).problems)
    assert "gives top_length the impossible value '0' for 1 identity (0370)" in told


def test_01_is_yes_in_finegpr_and_no_in_the_market_file(tmp_path: Path) -> None:
    fine = read_identities(
        written(tmp_path / "a.csv", "identity,hat\n0001,01\n0002,02\n"), "finegpr"
    )
    market = read_identities(
        written(tmp_path / "b.csv", "identity,hat\n0001,1\n0002,2\n"), "market1501"
    )
    assert [fine.known[name]["hat"] for name in ("0001", "0002")] == ["yes", "no"]
    assert [market.known[name]["hat"] for name in ("0001", "0002")] == ["no", "yes"]


def test_finegprs_published_codes_and_words_may_stand_side_by_side(tmp_path: Path, plant) -> None:
    root = plant(
        tmp_path / "fine", ["0001/0001_c01_w01_l01_p01.jpg", "0002/0002_c01_w01_l01_p01.jpg"]
    )
    text = (
        "identity,Gender,short sleeve,top length,shoes,upper"
        " colour,age,boot\n0001,02,01,01,02,05,03,01\n"
    )
    (root / "identities.csv").write_text(text + "0002,male,long,2,dark,Red,04,\n")
    manifest = build_manifest([root], tmp_path / "m")
    first, second = manifest.identities().to_pylist()
    read = ["gender", "sleeve", "top_length", "shoe_colour", "upper_colour", "age", "boots"]
    assert [first[name] for name in read] == [
        "female",
        "short",
        "long",
        "light",
        "gray",
        "older",
        "yes",
    ]
    assert [second[name] for name in read] == ["male", "long", "short", "dark", "red", None, None]
    assert "gives age the impossible value '4' for 1 identity (0002)" in " ".join(
        inspect(manifest).problems
    )


@pytest.mark.parametrize(
    "content",
    [
        [{"identity": "0001", "hat": True}, {"identity": "0002", "gender": "Male", "hat": None}],
        {"0001": {"hat": "yes"}, "0002": {"gender": "male"}},
    ],
)
def test_json_is_a_list_of_records_or_an_object_of_people(tmp_path: Path, content: object) -> None:
    found = read_identities(written(tmp_path / "people.json", json.dumps(content)))
    assert found == IdentityTable({"0001": {"hat": "yes"}, "0002": {"gender": "male"}})


def test_codes_as_whole_fractions_are_codes(tmp_path: Path) -> None:
    table = pa.table(
        {"identity": ["0001", "0002"], "gender": [1.0, None], "hair": [float("nan"), 2.0]}
    )
    pq.write_table(table, tmp_path / "p.parquet")
    assert read_identities(tmp_path / "p.parquet", "finegpr").known == {
        "0001": {"gender": "male"},
        "0002": {"hair": "short"},
    }


def test_a_code_without_a_table_is_no_level(tmp_path: Path) -> None:
    found = read_identities(written(tmp_path / "a.csv", "identity,hat\n0001,01\n0002,yes\n"))
    assert found.known == {"0001": {}, "0002": {"hat": "yes"}}
    assert found.warnings[0].startswith(
        "the identities file gives hat the impossible value '1' for 1 identity (0001)"
    )


def test_rows_of_one_person_complete_each_other_and_clashes_are_counted(tmp_path: Path) -> None:
    good = written(tmp_path / "a.csv", "identity,hat,gender\n0001,yes,\n0001,,male\n")
    assert read_identities(good).known == {"0001": {"hat": "yes", "gender": "male"}}
    bad = written(
        tmp_path / "b.csv", "identity,hat\n" + "".join(f"{i},yes\n{i},no\n" for i in range(5))
    )
    with pytest.raises(ManifestError, match=r"has conflicting rows for 5 identities .* and 2 more"):
        read_identities(bad)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.json", "[1, 2]", "expected a list of objects"),
        ("a.json", "{", "cannot be read as JSON"),
        ("a.json", '[{"person": 1}]', "has no column 'identity'; it has person"),
        ("a.parquet", "hello", "cannot be read as Parquet"),
        ("a.csv", "identity,gendre\n", "unknown column 'gendre'. Did you mean 'gender'?"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    with pytest.raises(ManifestError) as problem:
        read_identities(written(tmp_path / name, text))
    assert sentence in str(problem.value)


def test_a_matlab_file_takes_a_code_table(tmp_path: Path) -> None:
    path = market_mat(tmp_path / "m.mat", {"0002": {}, "0007": {}}, {"0001": {}, "0003": {}})
    with pytest.raises(ManifestError, match="the layout declares no code table"):
        read_identities(path)
    (tmp_path / "new.mat").write_bytes(
        b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512)
    )
    with pytest.raises(ManifestError, match=r"version 7\.3 \(HDF5\)"):
        read_identities(tmp_path / "new.mat", "market1501")


def test_zeros_that_a_spreadsheet_lost_are_pointed_out_and_not_guessed(
    renders: Path, tmp_path: Path
) -> None:
    manifest = build_manifest(
        [renders], tmp_path / "m", identities=written(tmp_path / "p.csv", "identity,hat\n1,yes\n")
    )
    assert manifest.identities()["hat"].to_pylist() == [None, None, None]
    assert (
        "it has '1', the images have '0001' (the same number, with or without zeros)"
        in " ".join(inspect(manifest).problems)
    )


@pytest.mark.parametrize("name", declaration_names("codes"))
def test_code_tables_speak_in_declared_levels(name: str) -> None:
    added = {("age", "young"), ("lower_colour", "pink")}  # levels that only the Market file has
    for attribute, code in load_code_table(name).attributes.items():
        for level in code.flags.values() or code.levels.values():
            assert level in attributes()[attribute].levels or (attribute, level) in added


def test_the_code_table_of_every_layout_is_there() -> None:
    tables = {layout.codes for layout in shipped_layouts() if layout.codes}
    assert tables == set(declaration_names("codes"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[attributes.gendre]\nlevels = {1 = 'male'}", "Did you mean 'gender'?"),
        ("[attributes.hat]\ncolumns = ['cap']", "attributes.hat has no levels"),
        ("[attributes.hat]\nany_of = ['cap']\nlevels = {1 = 'red'}", "levels are yes and no"),
        ("[attributes.hat]\nlevel = {1 = 'yes'}", "unknown key 'level'"),
    ],
)
def test_a_faulty_code_table_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DeclarationError) as problem:
        load_code_table(written(tmp_path / "mine.toml", f"title = 'mine'\n{text}\n"))
    assert sentence in str(problem.value)
