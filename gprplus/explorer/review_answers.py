"""Changes of the reviewed images: accept, exclude, reopen, undo; and the sets of uids that are
held."""

from typing import Any

import numpy as np

from gprplus.core.errors import BrowseError
from gprplus.explorer.image_answers import parse_uid
from gprplus.explorer.workspace import Workspace
from gprplus.ingest.tables.review import restore_review, set_review

STATES = ("open", "accepted", "excluded")
REASON = 500  # characters of a reason


def review_change(space: Workspace, body: dict[str, Any]) -> dict[str, Any]:
    """Set images to a state, for a reason; the change can be undone while the server runs."""
    view = space.manifest(str(body.get("s", "")))
    state, reason = body.get("state"), str(body.get("reason", ""))[:REASON]
    if state not in STATES:
        raise BrowseError(f"state is one of {', '.join(STATES)}.")
    uids = read_uids(body)
    view.table.rows_of(uids)
    earlier = set_review(view.folder, uids, state, reason)
    view.undo.append((uids, earlier))
    view.read_review()
    return {"changed": len(uids), "undo": len(view.undo)}


def undo_change(space: Workspace, body: dict[str, Any]) -> dict[str, Any]:
    """Take back the last change of this server."""
    view = space.manifest(str(body.get("s", "")))
    if not view.undo:
        raise BrowseError("There is no change to undo.")
    uids, earlier = view.undo.pop()
    restore_review(view.folder, uids, earlier)
    view.read_review()
    return {"changed": len(uids), "undo": len(view.undo)}


def subset_change(space: Workspace, body: dict[str, Any]) -> dict[str, Any]:
    """Hold a set of uids under a name, as the filter `subset`."""
    table = space.manifest(str(body.get("s", ""))).table
    name = str(body.get("name", ""))[:100] or f"selection {len(table.subsets) + 1}"
    held = table.hold_subset(name, np.array(read_uids(body), dtype=np.uint64))
    return {"subset": held, "images": len(table.subsets[held])}


def read_uids(body: dict[str, Any]) -> list[int]:
    """Return the uids of a request, which are text in decimal. Raises BrowseError."""
    given = body.get("uids")
    if not isinstance(given, list) or not given:
        raise BrowseError("uids is a list of uids as text.")
    return [parse_uid(str(one)) for one in given]
