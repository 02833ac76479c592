"""Learnt features: a re-ID network of a finished run, and a generic one trained on ImageNet."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gprplus.analysis.features.base import Features, in_batches
from gprplus.core.errors import AnalysisError, GprplusError

ELSE = (
    "Or compare by something else: --features histograms (needs nothing), reid:RUN, or a file of"
    " features."
)


def with_norm_feature(name: str) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Unit features `(N, D)` made sqrt(D) long, under one name: distances are Euclidean between
    these.

    A coordinate then has mean square 1, as the cubic kernel of kid expects, which divides by D: at
    unit length it would be a straight line to one part in a thousand, and see nothing but means.

    >>> with_norm_feature("reid")(np.array([[0.6, 0.8, 0.0, 0.0]]))["reid"].tolist()
    [[1.2, 1.6, 0.0, 0.0]]
    """
    return lambda pooled: {name: pooled * np.sqrt(pooled.shape[1])}


def reid_features(path: Path, device: str) -> Features:
    """Load the network of a run (its folder, or the model.safetensors in it), as used for scoring.

    It should have been trained on a third dataset, because training on source or target would bias
    it. Raises AnalysisError if there is no such run.
    """
    from gprplus.baseline.network.embedding import embed_images
    from gprplus.baseline.network.finished import read_finished_network

    found = read_finished_network(path, device, AnalysisError)

    def features(pixels: np.ndarray) -> np.ndarray:
        made = embed_images(found.model, pixels, found.compute, found.device)
        return made.float().cpu().numpy()

    return Features(
        "reid",
        f"reid:{found.digest()}",
        lambda images, workers, progress: in_batches(
            images, (found.input.height, found.input.width), features, workers, progress
        ),
        with_norm_feature("reid"),
    )


def resnet50_features(path: Path | None, device: str) -> Features:
    """Compute unit features of ImageNet's ResNet-50, pooled, `(N, 2048)`, of images at 256 x
    128."""
    return _generic_features("resnet50", "ResNet-50", "resnet50", path, device)


def imagenet_features(device: str) -> Features:
    """Compute unit features of ImageNet's EfficientNet-Lite0, pooled, `(N, 1280)`, of images at 256
    x 128; its weights come with the extra `pretrained`."""
    return _generic_features("imagenet", "EfficientNet-Lite0", "efficientnet_lite0", None, device)


def backbone_features(network: str, path: Path, size: tuple[int, int], device: str) -> Features:
    """Compute unit features of a checkpoint of another trainer: the pooled maps of the network that
    `network` names, `(N, width)`, of images resized to `size` (height, width)."""
    return _generic_features(network, network, network, path, device, size)


def _generic_features(
    name: str,
    title: str,
    network: str,
    path: Path | None,
    device: str,
    size: tuple[int, int] = (256, 128),
) -> Features:
    """Compute unit features of a network as published, with weights of a file or ImageNet's."""
    import torch

    from gprplus.baseline import devices
    from gprplus.baseline.augment import normalize
    from gprplus.baseline.network import backbones
    from gprplus.baseline.network import pretrained as weights
    from gprplus.baseline.recipe import NetworkSettings

    source = str(path) if path else "imagenet"
    settings = NetworkSettings(network, source, last_stride=2, partial_weights=True)
    backbone = backbones.make_backbone(settings)
    try:
        gaps = weights.load_pretrained(backbone, settings).gaps()
    except GprplusError as error:
        raise AnalysisError(f"{title} has no weights here: {error} {ELSE}") from error
    if gaps:
        raise AnalysisError(f"{source} is not {title}: {gaps} {ELSE}")
    place = devices.resolve_device(device)
    backbone = backbone.to(place).eval()

    @torch.inference_mode()
    def features(pixels: np.ndarray) -> np.ndarray:
        found = backbone(normalize(torch.from_numpy(pixels).to(place))).mean((2, 3))
        return torch.nn.functional.normalize(found, dim=1).cpu().numpy()

    return Features(
        name,
        f"{name}:{state_digest(backbone.state_dict())}",
        lambda images, workers, progress: in_batches(images, size, features, workers, progress),
        with_norm_feature(name),
    )


def state_digest(state: dict) -> str:
    """Return twelve hex digits that identify a set of weights."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
