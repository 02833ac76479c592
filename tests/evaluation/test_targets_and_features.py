"""What is searched, and features from elsewhere laid beside it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gprplus import schema
from gprplus.cli import cli
from gprplus.core.errors import ScoreError
from gprplus.evaluation import external_features as features
from gprplus.evaluation import ranked_examples, score
from gprplus.evaluation.targets import Target
from gprplus.schema.records import DatasetRecord

ROWS = [
    # role, identity, camera, weather
    ("query", "ann", 1, "sunny"),
    ("query", "bob", 2, "foggy"),
    ("gallery", "ann", 1, "foggy"),
    ("gallery", "ann", 2, "sunny"),
    ("gallery", "bob", 1, "sunny"),
    ("gallery", "bob", 2, "foggy"),
    ("gallery", "0000", 1, "foggy"),
]


def target(**columns):
    table = pa.table(
        {
            "role": [row[0] for row in ROWS],
            "identity": [row[1] for row in ROWS],
            "camera": pa.array([row[2] for row in ROWS], pa.int32()),
            "weather": [row[3] for row in ROWS],
            "uid": pa.array(range(100, 107), pa.uint64()),
            "dataset": ["market"] * 7,
            "path": [f"{i}.jpg" for i in range(7)],
        }
    )
    rows = schema.conform(table, schema.MEMBERS)
    for name, values in columns.items():
        rows = rows.append_column(name, pa.array(values))
    return Target(
        "self",
        "camera",
        "weather",
        rows,
        {"market": Path("market")},
        {"market": DatasetRecord("market", title="Market")},
    )


def along(*degrees):
    """Unit features at the angles given: the nearer in angle, the more alike."""
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


# ann searches at 0, bob at 90; their images by the other camera lie 20 degrees off, the distractor
# before ann's at 10.
FEATURES = along(0, 90, 0, 20, 70, 90, 10)


def test_queries_know_person_level_rank_and_validity():
    scores, queries = target().score(FEATURES)
    assert queries.schema.equals(schema.arrow_schema(schema.QUERIES))
    assert queries.column("identity").to_pylist() == ["ann", "bob"]
    assert queries.column("level").to_pylist() == ["sunny", "foggy"]
    assert queries.column("first_match_rank").to_pylist() == [2, 1]
    assert scores.mAP == pytest.approx(0.75)


def test_junk_leaves_and_distractors_match_nobody():
    junk = target(is_junk=[False] * 6 + [True])
    assert junk.score(FEATURES)[0].mAP == 1
    named_like_ann = target(is_distractor=[False] * 2 + [False, True, False, False, False])
    found, queries = named_like_ann.score(FEATURES)
    assert queries.column("valid").to_pylist() == [False, True]
    assert queries.column("AP").to_pylist() == [None, 1.0]
    assert found.queries == 1


def test_without_cameras_everything_counts():
    assert replace(target(), protocol="no-camera").score(FEATURES)[
        0
    ].per_query.first_match_rank.tolist() == [1, 1]


def test_persons_of_two_datasets_with_one_name_are_two():
    one = target()
    datasets = pa.array(["market"] * 3 + ["duke"] + ["market"] * 3).dictionary_encode()
    rows = one.rows.set_column(one.rows.column_names.index("dataset"), "dataset", datasets)
    assert replace(one, rows=rows).score(FEATURES)[1].column("valid").to_pylist() == [False, True]


def test_queries_of_two_datasets_keep_persons_of_one_name_apart():
    one = target()
    datasets = pa.array(
        ["market", "duke", "market", "market", "duke", "duke", "market"]
    ).dictionary_encode()
    rows = one.rows.set_column(one.rows.column_names.index("dataset"), "dataset", datasets)
    people = pa.array(["ann"] * 6 + ["0000"]).dictionary_encode()
    rows = rows.set_column(rows.column_names.index("identity"), "identity", people)
    queries = replace(one, rows=rows).score(FEATURES)[1]
    assert queries.column("identity").to_pylist() == ["market/ann", "duke/ann"]


def test_the_fingerprint_follows_what_scores_depend_on():
    assert target().fingerprint() == target().fingerprint()
    assert target().fingerprint() != replace(target(), protocol="no-camera").fingerprint()
    assert target().fingerprint() != target(is_junk=[True] + [False] * 6).fingerprint()
    assert target().fingerprint() != replace(target(), attribute="viewpoint_deg").fingerprint()


def shuffled(path, key):
    """FEATURES as a Parquet file in another order, with a stranger among them."""
    names = {"uid": [int(uid) for uid in range(100, 107)], "path": [f"{i}.jpg" for i in range(7)]}[
        key
    ]
    order = [3, 0, 6, 1, 5, 2, 4]
    keys = [names[i] for i in order] + [999 if key == "uid" else "stranger.jpg"]
    matrix = np.concatenate([FEATURES[order], along(45)])
    pq.write_table(pa.table({key: keys, "feature": list(matrix)}), path)
    return path


@pytest.mark.parametrize("key", ["uid", "path"])
def test_parquet_features_are_found_by_uid_or_path(tmp_path, key):
    assert (
        features.read_features(target(), shuffled(tmp_path / "f.parquet", key)) == FEATURES
    ).all()


def test_one_column_a_dimension_reads_the_same(tmp_path):
    table = pa.table(
        {"path": [f"{i}.jpg" for i in range(7)], "f0": FEATURES[:, 0], "f1": FEATURES[:, 1]}
    )
    pq.write_table(table, tmp_path / "f.parquet")
    assert (features.read_features(target(), tmp_path / "f.parquet") == FEATURES).all()


def test_an_array_goes_with_its_names_or_in_the_rows_own_order(tmp_path):
    np.save(tmp_path / "f.npy", FEATURES)
    assert (features.read_features(target(), tmp_path / "f.npy") == FEATURES).all()
    np.save(tmp_path / "back.npy", FEATURES[::-1])
    (tmp_path / "names.txt").write_text("".join(f"{i}.jpg\n" for i in reversed(range(7))))
    assert (
        features.read_features(target(), tmp_path / "back.npy", tmp_path / "names.txt") == FEATURES
    ).all()
    (tmp_path / "names.txt").rename(tmp_path / "back.txt")
    assert (features.read_features(target(), tmp_path / "back.npy") == FEATURES).all(), (
        "names beside the array are its names"
    )


def test_files_that_do_not_fit_are_one_sentence(tmp_path):
    np.save(tmp_path / "short.npy", FEATURES[:5])
    np.save(tmp_path / "flat.npy", FEATURES[0])
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "names.txt").write_text("0.jpg\n1.jpg\n2.jpg\n3.jpg\n3.jpg\n")
    (tmp_path / "five.txt").write_text("0.jpg\n1.jpg\n2.jpg\n3.jpg\n4.jpg\n")
    pq.write_table(pa.table({"name": ["x"]}), tmp_path / "nameless.parquet")
    pq.write_table(pa.table({"path": ["0.jpg"]}), tmp_path / "empty.parquet")
    pq.write_table(
        pa.table({"path": ["0.jpg", "1.jpg"], "feature": [[1.0], [1.0, 2.0, 3.0]]}),
        tmp_path / "ragged.parquet",
    )
    for name, ids, sentence in (
        ("nowhere.npy", None, r"no file of features at \S+nowhere\.npy\. Name the one"),
        ("names.txt", None, "none of the forms of features that are read"),
        ("short.npy", None, r"in .*short\.txt, one in each line"),
        ("flat.npy", None, "must be an array"),
        ("objects.npy", None, "cannot be read as an array"),
        ("short.npy", "names.txt", "twice"),
        (
            "short.npy",
            "five.txt",
            r"lacks the features of 2 of the target's 7 images \(5.jpg, 6.jpg\)",
        ),
        ("nameless.parquet", None, "no column uid or path"),
        ("empty.parquet", None, "neither a list column"),
        ("ragged.parquet", None, "one length"),
    ):
        with pytest.raises(ScoreError, match=sentence):
            features.read_features(target(), tmp_path / name, tmp_path / ids if ids else None)


@pytest.fixture
def split(draw, tmp_path):
    from gprplus.ingest import build_manifest
    from gprplus.splits import make_split

    draw(tmp_path / "engine", people=8, views=3)
    build_manifest([tmp_path / "engine"], tmp_path / "manifest", workers=1)
    return make_split(tmp_path / "manifest", "weather", output=tmp_path / "split")


def test_the_command_scores_what_the_function_scores(split, tmp_path):
    rows = split.test()
    matrix = np.random.default_rng(0).normal(size=(len(rows), 8)).astype(np.float32)
    pq.write_table(
        pa.table({"uid": rows.column("uid"), "feature": list(matrix)}), tmp_path / "mine.parquet"
    )
    typed = ["score", "--features", str(tmp_path / "mine.parquet")]
    found = CliRunner().invoke(
        cli, [*typed, "--split", str(split.path), "--json"], catch_exceptions=False
    )
    query = np.array(rows.column("role").to_pylist()) == "query"
    ids, cams = np.array(rows.column("identity").to_pylist()), rows.column("camera").to_numpy()
    expected = score(
        matrix[query], matrix[~query], ids[query], ids[~query], cams[query], cams[~query]
    )
    assert json.loads(found.stdout)["mAP"] == pytest.approx(expected.mAP)
    shown = CliRunner().invoke(cli, [*typed, "--split", str(split.path)], catch_exceptions=False)
    assert shown.stdout.startswith(f"mAP {100 * expected.mAP:.1f}")
    assert CliRunner().invoke(cli, typed).exit_code == 2


def test_the_head_of_a_ranking_leaves_out_what_the_rule_leaves_out():
    _, queries = target().score(FEATURES)
    table = target().ranked(FEATURES, queries)
    assert (
        schema.require(table.column_names, [column.name for column in schema.RANKED], "ranked")
        is None
    )
    heads = {}
    for row in table.to_pylist():
        heads.setdefault(row["query"], []).append((row["rank"], row["path"], row["match"]))
        assert row["rule"] == "random", "two queries are too few for a best and a worst"
    # ann's own image by the query's camera (2.jpg) is not in her ranking, nor bob's (5.jpg) in his
    assert heads[100] == [
        (0, "0.jpg", None),
        (1, "6.jpg", False),
        (2, "3.jpg", True),
        (3, "4.jpg", False),
        (4, "5.jpg", False),
    ]
    assert heads[101] == [
        (0, "1.jpg", None),
        (1, "4.jpg", True),
        (2, "3.jpg", False),
        (3, "6.jpg", False),
        (4, "2.jpg", False),
    ]


def test_a_wrong_match_of_equal_similarity_stands_first_and_junk_nowhere():
    searched = target(is_junk=[False, False, False, False, False, False, True])
    features = along(0, 90, 0, 20, 20, 90, 10)
    _, queries = searched.score(features)
    rows = [row for row in searched.ranked(features, queries).to_pylist() if row["query"] == 100]
    assert [(row["path"], row["match"]) for row in rows[1:]] == [
        ("4.jpg", False),
        ("3.jpg", True),
        ("5.jpg", False),
    ]


def test_queries_are_kept_by_a_rule():
    precision = np.array([np.nan, *(np.arange(1, 14) / 20)])
    picks = ranked_examples.choose_example_queries(np.arange(14, dtype=np.uint64), precision)
    by_rule = {
        rule: [place for name, place in picks if name == rule] for rule in ranked_examples.RULES
    }
    assert (by_rule["best"], by_rule["median"], by_rule["worst"]) == (
        [13, 12, 11],
        [8, 7, 6],
        [3, 2, 1],
    )
    assert len(set(by_rule["random"])) == 3
    assert 0 not in by_rule["random"], "it is not valid"
    other = ranked_examples.choose_example_queries(
        np.arange(14, dtype=np.uint64), precision[::-1].copy()
    )
    drawn = [place for rule, place in other if rule == "random"]
    assert set(drawn) & set(by_rule["random"]), "the draw does not look at the scores"
