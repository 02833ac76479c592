"""First weights from elsewhere: ImageNet's, or a file's. Only tensors are ever loaded, never code."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gprplus.baseline.backbones import TIMM, OfTimm
from gprplus.errors import RecipeError, examples

# Published by torchvision and by the authors of IBN-Net; the eight characters at the end are the start of the file's
# SHA-256, which the download is checked against.
IMAGENET = {
    "resnet50": "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
    "resnet50_ibn_a": "https://github.com/XingangPan/IBN-Net/releases/download/v1.0/resnet50_ibn_a-d9d0bb7b.pth",
}
# How other trainers wrap and name the same network; the longest prefix that fits is taken off.
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("backbone.", "base.", "model.", "encoder.")
# Of another task's classifier nothing can be used.
HEADS = ("fc.", "classifier.", "neck.", "pool.", "head.", "bottleneck.", "heads.", "pixel_mean", "pixel_std")
# Scores that trainers keep beside the weights are NumPy numbers; making one runs nothing.
_SCALAR: Any = np.float64(0).__reduce__()[0]
_NUMBERS: list[Any] = [
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8")),
    *((_SCALAR, f"numpy.{room}.multiarray.scalar") for room in ("core", "_core")),
]


def load(backbone: nn.Module, name: str, weights: str) -> str:
    """Fill a backbone with `weights` ("none", "imagenet" or a file) and say in one sentence what did not match (""
    when all did).

    Raises RecipeError when there is no such file, it is not tensors alone, or it is of another architecture.
    """
    if weights == "none" or (weights == "imagenet" and name.startswith(TIMM)):
        return ""  # timm fetches its own when it makes the network
    backbone = backbone.network if isinstance(backbone, OfTimm) else backbone
    state = _imagenet(name) if weights == "imagenet" else read(Path(weights))
    return fill(backbone, state, weights)


def fill(backbone: nn.Module, state: Mapping[str, torch.Tensor], source: str) -> str:
    """Copy what fits of `state` into `backbone`, by name and shape; most of it has to."""
    state = _bare(state)
    own = backbone.state_dict()
    fits = {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
    weights = [key for key in own if not key.endswith("num_batches_tracked")]
    absent = [key for key in weights if key not in fits]
    if len(absent) > len(weights) // 2:
        raise RecipeError(
            f"{source} holds another architecture: {len(absent)} of {len(weights)} tensors of the network are not "
            f"in it or have another shape ({examples(absent)})."
        )
    backbone.load_state_dict(fits, strict=False)
    unused = [key for key in state if key not in fits and not key.startswith(HEADS)]
    said = []
    if absent:
        said.append(f"{len(absent)} tensors of the network were not in it and start fresh ({examples(absent)})")
    if unused:
        said.append(f"{len(unused)} of its tensors were not used ({examples(unused)})")
    return f"{source}: {'; '.join(said)}." if said else ""


def _bare(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keys without the prefixes that trainers put before them."""
    out = dict(state)
    for prefix in ("module.", *PREFIXES):
        if any(key.startswith(prefix) for key in out):
            out = {key.removeprefix(prefix): value for key, value in out.items()}
    return out


def _imagenet(name: str) -> dict[str, torch.Tensor]:
    if name not in IMAGENET:
        raise RecipeError(f"There are no ImageNet weights for the backbone '{name}'; --weights none starts fresh.")
    return fetch(IMAGENET[name], ", or start fresh with --weights none")


def fetch(url: str, otherwise: str = "") -> dict[str, torch.Tensor]:
    """Published weights, from torch-hub's cache or else the network; the name of the file holds its digest.

    Raises RecipeError saying where to put the file, and what to do `otherwise`.
    """
    try:
        return torch.hub.load_state_dict_from_url(
            url, map_location="cpu", check_hash=True, weights_only=True, progress=False
        )
    except (OSError, RuntimeError) as error:
        raise RecipeError(
            f"ImageNet weights could not be fetched from {url} ({error}). Put the file into "
            f"{Path(torch.hub.get_dir()) / 'checkpoints'} by hand{otherwise}."
        ) from error


def read(path: Path) -> dict[str, torch.Tensor]:
    """The named tensors of a file, whatever trainer wrapped them; never code. Raises RecipeError."""
    if not path.is_file():
        raise RecipeError(f"There is no weights file {path}. Known names: none, imagenet.")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise RecipeError(f"{path} is not a safetensors file: {error}.") from error
    try:
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(_NUMBERS):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch raises pickle's, zip's and its own errors here; all of them mean that this is not tensors alone.
        asked = re.search(r"GLOBAL (\S+)", str(error))
        why = f"it asks for {asked[1]}" if asked else str(error).strip().splitlines()[0].split(". ")[0]
        raise RecipeError(
            f"{path} holds more than tensors, or is damaged, and is not opened: a pickled file can run code ({why}). "
            "Save the state dict alone, best as .safetensors."
        ) from error
    for wrapper in WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    tensors = (
        {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
        if isinstance(state, Mapping)
        else {}
    )
    if not tensors:
        raise RecipeError(f"{path} holds no named tensors.")
    return tensors
