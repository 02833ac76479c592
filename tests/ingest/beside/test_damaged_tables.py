"""Identities files and role lists from anywhere: read, or refused in one sentence that names the
file."""

import datetime
import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import savemat

from gprplus.core.errors import GprplusError, ManifestError
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.layouts.tokens import RoleListRule
from gprplus.ingest.sidecars.identities import read_identities
from gprplus.ingest.sidecars.identity_codes import slug
from gprplus.ingest.sidecars.roles import read_lists

pytestmark = pytest.mark.slow


def parquet(**columns) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def matlab(**variables) -> bytes:
    out = io.BytesIO()
    savemat(out, variables)
    return out.getvalue()


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "UTF-16": ("a.csv", "identity,hat\n1,yes\n".encode("utf-16"), "cannot be read as CSV"),
    "long field": (
        "a.csv",
        b"identity,hat\n1," + b"x" * 200_000 + b"\n",
        "field larger than field limit",
    ),
    "open quote": ("a.csv", b'identity\n"abc', "cannot be read as CSV"),
    "one column twice": (
        "a.csv",
        b"identity,upper colour,upper_colour\n1,red,blue\n",
        "column 'upper colour' twice",
    ),
    "deep JSON": ("a.json", b"[" * 100_000, "nested too deeply"),
    "long number": ("a.json", b'[{"identity":' + b"9" * 5000 + b"}]", "cannot be read as JSON"),
    "list in a cell": (
        "a.json",
        b'[{"identity":"a","hat":[1]}]',
        "row 1, column 'hat': expected text or a number",
    ),
    "half a letter": (
        "a.json",
        b'[{"identity":"\\ud800"}]',
        "column 'identity': expected text or a number, found text",
    ),
    "bytes": (
        "a.parquet",
        parquet(identity=["a"], hat=[b"\xff"]),
        "column 'hat': expected text or a number, found a b",
    ),
    "struct": ("a.parquet", parquet(identity=["a"], hat=[{"x": 1}]), "found a dict"),
    "far date": (
        "a.parquet",
        parquet(identity=["a"], hat=pa.array([2**31 - 1], pa.date32())),
        "cannot be read as Pa",
    ),
    "no Parquet": ("a.parquet", b"PAR1" + bytes(40) + b"PAR1", "cannot be read as Parquet"),
    "matrix": (
        "a.mat",
        matlab(t={"image_index": np.eye(2), "hat": np.eye(2)}),
        "expected a vector, one value for each",
    ),
    "struct in a cell": (
        "a.mat",
        matlab(
            t={
                "image_index": np.array(["1", "2"], object),
                "hat": np.array([{"a": 1}, {"a": 2}], object),
            }
        ),
        "expected text or a number, found a dict",
    ),
    "no MATLAB": ("a.mat", b"\0" * 300, "cannot be read as a MATLAB file"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path: Path, kind: str) -> None:
    name, data, sentence = REFUSED[kind]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ManifestError, match=sentence):
        read_identities(tmp_path / name, "market1501" if name.endswith(".mat") else "")


def test_numbers_of_any_length_are_codes() -> None:
    assert slug("9" * 400) == "9" * 400
    assert slug("0" * 5000 + "7.0") == "7"
    assert slug("12345678901234567891.0") == "12345678901234567891"
    assert slug(datetime.date(2020, 1, 2)) == "2020-01-02"


@pytest.mark.parametrize("level", ["\x1b[31mred", "x" * 61, "9" * 6000])
def test_what_no_terminal_should_show_is_no_level(tmp_path: Path, level: str) -> None:
    (tmp_path / "a.csv").write_text(f"identity,hat\n1,{level}\n")
    found = read_identities(tmp_path / "a.csv")
    assert found.known == {"1": {}}
    (doubt,) = found.warnings
    assert "gives hat the impossible value" in doubt
    assert doubt.isprintable()
    assert len(doubt) < 200


BASES: dict[str, Callable[[], bytes]] = {
    "a.csv": lambda: b"identity,gender,hat\n0001,1,2\n0002,2,1\n" * 3,
    "a.json": lambda: b'[{"identity": "0001", "hat": 1}, {"identity": "0002", "gender": "female"}]',
    "a.parquet": lambda: parquet(identity=["a", "b"] * 50, hat=["yes", "no"] * 50),
    "a.mat": lambda: matlab(
        t={"image_index": np.array(["1", "2"], object), "hat": np.array([1, 2])}
    ),
}


@pytest.mark.parametrize("name", BASES)
def test_changed_bytes_end_in_no_traceback(tmp_path: Path, name: str, recwarn) -> None:
    draw, base = random.Random(0), BASES[name]()
    for _ in range(4 if name.endswith(".mat") else 150):
        data = bytearray(base)
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        cut = draw.randrange(len(data)) if draw.random() < 0.2 else len(data)
        (tmp_path / name).write_bytes(bytes(data[:cut]))
        try:
            found = read_identities(tmp_path / name, "market1501")
        except GprplusError as error:
            told = str(error)
        else:
            told = "".join(found.known)
        told.encode()


@pytest.mark.parametrize(
    ("positions", "sentence"),
    [
        (np.array([1.5]), "expected positions, whole numbers from 1 on"),
        (np.array([np.nan]), "expected positions"),
        (np.array(["a"], object), "expected positions"),
        (np.array([{"a": 1}], object), "expected positions"),
        (np.eye(2), "train: expected a vector"),
        (np.array([0]), "has position"),
        (np.array([2.0**62]), "has position"),
    ],
)
def test_positions_of_a_role_list_are_whole_numbers_in_range(
    tmp_path: Path, positions, sentence: str
) -> None:
    data = matlab(names=np.array(["a.jpg", "b.jpg"], object), train=positions)
    (tmp_path / "roles.mat").write_bytes(data)
    item = RoleListRule("roles.mat", paths="names", positions={"train": "train"})
    with pytest.raises(ManifestError, match=sentence):
        read_lists(Listing(tmp_path, [], [], 0), [item])


def test_a_role_list_of_other_bytes_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match="cannot be read as a list of images"):
        read_lists(Listing(tmp_path, [], [], 0), [RoleListRule("train.txt", role="train")])


def test_bytes_that_crash_scipy_are_one_sentence(tmp_path: Path) -> None:
    data = bytearray(BASES["a.mat"]())
    for place, value in ((252, 182), (42, 166), (313, 59), (249, 171)):
        data[place] = value
    (tmp_path / "a.mat").write_bytes(bytes(data))
    with pytest.raises(ManifestError, match="cannot be read as a MATLAB file"):
        read_identities(tmp_path / "a.mat", "market1501")
