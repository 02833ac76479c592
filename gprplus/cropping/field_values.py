"""Values of COCO files, which come from anywhere: each is of the kind that is expected, or has a
fault in words."""

from typing import Any

from gprplus.core.errors import escape

LARGEST = 1e9  # pixels, of any coordinate
DEEPEST = 50  # levels of values that are carried along
MOST_CORNERS = 100_000  # of all polygons of one annotation; each takes about 10 us
MOST_POLYGONS = 1_000  # each takes as long as its box is large


def parse_number(value: Any) -> float | None:
    """A finite number of at most LARGEST as a float; None for anything else.

    >>> parse_number(3), parse_number(float("nan")), parse_number(10**400), parse_number("3"), parse_number(True)
    (3.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value)


def is_whole_number(value: Any) -> bool:
    """Return True if a value is an integer that a file name can contain: 0 to 10**15."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**15


def is_id(value: Any) -> bool:
    """Return True if a value can be the id of an image or a category: a number or text."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value == value


def is_level(value: Any) -> bool:
    """Return True if a value can be the level of an attribute, or an identity: text, true, false,
    or a number."""
    if isinstance(value, bool | str):
        return True
    return isinstance(value, int | float) and abs(value) < 2**63


def too_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Return True if lists and objects are nested too deeply to be sent to workers and written
    again."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(too_deep(item, levels - 1) for item in inner)


def format_value(value: Any) -> str:
    """A value in a message, cut after 60 characters.

    >>> format_value({"a": 1}), format_value("x" * 100)[-8:]
    ("{'a': 1}", 'xxxxx...')
    """
    text = escape(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def parse_keypoints(value: Any) -> tuple[float, ...] | None:
    """Key points as x, y, v of each; None where they are no such list."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) % 3:
        return None
    found = [parse_number(item) for item in value]
    known = tuple(item for item in found if item is not None)
    return known if len(known) == len(found) else None


def segmentation_fault(value: Any) -> str:
    """Why a value is no segmentation of COCO; "" where it is one, or nothing."""
    if not value:
        return ""
    if isinstance(value, dict):
        return (
            ""
            if isinstance(value.get("counts"), str | list)
            else "its run-length code has no counts"
        )
    if not isinstance(value, list):
        return f"it is {format_value(value)}, not polygons or a run-length code"
    if len(value) > MOST_POLYGONS:
        return f"it has {len(value):,} polygons, and at most {MOST_POLYGONS:,} are drawn"
    for polygon in value:
        if not isinstance(polygon, list) or not polygon or len(polygon) % 2:
            return f"a polygon is {format_value(polygon)}, not a list of x, y, x, y, ..."
        if any(parse_number(item) is None for item in polygon):
            return f"a polygon holds values that are no coordinates: {format_value(polygon)}"
    corners = sum(len(polygon) for polygon in value) // 2
    return (
        f"it has {corners:,} corners, and at most {MOST_CORNERS:,} are drawn"
        if corners > MOST_CORNERS
        else ""
    )
