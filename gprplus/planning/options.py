"""The options of plan-renders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gprplus.core.errors import GprplusError, PlanError
from gprplus.core.options import Options, option, same_option
from gprplus.core.shared_options import device_field, workers_field
from gprplus.engine.options import RenderOptions

CELLS, METHOD, IDENTITIES = "Candidate cells", "Method", "Identities"


@dataclass(frozen=True)
class EngineOptions(Options):
    """How the built-in engine draws: with these, a cell and an identity are one image."""

    error: ClassVar[type[GprplusError]] = PlanError

    domain: str = same_option(RenderOptions, "domain", group=CELLS)
    same_people: bool = same_option(RenderOptions, "same_people", group=CELLS)
    seed: int = same_option(RenderOptions, "seed", group=CELLS)
    size: str | None = option(
        None,
        group=CELLS,
        metavar="WxH",
        default_note="200x470",
        help="Width and height of an image in pixels.",
    )
    device: str = device_field()
    workers: int | None = workers_field()


@dataclass(frozen=True)
class SpaceOptions(EngineOptions):
    """The levels that a plan may choose from."""

    viewpoints: int | None = option(
        None,
        group=CELLS,
        at_least=1,
        default_note="the manifest's, else 6",
        help="Number of cameras around each identity.",
    )
    weathers: tuple[str, ...] = option(
        (),
        group=CELLS,
        metavar="LEVEL,...",
        default_note="the manifest's, else all",
        help="Weathers, separated by commas, or all.",
    )
    illuminations: tuple[str, ...] = option(
        (),
        group=CELLS,
        metavar="LEVEL,...",
        default_note="the manifest's, else those of render",
        help=(
            "Hours, separated by commas, or all; also hours halfway between two, such as"
            " afternoon-dusk."
        ),
    )
    backgrounds: int | None = option(
        None,
        group=CELLS,
        at_least=1,
        default_note="the manifest's, else 1",
        help="Number of places.",
    )
    camera_heights_m: tuple[float, ...] = option(
        (),
        group=CELLS,
        flag="--camera-heights",
        metavar="METERS,...",
        default_note="that of the domain",
        help="Heights of the camera, separated by commas.",
    )
    between: bool = option(
        False,
        group=CELLS,
        help="Add levels between the known ones: all hours and those halfway between two, and"
        " viewpoints halfway between two.",
    )


@dataclass(frozen=True)
class PlanOptions(SpaceOptions):
    """Options of `plan_renders`."""

    methods: tuple[str, ...] = option(
        (),
        group=METHOD,
        flag="--method",
        metavar="METHOD,...",
        default_note="matched with a manifest, else descent",
        help=(
            "How cells are weighted: uniform, matched (nearest mixture of existing images), descent"
            " (attribute descent, which renders probes), distances, effects, failures or holes."
            " Several, separated by commas, are averaged."
        ),
    )
    runs: tuple[Path, ...] = option(
        (),
        group=METHOD,
        flag="--from-runs",
        metavar="RUN",
        repeated=True,
        help=(
            "Folder of a finished benchmark that was scored on a target of this name: the source of"
            " {methods} effects and failures."
        ),
    )
    features: str = option(
        "histograms",
        group=METHOD,
        metavar="FEATURES",
        help="Features that images are compared by, as for analyze.",
    )
    floor: float = option(
        0.5,
        group=METHOD,
        at_least=0,
        at_most=1,
        metavar="SHARE",
        help="Least share of each viewpoint, as a part of an even share: 0.5 keeps half of it.",
    )
    probe: int = option(
        12,
        group=METHOD,
        at_least=5,
        help=(
            "Number of identities that are rendered to compare levels with the target: by descent, and"
            " by matched without a manifest."
        ),
    )
    sweeps: int = option(
        2,
        group=METHOD,
        at_least=1,
        help="Method descent: how often it goes through all factors.",
    )
    first_identity: int = option(
        1, group=IDENTITIES, at_least=1, help="Number of the first identity that may be drawn."
    )
    rare: tuple[str, ...] = option(
        (),
        group=IDENTITIES,
        metavar="ATTR,...",
        help=(
            "Choose identities so that the levels of these attributes become even, counting the"
            " identities of the manifest: those with rare levels come first."
        ),
    )
    plan_seed: int = option(
        0, group=METHOD, help="Seed of the deal of cells to identities and of all sampling."
    )


def engine_of(options: EngineOptions) -> dict[str, Any]:
    """The fields of EngineOptions that determine pixels, as options of render."""
    found: dict[str, Any] = {
        "domain": options.domain,
        "same_people": options.same_people,
        "seed": options.seed,
    }
    return found | ({"size": options.size} if options.size else {})
