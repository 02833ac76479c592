"""From images dealt to identities to a render plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.engine.plans.render_plan import RenderPlan
from gprplus.planning.cells import FACTORS, CandidateCells


@dataclass(frozen=True, eq=False)
class CellNotes:
    """What a plan states about cells: the weight of each `(C,)`, the images of each that exist
    already `(C,)`, and the reason for one, by its number."""

    weights: np.ndarray
    existing: np.ndarray | None
    reason: Callable[[int], str]


def plan_of_images(
    name: str,
    cells: CandidateCells,
    dealt: np.ndarray,
    identities: Sequence[str],
    *,
    notes: CellNotes | None = None,
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
        notes: what is stated about cells; by default the weight of each is its share of the images.
        people: table of identities (`RenderPlan.identities`); by default their names.
        info: further facts for the record of the plan.
    """
    counts = dealt.sum(axis=0)
    if notes is None:
        notes = CellNotes(counts / max(counts.sum(), 1), None, lambda number: "")
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
                "weight": float(notes.weights[number]),
                "is_new": notes.existing is None or not notes.existing[number],
                "reason": notes.reason(number),
            }
        )
    who = [] if people is None else people.to_pylist()
    return RenderPlan.make(name, rows, identities=who, info=info)
