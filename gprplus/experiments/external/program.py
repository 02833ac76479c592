"""A program that trains and embeds: its command line, the files that it reads, and the features that
it writes."""

import os
import platform
import shlex
import shutil
import string
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import archives
from gprplus.core.errors import ScoreError, TrainingError, did_you_mean, escape
from gprplus.core.files.atomic import atomic_write, write_new
from gprplus.core.files.folders import remove_output
from gprplus.evaluation.external_features import FEATURE_FORMS, read_for_rows
from gprplus.evaluation.targets import Target
from gprplus.exports.export_layout import safe_relative_path
from gprplus.exports.files import read_source

if TYPE_CHECKING:
    import pyarrow as pa

INPUTS = ("train", "market1501")  # what a program can train on
OUTPUTS = ("features", "checkpoint")
PLACEHOLDERS = (*INPUTS, "images", *OUTPUTS, "seed", "arm")
CHECKPOINTS = (".safetensors", ".pt", ".pth")
OUTPUT = "output"  # folder of a run with what the program wrote
LOG = "program.log"
_LAST_LINES, _CHARACTERS = 3, 400


@dataclass(frozen=True)
class ProgramCommand:
    """A command line with placeholders such as {train} and {features}. No shell reads it: each word
    is one argument, whatever a path contains."""

    text: str
    words: tuple[str, ...]

    @classmethod
    def parse(
        cls, text: str, option: str = "--command", *, trains: bool = True
    ) -> "ProgramCommand":
        """Read the command line of an option. Raises TrainingError where it cannot be run.

        Without `trains` it needs no training images.
        """
        try:
            words = tuple(shlex.split(text))
            names = [name for word in words for _, name, *_ in string.Formatter().parse(word)]
        except ValueError as error:
            raise TrainingError(f"{option} cannot be read ({error}): {escape(text)}") from error
        used = [name for name in names if name is not None]
        for name in used:
            if name not in PLACEHOLDERS:
                raise TrainingError(
                    f"{option} has the placeholder {{{escape(name)}}}."
                    f" {did_you_mean(name, PLACEHOLDERS)} Write {{{{ for a brace."
                )
        for needed in (INPUTS, OUTPUTS) if trains else (OUTPUTS,):
            if not set(needed) & set(used):
                choices = " or ".join(f"{{{name}}}" for name in needed)
                raise TrainingError(f"{option} must contain {choices}: {escape(text)}")
        if shutil.which(words[0]) is None:
            raise TrainingError(f"There is no program '{escape(words[0])}' to run.")
        return cls(text, words)

    @property
    def trains(self) -> bool:
        """Return True if the command reads training images."""
        return any(map(self.uses, INPUTS))

    def uses(self, name: str) -> bool:
        """Return True if the command contains a placeholder."""
        return any(f"{{{name}}}" in word for word in self.words)

    def filled(self, values: Mapping[str, object]) -> list[str]:
        """Return the words with every placeholder replaced."""
        return [word.format_map(values) for word in self.words]


def list_training_images(
    path: Path, rows: "pa.Table", roots: Mapping[str, Path], unpacked: Path
) -> None:
    """Write the CSV file of an arm's images: file, uid, pid and camid from 0, and their names."""
    import pyarrow as pa
    from pyarrow.csv import write_csv

    from gprplus.baseline.reid_dataset import ReidDataset

    numbered = ReidDataset(rows, roots)
    names = ["uid", "dataset", "identity", "camera", "viewpoint_deg"]
    names += [] if rows.column("weight").null_count else ["weight"]
    columns = {
        "file": local_files(rows, roots, unpacked),
        "pid": numbered.labels,
        "camid": numbered.cameras,
        **{name: rows.column(name) for name in names},
    }
    with atomic_write(path) as temporary:
        write_csv(pa.table(columns), temporary)


def test_images(targets: Sequence[Target], unpacked: Path) -> "pa.Table":
    """Every query and gallery image of the targets once, sorted by uid: uid, path, file, target and
    role of the first target that has it."""
    import pyarrow as pa

    parts = []
    for target in targets:
        table = target.rows.select(["uid", "path", "role"]).cast(
            pa.schema([("uid", pa.uint64()), ("path", pa.string()), ("role", pa.string())])
        )
        files = local_files(target.rows, target.roots, unpacked)
        parts.append(
            table.append_column("file", pa.array(files)).append_column(
                "target", pa.array([target.name] * len(table))
            )
        )
    whole = pa.concat_tables(parts)
    first = np.unique(whole.column("uid").to_numpy(), return_index=True)[1]
    return whole.take(pa.array(first))


def write_image_list(path: Path, images: "pa.Table") -> None:
    """Write the CSV file of the images to embed."""
    from pyarrow.csv import write_csv

    with atomic_write(path) as temporary:
        write_csv(images.select(["file", "uid", "target", "role"]), temporary)


def local_files(rows: "pa.Table", roots: Mapping[str, Path], unpacked: Path) -> list[str]:
    """The absolute path of each image; images of archives are copied to `unpacked`, under their
    uid."""
    names = zip(
        *(rows.column(name).to_pylist() for name in ("uid", "dataset", "path")), strict=True
    )
    found = []
    for uid, dataset, path in names:
        place = roots[dataset] / safe_relative_path(path)
        if not place.is_file() and archives.exists(place):
            place = unpacked / f"{uid:016x}{place.suffix}"
            if not place.is_file():
                with atomic_write(place) as temporary:
                    temporary.write_bytes(read_source(roots[dataset], path))
        elif not place.is_file():
            raise TrainingError(f"{place} is missing. Give the folder of moved images with --root.")
        found.append(os.path.abspath(place))
    return found


def run_program(command: ProgramCommand, values: Mapping[str, object], folder: Path) -> None:
    """Run the program for one run; what it wrote is in the subfolder OUTPUT when it has ended well.

    Raises TrainingError with the last lines of its output.
    """
    for left in folder.glob(f".{OUTPUT}*"):
        remove_output(left)
    # A new name each time: a program that outlived gprplus cannot write into this one.
    staged = Path(tempfile.mkdtemp(prefix=f".{OUTPUT}-", dir=folder))
    places = {name: staged.absolute() / name for name in OUTPUTS}
    log = folder / LOG
    words = command.filled({**values, **places})
    try:
        with write_new(log) as out:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
    except OSError as error:
        raise TrainingError(
            f"'{escape(words[0])}' cannot be started on {platform.node()}: {error.strerror}."
        ) from error
    if done.returncode:
        raise TrainingError(
            f"The program failed for the arm {values['arm']}, seed {values['seed']}, with exit code"
            f" {done.returncode}: {_last_lines(log)}. Its whole output is in {log}."
        )
    remove_output(folder / OUTPUT)
    staged.rename(folder / OUTPUT)


def _last_lines(log: Path) -> str:
    text = log.read_bytes()[-16_384:].decode("utf-8", "replace")
    lines = [escape(line.strip()) for line in text.splitlines() if line.strip()]
    shown = " / ".join(lines[-_LAST_LINES:])[-_CHARACTERS:]
    return shown.rstrip(".") or "it printed nothing"


def output_file(folder: Path, name: str, forms: Sequence[str]) -> Path | None:
    """The file `name` of one of the forms that a program wrote; None if there is none. Raises
    TrainingError if there are several."""
    found = sorted(
        path for path in (folder / OUTPUT).glob(f"{name}.*") if path.suffix.lower() in forms
    )
    if len(found) > 1:
        both = ", ".join(path.name for path in found)
        raise TrainingError(f"{folder / OUTPUT} has several files of one name: {both}.")
    return found[0] if found else None


def written_features(folder: Path, images: "pa.Table", market: Path | None) -> np.ndarray | None:
    """The features of `images` (uid, path), in their order, that the program wrote; None if it wrote
    none. `market` is the map.csv of a folder by whose names the rows may be named."""
    path = output_file(folder, "features", list(FEATURE_FORMS))
    if path is None:
        return None
    advice = "Embed every image of {images}"
    try:
        return read_for_rows(images, path, None, "the", advice, in_order=False)
    except ScoreError:
        renamed = _named_as_in(images, market) if market else None
        if renamed is None:
            raise
        return read_for_rows(renamed, path, None, "the", advice, in_order=False)


def _named_as_in(images: "pa.Table", market: Path) -> "pa.Table | None":
    """`images` with the names of their files in an exported folder; None if it lacks one."""
    import pyarrow as pa
    from pyarrow.csv import ConvertOptions, read_csv

    texts = ConvertOptions(column_types={"uid": pa.uint64(), "file": pa.string()})
    table = read_csv(market, convert_options=texts)
    rows = zip(table.column("uid").to_pylist(), table.column("file").to_pylist(), strict=True)
    names = {uid: file.rpartition("/")[2] for uid, file in rows if "train" not in file}
    uids = images.column("uid").to_pylist()
    if not all(uid in names for uid in uids):
        return None
    return pa.table({"uid": images.column("uid"), "path": [names[uid] for uid in uids]})
