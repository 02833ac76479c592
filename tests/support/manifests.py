"""Manifest records written by hand."""

from typing import Any


def dataset(**known: Any) -> dict[str, Any]:
    """One dataset of manifest.json: the keys that every build writes, and those `known`."""
    empty: dict[str, Any] = dict.fromkeys(
        ("title", "paper", "licence", "status", "layout_digest"), ""
    )
    empty |= {
        "root": "../renders",
        "request": {},
        "layout": "engine",
        "verify": "header",
        "fingerprint": "",
    }
    empty |= {
        "factors": [],
        "functions": {},
        "unverified": [],
        "notes": [],
        "expected": {},
        "roles": {},
    }
    empty |= {"lists_digest": None, "identities_digest": None, "unknown": [], "remarks": []}
    counts = (
        "images",
        "identities",
        "rejected",
        "ignored",
        "files",
        "refused",
        "unread_folders",
        "strangers",
    )
    return empty | dict.fromkeys(counts, 0) | known
