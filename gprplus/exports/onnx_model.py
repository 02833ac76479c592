"""The network of a finished run as an ONNX file, checked against torch in onnxruntime."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.baseline.network.finished import FinishedNetwork, read_finished_network
from gprplus.core.errors import ExportError, first_line
from gprplus.core.files.atomic import atomic_write
from gprplus.core.hashing import sha256_digest

FILE = "model.onnx"
INPUT, OUTPUT = "images", "features"
TOLERANCE = 1e-4
_EXTRA = "pip install 'gprplus[onnx]'"
_BATCHES = (1, 5)  # checked: neither is the batch of the export


def write_onnx(run: Path, path: Path) -> dict[str, Any]:
    """Write the network of a run to `path`, and return its record.

    The input `images` is `(batch, height, width, 3) uint8` in RGB, resized; normalization, the
    mirror image of recipes with `flip_features`, and unit length are part of the graph. The output
    `features` is `(batch, dimensions) float32`. The metadata of the file names all of it.

    Raises:
        ExportError: the extra `onnx` is not installed, `run` is no finished run, the network cannot
            be exported, or onnxruntime differs from torch by more than 1e-4.
    """
    found = read_finished_network(run, "cpu", ExportError)
    height, width = found.input.height, found.input.width
    with atomic_write(path) as temporary:
        model = _exported(found)
        known = {
            "height": height,
            "width": width,
            "input": f"{INPUT}: (batch, {height}, {width}, 3) uint8, RGB, resized by area",
            "output": f"{OUTPUT}: (batch, dimensions) float32, unit length",
            "network": f"reid:{found.digest()}",
        }
        for name, value in known.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = name, str(value)
        temporary.write_bytes(model.SerializeToString())
        dimensions, difference = _checked(temporary, found)
    return {**known, "dimensions": dimensions, "largest_difference": difference}


def _exported(found: FinishedNetwork) -> Any:
    """The ONNX model of a network and of everything around it, of any batch size."""
    import torch

    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ExportError(f"--to onnx needs onnx ({error}). Install it with: {_EXTRA}") from error
    example = torch.zeros((2, found.input.height, found.input.width, 3), dtype=torch.uint8)
    try:
        with _quiet():
            program = torch.onnx.export(
                _with_preprocessing(found),
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: "batch"},),
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # torch has many of them, by the part of the graph
        raise ExportError(f"The network cannot be written as ONNX: {first_line(error)}.") from error
    return program.model_proto  # type: ignore[union-attr]


def _with_preprocessing(found: FinishedNetwork) -> Any:
    import torch
    from torch.nn.functional import normalize as unit

    from gprplus.baseline.augment import MEAN, STD

    class Embedding(torch.nn.Module):
        """`(B, H, W, 3) uint8` to unit features, as `embed_images` computes them in float32."""

        mean: torch.Tensor
        std: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.model = found.model
            self.register_buffer("mean", 255 * torch.tensor(MEAN).view(1, 3, 1, 1))
            self.register_buffer("std", 255 * torch.tensor(STD).view(1, 3, 1, 1))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            batch = (images.permute(0, 3, 1, 2).float() - self.mean) / self.std
            features = self.model.embed(batch)
            if found.compute.flip_features:
                features = unit(features + self.model.embed(batch.flip(3)), dim=1)
            return features

    return Embedding().eval()


def _checked(path: Path, found: FinishedNetwork) -> tuple[int, float]:
    """Dimensions, and the largest difference of onnxruntime to torch. Raises ExportError."""
    from gprplus.baseline.network.embedding import embed_images

    try:
        import onnxruntime
    except ImportError as error:
        raise ExportError(
            f"--to onnx needs onnxruntime ({error}). Install it with: {_EXTRA}"
        ) from error
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    compute = replace(found.compute, precision="float32")
    rng, worst = np.random.default_rng(0), 0.0
    for count in _BATCHES:
        shape = (count, found.input.height, found.input.width, 3)
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        expected = embed_images(found.model, images, compute, "cpu").numpy()
        features = session.run([OUTPUT], {INPUT: images})[0]
        worst = max(worst, float(np.abs(features - expected).max()))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"The ONNX network differs from torch by {worst:.2g}, more than {TOLERANCE:g}. Nothing"
            " was written."
        )
    return expected.shape[1], worst


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's notes on packages that it does not need."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(before)


def onnx_request(run: Path) -> dict[str, Any]:
    """What two exports of a network are compared by."""
    weights = run / "model.safetensors" if run.is_dir() else run
    record = weights.parent / "run.json"
    if not (weights.is_file() and record.is_file()):
        raise ExportError(f"{run} is no finished run: expected model.safetensors and run.json.")
    digest = sha256_digest(weights.read_bytes(), record.read_bytes())
    return {"form": "onnx", "source": digest}
