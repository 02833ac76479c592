"""Rendering workers: on CPUs a process renders whole identities; on a GPU one process draws, and
threads encode and write behind it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
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
from gprplus.engine.crops.design import CropDesign, DesignBlock
from gprplus.engine.output.ledger import Ledger, LedgerEntry, encode_png, pending_blocks

if TYPE_CHECKING:
    import numpy as np

    from gprplus.engine.crops.crop_renderer import CropRenderer, ShadedBlock

AHEAD = 4  # blocks that a GPU may be ahead of the encoders: bounds the memory


@dataclass(frozen=True)
class BlockJob:
    """Job of a worker, sent to processes as a whole; `design` is small, whatever it has to draw."""

    design: CropDesign
    output: Path
    device: str
    workers: int

    def run(self, people: Sequence[Sequence[DesignBlock]]) -> Iterator[int]:
        """Render what is missing of a crossed design; `people` are the blocks of each identity.

        Yields how many pictures each person has, as they are finished.
        """
        if self.device != "cpu":
            yield from render_pipelined(self, people, noted=True)
            return
        yield from map_processes(
            partial(_whole_person, self), people, min(self.workers, len(people))
        )

    def run_missing(self, batches: Sequence[Sequence[DesignBlock]]) -> Iterator[int]:
        """Render batches of blocks, whose cells are those that are missing; yields the number of
        pictures of each."""
        if self.device != "cpu":
            yield from render_pipelined(self, batches, noted=False)
            return
        yield from map_processes(partial(_batch, self), batches, min(self.workers, len(batches)))


_studios: dict[
    str, "CropRenderer"
] = {}  # of this process; one at a time, since its lit places are large


def _whole_person(job: BlockJob, blocks: Sequence[DesignBlock]) -> int:
    """Render the unfinished blocks of one person, on one core."""
    ledger = Ledger(job.output, blocks[0].identity)
    with one_thread():
        for block in pending_blocks(job.output, job.design, blocks, ledger):
            ledger.note(block, _noted(job, _drawn(job, block)))
    return _pictures(job, blocks)


def _batch(job: BlockJob, blocks: Sequence[DesignBlock]) -> int:
    """Render blocks, on one core."""
    with one_thread():
        for block in blocks:
            _drawn(job, block)
    return _pictures(job, blocks)


def _drawn(job: BlockJob, block: DesignBlock) -> "ShadedBlock":
    """Render and write one block."""
    studio = _studio(job)
    shot = studio.shaded_block(block)
    mask = encode_png(shot.mask) if job.design.masks else None
    for weather, hour, picture in studio.pictures(shot, job.design.block_cells(block)):
        _save(studio, job.output, block, (weather, hour), picture.numpy(), mask)
    return shot


def _pictures(job: BlockJob, blocks: Sequence[DesignBlock]) -> int:
    return sum(len(job.design.block_cells(block)) for block in blocks)


def render_pipelined(
    job: BlockJob, groups: Sequence[Sequence[DesignBlock]], *, noted: bool
) -> Iterator[int]:
    """Render groups of blocks on the job's device; encoding, writing and, if `noted`, the ledger
    follow in threads, some blocks behind. The groups are then those of one identity each."""
    import torch

    studio = _studio(job)
    behind: deque[Future[None]] = deque()
    with ThreadPoolExecutor(max(2, job.workers)) as pool:
        for place, blocks in enumerate(groups, 1):
            ledger = Ledger(job.output, blocks[0].identity) if noted else None
            todo = pending_blocks(job.output, job.design, blocks, ledger) if ledger else blocks
            for block in todo:
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
                            shot, job.design.block_cells(block)
                        )
                    ]
                behind.append(pool.submit(_note, files, ledger, block, _noted(job, shot)))
                if len(behind) > AHEAD:
                    behind.popleft().result()
            if place == len(groups):
                while behind:
                    behind.popleft().result()
            yield _pictures(job, blocks)


def _note(
    files: list[Future[None]], ledger: Ledger | None, block: DesignBlock, note: LedgerEntry
) -> None:
    """Note a block, if there is a ledger, once its files are there. They were handed to the pool first, so this never
    waits for its own thread.
    """
    for file in files:
        file.result()
    if ledger is not None:
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
    """Encode and write one picture after its mask: where the picture is, both are."""
    design = studio.design
    if mask is not None:
        write_bytes(output / "_masks" / design.path(block, *cell, "png"), mask)
    picture = encode_jpeg(studio.finish(planes), design.domain.quality)
    write_bytes(output / design.path(block, *cell), picture)


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
