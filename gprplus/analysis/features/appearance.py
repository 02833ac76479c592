"""The cheap look of an image: light, colour, sharpness and size, as a few numbers.

These need no network and no GPU. A distance on learned features that ranks levels no differently
has found brightness, not weather.
"""

from pathlib import Path

import numpy as np

from gprplus.core.imaging.images import decode_image, read_bytes, resize_image
from gprplus.core.storage.failures import StorageError

VERSION = "appearance-1"  # part of every request: a change here is a change of every distance
HEIGHT, WIDTH = 128, 64

GROUPS = {
    "luminance": ("mean", "contrast", "dark end", "bright end"),
    "colour": ("blue difference", "red difference", "spread of blue", "spread of red", "chroma"),
    "sharpness": ("fine detail", "coarse detail"),
    "size": ("height", "aspect"),
}
FEATURES = tuple(f"{group}: {name}" for group, names in GROUPS.items() for name in names)

# ITU-R BT.601, the matrix that JPEG uses: R, G, B in 0-1 to luma and the two colour differences.
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_FLOOR = 1e-4  # a twentieth of a grey level: keeps the logarithm of a flat image finite


def appearance(image: np.ndarray) -> np.ndarray:
    """`(H, W, 3) uint8` RGB of any size to `(13,) float64`, named by FEATURES.

    Light, colour and detail are taken after resizing to 128 x 64, so that they compare across
    resolutions; the size is the image's own. Detail is the logarithm of the mean absolute Laplacian
    of luma, at full and at half scale.

    >>> black = appearance(np.zeros((256, 128, 3), dtype=np.uint8))
    >>> dict(zip(FEATURES, black.round(3).tolist()))["size: height"]
    8.0
    """
    height, width = image.shape[:2]
    small = resize_image(image, HEIGHT, WIDTH)
    luma, blue, red = np.moveaxis((small / 255.0) @ _YCBCR.T, 2, 0)
    half = luma.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3))
    return np.array(
        [
            luma.mean(),
            luma.std(),
            *np.quantile(luma, (0.05, 0.95)),
            blue.mean(),
            red.mean(),
            blue.std(),
            red.std(),
            np.hypot(blue, red).mean(),
            _detail(luma),
            _detail(half),
            np.log2(height),
            np.log2(height / width),
        ]
    )


def _detail(luma: np.ndarray) -> float:
    inner = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    return float(np.log(np.abs(laplacian).mean() + _FLOOR))


def describe_image(root: Path, path: str) -> np.ndarray | None:
    """`appearance` of one file; None when it cannot be read or decoded. Raises
    StorageError."""
    try:
        image = decode_image(read_bytes(root, path))
    except StorageError:
        raise
    except OSError:
        return None
    return None if image is None else appearance(image)


def scale_features(features: np.ndarray) -> dict[str, np.ndarray]:
    """Scale pooled features `(N, 13) float64` to comparable units: group -> `(N, d)`, and "all" ->
    `(N, 13)`.

    Each feature is divided by its standard deviation over the pool (a constant one becomes 0).
    Within a group the features have equal weights, and in "all" the groups have: a Euclidean
    distance of 1 is one standard deviation in everything.
    """
    spread = features.std(axis=0)
    unit = np.where(spread > 1e-9, features / np.where(spread > 1e-9, spread, 1.0), 0.0)
    kinds = np.repeat(np.arange(len(GROUPS)), [len(names) for names in GROUPS.values()])
    parts = {
        group: unit[:, kinds == i] / np.sqrt(len(names))
        for i, (group, names) in enumerate(GROUPS.items())
    }
    return {"all": np.hstack(list(parts.values())) / np.sqrt(len(parts)), **parts}
