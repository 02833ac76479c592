"""Which renders to make next: candidate cells, methods that weight them, and render plans."""

from gprplus.planning.plan_renders import PlanResult, plan_renders

__all__ = ["PlanResult", "plan_renders"]
