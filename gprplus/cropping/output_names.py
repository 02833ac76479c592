"""Names of crops: identities as file names, cameras as numbers, levels as codes, each by a recorded
table."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gprplus.core.declarations import sort_levels
from gprplus.core.errors import FramesError, first_few
from gprplus.core.sampling import hash64
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson

CODED = {"weather": "w", "illumination": "l", "background": "p"}
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", re.ASCII)


@dataclass(frozen=True)
class CropNaming:
    """`identities` maps identities that cannot be a file name to a token (others are used
    directly), `cameras` the tokens of cameras to numbers, `codes` an attribute to the codes of its
    levels.
    """

    identities: dict[str, str]
    cameras: dict[Any, int]
    codes: dict[str, dict[str, str]]

    def token(self, identity: str) -> str:
        """Return an identity as used in names."""
        return self.identities.get(identity, identity)

    def path(
        self, frame: AnnotatedFrame, person: AnnotatedPerson, identity: str, extension: str
    ) -> str:
        """The path of a crop below the output folder, in the layout frame_crops."""
        who = self.token(identity)
        parts = [f"_f{frame.number:06d}_b{person.number}"]
        levels = person.levels
        if levels.get("camera") is not None:
            parts.insert(0, f"_c{self.cameras[levels['camera']]:02d}")
        if levels.get("viewpoint_deg") is not None:
            parts.append(f"_v{levels['viewpoint_deg']:03d}")
        parts += [
            f"_{letter}{self.codes[name][levels[name]]}"
            for name, letter in CODED.items()
            if levels.get(name)
        ]
        return f"{who}/{who}{''.join(parts)}{extension}"

    def tables(self) -> dict[str, Any]:
        """Return the content of renders.json: code -> level of each coded attribute, and the
        numbers of the cameras."""
        tables: dict[str, Any] = {
            name: {code: level for level, code in table.items()}
            for name, table in self.codes.items()
            if table
        }
        named = {
            str(camera): number
            for camera, number in self.cameras.items()
            if str(camera) != str(number)
        }
        return tables | ({"cameras": named} if named else {})


def choose_naming(people: Sequence[AnnotatedPerson]) -> CropNaming:
    """The tables for some persons: they depend on the set of values alone, never on the order."""
    return CropNaming(
        tokens({person.identity for person in people if person.identity is not None}),
        _cameras(
            {
                person.levels["camera"]
                for person in people
                if person.levels.get("camera") is not None
            }
        ),
        {
            name: _codes(
                name, {person.levels[name] for person in people if person.levels.get(name)}
            )
            for name in CODED
        },
    )


def tokens(identities: Iterable[str]) -> dict[str, str]:
    """Map identities that cannot be a file name to a readable prefix and 8 hex digits of the key of
    the identity.

    Letters, digits, "-" and "_" are safe (not first: "_" hides a folder); two that differ only in
    case are not.

    >>> tokens(["0001", "Ann Lee"])
    {'Ann Lee': 'Ann-Lee-68de0d9a'}
    """
    known = sorted(set(identities))
    folded: dict[str, int] = {}
    for name in known:
        folded[name.casefold()] = folded.get(name.casefold(), 0) + 1
    unsafe = [name for name in known if not _SAFE.fullmatch(name) or folded[name.casefold()] > 1]
    found = {name: _token(name) for name in unsafe}
    taken = [token for token in found.values() if token in set(known) - set(unsafe)]
    if taken or len(set(found.values())) < len(found):
        raise FramesError(
            f"Two identities would both be called {first_few(taken or sorted(found.values()))} in"
            " names."
        )
    return found


def _token(identity: str) -> str:
    rest = re.sub(r"[^A-Za-z0-9]+", "-", identity).strip("-")[:40]
    return f"{rest or 'id'}-{hash64(identity) >> 32:08x}"


def _cameras(found: set[Any]) -> dict[Any, int]:
    """Whole numbers stay as they are; where one camera is called otherwise, all are numbered from 1
    by name."""
    numbers = {
        camera: int(camera) for camera in found if str(camera).isascii() and str(camera).isdigit()
    }
    if len(numbers) == len(found) and len(set(numbers.values())) == len(found):
        return numbers
    return {camera: number for number, camera in enumerate(sorted(found, key=str), start=1)}


def _codes(name: str, levels: set[str]) -> dict[str, str]:
    return {level: f"{code:02d}" for code, level in enumerate(sort_levels(name, levels), start=1)}
