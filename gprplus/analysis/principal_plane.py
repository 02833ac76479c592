"""Features in the plane of their two principal components, for maps of images."""

import numpy as np


def project_to_plane(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components of features `(N, D)`, `(N, 2)`, and the share of
    the variance that each has, `(2,)`.

    The largest loading of each is positive, so that the sign is the same on every machine.

    >>> places, shares = project_to_plane(np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]]))
    >>> places[:, 0].tolist(), shares.tolist()
    ([-2.0, 0.0, 2.0], [1.0, 0.0])
    """
    centred = features - features.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes, variance = vectors[:, ::-1][:, :2], values[::-1][:2]
    if axes.shape[1] < 2:
        axes, variance = np.hstack([axes, np.zeros((len(axes), 1))]), np.append(variance, 0.0)
    largest = axes[np.abs(axes).argmax(axis=0), [0, 1]]
    axes = axes * np.where(largest < 0, -1, 1)
    return centred @ axes, np.maximum(variance, 0.0) / max(float(values.sum()), 1e-30)
