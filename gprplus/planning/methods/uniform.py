"""`uniform`: every cell alike, the control of all other methods."""

import numpy as np

from gprplus.planning.methods.proposal import PlanProblem, Proposal, plan_method


@plan_method("uniform")
def uniform_method(problem: PlanProblem) -> Proposal:
    """Return equal weights."""
    count = len(problem.cells)
    return Proposal("uniform", np.full(count, 1 / count))
