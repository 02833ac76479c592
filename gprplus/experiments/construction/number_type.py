"""One number type for all trainings of a construction on a processor."""

from pathlib import Path

from gprplus.core.errors import PlanError
from gprplus.core.files.workdir import read_json, write_json
from gprplus.core.parallel import threads_each, worker_count
from gprplus.experiments.benchmark_setup import choose_recipe
from gprplus.experiments.construction.construct_file import ConstructFile
from gprplus.experiments.construction.options import ConstructOptions
from gprplus.experiments.schedule import resolve_device

PRECISION = "precision.json"


def keep_precision(home: Path, plan: ConstructFile, given: ConstructOptions) -> str | None:
    """Return the number type of all trainings in `home`, decided by the trial of the first call;
    None where recipe or device determine it.

    A trial for each round would compare scores of rounds in different types, since it depends on
    what else the machine does.
    """
    from gprplus.baseline.precision_trial import try_precisions

    path, device = home / PRECISION, resolve_device(given.device)
    recipe, _ = choose_recipe(plan.recipe, device)
    if device != "cpu" or recipe.compute.precision != "auto":
        return None
    if path.exists():
        return str(read_json(path, PlanError, "a number type")["chosen"])
    trial = try_precisions(recipe, threads_each(given.jobs or worker_count(None)))
    write_json(path, {"chosen": trial.chosen, "images_per_second": dict(trial.images_per_second)})
    return trial.chosen
