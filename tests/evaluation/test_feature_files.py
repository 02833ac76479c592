"""Files of features from elsewhere: what is read of them, and what is refused, each in one
sentence."""

import datetime
import io
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import save_file
from scipy.io import savemat

from gprplus.core.errors import ScoreError
from gprplus.evaluation.external_features import read_for_rows

UIDS = [3, 2**63 + 5, 2**64 - 1]
PATHS = ["a/0.jpg", "a/1.jpg", "b/2.jpg"]
ROWS = pa.table({"uid": pa.array(UIDS, pa.uint64()), "path": PATHS})
FEATURES = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)


def table(file, **columns):
    pq.write_table(pa.table(columns), file)
    return file


def listed(tmp_path, names):
    """FEATURES as an array with a list of names."""
    np.save(tmp_path / "f.npy", FEATURES)
    (tmp_path / "ids").write_text("\n".join(map(str, names)))
    return read_for_rows(ROWS, tmp_path / "f.npy", tmp_path / "ids")


@pytest.mark.parametrize(
    "names",
    [
        UIDS,
        [uid - 2**64 if uid >= 2**63 else uid for uid in UIDS],
        [f"{uid:016x}" for uid in UIDS],
        [f"{uid:016X}" for uid in UIDS],
        PATHS,
        [f"/data/Market/{path}" for path in PATHS],
        [f"C:\\Market\\{path}".replace("/", "\\") for path in PATHS],
        [path.replace("/", "\\") for path in PATHS],
        [f"./{path}" for path in PATHS],
        [f"\ufeff{PATHS[0]}", *PATHS[1:]],
    ],
)
def test_rows_are_found_by_any_spelling_of_uid_or_path(tmp_path, names):
    assert (listed(tmp_path, names) == FEATURES).all()
    assert (listed(tmp_path, names[:1] + names[:0:-1]) == FEATURES[[0, 2, 1]]).all()


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ["a/0.jpg", "a/1.jpg", "c/2.jpg"],
            r"lacks the features of 1 of the 3 images \(b/2.jpg\); it names a/0.jpg",
        ),
        (
            ["0.jpg", "1.jpg", "2.jpg"],
            r"lacks the features of 3 of the 3 images .*; it names 0.jpg \(ids\)",
        ),
        (["a/0.jpg", "a/1.jpg", "a/1.jpg"], "names 1 rows twice"),
        (
            ["z/a/0.jpg", "x/b/2.jpg", "y/b/2.jpg"],
            r"names 1 rows twice: x/b/2.jpg, y/b/2.jpg are both b/2.jpg",
        ),
        (["3", "03", "7"], "names 1 rows twice: 3, 03 are both 3"),
        (["9" * 5000, "b", "c"], "lacks the features of 3"),
    ],
)
def test_names_that_do_not_fit_are_shown_beside_what_was_looked_for(tmp_path, names, sentence):
    with pytest.raises(ScoreError, match=sentence):
        listed(tmp_path, names)


def test_a_path_that_two_datasets_have_is_not_guessed(tmp_path):
    rows = pa.table({"uid": pa.array([1, 2], pa.uint64()), "path": ["0.jpg", "0.jpg"]})
    table(tmp_path / "f.parquet", path=["0.jpg", "1.jpg"], feature=[[1.0], [2.0]])
    with pytest.raises(ScoreError, match="several datasets have the same path: name them by uid"):
        read_for_rows(rows, tmp_path / "f.parquet")


@pytest.mark.parametrize(
    "uid",
    [
        pa.array(UIDS, pa.uint64()),
        pa.array(np.array(UIDS, np.uint64).view(np.int64)),
        pa.array([str(uid) for uid in UIDS]),
        pa.array([str(uid) for uid in UIDS], pa.large_string()),
        pa.array([f"{uid:016x}" for uid in UIDS]).dictionary_encode(),
    ],
)
@pytest.mark.parametrize(
    "feature",
    [
        pa.array(FEATURES.tolist(), pa.list_(pa.float32())),
        pa.array(FEATURES.tolist(), pa.large_list(pa.float64())),
        pa.array(list(FEATURES.astype(np.float16)), pa.list_(pa.float16(), 2)),
        pa.array(FEATURES.astype(int).tolist(), pa.list_(pa.int8())),
        pa.FixedShapeTensorArray.from_numpy_ndarray(FEATURES),
        pa.chunked_array([pa.array(FEATURES[:1].tolist()), pa.array(FEATURES[1:].tolist())]),
    ],
)
def test_keys_and_lists_of_any_width_read_the_same(tmp_path, uid, feature):
    assert (
        read_for_rows(ROWS, table(tmp_path / "f.parquet", uid=uid, feature=feature)) == FEATURES
    ).all()


def test_one_numbered_family_of_columns_is_the_feature(tmp_path):
    first, second = FEATURES[:, 0], FEATURES[:, 1].astype(np.float64)
    for names in (("f0", "f1"), ("0", "1"), ("feature_00", "feature_01"), ("emb.0", "emb.1")):
        path = table(
            tmp_path / "f.parquet",
            path=PATHS,
            camera=[1, 2, 3],
            **dict(zip(names, (first, second), strict=True)),
        )
        assert (read_for_rows(ROWS, path) == FEATURES).all()
    whole = table(tmp_path / "whole.parquet", path=PATHS, f0=first, f1=FEATURES[:, 1].astype(int))
    assert (read_for_rows(ROWS, whole) == FEATURES).all(), (
        "a dimension of whole numbers is a dimension"
    )


NOW = datetime.datetime(2020, 1, 1)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            {"f0": [1.0] * 3, "f1": [1.0] * 3, "sharpness": [1.0] * 3},
            "are f0, f1 and so on, and sharpness would be",
        ),
        (
            {"x": [1.0] * 3, "y": [1.0] * 3},
            "numbered columns, such as f0 and f1, and x, y would be",
        ),
        ({"f0": [1.0] * 3, "f1": [True] * 3}, r"columns of numbers, found f1 \(bool\)"),
        ({"f0": [1.0, None, 3.0]}, r"features of 1 images hold NaN, infinity or null \(a/1.jpg\)"),
        (
            {"feature": [b"12345678"] * 3},
            "feature is a column of binary, expected lists of numbers",
        ),
        ({"feature": ["1 2"] * 3}, "feature is a column of string, expected lists"),
        ({"feature": [1.0] * 3}, "feature is a column of double, expected lists"),
        ({"feature": [{"x": 1.0}] * 3}, "feature is a column of struct<x: double>"),
        ({"feature": [[NOW]] * 3}, r"feature is a column of list<element: timestamp\[us\]>"),
        ({"feature": [[NOW.date()]] * 3}, r"feature is a column of list<element: date32"),
        (
            {"feature": [[datetime.timedelta(1)]] * 3},
            r"feature is a column of list<element: duration",
        ),
        ({"feature": [[True]] * 3}, "feature is a column of list<element: bool>"),
        ({"feature": [["1"]] * 3}, "feature is a column of list<element: string>"),
        ({"feature": [[[1.0]]] * 3}, "feature is a column of list<element: list<element: double>>"),
        (
            {"feature": pa.array(["a", "b", "a"]).dictionary_encode()},
            "feature is a column of dictionary",
        ),
        ({"feature": [[1.0], None, [1.0]]}, "1 rows have no feature"),
        ({"feature": [[1.0], [2.0, None], [1.0, 2.0]]}, "row 1 has 2 numbers, the first 1"),
        ({"feature": [[1.0, 2.0], [2.0, None], [1.0, 2.0]]}, r"NaN, infinity or null \(a/1.jpg\)"),
        ({"feature": [[1.0], [np.inf], [np.nan]]}, r"features of 2 images .* \(a/1.jpg, b/2.jpg\)"),
        (
            {"feature": pa.array([[]] * 3, pa.list_(pa.float32()))},
            "the lists in 'feature' are empty",
        ),
        (
            {"uid": pa.array(np.array(UIDS, np.float64)), "feature": [[1.0]] * 3},
            "uid is double, which holds no key",
        ),
        (
            {"uid": [b"1", b"2", b"3"], "feature": [[1.0]] * 3},
            "uid is a column of binary, expected uint64 or text",
        ),
        ({"uid": [1, None, 2], "feature": [[1.0]] * 3}, "1 rows have no uid"),
        ({"uid": [1, 2, 4], "feature": [[1.0]] * 3}, r"it names 1 \(column uid, int64\)"),
        ({"path": [NOW] * 3, "feature": [[1.0]] * 3}, "path is a column of timestamp"),
    ],
)
def test_tables_that_hold_something_else_are_one_sentence(tmp_path, columns, sentence):
    if "uid" not in columns:
        columns = {"path": PATHS, **columns}
    with pytest.raises(ScoreError, match=sentence):
        read_for_rows(ROWS, table(tmp_path / "f.parquet", **columns))


def test_a_ragged_row_is_found_wherever_it_is(tmp_path):
    lists = [[1.0, 2.0]] * 3000
    lists[1500:1502] = [[1.0], [1.0, 2.0, 3.0]]  # the sum of the lengths is that of equal ones
    names = [str(i) for i in range(3000)]
    with pytest.raises(ScoreError, match="row 1,500 has 1 numbers, the first 2"):
        read_for_rows(ROWS, table(tmp_path / "f.parquet", uid=names, feature=lists))


def test_two_columns_of_one_name_and_damaged_tables_are_one_sentence(tmp_path):
    pq.write_table(
        pa.table([PATHS, [1.0] * 3, [1.0] * 3], names=["path", "f0", "f0"]),
        tmp_path / "twice.parquet",
    )
    whole = table(tmp_path / "whole.parquet", path=PATHS, feature=FEATURES.tolist()).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    (tmp_path / "none.parquet").write_bytes(b"")
    for name, sentence in (
        ("twice", "one name: f0"),
        ("cut", "cannot be read as a P"),
        ("none", "cannot be read"),
    ):
        with pytest.raises(ScoreError, match=sentence):
            read_for_rows(ROWS, tmp_path / f"{name}.parquet")


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(FEATURES),
        FEATURES.astype(">f4"),
        FEATURES.astype(">f8"),
        FEATURES.astype(np.float16),
        FEATURES.astype(np.int16),
        FEATURES.astype(np.uint8),
    ],
)
def test_arrays_of_any_order_and_width_read_the_same(tmp_path, array):
    np.save(tmp_path / "f.npy", array)
    found = read_for_rows(ROWS, tmp_path / "f.npy")
    assert (found == FEATURES).all()
    assert found.dtype in (np.float32, np.float64)
    assert found.dtype.isnative


def header(text: str, data: bytes = bytes(24)) -> bytes:
    """A .npy file whose header says what it likes."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1") + data


class Evil:
    """An object whose pickle would leave a trace."""

    def __reduce__(self):
        return exec, ("raise SystemExit('loaded a pickle')",)


def saved(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    np.savez(file, f=FEATURES)
    return file.getvalue()


LIES = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (saved(np.array([Evil()] * 3, dtype=object)), "cannot be read as an array of numbers"),
        (pickle.dumps(Evil()), "does not start as a .npy file does"),
        (archive(), "does not start as a .npy file does"),
        (b"", "does not start as"),
        (saved(FEATURES)[:-4], "cannot be read as an array of numbers"),
        (saved(FEATURES)[:20], "cannot be read as an array of numbers"),
        (saved(np.float32(3)), r"found the shape \(\)"),
        (saved(FEATURES[0]), r"found the shape \(2,\)"),
        (saved(FEATURES[None]), r"found the shape \(1, 3, 2\)"),
        (saved(FEATURES[:, :0]), r"(found the shape \(3, 0\)|cannot be read)"),
        (
            saved(FEATURES.astype(complex)),
            "is an array of complex128, expected floating-point numbers",
        ),
        (saved(FEATURES > 1), "is an array of bool, expected"),
        (saved(FEATURES.astype("datetime64[s]")), r"is an array of datetime64\[s\], expected"),
        (saved(FEATURES.astype("timedelta64[s]")), r"is an array of timedelta64\[s\], expected"),
        (saved(FEATURES.astype(str)), "is an array of <U32, expected"),
        (saved(np.zeros((3, 2), dtype=[("a", "f4"), ("b", "f4")])), "is an array of .*'a', '<f4'"),
        (saved(FEATURES.astype("V4")), r"is an array of .*V4, expected"),
        (header(LIES % "(1000000000000, 2)"), "cannot be read as an array of numbers"),
        (header(LIES % "(99999999999999999999999, 2)"), "cannot be read as an array of numbers"),
        (header(LIES % "(-3, -2)"), "cannot be read as an array of numbers"),
        (header(LIES % "(3, True)"), "."),
        (header(LIES % "3"), "cannot be read as an array of numbers"),
        (header(LIES % "(3, 2.0)"), "cannot be read as an array of numbers"),
        (header("(" * 9000), "cannot be read as an array of numbers"),
        (header("{" * 90), "cannot be read as an array of numbers"),
        (
            header("{'descr': [('a', 1)], 'fortran_order': 0, 'shape': (3, 2)}"),
            "cannot be read as an array",
        ),
        (header("\x00\xff"), "cannot be read as an array of numbers"),
    ],
)
def test_arrays_that_hold_something_else_are_one_sentence_and_no_pickle_is_loaded(
    tmp_path, data, sentence
):
    (tmp_path / "f.npy").write_bytes(data)
    with pytest.raises(ScoreError, match=sentence) as raised:
        read_for_rows(ROWS, tmp_path / "f.npy")
    assert "\n" not in str(raised.value)


def npz(path, **arrays):
    np.savez(path, **arrays)


def saved_mat(path, **arrays):
    savemat(path, {key: np.array(v, object) if key == "paths" else v for key, v in arrays.items()})


def saved_tensors(path, **arrays):
    torch.save({k: v if k == "paths" else torch.as_tensor(v) for k, v in arrays.items()}, path)


def safe(path, **arrays):
    save_file({key: np.asarray(value) for key, value in arrays.items()}, path)


SIGNED = np.array(UIDS, np.uint64).view(np.int64)
SAVERS = {"f.npz": npz, "f.pt": saved_tensors, "f.mat": saved_mat, "f.safetensors": safe}


@pytest.mark.parametrize("name", SAVERS)
@pytest.mark.parametrize("key", ["feature", "embeddings", "x"])
def test_files_of_several_arrays_name_their_rows_by_uid(tmp_path, name, key):
    SAVERS[name](tmp_path / name, **{key: FEATURES[::-1].copy(), "uids": SIGNED[::-1].copy()})
    assert (read_for_rows(ROWS, tmp_path / name) == FEATURES).all()


@pytest.mark.parametrize("name", ["f.npz", "f.pt", "f.mat"])
def test_files_of_several_arrays_name_their_rows_by_path(tmp_path, name):
    SAVERS[name](tmp_path / name, features=FEATURES[::-1].copy(), paths=PATHS[::-1])
    assert (read_for_rows(ROWS, tmp_path / name) == FEATURES).all()


@pytest.mark.parametrize("name", ["f.npz", "f.safetensors"])
def test_a_file_without_names_takes_the_list_next_to_it_or_the_order_of_the_rows(tmp_path, name):
    SAVERS[name](tmp_path / name, features=FEATURES)
    assert (read_for_rows(ROWS, tmp_path / name) == FEATURES).all()
    with pytest.raises(ScoreError, match=r"name the image of each row in .*f\.txt"):
        read_for_rows(ROWS, tmp_path / name, in_order=False)
    (tmp_path / "f.txt").write_text("\n".join(PATHS[::-1]))
    assert (read_for_rows(ROWS, tmp_path / name) == FEATURES[::-1]).all()


def test_a_tensor_alone_is_read_also_in_bfloat16(tmp_path):
    torch.save(torch.from_numpy(FEATURES).bfloat16(), tmp_path / "f.pt")
    assert (read_for_rows(ROWS, tmp_path / "f.pt") == FEATURES).all()


def test_a_csv_table_keeps_keys_beyond_the_integers_of_float64(tmp_path):
    lines = [f"{uid},{a},{b}" for uid, (a, b) in zip(UIDS, FEATURES.tolist(), strict=True)]
    (tmp_path / "f.csv").write_text("\n".join(["uid,f0,f1", *lines[::-1]]))
    assert (read_for_rows(ROWS, tmp_path / "f.csv") == FEATURES).all()


@pytest.mark.parametrize(
    ("name", "arrays", "sentence"),
    [
        ("f.npz", {"a": FEATURES, "b": FEATURES}, r"has 2 arrays .*a \(3, 2\), b \(3, 2\)"),
        ("f.npz", {"uids": SIGNED}, r"has 0 arrays .* \(it holds uids \(3,\)\)"),
        ("f.npz", {"feature": np.array([Evil()] * 3, object)}, "Object arrays cannot be loaded"),
        ("f.npz", {"feature": FEATURES[0]}, r"'feature' must be an array of \(rows, dimensions\)"),
        ("f.npz", {"feature": FEATURES.astype(str)}, "'feature' is an array of object, expected"),
        ("f.npz", {"feature": FEATURES, "uids": FEATURES[:, 0]}, "'uids' is an array of float32"),
        ("f.npz", {"feature": FEATURES, "paths": PATHS[:2]}, "'paths', object names 2 rows"),
        ("f.mat", {"query_f": FEATURES, "gallery_f": FEATURES}, "2 arrays that could be"),
    ],
)
def test_wrong_arrays_are_one_sentence(tmp_path, name, arrays, sentence):
    SAVERS[name](tmp_path / name, **arrays)
    with pytest.raises(ScoreError, match=sentence) as raised:
        read_for_rows(ROWS, tmp_path / name)
    assert "\n" not in str(raised.value)


def test_files_that_are_no_arrays_are_one_sentence_and_run_no_code(tmp_path):
    torch.save({"feature": Evil()}, tmp_path / "evil.pt")
    for name in ("f.npz", "f.pt", "f.safetensors", "f.mat", "f.csv", "f.PTH"):
        (tmp_path / name).write_bytes(b"\x80neither\x00 a file of arrays")
    (tmp_path / "array.npz").write_bytes(saved(FEATURES))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ScoreError, match=path.name) as raised:
            read_for_rows(ROWS, path)
        assert "\n" not in str(raised.value)
    with pytest.raises(
        ScoreError, match=r"f\.h5 has none of the forms .*: \.npy, \.npz, \.parquet"
    ):
        read_for_rows(ROWS, tmp_path / "f.h5")
