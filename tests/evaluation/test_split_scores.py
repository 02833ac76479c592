"""score(split, features): features in every form give the scores of their arrays."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import gprplus as gpr
from gprplus.core.errors import ScoreError


@pytest.fixture(scope="module")
def split(draw, tmp_path_factory):
    home = tmp_path_factory.mktemp("scored")
    renders = draw(home / "renders" / "engine", people=8, views=3, weathers=("01", "04"))
    manifest = gpr.build_manifest(renders, home / "manifest", workers=1)
    return gpr.make_split(manifest, "weather", output=home / "split", levels="sunny,foggy")


@pytest.fixture(scope="module")
def features(split):
    """Random features: no two forms that confuse rows agree by chance."""
    return np.random.default_rng(0).normal(size=(split.test().num_rows, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(split, features):
    """The scores of the arrays, with identities and cameras looked up by hand."""
    rows = split.test().to_pylist()
    query = np.array([row["role"] == "query" for row in rows])
    ids = np.array([row["identity"] for row in rows])
    cams = np.array(
        [row["camera"] if row["camera"] is not None else str(row["viewpoint_deg"]) for row in rows]
    )
    return gpr.score(
        features[query], features[~query], ids[query], ids[~query], cams[query], cams[~query]
    )


def equal(one, two):
    return one.summary() == two.summary() and np.array_equal(
        one.per_query.AP, two.per_query.AP, equal_nan=True
    )


def test_an_array_or_tensor_is_in_the_order_of_the_test_rows(split, features, expected):
    for form in (features, torch.from_numpy(features), features.tolist()):
        assert equal(gpr.score(split, form), expected)
    assert equal(gpr.score(str(split.path), features), expected)
    assert equal(gpr.score(split=split, features=features), expected)


def test_tables_name_their_rows_in_any_order(split, features, expected):
    uids = split.test().column("uid").to_pylist()
    columns = {"uid": uids, **{f"f{i}": features[:, i] for i in range(5)}}
    frame = pd.DataFrame(columns).sample(frac=1, random_state=1)
    for form in (frame, frame.set_index("uid"), pa.Table.from_pandas(frame)):
        assert equal(gpr.score(split, form), expected)


def test_a_table_may_name_rows_by_path(split, features, expected):
    paths = split.test().column("path").to_pylist()
    listed = pa.table({"path": paths[::-1], "feature": features[::-1].tolist()})
    assert equal(gpr.score(split, listed), expected)


def test_files_are_read(split, features, expected, tmp_path):
    np.save(tmp_path / "f.npy", features[::-1])
    (tmp_path / "f.txt").write_text(
        "\n".join(map(str, split.test().column("uid").to_pylist()[::-1]))
    )
    pq.write_table(
        pa.table({"uid": split.test().column("uid"), "feature": features.tolist()}),
        tmp_path / "f.parquet",
    )
    for name in ("f.npy", "f.parquet"):
        assert equal(gpr.score(split, tmp_path / name), expected)
        assert equal(gpr.score(split, str(tmp_path / name)), expected)


def test_what_does_not_fit_is_one_sentence(split, features):
    with pytest.raises(
        ScoreError, match=r"must be \(\d+ rows, dimensions\).*found the shape \(3, 5\)"
    ):
        gpr.score(split, features[:3])
    few = pd.DataFrame({"uid": split.test().column("uid").to_pylist()[:3], "f0": [1.0, 2.0, 3.0]})
    with pytest.raises(ScoreError, match="lacks the features"):
        gpr.score(split, few)
    with pytest.raises(ScoreError, match="no column uid or path"):
        gpr.score(split, few.drop(columns="uid"))


def test_scores_show_themselves_in_one_line(expected):
    assert repr(expected).startswith(
        f"Scores over {expected.queries} queries: mAP {100 * expected.mAP:.1f}, rank-1 "
    )
    assert "<th>mAP</th>" in expected._repr_html_()
