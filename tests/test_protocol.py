"""Which gallery rows count: the fast count against the Q x G matrix, and the rule by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.core.protocol import UNKNOWN_CAMERA, count_matches, excluded_mask

identities = st.integers(0, 4)
cameras = st.integers(UNKNOWN_CAMERA, 3)
junk = st.booleans()


def by_the_matrix(query_ids, gallery_ids, query_cams, gallery_cams, gallery_junk):
    """The slow, obvious twin: one query and one gallery row at a time."""
    counts = []
    for identity, camera in zip(query_ids, query_cams, strict=True):
        found = 0
        for other, its_camera, is_junk in zip(gallery_ids, gallery_cams, gallery_junk, strict=True):
            hidden = identity == other and camera == its_camera and camera != UNKNOWN_CAMERA
            found += identity == other and not hidden and not is_junk
        counts.append(found)
    return counts


@settings(deadline=None)
@given(
    st.lists(st.tuples(identities, cameras), max_size=6),
    st.lists(st.tuples(identities, cameras, junk), max_size=12),
)
def test_matches_are_counted_as_the_matrix_counts_them(queries, gallery):
    query_ids, query_cams = np.array(queries, dtype=np.int64).reshape(-1, 2).T
    gallery_ids, gallery_cams, gallery_junk = np.array(gallery, dtype=np.int64).reshape(-1, 3).T
    gallery_junk = gallery_junk.astype(bool)
    fast = count_matches(query_ids, gallery_ids, query_cams, gallery_cams, gallery_junk)
    out = excluded_mask(query_ids, gallery_ids, query_cams, gallery_cams, gallery_junk)
    matrix = ((query_ids[:, None] == gallery_ids[None, :]) & ~out).sum(axis=1)
    slow = by_the_matrix(query_ids, gallery_ids, query_cams, gallery_cams, gallery_junk)
    assert fast.tolist() == matrix.tolist() == slow


@settings(deadline=None)
@given(st.lists(identities, max_size=6), st.lists(identities, max_size=12))
def test_without_cameras_only_the_identity_counts(queries, gallery):
    query_ids, gallery_ids = np.array(queries, dtype=np.int64), np.array(gallery, dtype=np.int64)
    assert count_matches(query_ids, gallery_ids).tolist() == [
        gallery.count(identity) for identity in queries
    ]


@pytest.mark.parametrize(
    ("gallery_camera", "is_junk", "leaves"),
    [(1, False, True), (2, False, False), (2, True, True), (UNKNOWN_CAMERA, False, False)],
    ids=[
        "own camera leaves",
        "another camera stays",
        "junk leaves",
        "an unknown camera hides nothing",
    ],
)
def test_the_camera_rule(gallery_camera, is_junk, leaves):
    out = excluded_mask(
        np.array([7]), np.array([7]), np.array([1]), np.array([gallery_camera]), np.array([is_junk])
    )
    assert out.tolist() == [[leaves]]


def test_another_person_at_the_same_camera_stays_and_matches_nobody():
    query, gallery, camera = np.array([7]), np.array([8]), np.array([1])
    assert excluded_mask(query, gallery, camera, camera).tolist() == [[False]]
    assert count_matches(query, gallery, camera, camera).tolist() == [0]
