"""What a search is judged by had no part in choosing: where cells mean nothing, no choice is better
than chance."""

import numpy as np
import pytest

from gprplus.analysis.subset_search import holdout
from gprplus.analysis.subset_search.baselines import SubsetProblem
from gprplus.analysis.subset_search.kernels import build_kernels


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Searches without the bootstrap of single rows, whose intervals no test here reads."""
    monkeypatch.setattr(holdout, "RESAMPLES", 2)


def judged(seed, persons=12, cells=8, effect=0.0):
    """Persons who differ, cells that change every person in another way, and a target of cell 0
    alone."""
    rng = np.random.default_rng(seed)
    moved = effect * np.arange(cells)[None, :, None]
    source = rng.normal(size=(persons, 1, 4)) + rng.normal(size=(persons, cells, 4)) + moved
    people = np.repeat(np.arange(10), 4)
    target = rng.normal(size=(10, 1, 4))[people, 0] + rng.normal(size=(40, 4))
    known, bandwidth = build_kernels(source, target, people)
    levels, alone = np.arange(cells)[:, None], np.zeros(cells, dtype=np.int64)

    def problem(counted, weight):
        within = known.biased(counted).astype(np.float64)
        most = np.full(cells, persons)
        return SubsetProblem(
            within, known.to_target(weight, counted), levels, most, 24, alone, np.zeros(1), 1e-3
        )

    half = holdout.halve_identities(persons, rng)
    found = holdout.held_out_results(
        known, problem, half, people % 2 == 0, bandwidth, rng, draws=1, redraws=1
    )
    return found, {row["method"]: row for row in found.baselines}


def gap(seed, **world):
    rows = judged(seed, **world)[1]
    return rows["even"]["held_out"] - rows["searched"]["held_out"], rows["even"]["fitted"] - rows[
        "searched"
    ]["fitted"]


def test_where_cells_mean_nothing_the_search_gains_nothing_on_persons_it_did_not_see():
    held, fitted = np.transpose([gap(seed) for seed in range(24)])
    error = held.std(ddof=1) / np.sqrt(len(held))
    assert held.mean() < 3 * error, "a gain there would be chance taken for a finding"
    assert fitted.mean() > 8 * error, "which the persons it was chosen by do show"


def test_where_a_cell_is_the_targets_the_gain_is_there_for_others_too():
    held, _ = np.transpose([gap(seed, effect=0.5) for seed in range(10)])
    assert (held > 0).all()


def test_persons_are_halved_on_both_sides_unless_they_are_too_few():
    assert judged(0)[0].facts["source_persons"] == {"chosen_by": 6, "held_out": 6}
    assert judged(0)[0].facts["target_images"] == {"chosen_by": 20, "held_out": 20}
    assert judged(0, persons=3)[0].facts["source_persons"] == {"chosen_by": 3, "held_out": 3}
