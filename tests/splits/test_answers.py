"""Which queries each protocol can use: by hand, and by a slow twin."""

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from gprplus.core.protocol import UNANSWERABLE_REASONS, count_matches, why_unanswerable
from gprplus.core.typed import as_json
from gprplus.splits import make_split
from gprplus.splits.test_sets import answerable

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-1, 2), st.booleans()), min_size=1, max_size=12
)


def reason(person, camera, gallery):
    """What keeps one query from being found, read off the gallery row by row."""
    own = [row for row in gallery if row[0] == person]
    if not own:
        return 1
    if all(junk for _, _, junk in own):
        return 2
    return 0 if any(not junk and (camera == -1 or cam != camera) for _, cam, junk in own) else 3


@given(ROWS, ROWS)
def test_reasons_are_those_of_the_slow_twin(queries, gallery):
    ids, cams, _ = map(np.array, zip(*queries, strict=True))
    gallery_ids, gallery_cams, junk = map(np.array, zip(*gallery, strict=True))
    found = why_unanswerable(ids, gallery_ids, cams, gallery_cams, junk)
    assert found.tolist() == [reason(person, camera, gallery) for person, camera, _ in queries]
    wide = (
        ids.astype(np.int64) * 10**9,
        gallery_ids.astype(np.int64) * 10**9,
    )  # too far apart for a table of counts
    assert (
        count_matches(*wide, cams, gallery_cams, junk).tolist()
        == count_matches(ids, gallery_ids, cams, gallery_cams, junk).tolist()
    )


def test_every_query_is_kept_or_listed_with_its_reason_under_every_protocol(
    manifest, tmp_path, crossed
):
    whole = make_split(manifest(crossed(24)), "weather", output=tmp_path / "all")
    tested = sorted(set(whole.test().column("identity").to_pylist()))
    lonely, sunless = tested[:2]
    rows = [
        row
        for row in crossed(24)
        if (row["identity"] != lonely or row["camera"] == 1)
        and (row["identity"] != sunless or row["weather"] != "sunny")
    ]
    split = make_split(manifest(rows), "weather", output=tmp_path / "split")
    answerable = as_json(split.record.audit.test.answerable)
    kept = split.record.test.queries
    assert answerable["camera"]["kept"] == kept
    assert answerable["camera"]["reasons"] == {UNANSWERABLE_REASONS[3]: 1}
    assert (
        answerable["viewpoint"]
        == answerable["no-camera"]
        == {"kept": kept, "excluded": 0, "reasons": {}}
    )
    across = answerable["cross-condition"]
    queries = [row for row in split.test().to_pylist() if row["role"] == "query"]
    mine = [row for row in queries if row["identity"] == sunless]
    assert (across["kept"], across["excluded"]) == (kept - len(mine), len(mine))
    assert across["reasons"] == {"no true match at sunny": len(mine)}
    for level, answered in across["answered"].items():
        here = [row for row in queries if row["weather"] == level]
        without = sum(row["identity"] == sunless for row in here)
        assert answered == {
            other: len(here) - without * (other == "sunny") for other in across["answered"]
        }
    listed = pq.read_table(split.path / "excluded.parquet").to_pylist()
    assert [(row["protocol"], row["identity"]) for row in listed] == [
        ("camera", lonely),
        *[("cross-condition", sunless)] * len(mine),
    ]
    assert all(row["reason"] and row["path"] for row in listed)


def test_the_reason_names_the_viewpoint_under_the_viewpoint_protocol():
    texts = answerable.REASON_TEXTS["viewpoint"]
    assert (
        texts[3] == "all images of the identity in the gallery are from the viewpoint of the query"
    )
    assert texts[:3] == UNANSWERABLE_REASONS[:3]


def test_across_levels_a_query_is_to_be_found_at_its_own_level_too(manifest, tmp_path, crossed):
    """Who is sunny under camera 1 alone, and foggy under the others, has no sunny match for the
    query of camera 1."""
    whole = crossed(24, weathers=("sunny", "foggy"))
    someone = min(
        make_split(manifest(whole), "weather", output=tmp_path / "all")
        .test()["identity"]
        .to_pylist()
    )
    rows = [
        row
        for row in whole
        if row["identity"] != someone or (row["camera"] == 1) == (row["weather"] == "sunny")
    ]
    split = make_split(manifest(rows), "weather", output=tmp_path / "split")
    across = as_json(split.record.audit.test.answerable)["cross-condition"]
    assert (across["excluded"], across["reasons"]) == (1, {"no true match at sunny": 1})
    (lost,) = pq.read_table(split.path / "excluded.parquet").to_pylist()
    assert lost["path"].startswith(f"{someone}/{someone}_c01_w01")


def test_viewpoints_are_crossed_without_the_rule_that_would_forbid_their_own(
    manifest, tmp_path, crossed
):
    split = make_split(manifest(crossed(24)), "viewpoint_deg", output=tmp_path / "split")
    across = as_json(split.record.audit.test.answerable)["cross-condition"]
    assert across["excluded"] == 0
    assert across["kept"] == split.record.test.queries


def test_what_belongs_to_persons_cannot_be_crossed(manifest, tmp_path, crossed):
    people = [
        {"identity": f"{i:04}", "gender": "male" if i % 2 else "female"} for i in range(1, 25)
    ]
    split = make_split(manifest(crossed(24), people=people), "gender", output=tmp_path / "split")
    assert set(split.record.audit.test.answerable) == {"camera", "viewpoint", "no-camera"}
