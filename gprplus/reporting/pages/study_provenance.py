"""Provenance of a study: its targets, and what its results were made with."""

from collections.abc import Sequence

from gprplus.reporting import formatting, provenance
from gprplus.reporting.basis import describe_target_images
from gprplus.reporting.run_results import RunResults
from gprplus.schema.study_record import StudyRecord


def target_facts(outcomes: Sequence[RunResults]) -> list[tuple[str, str]]:
    """Describe each target of the study, in case renders replace it."""
    found: dict[str, str] = {}
    for run in outcomes:
        for target in run.targets:
            row = run.rows_of(target)[0]
            people = formatting.pluralize(row["query_identities"], "identity", "identities")
            searched = f"{formatting.pluralize(row['queries'], 'query', 'queries')} of {people}"
            known = run.benchmark.targets.get(target)
            datasets = ", ".join(known.datasets if known else ())
            what = f"{describe_target_images(target, run.experiment)}{f' ({datasets})' if datasets else ''}"
            found.setdefault(target, f"{what}; {searched}")
    return list(found.items())


def study_facts(study: StudyRecord, outcomes: Sequence[RunResults]) -> list[tuple[str, str]]:
    """Return scale, recipe, trainings, fingerprints and versions of a study."""
    results = [row for run in outcomes for row in run.results.to_pylist()]
    once = {
        (row["train_digest"] or row["arm"], row["seed"]): row["seconds"] or 0.0 for row in results
    }
    main = {
        "scale": study.scale,
        "recipe": ", ".join(sorted({row["recipe"] for row in results})),
        "network": ", ".join(sorted({row["backbone"] for row in results})),
        "trainings": f"{len(once):,}, {sum(once.values()) / 3600:.2g} hours in all",
        "device": ", ".join(sorted({str(row["device"]) for row in results if row["device"]})),
    }
    prints = {run.rows[0]["split"]: str(run.split.fingerprint or None) for run in outcomes}
    lines_ = [*main.items(), *((f"split {name}", text) for name, text in prints.items())]
    return [*lines_, *provenance.flatten_record(study.versions)]
