"""`analyze`: a manifest, level by level, against one or more targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from gprplus.analysis import columns, debiased, distance_vs_map
from gprplus.analysis.features import Features, make_features
from gprplus.analysis.options import AnalyzeOptions
from gprplus.analysis.paper import measure
from gprplus.analysis.paper.settings import LossNetwork, PaperSettings
from gprplus.analysis.record import AGAIN, analysis_record
from gprplus.analysis.sample import (
    ImageSample,
    crossed_factors,
    open_target_sample,
    source_sample,
    target_sample,
)
from gprplus.core.errors import AnalysisError, did_you_mean
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    check_request,
    package_versions,
    read_json,
    work_folder,
    write_json,
    write_table,
)
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.core.storage.remote_path import as_path
from gprplus.ingest import Manifest
from gprplus.schema import DISTANCES, VERSION, conform, stored

CAUTION = (
    "Distance is not accuracy: a near level need not train better. make-split and benchmark measure"
    " that."
)
MODES = ("sound", "paper")
TABLES = {"distances": DISTANCES, **columns.TABLES}


@dataclass(frozen=True)
class AnalysisResult:
    """The tables of one target by name (schema.DISTANCES, columns.TABLES), their record, and
    whether this call made them.
    """

    path: Path
    info: dict[str, Any]
    tables: dict[str, pa.Table] = field(default_factory=dict)
    made: bool = False

    @property
    def distances(self) -> pa.Table:
        """Return the distance of each level; empty in paper mode."""
        return self.tables.get("distances", conform(pa.table({}), DISTANCES))

    @classmethod
    def open(cls, path: Path) -> "AnalysisResult":
        """Read a finished analysis; AnalysisError when the folder holds none."""
        info = read_json(path / "analysis.json", AnalysisError, "an analysis")
        record = analysis_record(info, path / "analysis.json", TABLES)
        tables = {}
        for name in record.tables:
            tables[name] = stored.read_table(
                path / f"{name}.parquet", TABLES[name], AnalysisError, AGAIN
            )
        if record.crossed is None and len(tables.get("effects", ())):
            raise AnalysisError(
                f"{path / 'analysis.json'}: crossed is null, but there is a table of effects."
                f" {AGAIN}"
            )
        return cls(path, info, tables)


@dataclass(frozen=True)
class AnalysisPlan:
    """Settings of the measurement, the same for every target."""

    mode: str
    attributes: list[str]
    images: int
    people: int | None
    seed: int
    settings: PaperSettings


@shows_progress("Looking at images")
@accepts(AnalyzeOptions)
def analyze(
    manifest: AnyPath,
    targets: Mapping[str, AnyPath],
    output: AnyPath | None = None,
    options: AnalyzeOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> list[AnalysisResult]:
    """Measure the distance of each level of each crossed factor to each target, and the factors
    that cause the distance.

    Levels are compared on the same identities under the same other conditions. If a target has a
    train set, only that is used, so that no choice depends on test images. Writes
    OUTPUT/NAME/*.parquet, .csv, .md and .png and analysis.json.

    Args:
        manifest: a manifest or its folder.
        targets: manifests or folders of images by name; a manifest of such a folder is built in
            OUTPUT/../targets.
        output: folder of the analysis; by default WORK/analysis (WORK: $GPRPLUS_WORK, else work/).
        options: all options at once; the keywords below change single fields of it.
        force: replace the analysis of another request in the folder.
        progress: called with the number of images measured and of all images.

    Raises:
        AnalysisError: an attribute is not crossed, too few identities have all its levels, or
            features do not exist.
    """
    given = combined(AnalyzeOptions, options, changes, "analyze")
    mode, features, images, people = given.mode, given.features, given.images, given.people
    seed, device, workers = given.seed, given.device, given.workers
    if mode not in MODES:
        raise AnalysisError(f"There is no mode '{mode}'. {did_you_mean(mode, MODES)}")
    output = work_folder() / "analysis" if output is None else Path(output)
    source = Manifest.open(manifest)
    if given.runs and mode == "paper":
        raise AnalysisError("Runs are compared by features: leave the mode out, or the runs.")
    trained = distance_vs_map.read_scored_arms(given.runs)
    attributes, settings = _attributes(source, given.attributes), PaperSettings.of(given.settings)
    plan = AnalysisPlan(mode, attributes, images, people, seed, settings)
    opened = {
        name: open_target_sample(name, as_path(path), output.parent / "targets")
        for name, path in targets.items()
    }
    kinds = make_features(features, device) if mode == "sound" else []
    network = measure.loss_network(features, device) if mode == "paper" else None
    recorded = {
        name: _request(plan, source, target, kinds, network, trained)
        for name, target in opened.items()
    }
    states = {
        name: check_request(Path(output) / name / "analysis.json", request, force=force)
        for name, request in recorded.items()
    }
    missing = [name for name in opened if states[name] != "same"]
    if not missing:
        return [AnalysisResult.open(Path(output) / name) for name in opened]
    side = source_sample(source, plan.attributes, images, people, seed)
    others = {name: target_sample(opened[name], images, seed) for name in missing}
    if network is None:
        measured = _debiased(given, plan, kinds, side, others, progress)
    else:  # the means of the paper use complete identities
        side = replace(side, samples={})
        measured = measure.measure_target(
            network, side, others, plan.settings, seed, workers, progress
        )
    if trained:
        joined = distance_vs_map.measure_agreement(
            trained, kinds, others, images, seed, workers, progress
        )
        measured = {name: _with_runs(one, *joined[name]) for name, one in measured.items()}
    return [
        (
            _write(
                Path(output) / name,
                name,
                recorded[name],
                _facts(side, others[name]),
                *measured[name],
            )
            if name in missing
            else AnalysisResult.open(Path(output) / name)
        )
        for name in opened
    ]


def _request(
    plan: AnalysisPlan,
    source: Manifest,
    target: Manifest,
    kinds: Sequence[Features],
    network: "LossNetwork | None",
    trained: Sequence[distance_vs_map.ScoredArm],
) -> dict[str, Any]:
    request = {
        "manifest": source.fingerprint,
        "target": target.fingerprint,
        "mode": plan.mode,
        "attributes": plan.attributes,
        "images": plan.images,
        "people": plan.people,
        "seed": plan.seed,
        "features": [features.source for features in kinds] or [network.source if network else ""],
    }
    request |= {"runs": [one.digest() for one in trained]} if trained else {}
    looked = network is not None or any(features.name == "vgg19" for features in kinds)
    return request | ({"settings": plan.settings.record()} if looked else {})


def _debiased(
    given: AnalyzeOptions,
    plan: AnalysisPlan,
    kinds: Sequence[Features],
    side: ImageSample,
    targets: Mapping[str, ImageSample],
    progress: Progress,
) -> dict[str, debiased.Measured]:
    """The measurements of sound mode by target, with the losses of VGG-19 where it is a feature."""
    measured = debiased.measure_debiased(kinds, side, targets, plan.seed, given.workers, progress)
    styled = [text for text in given.features if text.partition(":")[0] == "vgg19"]
    if not styled or side.crossed is None:
        return measured
    losses = measure.measure_target(
        measure.loss_network(styled, given.device),
        side,
        targets,
        plan.settings,
        plan.seed,
        given.workers,
        progress,
    )
    return {name: _with_losses(one, losses[name]) for name, one in measured.items()}


def _with_losses(measured: debiased.Measured, losses: debiased.Measured) -> debiased.Measured:
    """Return the measurements, and the losses of VGG-19, of which the debiased mode reads the
    debiased ones."""
    tables, facts = measured
    table = losses[0]["losses"].drop_columns(["kept"])
    return tables | {"losses": table}, facts | {"settings": losses[1]["settings"]}


def _with_runs(
    measured: debiased.Measured, rows: list[dict[str, Any]], correlations: list[dict[str, Any]]
) -> debiased.Measured:
    """Return the measurements, and their correlation with accuracy."""
    tables, facts = measured
    if not rows:
        note = (
            "No arm of the runs was scored on a target of this name, so there is no correlation"
            " with accuracy."
        )
        return tables, facts | {"notes": [*facts["notes"], note]}
    return tables | {"arms": pa.Table.from_pylist(rows)}, facts | {"accuracy": correlations}


def _facts(side: ImageSample, target: ImageSample) -> dict[str, Any]:
    """Return the part of the record that all modes have, about source and target."""
    (sample,) = target.samples.values()
    crossed = side.crossed
    return {
        "target_images": len(sample.rows),
        "target_identities": int(sample.people.max() + 1),
        "target_side": target.role,
        "shared_people": len(side.people & target.people),
        "crossed": (
            {
                "factors": list(crossed.factors),
                "cells": len(crossed.cells()),
                "identities": len(crossed.rows),
                "identities_complete": crossed.complete,
            }
            if crossed
            else None
        ),
    }


def _write(
    home: Path,
    name: str,
    request: dict[str, Any],
    facts: dict[str, Any],
    tables: dict[str, pa.Table],
    more: dict[str, Any],
) -> AnalysisResult:
    from gprplus.analysis.output import write_pages

    tables = {key: conform(table, TABLES[key]) for key, table in tables.items()}
    for key, table in tables.items():
        write_table(home / f"{key}.parquet", table)
    record = {
        "schema_version": VERSION,
        "target": name,
        "request": request,
        "tables": list(tables),
        **facts,
        **more,
    }
    record |= {"versions": package_versions()}
    write_pages(home, record, tables)
    write_json(home / "analysis.json", record)
    return AnalysisResult(home, record, tables, made=True)


def _attributes(source: Manifest, wanted: Sequence[str] | None) -> list[str]:
    """Return the attributes to score: the requested ones, else every crossed factor with at least
    two levels."""
    crossed = crossed_factors(source)
    for name in wanted or ():
        if name not in crossed:
            raise AnalysisError(
                f"'{name}' is not a crossed factor of {source.path} with two or more levels, so its"
                f" levels cannot be compared on the same identities. {did_you_mean(name, crossed)}"
            )
    if not crossed:
        raise AnalysisError(
            f"{source.path} has no crossed factor with two or more levels, so there is nothing to"
            " compare."
        )
    return list(wanted or crossed)
