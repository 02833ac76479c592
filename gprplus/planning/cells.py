"""Candidate cells of a plan: every combination of the levels that an engine can draw."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.errors import PlanError
from gprplus.engine.crops.design import make_design
from gprplus.engine.places.weather_light import HOURS, MIDPOINTS
from gprplus.engine.plans.planned_design import check_camera_height
from gprplus.ingest import Manifest
from gprplus.planning.options import SpaceOptions

# In the order of the columns of a plan.
FACTORS = ("viewpoint_deg", "camera_height_m", "weather", "illumination", "background")
MOST_CELLS = 1_000_000


@dataclass(frozen=True, eq=False)
class CandidateCells:
    """All combinations of levels, the last factor running fastest; `levels` are those of each
    factor, by name."""

    levels: Mapping[str, tuple[Any, ...]]

    def __post_init__(self) -> None:
        if len(self) > MOST_CELLS:
            sizes = " x ".join(f"{name} {len(each)}" for name, each in self.levels.items())
            raise PlanError(
                f"The candidate levels make {len(self):,} cells ({sizes}), more than"
                f" {MOST_CELLS:,}. Name fewer levels."
            )

    def __len__(self) -> int:
        return math.prod(len(each) for each in self.levels.values())

    @property
    def factors(self) -> tuple[str, ...]:
        """The names of the factors, in order."""
        return tuple(self.levels)

    @cached_property
    def codes(self) -> np.ndarray:
        """The number of each cell's level of each factor, `(C, K) int64`."""
        sizes = [len(each) for each in self.levels.values()]
        return np.stack([axis.ravel() for axis in np.indices(sizes)], axis=1)

    def codes_of(self, factor: str) -> np.ndarray:
        """The number of each cell's level of one factor, `(C,) int64`."""
        column: np.ndarray = self.codes[:, self.factors.index(factor)]
        return column

    def cell(self, number: int) -> dict[str, Any]:
        """The levels of one cell, by factor."""
        return {
            name: each[code]
            for (name, each), code in zip(self.levels.items(), self.codes[number], strict=True)
        }

    def product_weights(self, shares: Mapping[str, np.ndarray]) -> np.ndarray:
        """Weights `(C,)` that sum to 1: the product of the level shares of each factor; factors
        without shares count evenly."""
        weights = np.ones(len(self))
        for name, share in shares.items():
            weights *= share[self.codes_of(name)]
        weights /= weights.sum()
        return weights

    def level_shares(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The share of each level under cell weights `(C,)`, by factor."""
        return {
            name: np.bincount(self.codes_of(name), weights, len(each))
            for name, each in self.levels.items()
        }

    def numbers_of(self, columns: Mapping[str, Sequence[Any]]) -> np.ndarray:
        """The cell of each row, `(N,) int64`, from a column of levels for each factor; -1 where a
        level is not a candidate. Levels are compared as texts."""
        count = len(next(iter(columns.values())))
        found, known = np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool)
        for name, each in self.levels.items():
            codes = _codes(columns[name], each)
            known &= codes >= 0
            found = found * len(each) + codes
        return np.where(known, found, -1)

    def numbers_of_rows(self, table: pa.Table) -> np.ndarray:
        """The cell of each row of a table, `(N,) int64`, -1 for none; a factor without a column is
        at its assumed level."""
        unrecorded = np.zeros(table.num_rows, dtype=np.int32)
        columns: dict[str, Any] = {
            name: table.column(name).combine_chunks()
            if name in table.column_names
            else pa.DictionaryArray.from_arrays(
                unrecorded, pa.array([level_text(self.assumed_level(name))], pa.string())
            )
            for name in self.levels
        }
        return self.numbers_of(columns)

    def assumed_level(self, factor: str) -> Any:
        """The level of images whose manifest does not record a factor: the only candidate, or None
        if there are more. A height of the camera is None, since a plan names heights that differ
        from the domain's own."""
        (level, *others) = self.levels[factor]
        return None if others or factor == "camera_height_m" else level


def _codes(values: Any, levels: Sequence[Any]) -> np.ndarray:
    column = values if isinstance(values, pa.Array) else _texts(values)
    # Distinct values are turned into texts and compared, not millions of rows.
    column = column.dictionary_encode()
    texts = pc.cast(column.dictionary, pa.string())
    place = pc.index_in(texts, pa.array([level_text(level) for level in levels], pa.string()))
    codes = np.append(np.asarray(pc.fill_null(place, -1)), -1)  # the last is that of null
    found: np.ndarray = codes[np.asarray(pc.fill_null(column.indices, len(codes) - 1))]
    return found.astype(np.int64)


def _texts(values: Sequence[Any]) -> Any:
    return pa.array([level_text(value) for value in values], pa.string())


def level_text(value: Any) -> str | None:
    """A level as Arrow writes it in a column of texts; None for None.

    >>> level_text(1.0), level_text(1.75), level_text(90), level_text("dusk")
    ('1', '1.75', '90', 'dusk')
    """
    if value is None:
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


def candidate_cells(options: SpaceOptions, manifest: Manifest | None) -> CandidateCells:
    """Return the cells that the built-in engine is to choose from.

    Levels that the options leave open are those of `manifest`; without one, those of `gprplus
    render`.

    Raises:
        PlanError: there are too many cells, or the engine has no such height of the camera.
        RenderError: the engine has no such level.
    """
    hours = [hour for hour in options.illuminations if hour not in MIDPOINTS]
    design = make_design(
        domain=options.domain,
        viewpoints=options.viewpoints or 6,
        weathers=options.weathers or ("all",),
        illuminations=tuple(hours) or ("forenoon", "dusk", "night"),
        backgrounds=options.backgrounds or 1,
    )
    levels: dict[str, tuple[Any, ...]] = {
        "viewpoint_deg": design.degrees,
        "weather": design.weathers,
        "illumination": design.illuminations if hours or not options.illuminations else (),
        "background": design.scenes,
    }
    between = [hour for hour in options.illuminations if hour in MIDPOINTS]
    levels["illumination"] += tuple(dict.fromkeys(between))
    given = {
        "viewpoint_deg": options.viewpoints,
        "weather": options.weathers,
        "illumination": options.illuminations,
        "background": options.backgrounds,
    }
    if manifest is not None:
        for name in [name for name, value in given.items() if not value]:
            levels[name] = _known_levels(manifest, name, levels[name])
    if options.between:
        levels["viewpoint_deg"] = _with_halfway_degrees(levels["viewpoint_deg"])
        levels["illumination"] = (*HOURS, *MIDPOINTS)
    for height_m in options.camera_heights_m:
        check_camera_height(height_m, "--camera-heights")
    if options.camera_heights_m:
        levels["camera_height_m"] = tuple(sorted(set(options.camera_heights_m)))
    return CandidateCells({name: levels[name] for name in FACTORS if name in levels})


def _known_levels(manifest: Manifest, name: str, default: tuple[Any, ...]) -> tuple[Any, ...]:
    """The levels of a factor that the manifest has images of; those of the engine where it has
    none."""
    found = tuple(manifest.levels(name)) if name in manifest.attributes else ()
    return found if found and (name != "background" or set(found) & set(default)) else default


def _with_halfway_degrees(degrees: Sequence[int]) -> tuple[int, ...]:
    """The viewpoints, and the one halfway between each two neighbors on the circle.

    >>> _with_halfway_degrees([90, 180, 270, 0])
    (0, 45, 90, 135, 180, 225, 270, 315)
    """
    order = sorted({degree % 360 for degree in degrees})
    following = [*order[1:], order[0] + 360]
    halfway = {(a + (b - a) // 2) % 360 for a, b in zip(order, following, strict=True)}
    return tuple(sorted({*order, *halfway}))
