"""`--features`: a name, reid:PATH, imagenet, vgg19:FILE, resnet50:FILE, or a file of features by uid or
path."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gprplus.analysis.features import appearance
from gprplus.analysis.features.base import MEASURES, Features, ImageBatch, map_images
from gprplus.core.errors import AnalysisError, did_you_mean
from gprplus.core.parallel import Progress
from gprplus.evaluation.external_features import FEATURE_FORMS, read_for_rows

KNOWN = {
    "histograms": "light, colour, sharpness and size: 13 numbers, no network",
    "reid:PATH": "the network of a finished run: its folder or model.safetensors",
    "imagenet": "EfficientNet-Lite0 on ImageNet, without a download: the extra `pretrained`",
    "vgg19": "VGG-19 on ImageNet, from torch-hub's cache; vgg19:FILE for weights elsewhere",
    "resnet50": "ResNet-50 on ImageNet, likewise",
    "FILE": (
        "a file with the features of source and target, by uid or path, as `gprplus score` reads"
        " them"
    ),
}


def make_features(words: Sequence[str], device: str = "auto") -> list[Features]:
    """Return the requested kinds of features. Raises AnalysisError if one is unknown, repeated or
    missing."""
    found = [_one(text, device) for text in words]
    names = [features.name for features in found]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise AnalysisError(
            f"--features names {double[0]} twice; compare two networks in two runs with another -o."
        )
    return found


def _one(text: str, device: str) -> Features:
    name, colon, rest = text.partition(":")
    if text == "histograms":
        return histogram_features()
    if name == "reid" and rest:
        from gprplus.analysis.features.networks import reid_features

        return reid_features(Path(rest), device)
    if text == "imagenet":
        from gprplus.analysis.features.networks import imagenet_features

        return imagenet_features(device)
    if name in ("vgg19", "resnet50") and bool(colon) == bool(rest):
        from gprplus.analysis.features.networks import resnet50_features
        from gprplus.analysis.features.vgg import vgg19_features

        return {"vgg19": vgg19_features, "resnet50": resnet50_features}[name](
            Path(rest) if rest else None, device
        )
    if Path(text).suffix.lower() in FEATURE_FORMS:
        return read_given_features(Path(text))
    known = [key.split(":")[0] for key in KNOWN]
    raise AnalysisError(
        f"There are no features '{text}'. {did_you_mean(name, known)} "
        "Or name a file of features, such as features.parquet; reid needs a path."
    )


def histogram_features() -> Features:
    """The cheap look: `appearance`."""

    def look(images: ImageBatch, workers: int | None, progress: Progress) -> np.ndarray:
        return map_images(images, appearance.describe_image, workers, progress)

    return Features("histograms", appearance.VERSION, look, appearance.scale_features, MEASURES)


def read_given_features(path: Path) -> Features:
    """Read external features, source and target in one file, each row named by uid or path."""
    if not path.is_file():
        raise AnalysisError(
            f"There is no file of features at {path}. Name the one that holds them, such as"
            " features.parquet."
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]

    def look(images: ImageBatch, workers: int | None, progress: Progress) -> np.ndarray:
        return np.asarray(read_for_rows(images.rows, path, in_order=False), dtype=np.float64)

    return Features(path.stem, f"file:{digest}", look, lambda pooled: {path.stem: pooled})
