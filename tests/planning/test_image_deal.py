"""Budgets, candidate cells, and the deal of cells to identities."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprplus.core.errors import PlanError
from gprplus.core.sampling import priorities
from gprplus.planning.budget import RenderBudget
from gprplus.planning.cells import CandidateCells, candidate_cells
from gprplus.planning.image_deal import cell_counts, deal_images, feasible_weights
from gprplus.planning.options import SpaceOptions

CELLS = CandidateCells({"viewpoint_deg": (90, 270), "weather": ("sunny", "foggy", "rain")})


@given(
    st.integers(2, 8),
    st.integers(1, 6),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
    st.integers(0, 99),
)
def test_every_identity_gets_its_images_and_every_cell_its_count(people, each, weights, seed):
    size = RenderBudget(people, max(each, 2))
    found = feasible_weights(np.array(weights), CELLS, size, 0.5)
    assert found.sum() == pytest.approx(1)
    assert found.max() <= 1 / size.images + 1e-9
    dealt = deal_images(found, people, size.images, seed)
    assert (dealt.sum(axis=1) == size.images).all()
    assert np.abs(dealt.sum(axis=0) - found * size.total).max() < 1
    views = dealt.sum(axis=0).reshape(2, 3).sum(axis=1)
    assert views.min() >= 0.25 * size.total - 3  # half of the even share, but for rounding


@given(st.integers(2, 6), st.integers(0, 99), st.data())
def test_what_exists_is_not_dealt_again(people, seed, data):
    taken = np.array(
        data.draw(
            st.lists(
                st.lists(st.booleans(), min_size=6, max_size=6), min_size=people, max_size=people
            )
        )
    )
    free = int((~taken).sum(axis=1).min())
    if not free:
        with pytest.raises(PlanError, match="fewer than 1 cells left of 6"):
            deal_images(np.full(6, 1 / 6), people, 1, seed, taken)
        return
    dealt = deal_images(np.full(6, 1 / 6), people, free, seed, taken)
    assert not (dealt & taken).any()
    assert (dealt.sum(axis=1) == free).all()


def test_a_deal_depends_on_the_seed_alone():
    weights = np.full(6, 1 / 6)
    one, again, other = (deal_images(weights, 8, 3, seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 99), st.booleans())
def test_a_deal_is_that_of_sorting_all_identities_in_every_cell(people, each, seed, some_exist):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(12, 0.5))
    taken = rng.random((people, 12)) < 0.3 if some_exist else np.zeros((people, 12), dtype=bool)
    each = max(min(each, int((~taken).sum(axis=1).min())), 0)
    dealt = deal_images(weights, people, each, seed, taken)

    ties = priorities(np.arange(people * 12, dtype=np.uint64), seed, "plan").reshape(people, 12)
    counts = cell_counts(weights, people * each, (~taken).sum(axis=0), seed)
    expected, lacking = np.zeros((people, 12), dtype=bool), np.full(people, each)
    for cell in np.argsort(-counts, kind="stable"):
        waiting = [i for i in range(people) if not taken[i, cell] and lacking[i]]
        waiting.sort(key=lambda i: (-lacking[i], ties[i, cell]))
        chosen = waiting[: counts[cell]]
        expected[chosen, cell] = True
        lacking[chosen] -= 1
    for i in np.flatnonzero(lacking):
        free = [c for c in range(12) if not taken[i, c] and not expected[i, c]]
        free.sort(key=lambda c: (-weights[c], ties[i, c]))
        expected[i, free[: lacking[i]]] = True
    assert (dealt == expected).all()


def test_more_images_than_cells_is_refused_with_both_numbers():
    with pytest.raises(PlanError, match="7 images of each identity, but there are 6 cells"):
        feasible_weights(np.full(6, 1 / 6), CELLS, RenderBudget(2, 7), 0.5)


@pytest.mark.parametrize("text", ["", "x", "12x", "x12", "-4", "4.5", "1x9", "9x1", "99999x2"])
def test_a_budget_that_makes_no_set_is_refused(text):
    with pytest.raises(PlanError, match=r"budget has at (least|most)|budget is a number"):
        RenderBudget.parse(text)


def test_cells_count_in_the_order_of_their_factors():
    assert len(CELLS) == 6
    assert CELLS.cell(4) == {"viewpoint_deg": 270, "weather": "foggy"}
    columns = {"viewpoint_deg": [90, 270, 45, 270], "weather": ["rain", "foggy", "sunny", None]}
    assert CELLS.numbers_of(columns).tolist() == [2, 4, -1, -1]
    weights = CELLS.product_weights({"weather": np.array([0.5, 0.5, 0.0])})
    assert weights.tolist() == [0.25, 0.25, 0, 0.25, 0.25, 0]
    shares = CELLS.level_shares(weights)
    assert shares["viewpoint_deg"].tolist() == [0.5, 0.5]


def test_rows_of_a_table_are_cells_and_a_factor_without_a_column_is_at_its_only_level():
    parts = (["foggy"], ["rain", None], ["snow"])  # each with a dictionary of its own
    sky = pa.chunked_array([pa.array(each, pa.string()).dictionary_encode() for each in parts])
    assert CELLS.numbers_of_rows(pa.table({"weather": sky})).tolist() == [-1] * 4
    front = CandidateCells({"viewpoint_deg": (90,), "weather": CELLS.levels["weather"]})
    assert front.numbers_of_rows(pa.table({"weather": sky})).tolist() == [1, 2, -1, -1]
    high = CandidateCells({"camera_height_m": (1.0,), "weather": CELLS.levels["weather"]})
    assert high.numbers_of_rows(pa.table({"weather": sky})).tolist() == [-1] * 4
    meters = pa.array([1.0, 1.0, 1.0, 2.75])
    both = pa.table({"weather": sky, "camera_height_m": meters})
    assert high.numbers_of_rows(both).tolist() == [1, 2, -1, -1]
    degrees = pa.array([270, 90, None, 91], pa.int32())
    both = pa.table({"weather": sky, "viewpoint_deg": degrees})
    assert CELLS.numbers_of_rows(both).tolist() == [4, 2, -1, -1]


def test_between_adds_halfway_hours_and_viewpoints():
    space = SpaceOptions(viewpoints=4, weathers=("sunny",), illuminations=("noon",), between=True)
    found = candidate_cells(space, None)
    assert found.levels["viewpoint_deg"] == (0, 45, 90, 135, 180, 225, 270, 315)
    assert {"noon", "afternoon-dusk", "night-midnight"} <= set(found.levels["illumination"])
    twice = ("dusk", "dusk-night", "dusk-night")
    space = SpaceOptions(illuminations=twice, camera_heights_m=(1.0, 2.75, 1.0))
    named = candidate_cells(space, None)
    assert named.levels["illumination"] == ("dusk", "dusk-night")
    assert named.factors[:2] == ("viewpoint_deg", "camera_height_m")
    assert named.levels["camera_height_m"] == (1.0, 2.75)


@pytest.mark.parametrize(
    ("height_m", "message"),
    [(9.0, "0.3 to 6 meters, found 9"), (1.234, "whole centimeters, such as 1.23; found 1.234")],
)
def test_a_height_that_the_engine_cannot_draw_is_refused_before_it_is_planned(height_m, message):
    with pytest.raises(PlanError, match=f"--camera-heights: expected {message}"):
        candidate_cells(SpaceOptions(camera_heights_m=(height_m,)), None)


def test_too_many_cells_are_refused_with_the_sizes():
    with pytest.raises(
        PlanError, match=r"make 2,000,000 cells \(viewpoint_deg 2000 x weather 1000\)"
    ):
        CandidateCells(
            {"viewpoint_deg": tuple(range(2000)), "weather": tuple(map(str, range(1000)))}
        )


def test_what_is_left_after_rounding_prefers_no_level():
    """384 images over 336 equal cells: 48 cells get a second one, and not those of one viewpoint."""
    cells = CandidateCells(
        {
            "viewpoint_deg": tuple(range(0, 360, 60)),
            "weather": tuple("abcdefg"),
            "hour": tuple("wxyz"),
            "place": (1, 2),
        }
    )
    dealt = deal_images(np.full(336, 1 / 336), 32, 12, seed=0)
    counts = dealt.sum(axis=0)
    assert sorted(np.unique(counts)) == [1, 2]
    second = cells.level_shares((counts == 2).astype(float))
    assert second["viewpoint_deg"].max() <= 16  # of 48, where 8 are expected
    assert second["weather"].max() <= 14


def test_few_images_over_many_cells_keep_the_shares_of_levels():
    """A quarter of 40 images belongs to a hundred cells of small weight, which the largest
    remainders would leave out."""
    weights = np.concatenate([np.full(100, 0.75 / 100), np.full(100, 0.25 / 100)])
    counts = cell_counts(weights, 40, np.full(200, 20), seed=0)
    assert counts.sum() == 40
    assert counts[100:].sum() == pytest.approx(10, abs=4)
