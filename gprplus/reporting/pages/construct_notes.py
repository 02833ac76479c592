"""Sentences and facts of the page of a construction: warnings, scores of the halves, cost."""

from gprplus.core.progress import format_duration
from gprplus.reporting import formatting
from gprplus.reporting.balance import target_warnings
from gprplus.reporting.pages.page_warnings import PageWarning, page_warnings
from gprplus.reporting.run_results import RunResults
from gprplus.schema.construct_record import ConstructRecord

NOTABLE = 0.0005  # of the optimism in mAP, 0-1: less is printed as 0.0 points


def construct_warnings(record: ConstructRecord, run: RunResults) -> list[PageWarning]:
    """Return what limits the result: earlier looks at the test half, one seed, optimism of the
    selection, and the warnings of its runs."""
    path = record.paths[0]
    last = path.rounds[-1]
    found = []
    if record.test_looks > 1:
        found.append(
            f"This was look {record.test_looks} at the test half: other sets or other trainings have"
            " been scored on it before, so its result counts less than a first one."
        )
    if record.seeds == 1:
        found.append(
            "One seed: there is no interval, so neither a gain nor a loss is shown. Set seeds to 5"
            " in the file."
        )
    if last.optimism >= NOTABLE:
        found.append(
            f"The validation mAP of the last round, {points(last.trials[last.kept].mAP)}, is about"
            f" {points(last.optimism)} points too high, because the best of"
            f" {formatting.pluralize(len(last.trials), 'trial')} was selected by it. The test half"
            " gives the result."
        )
    return page_warnings([*found, *run.verdict(path.target).warnings, *target_warnings(run)])


def points(score: float) -> str:
    """A score in points for a sentence."""
    return formatting.format_points(score)


def test_sentence(record: ConstructRecord, run: RunResults) -> str:
    """Describe the test: queries, identities and seeds behind the gains."""
    path = record.paths[0]
    row = next(iter(run.rows_of(path.target)), None)
    if row is None:
        return ""
    queries = formatting.pluralize(row["queries"], "query", "queries")
    people = formatting.pluralize(row["query_identities"], "identity", "identities")
    seeds = formatting.pluralize(record.seeds, "seed")
    deals = " Each seed has its own deal of every set." if record.seeds > 1 else ""
    return (
        f"Measured on the test half of {path.target}, which no decision has seen: {queries} of"
        f" {people}, {seeds}. All sets have {record.identities:,} identities with"
        f" {record.images_each:,} images each and the same training.{deals}"
    )


def score_lines(record: ConstructRecord, run: RunResults) -> list[tuple[str, float, str]]:
    """Return the scores of the constructed set from the selection to the test, each with its name
    and a sentence."""
    path = record.paths[0]
    last = path.rounds[-1]
    selected = last.trials[last.kept].mAP
    own = record.arms.get(run.split.reference or "")
    lines = [
        (
            "selected, validation half",
            selected,
            f"The score that the last round selected its trial by, the best of {len(last.trials)}.",
        ),
        (
            "without optimism",
            selected - last.optimism,
            f"The same less {points(last.optimism)} points, by which"
            " selecting the best makes it look better (shrinkage towards the mean of the trials). The"
            " noise of training seeds and the selection of earlier rounds are not in it.",
        ),
    ]
    if own is not None and own.validation_mAP is not None:
        lines.append(
            (
                "trained anew, validation half",
                own.validation_mAP,
                f"The set trained for the test ({formatting.pluralize(record.seeds, 'seed')}),"
                " scored on the identities that the rounds selected for.",
            )
        )
    if run.split.reference in record.mAP:
        lines.append(
            (
                "trained anew, test half",
                record.mAP[run.split.reference],
                "The same trainings, scored on identities that no decision has seen: the result."
                " The halves differ in difficulty too, so compare gains rather than scores.",
            )
        )
    return lines


def cost_facts(record: ConstructRecord) -> list[tuple[str, str]]:
    """Describe images rendered, trainings and time by part."""
    names = {
        "pool": "images rendered for the sets",
        "probes": "images rendered for proposals",
        "looks": "trainings of trials",
        "test": "trainings of the test",
    }
    counts = {**record.rendered, **record.trainings}
    return [
        *((names.get(name, name), formatting.format_count(n)) for name, n in counts.items()),
        *((f"time of the {name}", format_duration(each)) for name, each in record.seconds.items()),
    ]


def half_facts(record: ConstructRecord) -> list[tuple[str, str]]:
    """Describe the halves of each target with their fingerprints."""
    return [
        (
            f"{path.target}, {name} half",
            f"{formatting.pluralize(half.images, 'image')} of"
            f" {formatting.pluralize(half.identities, 'identity', 'identities')}, fingerprint"
            f" {half.fingerprint}",
        )
        for path in record.paths
        for name, half in (("validation", path.validation), ("test", path.test))
    ]
