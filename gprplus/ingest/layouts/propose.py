"""A layout proposed from the names of a folder.

Names are cut into numbers, words and separators. What is alike in every name becomes literal text;
what varies becomes a group, named after the text before it (`c` a camera, `f` a frame), its values
(words of the vocabulary of weathers) or how it varies within the folders of identities.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gprplus.core.declarations import attributes
from gprplus.core.errors import LayoutError
from gprplus.ingest.layouts.layout import DEFAULT_ENDINGS

_PIECE = re.compile(r"(?<![0-9A-Za-z])-1(?![0-9])|[0-9]+|[A-Za-z]+|[^0-9A-Za-z]")
_ENDING = re.compile(r"(?:\.(?:jpe?g|png|webp|bmp|tiff?|avif))+\Z", re.IGNORECASE)
FEW = 12  # distinct words that are listed in a pattern
_ROLES = {
    "train": "train", "training": "train", "bounding_box_train": "train", "train_all": "train",
    "val": "val", "valid": "val", "validation": "val",
    "query": "query", "probe": "query",
    "gallery": "gallery", "bounding_box_test": "gallery",
}  # fmt: skip
_BEFORE = {
    "c": "camera", "cam": "camera", "camera": "camera",
    "f": "frame", "frame": "frame", "fr": "frame",
    "w": "weather", "weather": "weather",
    "l": "illumination", "light": "illumination", "illumination": "illumination",
    "p": "background", "place": "background", "bg": "background", "background": "background",
    "s": "sequence", "seq": "sequence", "scene": "scene",
    "id": "identity", "pid": "identity", "person": "identity",
}  # fmt: skip


@dataclass
class Piece:
    """One place of the names: its kind (number, word or separator), its values, and the group it
    becomes; without one it is literal text."""

    kind: str
    values: list[str]
    group: str = ""
    why: str = ""
    repeats: str = ""

    @property
    def distinct(self) -> list[str]:
        """Return its distinct values, sorted."""
        return sorted(set(self.values))

    @property
    def varies(self) -> bool:
        """Return True if not all names have the same text here."""
        return len(set(self.values)) > 1

    def pattern(self) -> str:
        """Return the regular expression of the place."""
        if self.repeats:
            return f"(?P={self.repeats})"
        if not self.group:
            return re.escape(self.values[0])
        return f"(?P<{self.group}>{self._inside()})"

    def _inside(self) -> str:
        if self.kind == "folder":
            known = [re.escape(value) for value in self.distinct]
            return "|".join(known) if self.group == "part" else "[^/]+"
        if self.kind == "word":
            few = len(self.distinct) <= FEW
            return "|".join(self.distinct) if few else "[A-Za-z]+"
        widths = {len(value) for value in self.values if value != "-1"}
        padded = len(widths) == 1 and any(
            value[0] == "0" and len(value) > 1 for value in self.values
        )
        digits = rf"\d{{{widths.pop()}}}" if padded else r"\d+"
        return f"-1|{digits}" if "-1" in self.distinct else digits


@dataclass
class LayoutProposal:
    """A proposed layout: its TOML, a sentence on each guess, and how many of the names have its
    shape."""

    toml: str
    guesses: list[str]
    fitting: int
    names: int
    pieces: list[Piece] = field(default_factory=list, repr=False)


def propose_layout(paths: Sequence[str], title: str) -> LayoutProposal:
    """Propose a layout for names. Raises LayoutError when they contain no identity.

    >>> names = [f"{i:04}/{i:04}_c{c}_{n:03}.jpg" for i in (1, 2) for c in (1, 2) for n in (5, 9)]
    >>> print("".join(piece.pattern() for piece in propose_layout(names, "Mine").pieces))
    (?P<identity>\\d{4})/(?P=identity)_c(?P<camera>\\d+)_(?P<frame>\\d{3})
    """
    endings = Counter(found[0] for path in paths if (found := _ENDING.search(path)))
    cut = {path: _cut(path) for path in paths}
    shape, fitting = Counter(map(_shape, cut.values())).most_common(1)[0]
    rows = [pieces for pieces in cut.values() if _shape(pieces) == shape]
    example = next(path for path, pieces in cut.items() if _shape(pieces) == shape)
    columns = zip(*rows, strict=True)
    pieces = [Piece(column[0][0], [text for _, text in column]) for column in columns]
    _name_pieces(pieces)
    if not any(piece.group == "identity" for piece in pieces):
        raise LayoutError(
            f"No part of the names, such as {example}, is shared by several images and differs"
            " between others: they contain no identity. Name the images in a table"
            " (`gprplus build-manifest --table`)."
        )
    guesses = [f"{piece.group}: {piece.why}" for piece in pieces if piece.group]
    return LayoutProposal(
        _toml(title, pieces, endings, guesses, example), guesses, fitting, len(paths), pieces
    )


def _cut(path: str) -> list[tuple[str, str]]:
    """A path without its extension as (kind, text): folders of roles and of names are one piece."""
    stem = _ENDING.sub("", path)
    *folders, name = stem.split("/")
    pieces: list[tuple[str, str]] = []
    for folder in folders:
        whole = folder in _ROLES or not re.fullmatch(r"-?[0-9]+|[A-Za-z]*[0-9]+[A-Za-z]*", folder)
        pieces += [("folder", folder)] if whole else _pieces(folder)
        pieces.append(("separator", "/"))
    return [*pieces, *_pieces(name)]


def _pieces(text: str) -> list[tuple[str, str]]:
    return [(_kind(piece), piece) for piece in _PIECE.findall(text)]


def _kind(piece: str) -> str:
    if piece.isdigit() or piece == "-1":
        return "number"
    return "word" if piece.isalpha() else "separator"


def _shape(pieces: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Kinds of the pieces of a name, with the text of separators: names of one shape fit one
    pattern."""
    return tuple((kind, text if kind == "separator" else "") for kind, text in pieces)


def _name_pieces(pieces: list[Piece]) -> None:
    """Decide which places are groups, and what they are called."""
    for piece in pieces:
        if piece.kind == "folder" and set(piece.values) <= set(_ROLES):
            _call(piece, "part", f"the folder {' or '.join(piece.distinct)} names a role")
    identity = _identity(pieces)
    if identity is None:
        return
    for piece in pieces:
        if piece is not identity and piece.varies and piece.values == identity.values:
            piece.repeats = "identity"
    rest = [piece for piece in pieces if piece.varies and not (piece.group or piece.repeats)]
    for place, piece in enumerate(pieces):
        if any(piece is one for one in rest):
            _call(piece, *_meaning(pieces, place, last=piece is rest[-1]))


def _call(piece: Piece, group: str, why: str) -> None:
    piece.group, piece.why = group, why


def _identity(pieces: list[Piece]) -> Piece | None:
    """The place of the identity, named: text that several images share."""
    ends = [i for i, piece in enumerate(pieces) if piece.values[0] == "/"]
    stem = ends[-1] if ends else -1
    shared = [
        i
        for i, piece in enumerate(pieces)
        if piece.varies and not piece.group and piece.kind != "separator"
        if len(piece.distinct) < len(piece.values)
        if _before(pieces, i) in ("", "identity")
    ]
    named = [i for i in shared if _before(pieces, i) == "identity"]
    folders = [i for i in shared if i < stem]
    chosen = next(iter([*named, *folders[::-1], *shared]), None)
    if chosen is None:
        return None
    piece = pieces[chosen]
    what = "the folder" if chosen < stem else f"the first {piece.kind} that images share"
    count, each = len(piece.distinct), len(piece.values) / len(piece.distinct)
    few = ", ".join(piece.distinct[:3])
    _call(piece, "identity", f"{what}; {count:,} values such as {few}, {each:.1f} images each")
    return piece


def _before(pieces: Sequence[Piece], place: int) -> str:
    """The meaning of the constant word before a number; "" for an unknown one."""
    if pieces[place].kind != "number" or not place:
        return ""
    word = pieces[place - 1]
    if word.kind == "separator" and word.values[0] in "_-" and place > 1 and not word.varies:
        word = pieces[place - 2]
    known = word.kind == "word" and not word.varies
    at = next(i for i, piece in enumerate(pieces) if piece is word)
    if known and word.values[0].lower() == "p" and (not at or pieces[at - 1].values[0] == "/"):
        return "identity"  # p01 at the beginning of a name is an identity, later a place
    return _BEFORE.get(word.values[0].lower(), "") if known else ""


def _meaning(pieces: list[Piece], place: int, *, last: bool) -> tuple[str, str]:
    """The name of the group of a place, and why."""
    piece, taken = pieces[place], {one.group for one in pieces}
    span = f"{len(piece.distinct):,} values, {piece.distinct[0]} to {piece.distinct[-1]}"
    named = _before(pieces, place)
    if named and named not in taken:
        return named, f"the number after '{pieces[place - 1].values[0]}'; {span}"
    for name in ("weather", "illumination"):
        words = {value.lower() for value in piece.values}
        if piece.kind == "word" and name not in taken and words <= set(attributes()[name].levels):
            return name, f"its words are levels of {name}"
    if piece.kind == "number" and last and "frame" not in taken:
        return "frame", f"the last number; {span}"
    number = 1 + sum(one.group.startswith(piece.kind) for one in pieces)
    hint = "; call it camera if it is one" if piece.kind == "number" else ""
    return f"{piece.kind}{number}", f"only distinguishes images; {span}{hint}"


def _toml(
    title: str, pieces: list[Piece], endings: Counter[str], guesses: list[str], example: str
) -> str:
    """The text of the layout, each guess as a comment."""
    groups = {piece.group: piece for piece in pieces if piece.group}
    path = "".join(piece.pattern() for piece in pieces)
    lines = [f"# {_one_line(guess)}" for guess in guesses]
    lines += [f"title = {_quoted(title)}", f"path = {_quoted(path)}"]
    if not {ending.lower() for ending in endings} <= set(DEFAULT_ENDINGS):
        lines.append(f"extensions = {json.dumps(sorted(endings))}")
    identities = groups["identity"].values
    if "-1" in identities:
        lines.append('junk = ["-1"]')
        lines += ['distractors = ["0000"]'] if "0000" in identities else []
    lines.append(f"examples = [{_quoted(example)}]")
    if "part" in groups:
        lines += ["", "[roles]"]
        lines += [f"{_quoted(name)} = {_quoted(_ROLES[name])}" for name in groups["part"].distinct]
    for name in ("weather", "illumination", "background"):
        if name in groups:
            lines += ["", *_levels(name, groups[name])]
    return "\n".join(lines) + "\n"


def _levels(name: str, piece: Piece) -> list[str]:
    if piece.kind == "number":
        return [
            f"# The meaning of the codes is not known: replace the prefix by a table [{name}.levels].",
            f"[{name}]",
            f'prefix = "{name}-"',
        ]
    return [f"[{name}.levels]", *(f'{value} = "{value.lower()}"' for value in piece.distinct)]


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)


def _quoted(text: str) -> str:
    """A TOML string: literal where that is possible, for patterns are full of backslashes."""
    return f"'{text}'" if "'" not in text and text.isprintable() else json.dumps(text)
