"""The audit of a streamed split: from counts, and from the images of a few identities."""

from typing import Any

import numpy as np

from gprplus.splits.audit import balance
from gprplus.splits.audit.image_statistics import ROWS
from gprplus.splits.audit.run_audit import audit_head, of_looks, of_rows
from gprplus.splits.audit.shortcuts import sample_identities
from gprplus.splits.audit.survey import TrainSummary, associations
from gprplus.splits.designs import DesignInput
from gprplus.splits.streaming.drawing import StreamedDraw
from gprplus.splits.streaming.row_block import chosen_block


def streamed_audit(drawn: StreamedDraw) -> tuple[dict[str, Any], list[str]]:
    """Return the audit of a split as JSON, and its warnings, as `audit.audit_split` does.

    Train set and test set are drawn by identity, and there are no digests: nothing can leak.
    """
    train, plan, totals = drawn.train, drawn.plan, drawn.totals
    scope = train.request.audit
    leakage: dict[str, int | None] = {"identities": 0, "digests": None}
    found = audit_head(train, plan, scope, totals.answerable, leakage)
    if scope == "none":
        return found, []
    rows, warnings = of_rows(train, plan, _summary(drawn), totals.arm_counts())
    looked, given_away = of_looks(_looked_at(drawn), plan, None)
    images = train.pool.images
    found["test"]["query_levels"] = {
        name: balance.level_table(images[name], counts)
        for name, counts in totals.query_levels.items()
    }
    return {**found, **rows, **looked}, [*warnings, *given_away]


def _summary(drawn: StreamedDraw) -> TrainSummary:
    """The associations in the train set; those within identities from a few of them."""
    counts, pool = drawn.counts, drawn.train.pool
    chosen = balance.sampled_identities(pool.identity_keys, np.flatnonzero(counts.identities))
    sample, _ = chosen_block(drawn.survey, np.sort(chosen)).load()
    rows, people = np.arange(len(sample)), np.arange(len(chosen))
    within = balance.SampledIdentities(sample, rows, people)
    persons = {
        name: counts.by_identity(name)
        for name, codes in pool.images.items()
        if len(codes.levels) > 1
    }
    return TrainSummary(drawn.totals.joint, associations(drawn.train, counts, persons, within))


def _looked_at(drawn: StreamedDraw) -> DesignInput:
    """The train set reduced to the identities whose images are sampled."""
    train, attr = drawn.train, drawn.train.request.attr
    known = drawn.counts.by_identity(attr)[:, 1:].sum(axis=1)
    chosen = sample_identities(train.pool.identity_keys, known, ROWS)
    pool, _ = chosen_block(drawn.survey, np.sort(chosen)).load()
    return DesignInput(pool, np.arange(len(pool)), train.request, train.relations)
