"""Published names for raw output of the GTA V generator under the names of GPR+: from names alone.

A published code is the raw one plus one; the repeated sunny pass W-1 has none and is not renamed.
Identities keep their numbers. The meaning of c01 to c12 is not published, and the three versions
number their cameras in two orders: by "degrees" c01 is the front (90 degrees) and each following
one adds 30 degrees, as in FineGPR and in the layout gprplus; by "code" c is C + 1, and only
renders.json has the degrees.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gprplus.core.errors import LayoutError, did_you_mean
from gprplus.ingest.files.scan import list_files
from gprplus.ingest.layouts.detect import detect_layout
from gprplus.ingest.layouts.explain_mismatch import explain_mismatch
from gprplus.ingest.layouts.layout import Layout
from gprplus.ingest.layouts.load import load_layout
from gprplus.ingest.layouts.tokens import parse_int

CAMERAS = ("degrees", "code")
FRONT, STEP = 90, 30
DOUBLE = "-1"  # the weather pass that is sunny once more


@dataclass(frozen=True)
class RenamePlan:
    """A rename plan: the raw layout, (raw path, published path) in order, and excluded files.

    `doubled` are images of the pass W-1, `unnamed` files whose names do not match, with reasons;
    `collisions` are published paths with several raw files; `partial` counts the images of
    identities that have fewer than `per_identity`. `degrees` maps published cameras to degrees,
    `places` weathers to backgrounds, if they determine them.
    """

    layout: Layout
    pairs: list[tuple[str, str]]
    doubled: list[str]
    unnamed: list[tuple[str, str]]
    collisions: dict[str, list[str]]
    partial: dict[str, int]
    per_identity: int
    degrees: dict[str, int]
    places: dict[str, str]

    @property
    def identities(self) -> int:
        """Return the number of identities among the published names."""
        return len({published.partition("/")[0] for _, published in self.pairs})


def plan_renames(raw: str | Path, *, layout: str = "auto", cameras: str = "degrees") -> RenamePlan:
    """Read the names below a raw folder and plan their published names. Raises LayoutError."""
    if cameras not in CAMERAS:
        raise LayoutError(f"There is no camera order '{cameras}'. {did_you_mean(cameras, CAMERAS)}")
    listing = list_files(Path(raw))
    known = detect_layout(listing, layout).layout
    if not known.name.startswith("gta_raw_"):
        raise LayoutError(
            f"{raw} has names of '{known.name}', not raw ones of the generator (gta_raw_v30, v31,"
            " v314)."
        )
    claimed: dict[str, list[str]] = {}
    doubled: list[str] = []
    unnamed: list[tuple[str, str]] = []
    degrees: dict[str, int] = {}
    places: dict[str, set[str]] = {}
    for path in listing.paths():
        match = known.pattern.fullmatch(path)
        if match is None:
            unnamed.append((path, explain_mismatch(known, path)))
            continue
        tokens = match.groupdict()
        if tokens["weather"] == DOUBLE:
            doubled.append(path)
            continue
        name, camera = published_name(known, tokens, cameras)
        claimed.setdefault(name, []).append(path)
        degrees[camera] = known.viewpoint_deg.degree(tokens["camera"]) or 0
        place = known.background.level(tokens.get(known.background.group or "background"))
        if place:
            places.setdefault(_next(tokens["weather"]), set()).add(place)
    pairs = sorted((raws[0], name) for name, raws in claimed.items())
    counts = Counter(name.partition("/")[0] for _, name in pairs)
    full = 12 * 7 * 7
    return RenamePlan(
        known,
        pairs,
        doubled,
        unnamed,
        {name: raws for name, raws in claimed.items() if len(raws) > 1},
        {who: count for who, count in sorted(counts.items()) if count < full},
        full,
        dict(sorted(degrees.items())),
        {code: found.pop() for code, found in sorted(places.items()) if len(found) == 1},
    )


def published_name(layout: Layout, tokens: dict[str, str], cameras: str) -> tuple[str, str]:
    """The published path of an image with these raw tokens, and its camera code. Raises
    LayoutError.

    >>> tokens = {"identity": "0007", "camera": "10", "weather": "02", "illumination": "04"}
    >>> layout = load_layout("gta_raw_v314")
    >>> published_name(layout, tokens, "degrees"), published_name(layout, tokens, "code")
    (('0007/0007_c01_w03_l05.jpg', '01'), ('0007/0007_c11_w03_l05.jpg', '11'))
    """
    who = tokens["identity"]
    if len(who) != 4:
        raise LayoutError(f"The identity {who} has {len(who)} digits; names of GPR+ hold four.")
    degree = layout.viewpoint_deg.degree(tokens["camera"])
    turn = None if degree is None else (degree - FRONT) % 360 // STEP + 1
    camera = _next(tokens["camera"]) if cameras == "code" or turn is None else f"{turn:02d}"
    codes = {"identity": who, "camera": camera, "weather": _next(tokens["weather"])}
    return _target().write_path({**codes, "illumination": _next(tokens["illumination"])}), camera


@cache
def _target() -> Layout:
    return load_layout("gprplus")


def _next(token: str) -> str:
    return f"{parse_int(token) + 1:02d}"
