"""Numbers of cameras in the manifest."""

import re
from collections.abc import Iterable

_LARGEST = 9_999  # of a part of a name


def camera_numbers(names: Iterable[str]) -> dict[str, int]:
    """Return a number for each camera name, SCENE/SENSOR.

    The number is that in the name, so that it stays when other scenes are added: with two numbers,
    10,000 times the first plus the second. If a name has no number, more than two or a larger one,
    or two names would share one, all are numbered from 1 in sorted order.

    >>> camera_numbers(["Warehouse_000/Camera_01", "Warehouse_012/Camera_07"])
    {'Warehouse_000/Camera_01': 1, 'Warehouse_012/Camera_07': 120007}
    >>> camera_numbers(["hall", "door-7"])
    {'door-7': 1, 'hall': 2}
    """
    known = sorted(set(names))
    numbers = [_number(name) for name in known]
    if None in numbers or len(set(numbers)) < len(known):
        return {name: i for i, name in enumerate(known, start=1)}
    return {name: number for name, number in zip(known, numbers, strict=True) if number is not None}


def _number(name: str) -> int | None:
    parts = [int(digits) for digits in re.findall(r"[0-9]{1,12}", name)]
    if not 1 <= len(parts) <= 2 or max(parts) > _LARGEST:
        return None
    return parts[0] if len(parts) == 1 else 10_000 * parts[0] + parts[1]
