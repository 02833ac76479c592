"""What a careful reader checks before believing a split: balance, association, leakage, shortcuts."""

from gprplus.splits.audit.association import cramers_v, information
from gprplus.splits.audit.run_audit import SCOPES, audit, covers
from gprplus.splits.audit.survey import Survey, survey

__all__ = ["SCOPES", "Survey", "audit", "covers", "cramers_v", "information", "survey"]
