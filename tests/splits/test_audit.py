"""The audit: what split.json says of the rows, and what leaks."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprplus.core.errors import SplitError
from gprplus.core.typed import as_json
from gprplus.splits import make_split
from gprplus.splits.candidates import determines


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 2), st.integers(0, 2)), max_size=30))
def test_a_function_of_others_is_found_as_python_finds_it(rows):
    first, second, target = (
        (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
        if rows
        else [np.zeros(0, int)] * 3
    )
    expected = len({row[:2] for row in rows}) == len(set(rows))
    assert determines([first, second], [4, 3], target) == expected


def test_the_audit_counts_what_is_in_the_rows(manifest, tmp_path, crossed):
    split = make_split(manifest(crossed(24)), "weather", output=tmp_path / "split")
    audit = as_json(split.record.audit)
    for arm in split.arms:
        rows = split.train(arm).to_pylist()
        described = audit["arms"][arm]
        for name, levels in described["levels"].items():
            assert levels == {
                str(level): count for level, count in Counter(row[name] for row in rows).items()
            }
        per_person = sorted(Counter(row["identity"] for row in rows).values())
        assert described["images_per_identity"]["min"] == per_person[0]
        assert described["images_per_identity"]["max"] == per_person[-1]
    queries = [row for row in split.test().to_pylist() if row["role"] == "query"]
    for name in ("weather", "illumination", "camera"):
        assert audit["test"]["query_levels"][name] == {
            str(k): n for k, n in Counter(row[name] for row in queries).items()
        }
    assert audit["association"]["weather, illumination"] == 0
    assert audit["leakage"] == {"identities": 0, "digests": None}


def test_an_unmatched_attribute_that_leans_on_the_arm_is_reported(manifest, tmp_path, crossed):
    rows = [
        {**row, "background": "beach" if row["weather"] == "sunny" and i % 4 else "street"}
        for i, row in enumerate(crossed(24))
    ]
    split = make_split(manifest(rows), "weather", output=tmp_path / "split")
    assert split.record.audit.association_with_arm["background"] > 0.5
    assert any(
        "Cramer's V with the arm: background 0." in warning for warning in split.record.warnings
    )


def test_one_file_on_both_sides_is_refused_even_under_two_names(manifest, tmp_path, crossed):
    rows = crossed(24)
    unlike = [{**row, "digest": f"{i:032x}"} for i, row in enumerate(rows)]
    split = make_split(manifest(unlike), "weather", output=tmp_path / "split")
    assert as_json(split.record.audit.leakage) == {"identities": 0, "digests": 0}
    tested = set(split.test().column("path").to_pylist())
    trained = next(row["digest"] for row in unlike if row["path"] not in tested)
    twin = next(row for row in unlike if row["path"] in tested)
    copied = [{**row, "digest": trained} if row is twin else row for row in unlike]
    with pytest.raises(
        SplitError, match=f"1 test images are byte for byte images of the train set.*{twin['path']}"
    ):
        make_split(manifest(copied), "weather", output=tmp_path / "leaky")
    assert not (tmp_path / "leaky").exists()


def test_attributes_that_cannot_be_told_apart_have_no_variance_inflation(
    manifest, tmp_path, crossed
):
    rows = [{**row, "background": f"place-{int(row['identity']) % 3}"} for row in crossed(24)]
    found = as_json(
        make_split(manifest(rows), "weather", output=tmp_path / "split").record.audit.collinearity
    )
    assert "camera" not in found  # declared as a function of the viewpoint
    assert found["weather"] == {"df": 3, "gvif": 1.0, "gvif_given_identity": 1.0}
    assert found["background"]["gvif"] == 1.0
    assert found["background"]["gvif_given_identity"] is None  # each person has one
    tied = [{**row, "background": f"under-{row['illumination']}"} for row in crossed(24)]
    found = as_json(
        make_split(manifest(tied), "weather", output=tmp_path / "tied").record.audit.collinearity
    )
    assert [name for name, about in found.items() if about["gvif"] is None] == [
        "illumination",
        "background",
    ]


def test_merged_levels_are_judged_as_they_were_matched(manifest, tmp_path, crossed):
    rows = [
        row
        for row in crossed(24)
        if (row["viewpoint_deg"] in (0, 90)) == (row["weather"] in ("sunny", "clouds"))
    ]
    options = {
        "on_missing": "coarsen",
        "coarsen": {"viewpoint_deg": "360"},
        "levels": ["sunny", "foggy"],
    }
    split = make_split(
        manifest(rows, functions={}), "weather", output=tmp_path / "split", **options
    )
    audit = as_json(split.record.audit)
    assert audit["differences"]["viewpoint_deg"] is None  # one level, once merged
    assert set(audit["differences_before_merging"]) == {"viewpoint_deg"}
    before = audit["differences_before_merging"]["viewpoint_deg"]["largest"]
    assert before == pytest.approx(2**0.5, abs=1e-4)  # half of the images against none
