"""The stages around the training: scoring, packing, rendering."""

import os
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from benchmarks import evaluation, feeding, loops
from benchmarks.gpu.machine import device_of
from benchmarks.gpu.part import PartContext
from gprplus.baseline import image_store
from gprplus.core.parallel import available_cores
from gprplus.engine import render
from gprplus.evaluation import score
from gprplus.evaluation.rerank import RerankOptions
from gprplus.evaluation.similarity_search import DEVICE_BLOCK, full_float32

# Market's gallery as published, with the 3,819 junk images that evaluation.py leaves out.
SIZES = {
    "Market-1501": evaluation.MARKET | {"gallery": 19_732},
    "MSMT17": evaluation.MSMT17,
}
TINY = {"tiny": {"queries": 20, "gallery": 90, "distractors": 10, "people": 8, "cameras": 3}}
LONG = 5.0  # seconds beyond which a search is not repeated
COPIES = 16  # of the 1,024 JPEGs that are packed


def scoring(context: PartContext) -> None:
    """Seconds of searches at the sizes of published test sets, plain ones first."""
    device = device_of(context)
    searches = {
        name: _on_device(evaluation.searched(**size), device)
        for name, size in (TINY if context.rehearse else SIZES).items()
    }
    for rerank in (None, RerankOptions()):
        for name, search in searches.items():
            context.row(
                "scoring",
                partial(_searched, search, rerank, device),
                target=name,
                what="re-ranking" if rerank else "scoring",
            )


def _on_device(search: dict[str, np.ndarray], device: str) -> dict[str, Any]:
    features = ("query_features", "gallery_features")
    return search | {name: torch.from_numpy(search[name]).to(device) for name in features}


def _searched(search: dict[str, Any], rerank: RerankOptions | None, device: str) -> dict[str, Any]:
    query, gallery = search["query_features"], search["gallery_features"]
    rows = torch.cat([query, gallery]) if rerank else query
    columns = rows if rerank else gallery
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()

    def product() -> None:
        with full_float32():
            for part in rows.split(max(1, DEVICE_BLOCK // (4 * len(columns)))):
                torch.mm(part, columns.T)

    found: list[Any] = []
    product()
    floor = min(loops.wall(product, device) for _ in range(2))
    first = loops.wall(lambda: found.append(score(**search, rerank=rerank)), device)
    again = range(2 if first < LONG else 0)
    later = [loops.wall(lambda: score(**search, rerank=rerank), device) for _ in again]
    whole = min([first, *later])
    memory = {}
    if device == "cuda":
        memory = {"memory, MiB": round((torch.cuda.max_memory_allocated() - before) / 2**20)}
    return {
        "matrix": f"{len(query):,} x {len(gallery):,}",
        "product, s": round(floor, 4),
        "seconds": round(whole, 4),
        "ratio": round(whole / floor, 2),
        "first, s": round(first, 3),
        **memory,
        "mAP": round(found[0].mAP, 6),
    }


def packing(context: PartContext) -> None:
    """JPEGs in the size of GPR+ to the store, on one core and on all."""
    root = context.scratch / "jpegs"
    root.mkdir()
    feeding.drawn(root)
    names = [f"{i}.jpg" for i in range(feeding.RENDERS)]
    for copy in range(1, 1 if context.rehearse else COPIES):
        for name in names:
            os.link(root / name, root / f"{copy}-{name}")
    paths = sorted(path.name for path in root.iterdir())[: 64 if context.rehearse else None]
    for workers in dict.fromkeys([1, available_cores()]):
        some = paths if workers > 1 else paths[: len(names)]
        context.row("packing", partial(_packed, context, root, some, workers), workers=workers)
    shutil.rmtree(root)


def _packed(context: PartContext, root: Path, paths: list[str], workers: int) -> dict[str, Any]:
    height, width = (32, 16) if context.rehearse else (256, 128)
    uids = pa.array(range(len(paths)), pa.uint64())
    rows = pa.table({"uid": uids, "dataset": ["drawn"] * len(paths), "path": paths})
    store = context.scratch / f"store-{workers}"
    start = time.perf_counter()
    image_store.pack_images(rows, {"drawn": root}, store, height, width, workers=workers)
    took = time.perf_counter() - start
    shutil.rmtree(store)
    return {
        "images": len(paths),
        "size": f"{height} x {width}",
        "images/s": len(paths) / took,
        "images/s and core": len(paths) / took / workers,
    }


def renderer(context: PartContext) -> None:
    """Images a second of `gprplus render`, files included, drawn by the device and by all cores."""
    for device in dict.fromkeys([device_of(context), "cpu"]):
        context.row("renderer", partial(_rendered, context, device), drawn_by=device)


def _rendered(context: PartContext, device: str) -> dict[str, Any]:
    people, weathers = (1, "sunny") if context.rehearse else (2 * available_cores(), "all")
    folder = context.scratch / f"renders-{device}"
    start = time.perf_counter()
    render(
        folder, identities=people, viewpoints=2, weathers=weathers, illuminations="noon,night",
        device=device,
    )  # fmt: skip
    took = time.perf_counter() - start
    count = sum(1 for _ in folder.rglob("*.jpg"))
    shutil.rmtree(folder)
    return {"images": count, "seconds": round(took, 2), "images/s": count / took}
