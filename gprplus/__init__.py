"""gprplus: build controlled synthetic person re-ID datasets and measure what each attribute is
worth.

The functions have the names of the commands, the classes are what they return. All load on first
use, so that importing the package (and printing a help text) loads neither torch nor pandas nor
pyarrow.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_HOMES = {
    "Manifest": "gprplus.ingest",
    "Split": "gprplus.splits",
    "Arm": "gprplus.splits",
    "Recipe": "gprplus.baseline.recipe",
    "Scores": "gprplus.evaluation",
    "BenchmarkResult": "gprplus.experiments.benchmark_result",
    "StudyResult": "gprplus.experiments.studies.run_study",
    "RenderPlan": "gprplus.engine.plans.render_plan",
    "PlanResult": "gprplus.planning",
    "ConstructResult": "gprplus.experiments.construction.run_construct",
    "render": "gprplus.engine",
    "build_manifest": "gprplus.ingest",
    "inspect": "gprplus.ingest",
    "make_split": "gprplus.splits",
    "benchmark": "gprplus.experiments.run_benchmark",
    "score": "gprplus.evaluation",
    "embed": "gprplus.analysis",
    "analyze": "gprplus.reporting.pages.analyzed",
    "export": "gprplus.exports",
    "run_external": "gprplus.experiments.external.runs",
    "study": "gprplus.experiments.studies.run_study",
    "plan_renders": "gprplus.planning",
    "construct": "gprplus.experiments.construction.run_construct",
    "report": "gprplus.reporting",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gprplus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
