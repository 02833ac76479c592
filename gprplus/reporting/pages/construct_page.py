"""construct.html."""

from pathlib import Path

from gprplus.reporting.run_results import RunResults
from gprplus.schema.construct_record import ConstructRecord


def render_construct(record: ConstructRecord, run: RunResults, home: Path) -> str:
    """Return the page of a construction."""
    return record.verdict
