"""Traits of a person: each is a hash of (seed, domain, number), independent of the other people in
a request."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from gprplus.core.sampling import hash64, join_canonical, unit_of
from gprplus.engine.people import palette

PATTERNS = (
    "plain",
    "stripes",
    "pinstripes",
    "checks",
    "plaid",
    "dots",
    "print",
    "two-tone",
    "logo",
    "melange",
)
LOWER_PATTERNS = ("plain", "denim", "pinstripes", "plaid", "melange", "side-stripe")


@dataclass(frozen=True)
class TraitDraws:
    """Random numbers from a key and a name: without state, so that the order of calls does not
    matter."""

    key: int

    def unit(self, name: str) -> float:
        """Uniform in [0, 1)."""
        return unit_of(self.key ^ hash64(name))

    def between(self, name: str, low: float, high: float) -> float:
        return low + (high - low) * self.unit(name)

    def normal(self, name: str) -> float:
        """About normal, within three standard deviations: the sum of three uniforms, scaled."""
        return 2.0 * sum(self.unit(f"{name}/{i}") - 0.5 for i in range(3))

    def chance(self, name: str, probability: float) -> bool:
        return self.unit(name) < probability

    def choice(
        self, name: str, options: Sequence[str], weights: Sequence[float] | None = None
    ) -> str:
        share = list(accumulate([1.0] * len(options) if weights is None else map(float, weights)))
        return options[bisect_right(share, self.unit(name) * share[-1])]


@dataclass(frozen=True)
class Garment:
    """Material of a garment: linear colors, a pattern, its scale in meters."""

    colour: np.ndarray
    second: np.ndarray
    pattern: str = "plain"
    scale: float = 0.05


@dataclass(frozen=True)
class Person:
    """An identity. `attributes` are the 13 declared ones; the other fields are further differences
    between people.

    `height` in meters; `build` -1 (slight) to 1 (heavy); `shoulder`, `hip`, `leg`, `head` are
    factors about 1; `side` is 1 for right, -1 for left.
    """

    key: int
    attributes: dict[str, str]
    height: float
    build: float
    shoulder: float
    hip: float
    leg: float
    head: float
    stoop: float
    skin: np.ndarray
    hair: np.ndarray
    hair_style: str
    beard: bool
    upper: Garment
    lower: Garment
    collar: str
    coat_length: float
    skirt_length: float
    tights: np.ndarray | None
    shoe: np.ndarray
    sole: np.ndarray
    boot_height: float
    hat_style: str
    hat: np.ndarray
    bag_style: str
    bag: np.ndarray
    side: int
    glasses_style: str
    scarf: np.ndarray | None
    trouser_width: float
    stride: float
    swing: float
    lean: float

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute]


def identity_key(number: int, seed: int, domain: str) -> int:
    """The 64-bit key of identity `number` of a domain under a seed."""
    return hash64(join_canonical("person", str(seed), domain, str(number)))


def sample_person(key: int) -> Person:
    """Return the person of a key."""
    d, a = TraitDraws(key), person_attributes(key)
    female, older, teen = a["gender"] == "female", a["age"] == "older", a["age"] == "teenager"
    height = (
        (1.645 if female else 1.765)
        + 0.062 * d.normal("height")
        - (0.08 if teen else 0.035 if older else 0.0)
    )
    upper = _garment(d, "upper", a["upper_colour"], PATTERNS, (34, 11, 5, 8, 8, 4, 8, 10, 12, 8))
    lower = _garment(
        d,
        "lower",
        a["lower_colour"],
        LOWER_PATTERNS,
        (50, 18 if a["lower_colour"] == "blue" else 4, 6, 4, 12, 8),
    )
    if a["dress"] == "yes" and a["lower_colour"] == a["upper_colour"]:
        lower = upper  # a dress of one piece
    shoe = _shade(d, "shoe", palette.SHOES[a["shoe_colour"]])
    return Person(
        key=key,
        attributes=a,
        height=float(np.clip(height, 1.48, 1.98)),
        build=float(np.clip((-0.35 if teen else 0.12) + 0.5 * d.normal("build"), -1.0, 1.1)),
        shoulder=1.0 + 0.05 * d.normal("shoulder"),
        hip=1.0 + 0.06 * d.normal("hip"),
        leg=1.0 + 0.022 * d.normal("leg"),
        head=1.0 + 0.03 * d.normal("head"),
        stoop=d.between("stoop", 0.5, 1.0) if older else 0.12 * d.unit("stoop"),
        skin=palette.vary_colour(
            palette.to_linear(d.choice("skin", palette.SKIN)), d.normal("skin/light") * 0.4, 0.0
        ),
        hair=_hair_colour(d, older),
        hair_style=_hair_style(d, a, older),
        beard=not female and not teen and d.chance("beard", 0.28),
        upper=upper,
        lower=lower,
        collar=d.choice(
            "collar", ("none", "shirt", "hood", "zip"), (4, 3, 2 if a["sleeve"] == "long" else 0, 3)
        ),
        coat_length=d.between("coat", 0.36, 0.44),
        skirt_length=d.between("skirt", 0.19, 0.36),
        tights=palette.to_linear(d.choice("tights", ("#1b1a1d", "#4a3d3a", "#2b2f3b")))
        if d.chance("tights?", 0.35)
        else None,
        shoe=shoe,
        sole=palette.to_linear("#d9d6cf") if d.chance("sole", 0.4) else shoe * 0.45,
        boot_height=d.between("boot", 0.17, 0.27),
        hat_style=d.choice("hat-style", ("cap", "beanie", "brim", "bucket"), (4, 3, 2, 1)),
        hat=_shade(d, "hat", palette.HAT),
        bag_style=d.choice("bag-style", ("backpack", "shoulder", "tote"), (5, 4, 2)),
        bag=_shade(d, "bag", palette.BAG),
        side=1 if d.chance("side", 0.5) else -1,
        glasses_style=d.choice("glasses-style", ("clear", "sun"), (3, 2)),
        scarf=_shade(d, "scarf", palette.BAG)
        if a["sleeve"] == "long" and d.chance("scarf?", 0.15)
        else None,
        trouser_width=d.between("trousers", -0.6, 1.0),
        stride=(0.62 if older else 0.9) * d.between("stride", 0.82, 1.18),
        swing=d.between("swing", 0.6, 1.25),
        lean=d.between("lean", 0.5, 4.0) + (5.0 if older else 0.0),
    )


def person_attributes(key: int) -> dict[str, str]:
    """Return the 13 declared attributes of the person of a key, at a twentieth of the time
    that the whole person takes."""
    d = TraitDraws(key)

    def yes(name: str, probability: float) -> str:
        return "yes" if d.chance(name, probability) else "no"

    female = d.chance("gender", 0.5)
    sleeve = "short" if d.chance("sleeve", 0.42) else "long"
    upper = d.choice("upper", tuple(palette.CLOTHES), (20, 17, 10, 5, 14, 6, 13, 7, 8))
    lower = d.choice("lower", tuple(palette.CLOTHES), (26, 8, 5, 3, 16, 4, 22, 6, 10))
    dress = yes("dress", 0.34 if female else 0.0)
    if dress == "yes" and d.chance("one-piece", 0.45):
        lower = upper
    return {
        "gender": "female" if female else "male",
        "hair": "long" if d.chance("hair", 0.68 if female else 0.1) else "short",
        "age": d.choice("age", ("teenager", "adult", "older"), (20, 58, 22)),
        "glasses": yes("glasses", 0.28),
        "sleeve": sleeve,
        "top_length": "long"
        if d.chance("top", 0.30 if sleeve == "long" else 0.12) and dress == "no"
        else "short",
        "dress": dress,
        "boots": yes("boots", 0.28 if female else 0.16),
        "hat": yes("hat", 0.22),
        "bag": yes("bag", 0.46),
        "shoe_colour": "light" if d.chance("shoe", 0.42) else "dark",
        "upper_colour": upper,
        "lower_colour": lower,
    }


def _shade(d: TraitDraws, name: str, colours: Sequence[str]) -> np.ndarray:
    return palette.vary_colour(
        palette.to_linear(d.choice(f"{name}/hue", colours)),
        d.normal(f"{name}/light"),
        d.normal(f"{name}/warm"),
    )


def _garment(
    d: TraitDraws, name: str, level: str, patterns: Sequence[str], weights: Sequence[float]
) -> Garment:
    colour = _shade(d, name, palette.CLOTHES[level])
    other = d.choice(f"{name}/second", tuple(palette.CLOTHES), (22, 26, 8, 4, 14, 6, 12, 5, 6))
    second = _shade(d, f"{name}/second", palette.CLOTHES[other])
    if np.abs(second - colour).sum() < 0.12:  # a pattern in its own colour would not be one
        second = (
            palette.to_linear("#e6e3dc") if colour.sum() < 0.9 else palette.to_linear("#23252b")
        )
    return Garment(
        colour,
        second,
        d.choice(f"{name}/pattern", patterns, weights),
        d.between(f"{name}/scale", 0.035, 0.085),
    )


def _hair_colour(d: TraitDraws, older: bool) -> np.ndarray:
    greys = older and d.chance("grey", 0.8)
    return palette.to_linear(d.choice("hair/colour", palette.GREY_HAIR if greys else palette.HAIR))


def _hair_style(d: TraitDraws, a: dict[str, str], older: bool) -> str:
    if a["hair"] == "long":
        return d.choice("hair/style", ("loose", "ponytail", "bob", "plait"), (5, 3, 3, 1))
    if a["gender"] == "female":
        return d.choice("hair/style", ("crop", "pixie", "bun"), (2, 2, 2))
    return d.choice(
        "hair/style", ("crop", "side", "fringe", "bald"), (4, 3, 2, 3 if older else 0.6)
    )
