"""Answers about checks: what each flagged, and how much of it was reviewed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gprplus.core.commands import command_line
from gprplus.explorer.image_table import BrowsedImages
from gprplus.explorer.workspace import Workspace
from gprplus.ingest.checks.findings import CheckFinding, list_findings
from gprplus.schema.check_columns import CHECKS, EXTRA_COPY, score_column


def issues_answer(space: Workspace, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the result of each check, and the command that adds checks where there are none."""
    table = space.manifest(given.get("s", "")).table
    roots = list(table.manifest.roots().values())
    again = command_line(["build-manifest", *roots, "-o", table.manifest.path, "--checks"])
    return {
        "checks": [_check(table, found) for found in list_findings(table.manifest)],
        "command": again,
    }


def _check(table: BrowsedImages, found: CheckFinding) -> dict[str, Any]:
    """Return a check with its filter; of equal files the filter leaves one out."""
    copies = found.check == "exact-duplicate"
    where = EXTRA_COPY if copies else CHECKS[found.check][0]
    mask = table.mask(where)
    flagged = np.array([], dtype=np.int64) if mask is None else np.flatnonzero(mask)
    states = table.review_of(flagged)
    return {
        "name": found.check,
        "where": where,
        "sort": score_column(found.check),
        "sentence": CHECKS[found.check][1] if not copies else "Has the bytes of an earlier image.",
        "flagged": len(flagged),
        "open": states.count("open"),
        "judged": found.judged,
        "common": found.common,
    }
