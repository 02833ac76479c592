"""The test of a constructed set, once, on the half of the target that no decision has seen."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.errors import PlanError
from gprplus.core.files.workdir import fingerprint, read_json, write_json
from gprplus.core.sampling import hash64, join_canonical
from gprplus.experiments.construction.construct_file import RoundOptions
from gprplus.planning.cells import CandidateCells
from gprplus.planning.image_deal import deal_images, feasible_weights
from gprplus.planning.methods.proposal import Proposal
from gprplus.reporting.formatting import join_names, signed_interval, signed_points
from gprplus.reporting.run_results import RunResults
from gprplus.schema.construct_record import ComparisonRecord

CONSTRUCTED, UNIFORM, ONE_SHOT = "constructed", "uniform", "one-shot"
RANDOM, OTHER = "random-cells", "other-target"
LOOKS = "test_looks.json"
MEANING = {
    CONSTRUCTED: "the constructed set",
    UNIFORM: "all cells alike",
    ONE_SHOT: "the target-matched mixture, chosen in one step",
    RANDOM: "the cell counts of the constructed set, dealt to cells at random",
    OTHER: "the set constructed for the other target",
}


def deal_final_sets(
    constructed: np.ndarray,
    other: np.ndarray,
    one_shot: Proposal,
    cells: CandidateCells,
    options: RoundOptions,
    deals: int,
) -> dict[str, np.ndarray]:
    """Return the sets of the test by name, `(deals, N, C) bool`, all of the same identities and
    images.

    Training seed k trains on deal k, so that the variance over seeds includes that of the deal.
    Deal 0 of a constructed set is the set itself, the others have its cell counts; random cells
    have them in permuted cells, another permutation in each deal: as concentrated, without its
    choice.
    """
    size, seed = options.size, options.plan_seed
    even = np.full(len(cells), 1 / len(cells))

    def stream(name: str, deal: int) -> int:
        return hash64(join_canonical(name, str(deal), str(seed))) % 2**31

    def dealt(name: str, weights: np.ndarray, deal: int) -> np.ndarray:
        return deal_images(weights, size.identities, size.images, stream(name, deal))

    def of_weights(name: str, weights: np.ndarray) -> np.ndarray:
        feasible = feasible_weights(weights, cells, size, options.floor)
        return np.stack([dealt(name, feasible, deal) for deal in range(deals)])

    def of_set(name: str, chosen: np.ndarray) -> np.ndarray:
        # Its counts fit the cells, so the floor of viewpoints is not applied again.
        weights = chosen.sum(axis=0) / chosen.sum()
        return np.stack([chosen, *(dealt(name, weights, deal) for deal in range(1, deals))])

    def permuted(deal: int) -> np.ndarray:
        weights = constructed.sum(axis=0) / constructed.sum()
        order = np.random.default_rng(stream("permutation", deal)).permutation(len(weights))
        return dealt(RANDOM, weights[order], deal)

    return {
        CONSTRUCTED: of_set(CONSTRUCTED, constructed),
        UNIFORM: of_weights(UNIFORM, even),
        RANDOM: np.stack([permuted(deal) for deal in range(deals)]),
        ONE_SHOT: of_weights(ONE_SHOT, one_shot.weights),
        OTHER: of_set(OTHER, other),
    }


def count_test_look(home: Path, sets: Mapping[str, np.ndarray], request: Mapping[str, Any]) -> int:
    """Note that a held-back half is scored with these sets, and return how often one has been
    scored in this folder, including this time; the same sets and request count once.

    The note stays when other results are replaced with --force: another look is never free.
    """
    path = home / LOOKS
    looks = read_json(path, PlanError, "looks")["looks"] if path.is_file() else []
    images = {name: np.packbits(one).tobytes().hex() for name, one in sets.items()}
    key = fingerprint({"sets": images, "request": dict(request)})
    if not any(one["scored"] == key for one in looks):
        looks.append({"scored": key, "time": time.strftime("%Y-%m-%dT%H:%M:%S")})
        write_json(path, {"looks": looks})
    return len(looks)


def compare_with_controls(run: RunResults, target: str) -> list[ComparisonRecord]:
    """Return the gain of the constructed set over each control on a target, with the intervals that
    hold for all controls together (schema.CONTRASTS, family "to the reference")."""
    turned = {"higher": "worse", "lower": "better", "equivalent": "equivalent"}
    found = []
    for row in run.contrasts:
        if (row["target"], row["metric"], row["family"]) != (target, "mAP", "to the reference"):
            continue
        low, high = row["family_low"], row["family_high"]
        found.append(
            ComparisonRecord(
                control=row["contrast"],
                gain=-row["value"],
                low=None if high is None else -high,
                high=None if low is None else -low,
                verdict=turned.get(row["verdict"], "undecided"),
            )
        )
    return found


def verdict_sentence(target: str, found: list[ComparisonRecord]) -> str:
    """Return what the test showed. "Better" needs an interval against the uniform set above 0."""
    uniform = next(one for one in found if one.control == UNIFORM)
    gain = f"{signed_points(uniform.gain)} points of mAP"
    if uniform.low is None or uniform.high is None:
        return (
            f"The constructed set differs from the uniform set by {gain} on {target}; one seed, or"
            " scores without any variance, give no interval."
        )
    numbers = f"{gain} ({signed_interval(uniform.low, uniform.high)})"
    if uniform.low > 0:
        rest = [one.control for one in found if one.low is None or one.low <= 0]
        others = f" It is not shown to be better than {join_names(rest)}." if rest else ""
        return f"The constructed set is better than the uniform set on {target}: {numbers}.{others}"
    shown = "is worse" if uniform.high < 0 else "is not shown to be better"
    return f"The constructed set {shown} than the uniform set on {target}: {numbers}."
