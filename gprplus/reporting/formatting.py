"""Figures and names as they are read: percent, points, intervals, counts, nouns.

Tables hold scores from 0 to 1; people read percent, and points of difference. A figure that rounds to zero keeps a
digit more, so that an interval that ends just short of zero is never printed as one that touches it.
"""

from collections.abc import Sequence
from typing import Any

from gprplus.core.declarations import attributes

DASH = "–"
MINUS = "−"


def points(score: float | None) -> str:
    """A score from 0 to 1 in points with one decimal.

    >>> points(0.6324), points(None)
    ('63.2', '–')
    """
    return DASH if score is None else f"{100 * score:.1f}".replace("-", MINUS)


def signed(score: float | None) -> str:
    """A difference in points, with its sign; one digit more where one decimal would say zero.

    >>> signed(0.0142), signed(-0.021), signed(-0.0002), signed(0.0)
    ('+1.4', '−2.1', '−0.02', '0.0')
    """
    if score is None:
        return DASH
    value = 100 * score
    text = f"{value:+.1f}" if abs(value) >= 0.05 else f"{value:+.2f}" if abs(value) >= 0.005 else "0.0"
    return text.replace("-", MINUS)


def tick(score: float) -> str:
    """A mark on an axis in points, with no more digits than it has.

    >>> tick(-0.02), tick(0.005), tick(0.0)
    ('−2', '0.5', '0')
    """
    return f"{100 * score:g}".replace("-", MINUS)


def size(score: float | None) -> str:
    """A difference in points without its sign, for sentences that say the direction in words.

    >>> size(-0.021)
    '2.1'
    """
    return signed(score).lstrip("+" + MINUS)


def interval(low: float | None, high: float | None) -> str:
    """An interval of scores, in points.

    >>> interval(0.61, 0.6514), interval(None, None)
    ('61.0–65.1', '–')
    """
    return DASH if low is None or high is None else f"{points(low)}{DASH}{points(high)}"


def signed_interval(low: float | None, high: float | None) -> str:
    """An interval of differences, in points.

    >>> signed_interval(-0.03, -0.012)
    '−3.0 to −1.2'
    """
    return DASH if low is None or high is None else f"{signed(low)} to {signed(high)}"


def whole(number: int | None) -> str:
    """A count with its thousands set apart.

    >>> whole(8064)
    '8,064'
    """
    return DASH if number is None else f"{number:,}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A count and its noun.

    >>> counted(1, "seed"), counted(2, "query", "queries")
    ('1 seed', '2 queries')
    """
    return f"{whole(number)} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str]) -> str:
    """Items as a phrase.

    >>> listed(["sunny", "clouds", "foggy"])
    'sunny, clouds and foggy'
    """
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def noun(attribute: str) -> str:
    """An attribute's name in a sentence.

    >>> noun("viewpoint_deg"), noun("upper_colour")
    ('viewpoint', 'upper colour')
    """
    return attribute.removesuffix("_deg").replace("_", " ")


def nouns(attribute: str) -> str:
    """The same in the plural.

    >>> nouns("weather"), nouns("identity"), nouns("glasses")
    ('weathers', 'identities', 'levels of glasses')
    """
    one = noun(attribute)
    if one.endswith("s"):
        return f"levels of {one}"
    return f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"


def crossed(factors: str) -> str:
    """Factors of an effect as they are read.

    >>> crossed("viewpoint_deg x weather"), crossed("-weather")
    ('viewpoint x weather', '−weather')
    """
    return " x ".join(noun(name) for name in factors.replace("-", MINUS).split(" x "))


def level(attribute: str, value: Any) -> str:
    """One level as it stands in a sentence: weather speaks for itself, a number or a yes needs its attribute.

    >>> level("weather", "foggy"), level("viewpoint_deg", 90), level("hat", "no"), level("hair", "long")
    ('foggy', 'viewpoint 90°', 'people without hat', 'people with long hair')
    """
    declared = attributes().get(attribute)
    if declared is None:
        return f"{noun(attribute)} {value}"
    if declared.level == "identity":
        having = {"yes": "with", "no": "without"}.get(str(value), f"with {value}")
        return f"people {having} {noun(attribute)}"
    if declared.type == "integer":
        return f"{noun(attribute)} {value}{'°' if declared.unit == 'degree' else ''}"
    return str(value)
