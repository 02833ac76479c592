"""Token tables of a layout: each is a dataclass filled from a TOML table."""

from dataclasses import dataclass, field

from gprplus.core.errors import LayoutError
from gprplus.ingest.layouts.templates import fill_template

HUNDRED = 100  # a camera numbered within its scene: scene 3, camera 7 is camera 307


@dataclass(frozen=True)
class LevelTokens:
    """Token -> level of one attribute. A token that is not listed is formatted by `numbered` (a
    format of an integer) or becomes `prefix` + token; it is null if the layout has neither.

    `group` is the group that is read (empty: the name of the attribute), `absent` the level for a
    name without this part. With `scale`, a token is a whole number that is multiplied by it.
    """

    group: str = ""
    levels: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    numbered: str = ""
    absent: str = ""
    scale: float = 0.0

    def level(self, token: str | None) -> str | None:
        """The level of one token; None when it is unknown.

        >>> LevelTokens(levels={"01": "sunny"}).level("01"), LevelTokens(prefix="p").level("03")
        ('sunny', 'p03')
        >>> LevelTokens().level("9")
        >>> LevelTokens(numbered="{:02d}_00").level("4"), LevelTokens(numbered="{:02d}_00").level("04")
        ('04_00', '04_00')
        >>> LevelTokens(scale=0.01).level("135")
        '1.35'
        """
        if token is None:
            return self.absent or None
        if token in self.levels:
            return self.levels[token]
        if self.scale:
            return f"{parse_int(token) * self.scale:.12g}"
        if self.numbered:
            return fill_template(self.numbered, {"": parse_int(token)})
        return f"{self.prefix}{token}" if self.prefix else None


@dataclass(frozen=True)
class LayoutAttribute:
    """An attribute that a layout declares, as `Attribute`, and the tokens that give its values.

    `level` and `type` are left out for a shipped optional attribute, such as look. Without a table
    of tokens, a token is the value.
    """

    level: str = ""
    type: str = ""
    sentence: str = ""
    ordered: bool = False
    unit: str = ""
    levels: tuple[str, ...] = ()
    coarser: tuple[str, ...] = ()
    tokens: LevelTokens = field(default_factory=LevelTokens)

    def value(self, token: str | None) -> str | None:
        """The value of one token, as text; None when it is unknown."""
        tokens = self.tokens
        tabled = tokens.levels or tokens.prefix or tokens.numbered or tokens.scale
        return self.tokens.level(token) if tabled or token is None else token


@dataclass(frozen=True)
class DegreeTokens:
    """Token -> whole degrees, 0 to 359: by table, or by the rule offset + step x code."""

    group: str = "camera"
    degrees: dict[str, int] = field(default_factory=dict)
    offset: int | None = None
    step: int | None = None

    def degree(self, token: str | None) -> int | None:
        """The degrees of one token; None when it is unknown.

        >>> DegreeTokens(offset=60, step=30).degree("12"), DegreeTokens(degrees={"L": -90}).degree("L")
        (60, 270)
        """
        if token is None:
            return None
        if token in self.degrees or self.offset is None or self.step is None:
            degrees = self.degrees.get(token)
            return None if degrees is None else degrees % 360
        return (self.offset + self.step * parse_int(token)) % 360


@dataclass(frozen=True)
class ConcatenatedTokens:
    """Groups that identify an identity or camera only together; their tokens are joined by ":".

    UnrealPerson renumbers identities in every version, so its identity is `version:person`; many
    datasets number cameras within a scene, so theirs is `scene:camera`. `rename` replaces tokens
    before they are joined, such as the letter of a camera by its number.
    """

    groups: tuple[str, ...]
    rename: dict[str, str] = field(default_factory=dict)

    def renamed(self, token: str | None) -> str | None:
        """The joined tokens after `rename`.

        >>> ConcatenatedTokens(("part", "n"), {"query": "test"}).renamed("query:0001")
        'test:0001'
        """
        if token is None or not self.rename:
            return token
        return ":".join(self.rename.get(part, part) for part in token.split(":"))


def parse_int(token: str) -> int:
    """A token as a whole number. Raises LayoutError when it is none.

    >>> parse_int("012")
    12
    """
    try:
        return int(token)
    except ValueError:  # no number, or one of more than 4,300 digits
        raise LayoutError(
            f"The token '{token[:60]}' must be a number. Change the group's pattern in the layout,"
            " or give it another name if it is not a camera, frame or code."
        ) from None


def parse_number(token: str | None) -> int | None:
    """A token as a whole number; of a joined one, each part counts the next in hundreds. None stays
    None.

    >>> parse_number("01"), parse_number("03:07"), parse_number(None)
    (1, 307, None)
    """
    if token is None:
        return None
    first, *others = (parse_int(part) for part in token.split(":"))
    for part in others:
        if part >= HUNDRED:
            raise LayoutError(
                f"The camera '{token}' would share its number with one of another scene: within a"
                f" scene a layout may number up to {HUNDRED - 1}."
            )
        first = first * HUNDRED + part
    return first


def strip_zeros(token: str | None) -> str | None:
    """Return a token for the manifest, in addition to its number: numbers without leading zeros.

    >>> strip_zeros("012"), strip_zeros("03:07"), strip_zeros("A")
    ('12', '3:7', 'A')
    """
    if token is None:
        return None
    parts = token.split(":")
    return ":".join(str(parse_int(part)) if part.isdecimal() else part for part in parts)


@dataclass(frozen=True)
class RoleListRule:
    """A file next to the images that lists images with a role: its path and its format.

    A text file gives one `role` to all its paths, one path in each line (a number after it is a
    label and ignored). A MATLAB file lists its paths in the variable `paths`; `positions` maps a
    variable of one-based positions among them to a role. `below` is the parent folder of the paths.
    """

    file: str
    below: str = ""
    role: str = ""
    paths: str = ""
    positions: dict[str, str] = field(default_factory=dict)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that this file gives."""
        return (self.role,) if self.role else tuple(self.positions.values())


@dataclass(frozen=True)
class ExpectedCounts:
    """Documented size of the dataset; 0 means unknown."""

    images: int = 0
    identities: int = 0
    per_identity: int = 0
    roles: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RepeatedPassRule:
    """A weather pass taken twice: the token `again` shows what `first` shows, once more."""

    again: str = ""
    first: str = ""


@dataclass(frozen=True)
class EngineLogRule:
    """Names of weathers, hours and places in the log of an engine.

    `weathers` maps a weather token to the word of the engine, in the order of the passes; `hours` a
    level of illumination to the clock. The first camera is at `first_deg`, each following one
    `step_deg` further. `places` are (x, y) by name; they change by "identity" or by "weather"
    (`places_by`).
    """

    weathers: dict[str, str]
    hours: dict[str, int]
    places: dict[str, tuple[float, ...]]
    places_by: str
    first_deg: int = 0
    step_deg: int = 30
    cameras: int = 12
