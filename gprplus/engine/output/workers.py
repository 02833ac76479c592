"""Rendering workers: on CPUs a process renders whole identities; on a GPU one process draws, and
threads encode and write behind it.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus.core.files.workdir import write_bytes
from gprplus.core.imaging.images import encode_jpeg
from gprplus.core.parallel import map_processes
from gprplus.engine.annotations import annotate_person
from gprplus.engine.crops.design import DesignBlock, RenderDesign
from gprplus.engine.output.ledger import Ledger, LedgerEntry, encode_png, pending_blocks

if TYPE_CHECKING:
    import numpy as np

    from gprplus.engine.crops.crop_renderer import CropRenderer, ShadedBlock

AHEAD = 4  # blocks that a GPU may be ahead of the encoders: bounds the memory


@dataclass(frozen=True)
class BlockJob:
    """Job of a worker, sent to processes as a whole."""

    design: RenderDesign
    output: Path
    device: str
    workers: int

    def run(self) -> Iterator[int]:
        """Render what is missing; yields how many pictures each person has, as they are
        finished."""
        if self.device != "cpu":
            yield from render_pipelined(self)
            return
        everybody = range(1, self.design.identities + 1)
        yield from map_processes(
            partial(_whole_person, self), everybody, min(self.workers, self.design.identities)
        )

    def missing(self, identity: int, ledger: Ledger) -> list[DesignBlock]:
        """Blocks of one person that are not finished."""
        return pending_blocks(self.output, self.design, self.design.blocks(identity), ledger)

    @property
    def pictures_each(self) -> int:
        """Pictures of one person."""
        return self.design.images // self.design.identities


_studios: dict[
    str, "CropRenderer"
] = {}  # of this process; one at a time, since its lit places are large


def _whole_person(job: BlockJob, identity: int) -> int:
    """Render the unfinished blocks of one person, on one core."""
    with one_thread():
        studio, ledger = _studio(job), Ledger(job.output, identity)
        for block in job.missing(identity, ledger):
            shot = studio.shaded_block(block)
            mask = encode_png(shot.mask) if job.design.masks else None
            for weather, hour, picture in studio.pictures(shot, job.design.cell_levels()):
                _save(studio, job.output, block, (weather, hour), picture.numpy(), mask)
            ledger.note(block, _noted(job, shot))
    return job.pictures_each


def render_pipelined(job: BlockJob) -> Iterator[int]:
    """Render all people on the job's device; encoding, writing and the ledger follow in threads,
    some blocks behind."""
    import torch

    studio = _studio(job)
    behind: deque[Future[None]] = deque()
    with ThreadPoolExecutor(max(2, job.workers)) as pool:
        for identity in range(1, job.design.identities + 1):
            ledger = Ledger(job.output, identity)
            for block in job.missing(identity, ledger):
                with torch.inference_mode():
                    shot = studio.shaded_block(block)
                    mask = encode_png(shot.mask) if job.design.masks else None
                    files = [
                        pool.submit(
                            _save,
                            studio,
                            job.output,
                            block,
                            (weather, hour),
                            picture.cpu().numpy(),
                            mask,
                        )
                        for weather, hour, picture in studio.pictures(
                            shot, job.design.cell_levels()
                        )
                    ]
                behind.append(pool.submit(_note, files, ledger, block, _noted(job, shot)))
                if len(behind) > AHEAD:
                    behind.popleft().result()
            if identity == job.design.identities:
                while behind:
                    behind.popleft().result()
            yield job.pictures_each


def _note(files: list[Future[None]], ledger: Ledger, block: DesignBlock, note: LedgerEntry) -> None:
    """Note a block once its files are there. They were handed to the pool first, so this never
    waits for its own thread.
    """
    for file in files:
        file.result()
    ledger.note(block, note)


def _noted(job: BlockJob, shot: "ShadedBlock") -> LedgerEntry:
    """Return the ledger entry of a block."""
    if shot.points is None:
        return LedgerEntry(shot.box)
    person = {"identity": f"{shot.block.identity:04d}", "viewpoint_deg": shot.block.degree}
    return LedgerEntry(shot.box, annotate_person(shot.mask, shot.points) | person)


def _studio(job: BlockJob) -> "CropRenderer":
    import torch

    from gprplus.engine.crops.crop_renderer import CropRenderer

    name = repr(job)
    if name not in _studios:
        _studios.clear()
        _studios[name] = CropRenderer(job.design, torch.device(job.device))
    return _studios[name]


def _save(
    studio: "CropRenderer",
    output: Path,
    block: DesignBlock,
    cell: tuple[str, str],
    planes: "np.ndarray",
    mask: bytes | None,
) -> None:
    """Encode and write one picture, and its mask."""
    design = studio.design
    picture = encode_jpeg(studio.finish(planes), design.domain.quality)
    write_bytes(output / design.path(block, *cell), picture)
    if mask is not None:
        write_bytes(output / "_masks" / design.path(block, *cell, "png"), mask)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: pictures are small, and the other cores have their own."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)
