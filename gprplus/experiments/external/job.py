"""What a program is run for: the runs of a split, and the files that the program reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus.core.parallel import no_progress
from gprplus.evaluation.targets import Target
from gprplus.experiments.external import program as program_files
from gprplus.experiments.external.program import ProgramCommand
from gprplus.experiments.options import ExternalOptions
from gprplus.splits import Split
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    import pyarrow as pa

INPUTS = "inputs"  # folder with the lists of images


@dataclass(frozen=True)
class ExternalRun:
    """One run: an arm and a seed; `twin` is the run with the same training images and seed."""

    arm: str
    seed: int
    twin: "ExternalRun | None" = None

    def folder(self, home: Path) -> Path:
        """The folder of the run in that of the job."""
        return home / self.arm / f"seed{self.seed}"


@dataclass(frozen=True)
class ExternalJob:
    """A split, the folder of its runs, the program, and the targets that features are scored on.

    `untrained` is the command of the arm `untrained`, None if there is none; `images` are the query
    and gallery images of all targets (uid, path, file).
    """

    split: Split
    folder: Path
    command: ProgramCommand
    untrained: ProgramCommand | None
    given: ExternalOptions
    targets: tuple[Target, ...]
    roots: Mapping[str, Path]
    images: "pa.Table"

    def planned(self) -> tuple[list[ExternalRun], list[ExternalRun]]:
        """The runs that run a program, and those with the training images and the seed of one of
        them."""
        first: dict[tuple[str, int], ExternalRun] = {}
        leaders: list[ExternalRun] = []
        followers: list[ExternalRun] = []
        for seed in range(self.given.seeds):
            for arm, facts in self.split.record.arms.items():
                key = facts.dealt_to(seed).fingerprint, seed
                one = ExternalRun(arm, seed, first.get(key))
                first.setdefault(key, one)
                (followers if one.twin else leaders).append(one)
            if self.untrained:
                leaders.append(ExternalRun(UNTRAINED, seed))
        return leaders, followers

    def command_of(self, one: ExternalRun) -> ProgramCommand:
        """The command of a run."""
        return self.untrained if self.untrained and one.arm == UNTRAINED else self.command

    def deal(self, one: ExternalRun) -> int | None:
        """The deal of a run, None if its arm has one."""
        if one.arm == UNTRAINED:
            return None
        return self.split.record.arms[one.arm].deal_of(one.seed)

    def training_rows(self, one: ExternalRun) -> "pa.Table | None":
        """The training images of a run; None of an untrained one."""
        return None if one.arm == UNTRAINED else self.split.train(one.arm, self.deal(one) or 0)

    def inputs(self, one: ExternalRun) -> Path:
        """The folder of the lists of a run: those of its arm and deal, and of an untrained run
        those of the first arm."""
        return self.folder / INPUTS / f"{self._listed_arm(one)}-deal{self.deal(one) or 0}"

    def _listed_arm(self, one: ExternalRun) -> str:
        return self.split.arms[0] if one.arm == UNTRAINED else one.arm

    def values(self, one: ExternalRun) -> dict[str, object]:
        """The values of the placeholders of a run, but for those of its outputs."""
        return {
            "arm": one.arm,
            "seed": one.seed,
            "images": self.folder / INPUTS / "images.csv",
            "train": self.inputs(one) / "train.csv",
            "market1501": self.inputs(one) / "market1501",
        }

    def write_inputs(self, runs: Iterable[ExternalRun]) -> None:
        """Write the lists of training images that the programs of the runs read, each once."""
        from gprplus.exports import export

        folders = {self.inputs(one): one for one in runs if self.command_of(one).trains}
        for home, one in folders.items():
            arm, deal, command = self._listed_arm(one), self.deal(one) or 0, self.command_of(one)
            if command.uses("train"):
                rows, unpacked = self.split.train(arm, deal), self.folder / INPUTS / "images"
                program_files.list_training_images(home / "train.csv", rows, self.roots, unpacked)
            if command.uses("market1501"):
                export(
                    self.split.path,
                    "market1501",
                    home / "market1501",
                    arm=arm,
                    deal=deal,
                    link="sym",
                    roots=dict(self.given.roots),
                    progress=no_progress,
                )
