"""One run: an arm and a seed, trained, embedded, scored on every target, and stored so that it is
not repeated."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from gprplus.baseline.image_store import ImageStore
from gprplus.baseline.recipe import Recipe
from gprplus.core import sampling
from gprplus.core.errors import TrainingError
from gprplus.core.files import workdir
from gprplus.core.files.atomic import write_new
from gprplus.evaluation.targets import Target
from gprplus.experiments.run_files import missing_targets, read_run_record, write_scores
from gprplus.experiments.run_reports import DONE, EMBEDDING, PREPARING, SCORING, RunReporter
from gprplus.schema.run_record import RunRecord

if TYPE_CHECKING:
    import torch

    from gprplus.baseline.checkpoint import Checkpoint
    from gprplus.baseline.distributed import ProcessGroup
    from gprplus.baseline.network.model import Model

MODEL = "model.safetensors"
LOG = "log.jsonl"
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class TrainingSet:
    """A training set: rows `uids (N,) uint64`, with identities numbered `labels (N,) int64` from 0,
    their paths, and their image store; `shares (N,) float64` weight the images of an identity, None
    for equal weights.
    """

    uids: np.ndarray
    labels: np.ndarray
    paths: Sequence[str]
    pack: ImageStore
    shares: np.ndarray | None = None

    @property
    def identities(self) -> int:
        """Return the number of identities."""
        return int(self.labels.max()) + 1

    def digest(self) -> str:
        """Fingerprint of the set, the same on every machine."""
        return sampling.sha256_digest(np.sort(self.uids).astype("<u8").tobytes(), *self._weights())

    def training(self) -> str:
        """Return the fingerprint of the rows in their order, their identities and their pixels, the
        key of a checkpoint.
        """
        weights = [] if self.shares is None else [self.shares.astype("<f8").tobytes()]
        return sampling.sha256_digest(
            self.pack.keys_of(self.uids).tobytes(), self.labels.tobytes(), *weights
        )

    def pixels(self) -> str:
        """Fingerprint of the set and its packed pixels: what is equal in it need be trained only
        once."""
        return sampling.sha256_digest(
            np.sort(self.pack.keys_of(self.uids)).tobytes(), *self._weights()
        )

    def _weights(self) -> list[bytes]:
        return (
            []
            if self.shares is None
            else [self.shares[np.argsort(self.uids)].astype("<f8").tobytes()]
        )


@dataclass(frozen=True)
class TrainingRun:
    """Definition of one run.

    Without `data` it is the untrained baseline; `deal` is the deal of its arm, None if the arm has
    one; `twin` is a folder in which the same training was done; `jobs` runs are trained in parallel
    on its device.
    """

    folder: Path
    split: str
    split_fingerprint: str
    arm: str
    seed: int
    recipe: Recipe
    data: TrainingSet | None
    targets: Sequence[tuple[Target, ImageStore]]
    device: str
    threads: int | None = None
    twin: Path | None = None
    jobs: int = 1
    deal: int | None = None

    def missing(self) -> list[tuple[Target, ImageStore]]:
        """The targets that the run's record does not hold scores of."""
        names = {one.name for one in missing_targets(self.folder, [t for t, _ in self.targets])}
        return [(target, pack) for target, pack in self.targets if target.name in names]


def train_and_score(training_run: TrainingRun, group: "ProcessGroup | None" = None) -> Path:
    """Do what is missing of a run and write its folder, the record last. Gives the folder back.

    Its phases and steps are sent with `workers.send_progress` (`run_reports`).

    All processes of a `group` call this alike; the first one writes.
    """
    from gprplus.baseline import devices
    from gprplus.baseline.distributed import ProcessGroup

    group = group or ProcessGroup()
    reporter = RunReporter(training_run.folder)
    reporter.begin(PREPARING)
    with (
        devices.device_context(training_run.device, training_run.jobs),
        devices.thread_limit(training_run.threads),
    ):
        record = group.broadcast(read_run_record(training_run.folder)) or _trained(
            training_run, group, reporter
        )
        if group.first:
            _scored(training_run, record, reporter)
            _checkpoint(training_run, group).delete()
    group.barrier()
    reporter.begin(DONE)
    return training_run.folder


def _checkpoint(training_run: TrainingRun, group: "ProcessGroup") -> "Checkpoint":
    """Return the checkpoint file of exactly this training."""
    from gprplus.baseline.checkpoint import Checkpoint

    data = training_run.data.training() if training_run.data else ""
    facts = [
        training_run.recipe.resolved(),
        training_run.seed,
        data,
        training_run.device.split(":")[0],
        group.size,
        workdir.package_versions(),
    ]
    return Checkpoint(
        training_run.folder / CHECKPOINT, sampling.sha256_digest(json.dumps(facts, sort_keys=True))
    )


def _trained(training_run: TrainingRun, group: "ProcessGroup", reporter: RunReporter) -> RunRecord:
    """Train (or take the twin's weights), save the model, and start the record."""
    from gprplus.baseline.network import model

    training_run.folder.mkdir(parents=True, exist_ok=True)
    if training_run.twin:
        network, effort = _twin_network(training_run, training_run.twin)
    else:
        network, effort = _trained_network(training_run, group, reporter)
    if group.first:
        model.save_model(network, training_run.folder / MODEL)
    return replace(_new_record(training_run, group), **effort)


def _new_record(training_run: TrainingRun, group: "ProcessGroup") -> RunRecord:
    """The record of a run, without what its training took and without scores."""
    from gprplus.baseline import devices

    recipe, data = training_run.recipe, training_run.data
    precision = devices.precision(recipe.compute.precision, training_run.device)
    return RunRecord(
        split=training_run.split,
        recipe=recipe.name,
        backbone=recipe.network.backbone,
        weights=recipe.network.weights,
        arm=training_run.arm,
        seed=training_run.seed,
        deal=training_run.deal,
        config=recipe.resolved() | {"precision": str(precision)},
        train_digest=data.digest() if data else None,
        train_identities=data.identities if data else 0,
        train_images=len(data.uids) if data else 0,
        split_fingerprint=training_run.split_fingerprint,
        device=devices.describe_device(training_run.device),
        versions=workdir.package_versions(),
        targets={},
        steps=0,
        images_seen=0,
        seconds=0.0,
        processes=group.size if group.size > 1 else None,
    )


def _twin_network(training_run: TrainingRun, folder: Path) -> "tuple[Model, dict[str, Any]]":
    """The network of the run in `folder`, trained on the same images, and what its training took."""
    from gprplus.baseline.network import model

    known = read_run_record(folder)
    if known is None:
        raise TrainingError(
            f"{folder} holds no finished run. Run the benchmark again: it repeats this run."
        )
    network = model.read_model(folder / MODEL, training_run.recipe.network, training_run.device)
    effort = {
        name: getattr(known, name)
        for name in ("steps", "images_seen", "seconds", "device", "initial_weights")
    }
    return network, effort | {"twin": known.arm}


def _trained_network(
    training_run: TrainingRun, group: "ProcessGroup", reporter: RunReporter
) -> "tuple[Model, dict[str, Any]]":
    """The trained network, or the untrained one of a run without data, and what it took; an
    interrupted training continues at its checkpoint."""
    from gprplus.baseline.checkpoint import read_log_until
    from gprplus.baseline.train import train, untrained_model

    recipe, data = training_run.recipe, training_run.data
    checkpoint = _checkpoint(training_run, group)
    earlier = read_log_until(training_run.folder / LOG, checkpoint.saved_step())
    group.barrier()
    with _log_file(training_run, group) as log:
        log.write(earlier)

        def log_chunk(line: dict[str, Any]) -> None:
            print(json.dumps(line), file=log, flush=True)
            reporter.chunk(line)

        if data is None:
            done = untrained_model(recipe, training_run.seed, training_run.device)
        else:
            done = train(
                data.pack.images(data.uids),
                data.labels,
                recipe,
                training_run.seed,
                training_run.device,
                names=lambda rows: [data.paths[row] for row in rows],
                shares=data.shares,
                log=log_chunk,
                reached=reporter.reached,
                checkpoint=checkpoint,
                group=group,
                jobs=training_run.jobs,
            )
    return done.model, {
        "steps": done.steps,
        "images_seen": done.images_seen,
        "seconds": round(done.seconds, 3),
        "note": done.note or None,
        "initial_weights": done.initial_weights,
    }


def _log_file(training_run: TrainingRun, group: "ProcessGroup") -> TextIO:
    """The log of the first process of a group; the others write theirs nowhere."""
    if group.first:
        return TextIOWrapper(write_new(training_run.folder / LOG), encoding="utf-8")
    return Path(os.devnull).open("w", encoding="utf-8")


def _scored(training_run: TrainingRun, record: RunRecord, reporter: RunReporter) -> None:
    """Embed and score the targets that are missing, and write queries and record."""
    from gprplus.baseline.network import model

    missing = training_run.missing()
    if not missing:
        return
    reporter.begin(EMBEDDING)
    network = model.read_model(
        training_run.folder / MODEL, training_run.recipe.network, training_run.device
    )
    packs = {id(pack): pack for _, pack in missing}
    features, count = {}, 0
    for key, uids in target_image_keys(missing).items():
        reached = partial(_embedded_so_far, reporter, count)
        features[key] = uids, _embedded(network, uids, packs[key], training_run, reached)
        count += len(uids)

    def embedded() -> "Iterator[tuple[Target, torch.Tensor]]":
        for count, (target, pack) in enumerate(missing):
            reporter.reached(count, SCORING)
            uids, known = features[id(pack)]
            yield target, known[np.searchsorted(uids, target.uids)]

    write_scores(training_run.folder, record, embedded())


def target_image_keys(targets: Sequence[tuple[Target, ImageStore]]) -> dict[int, np.ndarray]:
    """Sorted keys of all images of the targets of each pack, by its id: each image is embedded
    once."""
    packs = {id(pack) for _, pack in targets}
    return {
        key: np.unique(np.concatenate([target.uids for target, p in targets if id(p) == key]))
        for key in packs
    }


def _embedded_so_far(reporter: RunReporter, before: int, count: int) -> None:
    reporter.reached(before + count, EMBEDDING)


def _embedded(
    network: "Model",
    uids: np.ndarray,
    pack: ImageStore,
    training_run: TrainingRun,
    reached: Callable[[int], None],
) -> "torch.Tensor":
    import torch

    from gprplus.baseline.network.embedding import embed_images

    features = embed_images(
        network,
        pack.images(uids),
        training_run.recipe.compute,
        training_run.device,
        reached,
    )
    if not torch.isfinite(features).all():
        remedy = "train it in float32, or lower the recipe's optimizer.lr"
        if training_run.data is None:  # not trained, so no learning rate is to blame
            remedy = (
                f"its first weights ({training_run.recipe.network.weights}) do not suit its input"
            )
        raise TrainingError(
            f"The network of {training_run.arm}, seed {training_run.seed} gives features that are no numbers:"
            f" {remedy}."
        )
    return features
