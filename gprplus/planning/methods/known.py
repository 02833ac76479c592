"""All methods, by name: importing this module registers them."""

from collections.abc import Sequence

from gprplus.core.errors import PlanError, did_you_mean
from gprplus.planning.methods import descent, from_evidence, matched, uniform
from gprplus.planning.methods.proposal import METHODS, PlanProblem, Proposal

__all__ = ["descent", "from_evidence", "matched", "propose", "uniform"]


def propose(problem: PlanProblem, methods: Sequence[str]) -> list[Proposal]:
    """Return the proposal of each method. Raises PlanError for an unknown method, for one that is
    named twice, and for what a method lacks."""
    for name in methods:
        if name not in METHODS:
            raise PlanError(f"There is no method '{name}'. {did_you_mean(name, METHODS)}")
    double = sorted({name for name in methods if list(methods).count(name) > 1})
    if double:
        raise PlanError(f"--method names {double[0]} twice.")
    return [METHODS[name](problem) for name in methods]
