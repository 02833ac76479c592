"""What a careful reader checks before believing a split: balance, association, leakage, shortcuts."""

from gprplus.splits.audit.association import cramers_v, information
from gprplus.splits.audit.judge import SCOPES, audit, covers

__all__ = ["SCOPES", "audit", "covers", "cramers_v", "information"]
