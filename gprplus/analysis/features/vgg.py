"""VGG-19 (Simonyan and Zisserman, ICLR 2015, configuration E) and what the paper takes from it:
content and style.

Parameter names are torchvision's (`features.0.weight`, ...), so that its published weights load, as
does any file of them. With F `(N_l, M_l)` the feature maps of layer l and G = F F' their Gram
matrix (method of Gatys, Ecker and Bethge, CVPR 2016, equations 1, 3 and 4, as the GPR+ slides give
them),

    L_content = 1/2 sum (F - P)^2        L_style = sum_l w_l / (4 N_l^2 M_l^2) sum (G - A)^2

Both are squared Euclidean distances between vectors: the maps over sqrt 2, and the Gram matrices,
each times sqrt(w_l) / (2 N_l M_l), set one after the other. A Gram matrix is symmetric, so half of
it is kept, times sqrt 2 off the diagonal. Which layers, weights and sizes the paper used is
unknown: those here are ours (`gprplus.analysis.paper.measure`).
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gprplus.analysis.features.base import Features, in_batches
from gprplus.analysis.features.networks import ELSE, state_digest, with_norm_feature
from gprplus.baseline import devices
from gprplus.baseline.augment import normalize
from gprplus.baseline.network import pretrained
from gprplus.core.errors import AnalysisError, GprplusError

URL = (  # the end of the name is the start of its SHA-256
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
)
BLOCKS = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"


def build_layers() -> dict[str, int]:
    """Names such as conv4_2 and the place of that convolution in `features`.

    >>> [build_layers()[name] for name in ("conv1_1", "conv4_2", "conv5_1")]
    [0, 21, 28]
    """
    place, found = 0, {}
    for block, widths in enumerate(BLOCKS, start=1):
        for i in range(1, len(widths) + 1):
            found[f"conv{block}_{i}"] = place
            place += 2  # the convolution and its rectifier
        place += 1  # the pooling
    return found


class VGG19(nn.Module):
    """The convolutions of VGG-19, without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        width = 3
        for widths in BLOCKS:
            for out in widths:
                parts += [nn.Conv2d(width, out, 3, padding=1), nn.ReLU()]
                width = out
            parts.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*parts)

    def maps(self, images: torch.Tensor, names: Sequence[str]) -> dict[str, torch.Tensor]:
        """Rectified maps `(B, N_l, h, w)` of the named convolutions, of normalised images `(B, 3,
        H, W)`."""
        place = {build_layers()[name] + 1: name for name in names}
        found, x = {}, images
        for i in range(max(place) + 1):
            x = self.features[i](x)
            if i in place:
                found[place[i]] = x
        return found


def gram(maps: torch.Tensor) -> torch.Tensor:
    """Gram matrices `(B, N, N)` of maps `(B, N, h, w)`: sums over places of products of two
    channels."""
    flat = maps.flatten(2)
    return flat @ flat.transpose(1, 2)


def content(maps: torch.Tensor) -> torch.Tensor:
    """`(B, D)` whose squared distances are L_content of maps `(B, N, h, w)`."""
    return maps.flatten(1) / math.sqrt(2)


def style(maps: Mapping[str, torch.Tensor], weight: float) -> torch.Tensor:
    """`(B, D)` whose squared distances are L_style of maps by layer, each layer with the same
    `weight`."""
    parts = []
    for layer in maps.values():
        channels, places = layer.shape[1], layer.shape[2] * layer.shape[3]
        row, column = torch.triu_indices(channels, channels)
        twice = torch.where(row == column, 1.0, math.sqrt(2)).to(layer.device)
        scale = math.sqrt(weight) / (2 * channels * places)
        parts.append(gram(layer)[:, row, column] * twice * scale)
    return torch.cat(parts, dim=1)


def load_vgg19(path: Path | None, device: str) -> VGG19:
    """VGG-19 with weights of a file, else those of torchvision, from torch-hub's cache or the
    network.

    Raises AnalysisError, naming what can be compared instead, where there are none or they are
    another network's.
    """
    network = VGG19()
    try:
        state = pretrained.read_weights(path or pretrained.fetch_weights(URL))
        gaps = pretrained.fill_state(network, state, str(path or URL)).gaps()
    except GprplusError as error:
        raise AnalysisError(f"VGG-19 has no weights here: {error} {ELSE}") from error
    if gaps:
        raise AnalysisError(f"{path or URL} is not VGG-19: {gaps} {ELSE}")
    return network.to(devices.resolve_device(device)).eval()


def vgg19_features(path: Path | None, device: str) -> Features:
    """Means of the last convolution's maps, unit length, `(N, 512)`, of images at 256 x 128."""
    network = load_vgg19(path, device)
    place = devices.resolve_device(device)

    @torch.inference_mode()
    def features(pixels: np.ndarray) -> np.ndarray:
        maps = network.maps(normalize(torch.from_numpy(pixels).to(place)), ["conv5_4"])["conv5_4"]
        return torch.nn.functional.normalize(maps.mean((2, 3)), dim=1).cpu().numpy()

    return Features(
        "vgg19",
        f"vgg19:{state_digest(network.state_dict())}",
        lambda images, workers, progress: in_batches(
            images, (256, 128), features, workers, progress
        ),
        with_norm_feature("vgg19"),
    )
