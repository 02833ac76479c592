"""What split.json holds of the deals of its arms (`gprplus.splits.dealing`)."""

from collections.abc import Mapping
from typing import Any


def recorded_deals(arm: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What split.json holds of each deal of an arm: its own facts where all deals are one."""
    return [{**arm, **deal} for deal in arm.get("deals") or [{}]]


def deal_of(arm: Mapping[str, Any], seed: int) -> int | None:
    """The deal of an arm of split.json that a training seed trains on; None where the arm has only one.

    >>> [deal_of({"deals": [{}, {}]}, seed) for seed in (0, 1, 2)], deal_of({}, 1)
    ([0, 1, 0], None)
    """
    deals = arm.get("deals")
    return seed % len(deals) if deals else None


def dealt_to(arm: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
    """The facts of an arm of split.json (images, identities, fingerprint, ...) in the deal of a training seed."""
    return recorded_deals(arm)[deal_of(arm, seed) or 0]
