"""Sentences on a family of contrasts of a study: pooled over targets, without each target, and on
the logit scale."""

from collections.abc import Iterator, Sequence

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import target_phrase
from gprplus.reporting.contrast_tables import FACTORS
from gprplus.reporting.run_results import RunResults
from gprplus.reporting.sections.target_tables import NO_TARGET, influence, rows_without
from gprplus.reporting.sentences.logit_sentence import logit_sentence


def family_notes(outcomes: Sequence[RunResults], family: str) -> tuple[str, ...]:
    """The sentences of one family, split by split."""
    return tuple(line for run in outcomes for line in (*_pooled(run, family), *_logit(run, family)))


def _pooled(run: RunResults, family: str) -> Iterator[str]:
    left_out = run.table("left_out")
    for row in run.table("pooled"):
        without = rows_without(row, left_out)
        if (row["metric"], row["family"]) != ("mAP", family) or not without:
            continue
        values, turned = influence(without)
        verdict = (
            "no single target changes the verdict"
            if turned == NO_TARGET
            else f"the verdict changes without {turned}"
        )
        name = row["contrast"]
        name = formatting.crossed_name(name) if family in FACTORS else name
        yield (
            f"{row['split']}, {name}: over {row['targets']} targets"
            f" {formatting.signed_points(row['value'])}"
            f" ({formatting.signed_interval(row['low'], row['high'])}), {values} when one target is"
            f" left out; {verdict}."
        )


def _logit(run: RunResults, family: str) -> Iterator[str]:
    rows = {
        name: [row for row in run.table(name) if (row["metric"], row["family"]) == ("mAP", family)]
        for name in ("logit", "contrasts")
    }
    for target in dict.fromkeys(row["target"] for row in rows["logit"]):
        logit, contrasts = (
            [row for row in rows[name] if row["target"] == target]
            for name in ("logit", "contrasts")
        )
        sentence = logit_sentence(logit, contrasts)
        if sentence:
            yield f"{logit[0]['split']}, {target_phrase(target)}: {sentence}"
