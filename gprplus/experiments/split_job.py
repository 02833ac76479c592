"""The splits of a request, each with its run folder and its targets, and the record that identifies
a request.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.baseline.recipe import Recipe
from gprplus.core.benchmark_options import BenchmarkOptions, arguments_record
from gprplus.core.commands import Word, record_command
from gprplus.core.errors import RecipeError, RequestChanged, SplitError, TrainingError, did_you_mean
from gprplus.core.files import workdir
from gprplus.core.files.folders import hold_folder
from gprplus.core.files.safe_names import child_path, plain_name
from gprplus.core.typed import as_json
from gprplus.evaluation import target_checks, targets
from gprplus.evaluation.targets import Target
from gprplus.experiments import schedule
from gprplus.reporting.experiment import Experiment
from gprplus.schema.records import Protocol
from gprplus.schema.run_record import (
    BenchmarkRecord,
    Precision,
    TargetRecord,
    benchmark_record,
)
from gprplus.splits import Split

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest

RECORD = "benchmark.json"
KIND = "runs"  # of folder, as its mark states


@dataclass(frozen=True)
class SplitJob:
    """A split with its run folder, the recipe resolved for its arms, and its targets; `manifests`
    are those of targets, by name. `precision` is the number type of runs on a processor, None if
    recipe or device determine it.
    """

    split: Split
    folder: Path
    recipe: Recipe
    targets: tuple[Target, ...]
    roots: Mapping[str, Path]
    manifests: "Mapping[str, Manifest]" = field(default_factory=dict)
    precision: Precision | None = None

    def run_recipe(self, recipe: Recipe | None = None) -> Recipe:
        """Return the recipe of the case, or another one, with the number type of the case's runs."""
        recipe = recipe or self.recipe
        if self.precision is None:
            return recipe
        return replace(recipe, compute=replace(recipe.compute, precision=self.precision.chosen))


@dataclass(frozen=True)
class NamedTargets:
    """The targets of a request, by name: manifests or folders, and the protocol of all of them, by
    default that of their manifests."""

    folders: Mapping[str, Path]
    protocol: Protocol | None = None


def open_jobs(
    splits: Sequence[Path],
    output: Path,
    recipe: Recipe,
    named: NamedTargets,
    roots: Mapping[str, Path],
    *,
    force: bool,
    rerank: bool = False,
    as_one: bool = False,
) -> list[SplitJob]:
    """Open every split, check its folder against the request, read its targets, and with `rerank`
    add re-ranked ones.

    With `as_one` equal epochs give the same steps for all splits, else for each split separately.
    Only ingested targets are written.
    """
    if not splits:
        raise SplitError(
            "There is no split to benchmark. Make one with: gprplus make-split --attr=weather"
        )
    opened = [Split.open(path) for path in splits]
    names = [split.name for split in opened]
    if len(set(names)) < len(names):
        raise SplitError(
            f"Two splits have the same name ({', '.join(sorted(names))}); benchmark them into"
            " different folders."
        )
    known = {dataset for split in opened for dataset in split.record.datasets}
    for name in roots:
        if name not in known:
            raise SplitError(f"No split has a dataset called '{name}'. {did_you_mean(name, known)}")
    manifests = open_target_manifests(named, output)
    cases = []
    for split in opened:
        folder = output / split.name / plain_name(recipe.name, "the recipe's name", RecipeError)
        own_recipe = recipe.for_arms(_set_sizes(opened if as_one else [split]))
        workdir.check_request(folder / RECORD, _request(split, own_recipe), force=force)
        own = {name: path for name, path in roots.items() if name in split.record.datasets}
        found = split_targets(split, named, manifests, own, rerank=rerank)
        cases.append(SplitJob(split, folder, own_recipe, found, split.roots(own), manifests))
    return cases


def open_target_manifests(named: NamedTargets, output: Path) -> "dict[str, Manifest]":
    """The manifests of targets; folders of images get theirs in the folder next to `output`."""
    from gprplus.ingest import open_or_build_manifest

    return {
        name: open_or_build_manifest(
            path, child_path(output.parent / "targets", name, "--target: name", SplitError)
        )
        for name, path in named.folders.items()
    }


def split_targets(
    split: Split,
    named: NamedTargets,
    manifests: "Mapping[str, Manifest]",
    roots: Mapping[str, Path],
    *,
    rerank: bool,
) -> tuple[Target, ...]:
    """The targets that the arms of a split are scored on: its test set, the named ones, its
    cross-level tests, and with `rerank` re-ranked ones. Raises SplitError if there is none."""
    whole = [targets.own_test_target(split, roots)]
    given = {
        name: targets.target_of_manifest(name, m, split.record.attribute, rule=named.protocol)
        for name, m in manifests.items()
    }
    whole += [with_leakage(split, target, manifests[name]) for name, target in given.items()]
    searched = [target for target in whole if target]
    found = (*searched, *targets.cross_level_targets(split, roots))
    if rerank:
        found += tuple(map(targets.reranked_name, searched))
    if not found:
        raise SplitError(
            f"{split.path} has no test set: give a --target NAME=MANIFEST-or-FOLDER to score it"
            " on, or name the splits you mean."
        )
    return found


def hold_run_folder(
    case: SplitJob, *, force: bool, wait: bool = False
) -> AbstractContextManager[Path]:
    """The right to fill a case's folder: one process at a time; RequestChanged where another has
    it, unless `wait` is set.

    With `force` the folder must be marked as one of runs, or empty.
    """
    return hold_folder(case.folder, KIND, RequestChanged, adopt=not force, wait=wait)


def _set_sizes(splits: Sequence[Split]) -> list[int]:
    """Images of every training set of the splits; what several arms share is one."""
    sets = {arm.fingerprint: arm.images for split in splits for arm in split.record.arms.values()}
    return list(sets.values())


def with_leakage(split: Split, target: Target, manifest: "Manifest") -> Target:
    """Return the target with its overlap with the split's arms. Raises SplitError for shared
    identities or files."""
    shared = target_checks.training_overlap(split, target.name, target.rows, manifest)
    return replace(target, leakage=shared)


def _request(split: Split, recipe: Recipe) -> dict[str, Any]:
    """Return the settings that identify a benchmark, without seeds and targets, which only add; one
    key for each setting.
    """
    network, length = recipe.network, recipe.length
    knobs = {
        f"{section}.{knob}": value
        for section, knobs in recipe.resolved().items()
        if isinstance(knobs, dict) and section not in ("network", "length")
        for knob, value in knobs.items()
    }
    request = {
        "split_fingerprint": split.record.fingerprint,
        "recipe": recipe.name,
        "backbone": network.backbone,
        "weights": network.weights,
        "last_stride": network.last_stride,
        "steps": length.steps or None,
        "epochs": length.epochs or None,
        **knobs,
    }
    # Runs made before these settings existed have their old behavior as default, so that they can
    # be continued.
    if request["compute.compile"] == "no":
        request["compute.compile"] = False
    if request["compute.deterministic"]:
        del request["compute.deterministic"]
    if network.weights not in ("none", "imagenet"):
        request["weights_digest"] = _file_digest(Path(network.weights))
    return request


def _file_digest(path: Path) -> str:
    import hashlib

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecipeError(
            f"There is no weights file {path}. Known names: none, imagenet."
        ) from error


def image_sources(cases: Sequence[SplitJob]) -> "dict[str, tuple[pa.Table, Mapping[str, Path]]]":
    """The images of each split and of each further target: one table and its folders a source."""
    found: dict[str, tuple[pa.Table, Mapping[str, Path]]] = {}
    for case in cases:
        found[f"split {case.split.name}"] = (
            case.split.members(["uid", "dataset", "path"]),
            case.roots,
        )
        for target in case.targets:
            if not targets.is_own_test_set(target.name):
                found[source_of(case, target)] = (target.rows, target.roots)
    return found


def source_of(case: SplitJob, target: Target) -> str:
    """Return the entry of `image_sources` of a target's images."""
    return (
        f"split {case.split.name}"
        if targets.is_own_test_set(target.name)
        else f"target {targets.base_name(target.name)}"
    )


def check_images_unchanged(case: SplitJob, digests: Mapping[str, str], *, force: bool) -> None:
    """Raise RequestChanged if images of the folder's runs have changed since.

    `digests` (store.Cost) identify the files of each of `image_sources`. No error if
    `force` is given.
    """
    record = read_record(case)
    earlier = record.images if record else {}
    changed = [
        name for name, digest in _own(case, digests).items() if earlier.get(name, digest) != digest
    ]
    if changed and not force:
        raise RequestChanged(
            f"{case.folder} holds runs of other pictures: the files of {' and of '.join(changed)}"
            " have changed since. Give another folder with -o, or --force to replace it."
        )


def check_files_unchanged(cases: Sequence[SplitJob], *, force: bool) -> list[str]:
    """Return one sentence for each split or target whose image files changed since its manifest was
    built.

    Raises TrainingError instead, unless `force` is given or there are runs of exactly these files
    (`check_images_unchanged`).
    """
    changed = {name: sentence for case in cases for name, sentence in _changed(case).items()}
    records = [record for case in cases if (record := read_record(case))]
    known = {name for record in records for name in record.images}
    new = [sentence for name, sentence in changed.items() if name not in known]
    if new and not force:
        raise TrainingError(
            f"{new[0]} Build manifest and split again, or --force to train on them as they are."
        )
    return list(changed.values())


def _changed(case: SplitJob) -> dict[str, str]:
    """A sentence for each of the case's sources whose files changed since their manifest was
    built."""
    from gprplus.ingest.changed_files import changed_files

    found, manifest = {}, case.split.manifest()
    if manifest is not None:
        rows = case.split.members(["dataset", "path"])
        found[f"split {case.split.name}"] = changed_files(manifest, rows, case.roots).sentence()
    for target in case.targets:
        if target.name in case.manifests:
            sentence = changed_files(
                case.manifests[target.name], target.rows, target.roots
            ).sentence()
            found[source_of(case, target)] = sentence
    return {name: sentence for name, sentence in found.items() if sentence}


def _own(case: SplitJob, digests: Mapping[str, str]) -> dict[str, str]:
    names = {f"split {case.split.name}", *(source_of(case, target) for target in case.targets)}
    return {name: digest for name, digest in digests.items() if name in names}


def read_record(case: SplitJob) -> BenchmarkRecord | None:
    """Return the benchmark.json of a case; None if there is none."""
    path = case.folder / RECORD
    if not path.is_file():
        return None
    return benchmark_record(workdir.read_json(path, SplitError, "a benchmark"), path, SplitError)


def experiment(case: SplitJob) -> Experiment:
    """Return the subject of a verdict on a finished case."""
    path = case.folder / RECORD
    record = benchmark_record(workdir.read_json(path, SplitError, "a benchmark"), path, SplitError)
    return Experiment(case.split.record, record, record.estimand)


def target_record(target: Target, folder: Path) -> TargetRecord:
    """The record of a target, with the folders of its images relative to the runs."""
    roots = {name: workdir.relative_path(root, folder) for name, root in target.roots.items()}
    return replace(target.record(), roots=roots)


def write_record(
    case: SplitJob,
    device: str,
    digests: Mapping[str, str],
    weights_note: str,
    options: BenchmarkOptions,
    output: Path,
    command: Sequence[Word],
) -> None:
    """Write benchmark.json: the request, the split it was made for, every target and the state of
    its images so far, the recipe in full, what of the first weights did not fit, and the command:
    its options, or the words of the `command` that the benchmark is a part of.
    """
    earlier = read_record(case)
    before = earlier.arguments if earlier else None
    given = None if command else arguments_record(options, output, case.folder, before or {})
    record = BenchmarkRecord(
        request=_request(case.split, case.recipe),
        split=case.split.name,
        split_path=workdir.relative_path(case.split.path, case.folder),
        split_fingerprint=case.split.record.fingerprint,
        recipe=case.recipe.resolved(),
        targets={
            **(earlier.targets if earlier else {}),
            **{t.name: target_record(t, case.folder) for t in case.targets},
        },
        images={**(earlier.images if earlier else {}), **_own(case, digests)},
        weights_note=weights_note or None,
        device=schedule.describe_device(device),
        precision=case.precision or (earlier.precision if earlier else None),
        command=record_command(command, case.folder) if command else None,
        arguments=given,
        versions=workdir.package_versions(),
    )
    workdir.write_json(case.folder / RECORD, as_json(record))
