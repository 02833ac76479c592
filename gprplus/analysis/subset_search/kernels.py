"""Mean kernels between cells and with the target: all that a search has to know of the images."""

from dataclasses import dataclass

import numpy as np

from gprplus.analysis import distance_estimators


@dataclass(frozen=True)
class Kernels:
    """RBF kernels of P identities in C cells `(P, C, P, C) float32`, with T target images `(P, C,
    T)`, and among these `(T, T)`; `people` `(T,)` are the identities of the target from 0.
    """

    inside: np.ndarray
    across: np.ndarray
    target: np.ndarray
    people: np.ndarray

    def of(self, persons: np.ndarray) -> "Kernels":
        """Return the kernels of some of the source identities, `(P,) bool`."""
        return Kernels(
            self.inside[persons][:, :, persons], self.across[persons], self.target, self.people
        )

    def biased(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Return Q `(C, C)` with identities counted `weights` `(P,)` times, including pairs of an
        identity with itself.
        """
        share = self._share(weights)
        return np.tensordot(np.tensordot(share, self.inside, 1), share, (1, 0))

    def unbiased(self) -> np.ndarray:
        """Return Q `(C, C)` over pairs of two different identities."""
        people = len(self.inside)
        same = np.einsum("pcpd->cd", self.inside) / people**2
        return (self.biased() - same) * people / (people - 1)

    def to_target(self, images: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """b `(C,)`: cells with the target images of weight `images` `(T,)`, which are made to sum
        to 1."""
        found: np.ndarray = self._share(weights) @ (self.across @ (images / images.sum()))
        return found

    def in_target(self, images: np.ndarray) -> float:
        """Return the mean over pairs of two different target identities, images counted `images`
        `(T,)` times."""
        apart = np.where(
            self.people[:, None] == self.people[None, :], 0.0, np.outer(images, images)
        )
        return float((apart * self.target).sum() / apart.sum()) if apart.any() else float("nan")

    def _share(self, weights: np.ndarray | None) -> np.ndarray:
        people = len(self.inside)
        return np.full(people, 1 / people) if weights is None else weights / weights.sum()


def build_kernels(
    source: np.ndarray, target: np.ndarray, target_people: np.ndarray
) -> tuple[Kernels, float]:
    """Compute the kernels of source points `(P, C, D)` and target points `(T, D)`, with the median
    distance as bandwidth.
    """
    people, cells, width = source.shape
    flat = source.reshape(-1, width)
    bandwidth = distance_estimators.median_distance(np.vstack([flat, target]))

    def near(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return (
            1
            - distance_estimators.costs(
                distance_estimators.squared_distances(left, right), bandwidth
            )["mmd2"]
        ).astype(np.float32)

    inside = np.empty((people, cells, people * cells), dtype=np.float32)
    for place, row in enumerate(source):
        inside[place] = near(row, flat)
    return Kernels(
        inside.reshape(people, cells, people, cells),
        near(flat, target).reshape(people, cells, -1),
        near(target, target),
        target_people,
    ), bandwidth
