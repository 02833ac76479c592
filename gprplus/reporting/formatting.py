"""Formatting of numbers and names: percent, points, intervals, counts, nouns.

Tables contain scores from 0 to 1; text uses percent and points of difference. A number that rounds
to zero keeps a digit more, so that an interval that ends just short of zero is never printed as one
that touches it.
"""

from collections.abc import Sequence
from typing import Any

from gprplus.core.declarations import Attribute, attributes

DASH = "–"
MINUS = "−"


def format_points(score: float | None) -> str:
    """A score from 0 to 1 in points with one decimal.

    >>> format_points(0.6324), format_points(None)
    ('63.2', '–')
    """
    return DASH if score is None else f"{100 * score:.1f}".replace("-", MINUS)


def signed_points(score: float | None) -> str:
    """Format a difference in points with its sign; one digit more if it would round to zero.

    >>> signed_points(0.0142), signed_points(-0.021), signed_points(-0.0002), signed_points(0.0)
    ('+1.4', '−2.1', '−0.02', '0.0')
    """
    if score is None:
        return DASH
    value = 100 * score
    text = (
        f"{value:+.1f}" if abs(value) >= 0.05 else f"{value:+.2f}" if abs(value) >= 0.005 else "0.0"
    )
    return text.replace("-", MINUS)


def axis_label(score: float) -> str:
    """A mark on an axis in points, with no more digits than it has.

    >>> axis_label(-0.02), axis_label(0.005), axis_label(0.0)
    ('−2', '0.5', '0')
    """
    return f"{100 * score:g}".replace("-", MINUS)


def magnitude(score: float | None) -> str:
    """Format a difference in points without its sign, for sentences that state the direction in
    words.

    >>> magnitude(-0.021)
    '2.1'
    """
    return signed_points(score).lstrip("+" + MINUS)


def format_interval(low: float | None, high: float | None) -> str:
    """An interval of scores, in points.

    >>> format_interval(0.61, 0.6514), format_interval(None, None)
    ('61.0–65.1', '–')
    """
    return (
        DASH if low is None or high is None else f"{format_points(low)}{DASH}{format_points(high)}"
    )


def signed_interval(low: float | None, high: float | None) -> str:
    """An interval of differences, in points.

    >>> signed_interval(-0.03, -0.012)
    '−3.0 to −1.2'
    """
    return DASH if low is None or high is None else f"{signed_points(low)} to {signed_points(high)}"


def format_count(number: int | None) -> str:
    """A count with its thousands set apart.

    >>> format_count(8064)
    '8,064'
    """
    return DASH if number is None else f"{number:,}"


def pluralize(number: int, noun: str, plural: str = "") -> str:
    """A count and its noun.

    >>> pluralize(1, "seed"), pluralize(2, "query", "queries")
    ('1 seed', '2 queries')
    """
    return f"{format_count(number)} {noun if number == 1 else plural or noun + 's'}"


def join_names(items: Sequence[str]) -> str:
    """Items as a phrase.

    >>> join_names(["sunny", "clouds", "foggy"])
    'sunny, clouds and foggy'
    """
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def attribute_noun(attribute: str) -> str:
    """An attribute's name in a sentence.

    >>> attribute_noun("viewpoint_deg"), attribute_noun("upper_colour")
    ('viewpoint', 'upper colour')
    """
    return attribute.removesuffix("_deg").replace("_", " ")


def attribute_nouns(attribute: str) -> str:
    """Return the plural of the noun of an attribute.

    >>> attribute_nouns("weather"), attribute_nouns("identity"), attribute_nouns("glasses")
    ('weathers', 'identities', 'levels of glasses')
    """
    one = attribute_noun(attribute)
    if one.endswith("s"):
        return f"levels of {one}"
    return f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"


def crossed_name(factors: str) -> str:
    """Factors of an effect as they are read.

    >>> crossed_name("viewpoint_deg x weather"), crossed_name("-weather")
    ('viewpoint x weather', '−weather')
    """
    return " x ".join(attribute_noun(name) for name in factors.replace("-", MINUS).split(" x "))


def format_level(attribute: str, value: Any, declared: Attribute | None = None) -> str:
    """Format one level in a sentence: a weather is clear by itself, a number or a yes needs its
    attribute. `declared` is the declaration of an attribute that a manifest declares itself.

    >>> format_level("weather", "foggy"), format_level("viewpoint_deg", 90)
    ('foggy', 'viewpoint 90°')
    >>> format_level("hat", "no"), format_level("hair", "long")
    ('identities without hat', 'identities with long hair')
    """
    shipped = attributes().get(attribute)
    declared = declared or shipped
    if declared is None:
        return f"{attribute_noun(attribute)} {value}"
    if declared.level == "identity":
        having = {"yes": "with", "no": "without"}.get(str(value), f"with {value}")
        return f"identities {having} {attribute_noun(attribute)}"
    if shipped is None and declared.type == "category":
        return f"{attribute_noun(attribute)} {value}"
    if declared.type == "integer":
        return f"{attribute_noun(attribute)} {value}{'°' if declared.unit == 'degree' else ''}"
    return str(value)
