"""Atomic files, and the ledger of finished blocks."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.files.atomic import append_to
from gprplus.core.files.folders import remove_output
from gprplus.engine.crops.design import CropDesign, DesignBlock

PART = ".part"
BLOCKS = "_blocks"

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class LedgerEntry:
    """Ledger entry of a finished block: the person's box, and, if key points were requested, those
    and the mask."""

    box: Box
    annotation: dict[str, Any] | None = None


class Ledger:
    """Finished blocks of one identity: one line each, written after all of its files. One process
    at a time works on an identity.
    """

    def __init__(self, output: Path, identity: int) -> None:
        self.path = output / BLOCKS / f"{identity:04d}.csv"

    def read(self) -> dict[tuple[int, int], LedgerEntry]:
        """Notes by (camera, background). A line that a kill cut short does not count."""
        try:
            text = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return {}
        found = {}
        for line in text[: text.rfind("\n") + 1].splitlines():
            numbers, _, annotation = line.partition(";")
            camera, background, x, y, width, height = map(int, numbers.split(","))
            known = json.loads(annotation) if annotation else None
            found[camera, background] = LedgerEntry((x, y, width, height), known)
        return found

    def note(self, block: DesignBlock, note: LedgerEntry) -> None:
        """Record that a block is finished."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with append_to(self.path) as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # what a kill cut short must not swallow this line
                    file.truncate(self._whole(self.path))
            line = ",".join(map(str, (block.camera, block.background, *note.box)))
            if note.annotation is not None:
                line += ";" + json.dumps(note.annotation, separators=(",", ":"))
            file.write(line.encode("ascii") + b"\n")

    @staticmethod
    def _whole(path: Path) -> int:
        return path.read_bytes().rfind(b"\n") + 1


def pending_blocks(
    output: Path, design: CropDesign, blocks: Sequence[DesignBlock], ledger: Ledger
) -> list[DesignBlock]:
    """Return blocks that are not in the ledger, or with missing files; leftovers of a killed run
    are removed."""
    done = ledger.read()
    who = f"{blocks[0].identity:04d}"
    present = {f"{who}/{name}" for name in _swept(output / who)}
    masks = {f"{who}/{name}" for name in _swept(output / "_masks" / who)} if design.masks else set()

    def whole(block: DesignBlock) -> bool:
        cells = design.block_cells(block)
        return (
            (block.camera, block.background) in done
            and all(design.path(block, *cell) in present for cell in cells)
            and (
                not design.masks or all(design.path(block, *cell, "png") in masks for cell in cells)
            )
        )

    return [block for block in blocks if not whole(block)]


def _swept(folder: Path) -> list[str]:
    """Names in a folder (made if need be), without the temporary files that a kill left."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(PART):
                remove_output(Path(entry.path))
            else:
                names.append(entry.name)
    return names


def encode_png(mask: np.ndarray) -> bytes:
    """A `(H, W) bool` mask as the bytes of a PNG: 255 where true."""
    return png_numbers(mask.astype(np.uint8) * 255)


def png_numbers(image: np.ndarray) -> bytes:
    """A `(H, W) uint8` picture as the bytes of a PNG."""
    import cv2

    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ValueError(f"a mask of shape {image.shape} cannot be written as PNG")
    return data.tobytes()
