"""From images dealt to identities to a render plan."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.engine.plans.render_plan import RenderPlan
from gprplus.planning.cells import FACTORS, CandidateCells


def plan_of_images(
    name: str,
    cells: CandidateCells,
    dealt: np.ndarray,
    identities: Sequence[str],
    *,
    weights: np.ndarray | None = None,
    existing: np.ndarray | None = None,
    reason: Callable[[int], str] = lambda number: "",
    people: pa.Table | None = None,
    info: Mapping[str, Any] | None = None,
) -> RenderPlan:
    """Return the plan of the images `dealt` `(N, C) bool` of N identities, one row for each cell
    that has any, the largest first.

    Args:
        name: name of the plan.
        cells: the candidate cells.
        dealt: which identity is drawn in which cell.
        identities: names of the N identities.
        weights: the weight of each cell `(C,)`; by default its share of the images.
        existing: images of each cell that exist already `(C,)`; by default none.
        reason: why a cell has its weight.
        people: table of the identities (`RenderPlan.identities`); by default their names.
        info: further facts for the record of the plan.
    """
    counts = dealt.sum(axis=0)
    shares = counts / max(counts.sum(), 1) if weights is None else weights
    used = np.flatnonzero(counts)
    used = used[np.argsort(-counts[used], kind="stable")]
    rows = []
    for place, number in enumerate(used.tolist(), start=1):
        levels = cells.cell(number)
        rows.append(
            {
                "cell": place,
                **{factor: levels.get(factor) for factor in FACTORS},
                "identities": [identities[i] for i in np.flatnonzero(dealt[:, number]).tolist()],
                "images": int(counts[number]),
                "weight": float(shares[number]),
                "is_new": existing is None or not existing[number],
                "reason": reason(number),
            }
        )
    who = [] if people is None else people.to_pylist()
    return RenderPlan.make(name, rows, identities=who, info=info)
