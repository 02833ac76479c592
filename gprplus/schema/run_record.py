"""benchmark.json and run.json as frozen dataclasses."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gprplus.core.errors import GprplusError, ReportError, TrainingError, first_few
from gprplus.core.typed import (
    Absent,
    absent,
    optional,
    optional_list,
    optional_table,
    parse_typed,
)
from gprplus.schema.audit import AnswerableCounts
from gprplus.schema.manifest_record import DatasetFacts
from gprplus.schema.records import Protocol

Number = int | float
EXTERNAL = "external"  # network, weights and device of a run of another program


@dataclass(frozen=True)
class TargetPair:
    """An image of a target and a training image whose difference hashes differ in so many bits."""

    target: str
    train: str
    bits: int


@dataclass(frozen=True)
class TargetNearDuplicates:
    """Images of a target that look nearly like a training image; `pairs` lists the first of
    them."""

    count: int
    looked_at: int
    radius_bits: int
    pairs: list[TargetPair] = field(default_factory=list)


@dataclass(frozen=True)
class TargetLeakage:
    """Overlap of a target with the arms of a split; None if it was not checked."""

    identities: int | None = None
    digests: int | None = None
    near_duplicates: TargetNearDuplicates | None = optional()


@dataclass(frozen=True, kw_only=True)
class TargetRecord:
    """A target of a benchmark: protocol, fingerprint of its rows, sizes, findings, and the folders
    of its images.

    `copies` counts, by protocol, queries with a copy of their file in their ranking: None where no
    file was digested, absent where it was not looked at.
    """

    protocol: Protocol
    fingerprint: str
    queries: int = 0
    gallery: int = 0
    datasets: dict[str, DatasetFacts] = field(default_factory=dict)
    rerank: dict[str, Number] | None = optional()
    answerable: dict[str, AnswerableCounts] | None = optional()
    copies: dict[str, int] | Absent | None = absent()
    leakage: TargetLeakage | None = optional()
    roots: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Precision:
    """The number type in which the runs of a benchmark compute on a processor, `chosen` by a trial.

    `images_per_second` has the training rate of each type in the trial. Without rates `chosen` is
    the type of earlier runs in the same folder.
    """

    chosen: str
    images_per_second: dict[str, float] = optional_table()
    bfloat16_finite: bool | None = optional()


@dataclass(frozen=True, kw_only=True)
class BenchmarkRecord:
    """benchmark.json of one run folder.

    `request` is what two benchmarks are compared by, `recipe` the recipe in full, `images` the
    digest of the files of each source, `precision` the result of a trial on a processor. The
    command is in `arguments` (read by `gprplus.core.benchmark_options`), or in `command` where it
    was a study.
    """

    schema_version: int = 1
    request: dict[str, Any]
    split: str = ""
    split_path: str = ""
    split_fingerprint: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    targets: dict[str, TargetRecord] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    weights_note: str | None = None
    device: str = ""
    precision: Precision | None = optional()
    command: list[Any] | None = optional()
    arguments: dict[str, Any] | None = optional()
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def estimand(self) -> str | None:
        """Return the estimand that the verdict reports first."""
        return (self.arguments or {}).get("estimand")


@dataclass(frozen=True)
class InitialWeights:
    """The weights that a training started from, and which part of the network and of the file they
    are.

    Args:
        source: "none" (random values of the seed), "imagenet" or a path, as requested.
        origin: URL, or name and version of a package, of published weights.
        file: name of the file; with `sha256`, its digest.
        license: license of the file where it is known, by its SPDX name.
        tensors: tensors of the backbone, counters of batches aside.
        filled: those of them that the file filled.
        fresh: names of the others, which started from random values.
        unused: tensors of the file that the backbone lacks.
        classifier: tensors of the file that belong to another task's classifier.
    """

    source: str
    origin: str | None = optional()
    file: str | None = optional()
    sha256: str | None = optional()
    license: str | None = optional()
    tensors: int = 0
    filled: int = 0
    fresh: list[str] = optional_list()
    unused: list[str] = optional_list()
    classifier: list[str] = optional_list()

    def gaps(self) -> str:
        """Return a sentence about the tensors that do not fit; empty if all do.

        >>> InitialWeights("a.pth", tensors=37, filled=36, fresh=["stem.weight"]).gaps()
        'a.pth: 1 of 37 tensors of the network are not in it and start fresh (stem.weight).'
        """
        parts = []
        if self.fresh:
            parts.append(
                f"{len(self.fresh)} of {self.tensors} tensors of the network are not in it and"
                f" start fresh ({first_few(self.fresh)})"
            )
        if self.unused:
            parts.append(
                f"{len(self.unused)} of its tensors are not used ({first_few(self.unused)})"
            )
        return f"{self.source}: {' and '.join(parts)}." if parts else ""


@dataclass(frozen=True, kw_only=True)
class RunTarget:
    """The scores of a run on a target."""

    protocol: Protocol
    fingerprint: str
    seconds: float = 0.0
    scores: dict[str, Number]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """run.json: an arm and a seed, trained and scored.

    `config` is the recipe in full. `twin` names the arm whose training this run shares, `note`
    describes what the first weights did not fill, `initial_weights` records them (absent in runs of
    earlier versions), `processes` counts the processes that trained
    together.
    """

    schema_version: int = 1
    split: str
    recipe: str
    backbone: str
    weights: str
    arm: str
    seed: int
    deal: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    train_digest: str | None = None
    train_identities: int
    train_images: int
    split_fingerprint: str
    device: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    targets: dict[str, RunTarget]
    steps: int
    images_seen: int
    seconds: float
    twin: str | None = optional()
    note: str | None = optional()
    processes: int | None = optional()
    initial_weights: InitialWeights | None = optional()


def benchmark_record(
    info: Any, where: Path, error: type[GprplusError] = ReportError
) -> BenchmarkRecord:
    """Return benchmark.json as a record. Raises `error`."""
    return parse_typed(BenchmarkRecord, info, str(where), error)


def run_record(info: Any, where: Path, error: type[GprplusError] = TrainingError) -> RunRecord:
    """Return run.json as a record. Raises `error`."""
    return parse_typed(RunRecord, info, str(where), error)
