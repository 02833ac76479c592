"""How long features are, and with it what their similarities are made of."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

CONVERTED = 16 << 20  # bytes of features held in float64 at a time


def on_host(values: "np.ndarray | torch.Tensor") -> np.ndarray:
    """A tensor's values as an array; an array as it is."""
    return values if isinstance(values, np.ndarray) else values.cpu().numpy()


def squares(features: "np.ndarray | torch.Tensor") -> np.ndarray:
    """The squared norms of `(N, D)` features, `(N,) float64`; not finite where a feature is not."""
    out = np.empty(len(features))
    step = max(1, CONVERTED // (8 * features.shape[1]))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(features), step):
            part = on_host(features[start : start + step]).astype(np.float64)
            np.einsum("ij,ij->i", part, part, out=out[start : start + step])
    return out


def lengths(norms: np.ndarray, metric: str) -> np.ndarray:
    """What turns products into similarities, `(G,) float64`.

    For cosine that is one over the norm, and 0 of a zero vector, which is equally unlike everything; for euclidean the
    norm's square.
    """
    return norms if metric == "euclidean" else np.divide(1, np.sqrt(norms), out=np.zeros_like(norms), where=norms > 0)


def scale(norms: np.ndarray, farthest: float, metric: str) -> np.ndarray:
    """What similarities of each query are made of, `(B,)`: roundings are shares of it."""
    length = np.sqrt(norms)
    return length if metric == "cosine" else 2 * length * farthest + farthest**2
