"""The folder of a render: resumption, refusals, free space, and what all renders write."""

import csv
import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from gprplus.core.declarations import identity_attributes
from gprplus.core.errors import DeviceError, RenderError, format_bytes
from gprplus.core.files.folders import claim_folder, remove_output
from gprplus.core.files.workdir import REQUEST_FILE, check_request, hold_request, write_text
from gprplus.engine.crops.design import CropDesign
from gprplus.engine.people.traits import person_attributes

KIND = "renders"  # of folder, as its mark states
LICENCE = "CC0-1.0"


class RenderRequest(Protocol):
    """Content of an output folder: crops (see design.Design) or frames (see frames.Scenario)."""

    @property
    def images(self) -> int:
        """Return the number of images."""

    @property
    def bytes_expected(self) -> int:
        """Return the approximate size on disk."""

    @property
    def record(self) -> str:
        """The name of the record that is written last."""

    def request(self) -> dict[str, Any]:
        """Return the settings that determine pixels and files."""


def is_complete(output: Path, wanted: RenderRequest, *, force: bool = False) -> bool:
    """Return True if the folder is complete for this request; RequestChanged if it has another one
    without `force`."""
    request = wanted.request()
    check_request(Path(output) / REQUEST_FILE, request, force=force)
    return check_request(Path(output) / wanted.record, request, force=force) == "same"


def choose_device(name: str) -> str:
    """Resolve 'auto' to 'cuda' if available, else 'cpu'; DeviceError if the requested device is
    missing."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise DeviceError(f"--device is auto, cpu, cuda or cuda:N, not '{name}'.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "--device cuda was requested, but torch finds no CUDA device. Use --device cpu, or"
            " auto."
        )
    if number and kind == "cuda" and int(number) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise DeviceError(
            f"--device {name} was requested, but torch finds {count} CUDA device(s), numbered"
            " from 0."
        )
    return name


@contextmanager
def prepare_output(output: Path, wanted: RenderRequest, *, force: bool) -> Iterator[Path]:
    """Hold an empty or resumable folder with room for the images, its request noted; yield its real
    path."""
    parent = next(folder for folder in (output, *output.resolve().parents) if folder.exists())
    free = shutil.disk_usage(parent).free
    if wanted.bytes_expected > free:
        raise RenderError(
            f"{wanted.images:,} images need about {format_bytes(wanted.bytes_expected)}, and {parent}"
            f" has {format_bytes(free)} free. Request fewer or smaller images, or give another"
            " folder with -o."
        )
    with hold_request(
        output, KIND, wanted.record, wanted.request(), RenderError, force=force
    ) as real:
        yield real


def remove_parts(output: Path, notes: str) -> None:
    """Remove what a finished render no longer needs: its folder of notes and its request."""
    for name in (notes, REQUEST_FILE):
        if (output / name).exists():
            claim_folder(output, KIND, RenderError, adopt=True)
            remove_output(output / name)


def write_identities(output: Path, design: CropDesign, numbers: Iterable[int]) -> None:
    """Write identities.csv: the attributes of the people with some numbers."""
    names = identity_attributes()
    rows = [
        [f"{i:04d}", *map(person_attributes(design.person_key(i)).__getitem__, names)]
        for i in numbers
    ]
    write_text(output / "identities.csv", csv_text([["identity", *names], *rows]))


def csv_text(rows: Sequence[Sequence[object]]) -> str:
    """Return rows as the text of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
