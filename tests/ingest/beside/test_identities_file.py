"""identities.csv: joined by name, and refused where it contradicts itself."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gprplus.core.errors import ManifestError
from gprplus.ingest import build_manifest, inspect


def built(renders: Path, tmp_path: Path, text: str):
    (renders / "identities.csv").write_text(text)
    return build_manifest([renders], tmp_path / "m")


def test_the_table_beside_the_renders_is_joined_by_identity(renders: Path, tmp_path: Path) -> None:
    manifest = built(
        renders,
        tmp_path,
        "identity,gender,upper_colour\n0002,Female, Dark Blue\n0001,male,\n0009,male,red\n",
    )
    rows = {row["identity"]: row for row in manifest.identities().to_pylist()}
    assert list(rows) == ["0001", "0002", "0003"]
    assert [rows[name]["gender"] for name in rows] == ["male", "female", None]
    assert [rows[name]["upper_colour"] for name in rows] == [None, "dark-blue", None]
    assert [rows[name]["images"] for name in rows] == [12, 12, 12]
    assert manifest.levels("gender") == ["male", "female"]
    problems = " ".join(inspect(manifest).problems)
    assert "1 identity has no attributes" in problems
    assert "has 1 identities without an image here" in problems


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("identity,gendre\n0001,male\n", "unknown column 'gendre'. Did you mean 'gender'?"),
        ("person,gender\n0001,male\n", "has no column 'identity'"),
        (
            "identity,hat\n0001,yes\n0001,no\n",
            "has conflicting rows for 1 identity ('0001': hat is 'yes' and 'no')",
        ),
        ("identity,hat\n0001\n", "line(s) 2 do not have the 2 cells"),
        ("identity,hat\n0001,yes,no\n", "line(s) 2 do not have the 2 cells"),
        ("", "has no column 'identity'"),
    ],
)
def test_a_table_that_does_not_fit_is_one_sentence(
    renders: Path, tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ManifestError) as problem:
        built(renders, tmp_path, text)
    assert sentence in str(problem.value)


def test_rows_that_agree_may_repeat(renders: Path, tmp_path: Path) -> None:
    manifest = built(renders, tmp_path, "identity,hat\n0001,yes\n0001,Yes\n")
    assert manifest.identities()["hat"].to_pylist() == ["yes", None, None]


def test_a_parquet_table_given_by_name_wins(renders: Path, tmp_path: Path) -> None:
    (renders / "identities.csv").write_text("identity,hat\n0001,no\n")
    table = tmp_path / "people.parquet"
    pq.write_table(pa.table({"identity": ["0001", "0002"], "hat": [True, None]}), table)
    manifest = build_manifest([renders], tmp_path / "m", identities=table)
    assert manifest.identities()["hat"].to_pylist() == ["yes", None, None]


def test_a_changed_table_changes_the_rows_without_opening_an_image(
    renders: Path, tmp_path: Path, monkeypatch
) -> None:
    from gprplus.ingest.reading import batch

    first = built(renders, tmp_path, "identity,hat\n0001,no\n")
    images = first.images()
    seen = []
    whole = batch.probe_files
    monkeypatch.setattr(
        batch,
        "probe_files",
        lambda root, paths, verify: seen.extend(paths) or whole(root, paths, verify),
    )
    second = built(renders, tmp_path, "identity,hat\n0001,yes\n")
    assert second.identities()["hat"].to_pylist() == ["yes", None, None]
    assert second.fingerprint != first.fingerprint
    assert second.images().equals(images)
    assert seen == []


def test_an_identities_file_belongs_to_one_folder(renders: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="--identities is for one folder, and 2 were given"):
        build_manifest([renders, tmp_path], tmp_path / "m", identities="people.csv")


@pytest.mark.parametrize(
    "text",
    [
        "identity;gender;hat\n0002;female;yes\n0001;male;\n",
        "identity\tgender\that\r\n0002\tfemale\ty\r\n0001\tmale\t\r\n",
        "identity,gender,hat\r0002,female,TRUE\r0001,male,\r",
    ],
)
def test_spreadsheets_write_other_separators_and_truths(
    renders: Path, tmp_path: Path, text: str
) -> None:
    rows = {row["identity"]: row for row in built(renders, tmp_path, text).identities().to_pylist()}
    assert [rows[name]["gender"] for name in rows] == ["male", "female", None]
    assert [rows[name]["hat"] for name in rows] == [None, "yes", None]


def test_truths_are_levels_of_attributes_with_yes_and_no_alone(
    renders: Path, tmp_path: Path
) -> None:
    text = "identity,hat,bag,gender\n0001,False,n,true\n0002,t,maybe,f\n0003,1,0,male\n"
    rows = built(renders, tmp_path, text).identities().to_pylist()
    assert [(row["hat"], row["bag"], row["gender"]) for row in rows] == [
        ("no", "no", "true"),
        ("yes", "maybe", "f"),
        (None, None, "male"),  # 1 is no in the tables of Market-1501
    ]
