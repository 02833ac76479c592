"""Split audit: balance, association, leakage, shortcuts."""

from gprplus.splits.audit.association import cramers_v, mutual_information
from gprplus.splits.audit.run_audit import audit_split, scope_includes
from gprplus.splits.audit.survey import TrainSummary, train_summary

__all__ = [
    "TrainSummary",
    "audit_split",
    "cramers_v",
    "mutual_information",
    "scope_includes",
    "train_summary",
]
