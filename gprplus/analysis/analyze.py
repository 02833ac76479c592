"""`analyze`: the cheap first pass over a manifest, level by level, against one or more targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gprplus.analysis import appearance, compare, discrepancy
from gprplus.analysis.sample import Matched
from gprplus.analysis.side import Side, source_side, target_side
from gprplus.archives import is_archive
from gprplus.errors import AnalysisError, nearest
from gprplus.ingest import Manifest, build_manifest
from gprplus.keys import canonical, text_key
from gprplus.parallel import Progress, silent
from gprplus.runs import read_json, settle, versions, write_json, write_table
from gprplus.schema import DISTANCES, VERSION, conform

CAUTION = "Distance is not accuracy: a near level need not train better. make-split and benchmark measure that."


@dataclass(frozen=True)
class Analysis:
    """One target's distances (schema.DISTANCES), the record beside them, and whether this call made them."""

    path: Path
    info: dict[str, Any]
    distances: pa.Table
    made: bool = False

    @classmethod
    def open(cls, path: Path) -> "Analysis":
        """Read a finished analysis; AnalysisError when the folder holds none."""
        info = read_json(path / "analysis.json", AnalysisError, "an analysis")
        return cls(path, info, conform(pq.read_table(path / "distances.parquet"), DISTANCES))


def analyze(
    manifest: Path | str,
    targets: Mapping[str, Path | str],
    *,
    output: Path | str = Path("work/analysis"),
    attributes: Sequence[str] | None = None,
    images: int = 300,
    seed: int = 0,
    workers: int | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> list[Analysis]:
    """Measure how far each level of each crossed factor lies from each target, on the looks of images alone.

    `targets` maps names to manifests or folders of images (a manifest of such a folder is built in
    `output`/../targets). Levels are compared on the same people in the same other conditions, `images` of them a
    level; of a target with a training side only that side is looked at, so that nothing is chosen on test images.
    Writes OUTPUT/NAME/distances.parquet and analysis.json. Raises AnalysisError when an attribute is not crossed or
    too few people have all its levels.
    """
    source = Manifest.open(Path(manifest))
    names = _attributes(source, attributes)
    opened = {name: _target(name, Path(path), Path(output).parent / "targets") for name, path in targets.items()}
    requests = {
        name: {
            "manifest": source.info["fingerprint"],
            "target": target.info["fingerprint"],
            "attributes": names,
            "images": images,
            "seed": seed,
            "features": appearance.VERSION,
        }
        for name, target in opened.items()
    }
    states = {
        name: settle(Path(output) / name / "analysis.json", request, force=force) for name, request in requests.items()
    }
    if all(state == "same" for state in states.values()):
        return [Analysis.open(Path(output) / name) for name in opened]
    side = source_side(source, names, images, seed)
    features = side.look(workers, progress)
    found = []
    for name, target in opened.items():
        home = Path(output) / name
        if states[name] == "same":
            found.append(Analysis.open(home))
            continue
        other = target_side(target, images, seed)
        table, facts = _distances(name, side, features, other, other.look(workers, progress), seed)
        write_table(home / "distances.parquet", table)
        record = {"schema_version": VERSION, "target": name, "request": requests[name], **facts, "versions": versions()}
        write_json(home / "analysis.json", record)
        found.append(Analysis(home, record, table, made=True))
    return found


def _attributes(source: Manifest, wanted: Sequence[str] | None) -> list[str]:
    """The attributes to score: those asked for, else every crossed factor with at least two levels."""
    factors = {name for dataset in source.info["datasets"].values() for name in dataset["factors"]} - {"identity"}
    crossed = [name for name in source.info["levels"] if name in factors and len(source.levels(name)) > 1]
    for name in wanted or ():
        if name not in crossed:
            raise AnalysisError(
                f"'{name}' is not a crossed factor of {source.path} with two or more levels, so its levels cannot be "
                f"compared on the same people. {nearest(name, crossed)}"
            )
    if not crossed:
        raise AnalysisError(
            f"{source.path} has no crossed factor with two or more levels, so there is nothing to compare."
        )
    return list(wanted or crossed)


def _target(name: str, path: Path, ingested: Path) -> Manifest:
    """The manifest of a target; a folder of images gets one, where benchmark keeps those of its targets."""
    if (path / "manifest.json").is_file():
        return Manifest.open(path)
    if not (path.is_dir() or (is_archive(path.name) and path.is_file())):
        raise AnalysisError(
            f"The target {name} is not there: {path} is neither a manifest nor a folder or archive of images."
        )
    return build_manifest([path], ingested / name)


def _distances(
    name: str, side: Side, features: np.ndarray, target: Side, target_features: np.ndarray, seed: int
) -> tuple[pa.Table, dict[str, Any]]:
    """Every attribute, level, kind of features and measure against one target, and facts to keep beside them."""
    pool = appearance.scaled(np.vstack([features, target_features]))
    bandwidths = {kind: discrepancy.median_distance(points) for kind, points in pool.items()}
    (target_sample,) = target.samples.values()
    rows = []
    for attribute, matched in side.samples.items():
        for kind, points in pool.items():
            rng = np.random.default_rng(text_key(canonical("analyze", name, attribute, kind, str(seed))))
            source_points, target_points = points[: len(features)], points[len(features) :]
            scores = compare.compare(
                source_points[side.place(matched.rows)],
                matched.people,
                target_points[target.place(target_sample.rows[:, 0])],
                target_sample.people,
                bandwidths[kind],
                rng,
            )
            rows += [_row(name, attribute, kind, side, matched, score) for score in scores]
    table = conform(pa.Table.from_pylist(rows), DISTANCES)
    facts = {
        "bandwidths": bandwidths,
        "target_images": len(target_sample.rows),
        "target_identities": int(target_sample.people.max() + 1),
        "target_side": target.role,
        "shared_people": len(side.people & target.people),
        "luminance_agreement": {name: _agreement(table, name) for name in side.samples},
    }
    return table, facts


def _row(name: str, attribute: str, kind: str, side: Side, matched: Matched, score: compare.Score) -> dict[str, Any]:
    return {
        "target": name,
        "attribute": attribute,
        "value": str(side.levels[attribute][score.level]),
        "features": kind,
        **{field.name: getattr(score, field.name) for field in fields(score) if field.name != "level"},
        "images": len(matched.rows),
        "identities": int(matched.people.max() + 1),
    }


def _agreement(table: pa.Table, attribute: str) -> float | None:
    """Rank correlation of the levels' distances on luminance alone with those on everything; null below four levels."""
    chosen = table.filter((pc.field("attribute") == attribute) & (pc.field("measure") == "energy"))
    alone, together = (
        np.asarray(chosen.filter(pc.field("features") == kind).column("distance")) for kind in ("luminance", "all")
    )
    return compare.rank_agreement(alone, together) if len(alone) >= 4 else None
