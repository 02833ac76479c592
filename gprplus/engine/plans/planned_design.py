"""A render plan as blocks that the engine can draw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from gprplus.core.declarations import identity_attributes
from gprplus.core.errors import PlanError, did_you_mean, escape
from gprplus.engine.crops.design import (
    ENGINE_VERSION,
    Cell,
    CropDesign,
    DesignBlock,
    picture_bytes,
    possible_size,
)
from gprplus.engine.domains import domain_named
from gprplus.engine.options import RenderOptions
from gprplus.engine.people.traits import person_attributes
from gprplus.engine.places.weather_light import HOURS, MIDPOINTS, WEATHERS
from gprplus.engine.plans.plan_cells import PlanCell, identity_name
from gprplus.engine.plans.render_plan import RenderPlan

LIGHTS = (*HOURS, *MIDPOINTS)  # in the order of their codes
_PLACE = {cell: place for place, cell in enumerate(product(WEATHERS, LIGHTS))}
LOWEST_M, HIGHEST_M = 0.3, 6.0
View = tuple[int, int, float]  # place, degrees, camera height in meters, 0 for the domain's own
BATCH = 16  # blocks of one view that a worker draws in a row


@dataclass(frozen=True, kw_only=True)
class PlannedDesign(CropDesign):
    """Crops of plans: each block has its own cells, and its name holds the values of its levels,
    so that the name of an image is the same in every plan."""

    def block_cells(self, block: DesignBlock) -> Sequence[Cell]:
        """Cells of this block."""
        return block.cells

    def lit_cells(self, block: DesignBlock) -> Sequence[Cell]:
        """Cells of all blocks of the view."""
        return block.lit

    def path(
        self, block: DesignBlock, weather: str, illumination: str, extension: str = "jpg"
    ) -> str:
        """Path of a picture: its camera is the height in centimeters and three digits of degrees."""
        who = identity_name(block.identity)
        height = block.camera_height_m or self.domain.height
        w, light = WEATHERS.index(weather) + 1, LIGHTS.index(illumination) + 1
        return (
            f"{who}/{who}_c{round(100 * height):03d}{block.degree:03d}_w{w:02d}_l{light:02d}"
            f"_p{block.background:02d}.{extension}"
        )


@dataclass(frozen=True)
class PlannedRender:
    """A plan with the settings of the engine: the content of an output folder."""

    plan: RenderPlan
    design: PlannedDesign
    blocks: tuple[DesignBlock, ...]

    @property
    def record(self) -> str:
        """The name of the record that a finished folder has."""
        return "renders.json"

    @property
    def images(self) -> int:
        return sum(len(block.cells) for block in self.blocks)

    @property
    def identities(self) -> int:
        """Number of identities."""
        return len({block.identity for block in self.blocks})

    @property
    def bytes_expected(self) -> int:
        return int(self.images * picture_bytes(self.design.size))

    def request(self) -> dict[str, Any]:
        """Return the settings that all plans of a folder share, for the record."""
        return {"engine": ENGINE_VERSION, "planned": True, **self.design.settings()}

    def without(self, existing: set[str]) -> "PlannedRender":
        """Return the render without the images at some paths."""
        path, blocks = self.design.path, []
        for block in self.blocks:
            cells = tuple(cell for cell in block.cells if path(block, *cell) not in existing)
            if cells:
                blocks.append(replace(block, cells=cells))
        return replace(self, blocks=tuple(blocks))

    def batches(self) -> list[list[DesignBlock]]:
        """Return the blocks in batches of one view each, whose place is lit once."""
        batches: list[list[DesignBlock]] = []
        for block in self.blocks:
            last = batches[-1] if batches else []
            if not last or _view(last[-1]) != _view(block) or len(last) == BATCH:
                batches.append(last := [])
            last.append(block)
        return batches


def _view(block: DesignBlock) -> View:
    return block.background, block.degree, block.camera_height_m or 0.0


def planned_render(options: RenderOptions) -> PlannedRender:
    """Return the plan of some options, checked against the engine.

    Raises PlanError with the row of a level that the engine cannot draw, and for an identity
    without the attributes that the plan expects.
    """
    assert options.plan is not None
    plan = RenderPlan.open(options.plan)
    design = PlannedDesign(
        size=possible_size(options.size_px),
        domain=domain_named(options.domain),
        same_people=options.same_people,
        seed=options.seed,
        masks=options.masks,
    )
    where = str(options.plan)
    _check_identities(plan, design, where)
    return PlannedRender(plan, design, tuple(_blocks(plan.rows, design, where)))


def _blocks(rows: Sequence[PlanCell], design: PlannedDesign, where: str) -> list[DesignBlock]:
    """Return the blocks of a plan, view by view."""
    scenes = design.domain.scenes
    found: dict[View, dict[int, dict[Cell, int]]] = {}  # rows by view, identity and cell
    for number, row in enumerate(rows, 1):
        _check_row(row, scenes, f"{where}, row {number}")
        own = row.camera_height_m in (None, design.domain.height)
        height = 0.0 if own else row.camera_height_m or 0.0
        place = scenes.index(row.background or scenes[0]) + 1
        people = found.setdefault((place, row.viewpoint_deg, height), {})
        cell = (row.weather, row.illumination)
        for identity in row.identities:
            known = people.setdefault(identity, {})
            if cell in known:
                raise PlanError(
                    f"{where}: rows {known[cell]} and {number} are the same image in the domain"
                    f" '{design.domain.name}': identity {identity_name(identity)} from its own"
                    f" camera height and first place. Take it out of one of them."
                )
            known[cell] = number
    return [block for view in sorted(found) for block in _blocks_of(view, found[view], design)]


def _blocks_of(
    view: View, people: dict[int, dict[Cell, int]], design: PlannedDesign
) -> list[DesignBlock]:
    """Return the blocks of one view, by identity."""
    place, degree, height = view
    own = height or None
    camera = round(100 * (own or design.domain.height)) * 1000 + degree
    scene = design.domain.scenes[place - 1]
    lit = tuple(
        sorted({cell for cells in people.values() for cell in cells}, key=_PLACE.__getitem__)
    )
    return [
        DesignBlock(
            identity,
            camera,
            degree,
            place,
            scene,
            own,
            tuple(sorted(cells, key=_PLACE.__getitem__)),
            lit,
        )
        for identity, cells in sorted(people.items())
    ]


def _check_row(row: PlanCell, scenes: Sequence[str], where: str) -> None:
    for name, value, known in (
        ("weather", row.weather, WEATHERS),
        ("illumination", row.illumination, LIGHTS),
        ("background", row.background or scenes[0], scenes),
    ):
        if value not in known:
            raise PlanError(
                f"{where}: the engine has no {name} '{escape(value)}'. {did_you_mean(value, known)}"
            )
    if row.camera_height_m is not None:
        check_camera_height(row.camera_height_m, f"{where}: camera_height_m")


def check_camera_height(height_m: float, where: str) -> None:
    """Raise PlanError unless the engine can draw from a height of the camera. `where` is what the
    message names first."""
    if not LOWEST_M <= height_m <= HIGHEST_M:
        raise PlanError(
            f"{where}: expected {LOWEST_M:g} to {HIGHEST_M:g} meters, found {height_m:g}."
        )
    if abs(100 * height_m - round(100 * height_m)) > 1e-6:
        raise PlanError(
            f"{where}: expected whole centimeters, such as {height_m:.2f}; found {height_m:g}."
        )


def _check_identities(plan: RenderPlan, design: PlannedDesign, where: str) -> None:
    """Refuse a plan of identities that are others under this seed and in this domain."""
    names = [name for name in identity_attributes() if name in plan.identities.column_names]
    if not names:
        return
    for row in plan.identities.to_pylist():
        person = person_attributes(design.person_key(int(row["identity"])))
        for name in names:
            if row[name] not in (None, person[name]):
                raise PlanError(
                    f"{where}: identity {row['identity']} was planned with {name} '{row[name]}',"
                    f" and has '{person[name]}' with seed {design.seed} in the domain"
                    f" '{design.domain.name}'. Give the --seed and --domain of the plan."
                )
