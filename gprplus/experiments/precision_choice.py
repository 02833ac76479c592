"""One number type for all runs of a benchmark on a processor."""

from collections.abc import Sequence
from dataclasses import replace

from gprplus.experiments import run_files, split_job
from gprplus.experiments.split_job import SplitJob
from gprplus.schema.run_record import Precision


def choose_precision(
    cases: Sequence[SplitJob], device: str, threads: int | None, *, resume: bool = True
) -> list[SplitJob]:
    """Return the cases with the number type of their runs, where recipe and device leave it open.

    With `resume` a case with earlier runs keeps their type. For the others one trial decides.
    """
    from gprplus.baseline.precision_trial import try_precisions

    trial: Precision | None = None
    found = []
    for case in cases:
        if device == "cpu" and case.recipe.compute.precision == "auto":
            earlier = _earlier(case) if resume else None
            if earlier is None:
                trial = trial or try_precisions(case.recipe, threads)
            case = replace(case, precision=earlier or trial)
        found.append(case)
    return found


def _earlier(case: SplitJob) -> Precision | None:
    """Return the type of the earlier runs of a case; None without any on a processor."""
    record = split_job.read_record(case)
    if record and record.precision:
        return record.precision
    for path in sorted(case.folder.glob(f"*/seed*/{run_files.RECORD}")):
        done = run_files.read_run_record(path.parent)
        if done and done.device.startswith("cpu") and "precision" in done.config:
            return Precision(chosen=str(done.config["precision"]).removeprefix("torch."))
    return None
