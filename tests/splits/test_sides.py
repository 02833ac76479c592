"""The test set: who is on it, who searches, and what it does not depend on."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.core.typed import as_json
from gprplus.splits import make_split
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.test_sets.test_set import choose_queries, is_test_identity


def searched_rows(split):
    return split.test().select(["uid", "role"]).to_pylist()


def people(split):
    return set(split.test().column("identity").to_pylist())


def test_queries_spread_over_the_levels_of_everything_at_once():
    # One person, 6 cameras, 3 x 2 other levels: the 6 queries take each of the 3 levels twice, of
    # the 2 thrice.
    camera, hour, place = (
        axis.ravel()
        for axis in np.meshgrid(np.arange(6), np.arange(3), np.arange(2), indexing="ij")
    )
    others = [
        AttributeCodes("illumination", hour.astype(np.int32), tuple("abc")),
        AttributeCodes("background", place.astype(np.int32), tuple("xy")),
    ]
    priority = sampling.priorities(np.arange(36, dtype=np.uint64), 0, "query")
    chosen = choose_queries(np.zeros(36, dtype=np.int32), camera, others, priority)
    assert camera[chosen].tolist() == [0, 1, 2, 3, 4, 5]
    assert Counter(hour[chosen].tolist()) == {0: 2, 1: 2, 2: 2}
    assert Counter(place[chosen].tolist()) == {0: 3, 1: 3}


def twin_queries(rows, levels, priority):
    """Camera by camera, each person takes the row whose levels it has used least; the smallest
    priority among those."""
    used, chosen = defaultdict(Counter), []
    groups = defaultdict(list)
    for row in rows:
        groups[row["camera"], row["identity"]].append(row)
    for key in sorted(groups):
        seen = used[key[1]]
        best = min(
            groups[key],
            key=lambda row: (sum(seen[name, row[name]] for name in levels), priority[row["uid"]]),
        )
        seen.update((name, best[name]) for name in levels)
        chosen.append(best["uid"])
    return set(chosen)


def test_queries_are_those_of_the_slow_twin(manifest, tmp_path, crossed):
    rows = [row for i, row in enumerate(crossed(16)) if i % 5]  # with holes
    split = make_split(manifest(rows), "weather", output=tmp_path / "split", test_share=0.5)
    table = split.test().to_pylist()
    uids = np.array([row["uid"] for row in table], dtype=np.uint64)
    priority = dict(zip(uids.tolist(), sampling.priorities(uids, 0, "query").tolist(), strict=True))
    levels = ("weather", "illumination", "viewpoint_deg", "camera")
    queries = {row["uid"] for row in table if row["role"] == "query"}
    assert queries == twin_queries(table, levels, priority)


def test_one_query_for_each_person_and_camera_and_the_rest_is_gallery(manifest, tmp_path, crossed):
    split = make_split(manifest(crossed(24, views=4)), "weather", output=tmp_path / "split")
    rows = split.test().to_pylist()
    searched = Counter((row["identity"], row["camera"]) for row in rows if row["role"] == "query")
    assert set(searched.values()) == {1}
    assert len(searched) == 4 * len(people(split)) == split.record.test.queries
    assert len(rows) == 48 * len(people(split))
    assert all(row["arm"] is None for row in rows)


def test_the_test_side_depends_on_neither_attribute_levels_sizes_nor_seed(
    manifest, tmp_path, crossed
):
    source = manifest(crossed(24))
    reference = make_split(source, "weather", output=tmp_path / "reference")
    expected = searched_rows(reference)
    for i, options in enumerate(
        [
            {"attr": "illumination"},
            {"attr": "viewpoint_deg"},
            {"attr": "identity"},
            {"attr": "weather", "seed": 5},
            {"attr": "weather", "levels": ["sunny", "foggy"]},
            {"attr": "weather", "identities": 4, "budget": 20},
        ]
    ):
        split = make_split(source, **options, output=tmp_path / str(i))
        assert searched_rows(split) == expected
        assert split.record.test == reference.record.test


def test_the_fingerprint_of_the_test_side_is_of_who_searches_and_who_is_searched(
    manifest, tmp_path, crossed
):
    source = manifest(crossed(24))
    split = make_split(source, "weather", output=tmp_path / "split")
    rows = searched_rows(split)
    uids = (
        sorted(row["uid"] for row in rows if row["role"] == role) for role in ("query", "gallery")
    )
    expected = sampling.sha256_digest(
        *(b"".join(uid.to_bytes(8, "little") for uid in some) for some in uids)
    )
    assert split.record.test.fingerprint == expected
    for i, options in enumerate([{"test_share": 0.5}, {"where": "illumination != night"}]):
        other = make_split(source, "weather", **options, output=tmp_path / str(i))
        assert other.record.test.fingerprint != expected


def test_a_filter_holds_on_both_sides(manifest, tmp_path, crossed):
    split = make_split(
        manifest(crossed(24)), "weather", output=tmp_path / "split", where="illumination != night"
    )
    assert "night" not in set(split.members().column("illumination").to_pylist())
    assert split.record.audit.left_out == {"filtered out by --where": 24 * 4 * 4}


def test_newcomers_move_nobody_across_sides(manifest, tmp_path, crossed):
    few = make_split(manifest(crossed(20)), "weather", output=tmp_path / "few")
    many = make_split(manifest(crossed(60)), "weather", output=tmp_path / "many")
    known = {f"{i:04}" for i in range(1, 21)}
    assert people(many) & known == people(few)
    queries = {row["uid"] for row in searched_rows(few) if row["role"] == "query"}
    assert queries <= {row["uid"] for row in searched_rows(many) if row["role"] == "query"}


def test_newcomers_change_at_most_as_many_of_a_sample_as_they_are(manifest, tmp_path, crossed):
    few = make_split(manifest(crossed(60)), "weather", output=tmp_path / "few", identities=15)
    many = make_split(manifest(crossed(66)), "weather", output=tmp_path / "many", identities=15)
    trained = [set(split.train("mix").column("identity").to_pylist()) for split in (few, many)]
    assert len(trained[0] - trained[1]) <= 6


def test_the_sides_share_nobody(manifest, tmp_path, crossed):
    split = make_split(manifest(crossed(24)), "weather", output=tmp_path / "split")
    for arm in split.arms:
        assert not people(split) & set(split.train(arm).column("identity").to_pylist())


def test_the_share_is_a_threshold():
    persons = sampling.hash64_many(str(i) for i in range(4000))
    small, large = is_test_identity(persons, 0.1), is_test_identity(persons, 0.3)
    assert not (small & ~large).any()
    assert abs(small.mean() - 0.1) < 0.02
    assert not is_test_identity(persons, 0).any()


def test_a_share_of_nothing_leaves_no_test_rows_and_says_so(manifest, tmp_path, crossed):
    split = make_split(manifest(crossed(6)), "weather", output=tmp_path / "split", test_share=0)
    assert split.test().num_rows == 0
    nobody = {
        "identities": 0,
        "queries": 0,
        "gallery": 0,
        "protocol": "camera",
        "fingerprint": None,
    }
    assert as_json(split.record.test) == nobody
    assert any("--target" in warning for warning in split.record.warnings)


def test_the_viewpoint_plays_the_camera_where_no_camera_is_known(manifest, tmp_path, crossed):
    rows = [{**row, "camera": None} for row in crossed(24)]
    split = make_split(manifest(rows), "weather", output=tmp_path / "split")
    assert split.record.test.protocol == "viewpoint"
    searched = [
        (row["identity"], row["viewpoint_deg"])
        for row in split.test().to_pylist()
        if row["role"] == "query"
    ]
    assert len(searched) == len(set(searched)) == 4 * split.record.test.identities


def test_a_query_that_nothing_answers_stays_in_the_gallery_with_the_reason(
    manifest, tmp_path, crossed
):
    persons = people(make_split(manifest(crossed(24)), "weather", output=tmp_path / "all"))
    lonely = min(persons)
    rows = [row for row in crossed(24) if row["identity"] != lonely or row["camera"] == 1]
    split = make_split(manifest(rows), "weather", output=tmp_path / "split")
    own = split.record.audit.test.answerable["camera"]
    assert own.excluded == 1
    assert own.reasons == {
        "all images of the identity in the gallery are from the camera of the query": 1
    }
    assert split.record.test.queries == 4 * (len(persons) - 1)
    assert any("1 queries have no true match" in warning for warning in split.record.warnings)
    assert Counter(
        row["role"] for row in split.test().to_pylist() if row["identity"] == lonely
    ) == {"gallery": 12}


def test_nothing_to_be_found_is_refused(manifest, tmp_path, crossed):
    with pytest.raises(SplitError, match=r"None of the .* queries has a true match"):
        make_split(manifest(crossed(24, views=1)), "weather", output=tmp_path / "split")
    assert not (tmp_path / "split").exists()


@pytest.mark.parametrize(("views", "search"), [(4, 2), (3, 1), (5, 2)])
def test_of_a_person_with_one_image_a_camera_the_larger_half_is_to_be_found(
    manifest, tmp_path, crossed, views, search
):
    rows = crossed(24, views=views, weathers=("sunny",), lights=("night",))
    split = make_split(manifest(rows), "viewpoint_deg", output=tmp_path / "split")
    roles = defaultdict(Counter)
    for row in split.test().to_pylist():
        roles[row["identity"]][row["role"]] += 1
    assert all(counts == {"query": search, "gallery": views - search} for counts in roles.values())


@pytest.mark.parametrize(
    ("share", "says"),
    [(0.001, "No identity fell in the test set"), (0.999, "No identity is left for training")],
)
def test_an_empty_side_is_refused(manifest, tmp_path, crossed, share, says):
    with pytest.raises(SplitError, match=says):
        make_split(manifest(crossed(4)), "weather", output=tmp_path / "split", test_share=share)


def test_one_person_alone_on_the_test_side_is_warned_of(manifest, tmp_path, crossed):
    """Of ten people one falls under the share of 0.1; under 0.6 there are five more to be mistaken
    for."""
    few, more = (
        make_split(manifest(crossed(10)), "weather", test_share=share, output=tmp_path / str(share))
        for share in (0.1, 0.6)
    )
    assert [len(people(split)) for split in (few, more)] == [1, 6]
    assert "every score is 100" in " ".join(few.record.warnings)
    assert "every score is 100" not in " ".join(more.record.warnings)
