"""Losses: cross-entropy over identities (identity loss) and batch-hard triplet loss."""

import torch
from torch.nn import functional

from gprplus.baseline.recipe import LossSettings


def identity_loss(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Cross entropy of `(B, classes)` logits with label smoothing eps / classes on every class, as
    torchreid and torch have it.
    """
    return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)


def triplet_loss(features: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
    """Batch-hard triplet loss of `(B, D)` features, a scalar: the farthest positive against the
    nearest negative.

    Euclidean distances, not normalized (Hermans et al., arXiv 1703.07737, equation 5). An image
    without a negative in the batch does not count.

    >>> points = torch.tensor([[0.0], [1.0], [1.5], [9.0]])
    >>> round(triplet_loss(points, torch.tensor([0, 0, 1, 1]), 0.3).item(), 3)
    2.025
    """
    features = features.float()
    squares = features.square().sum(1)
    squared = squares[:, None] + squares[None, :] - 2 * features @ features.T
    distance = squared.clamp_min(1e-12).sqrt()
    same = labels[:, None] == labels[None, :]
    farthest = distance.masked_fill(~same, 0).amax(1)
    nearest = distance.masked_fill(same, torch.inf).amin(1)
    return functional.relu(farthest - nearest + margin).mean()


def total_loss(
    features: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor, loss: LossSettings
) -> torch.Tensor:
    """The recipe's weighted sum."""
    out = loss.identity * identity_loss(logits, labels, loss.label_smoothing)
    return out + loss.triplet * triplet_loss(features, labels, loss.margin) if loss.triplet else out
