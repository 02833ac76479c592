"""The gradients of one step, computed in one part or several, by one process or several.

Losses always use the whole batch. If the batch does not fit, features are computed part by part
without a graph, the losses give each feature its gradient, and a second pass backpropagates it into
the backbone part by part (Gao et al., RepL4NLP 2021: gradient cache). The result differs from one
part in the batch normalization inside the backbone, which uses the statistics of a part. Several
processes do the same with their shares of the batch, and also share the statistics.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import nn

from gprplus.baseline import losses
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.network.model import Model
from gprplus.baseline.recipe import LossSettings


def accumulate_gradients(
    network: Model,
    images: torch.Tensor,
    labels: torch.Tensor,
    loss: LossSettings,
    dtype: torch.dtype,
    parts: int,
    group: ProcessGroup,
) -> torch.Tensor:
    """Leave the gradients of the whole batch's loss on the network; gives the loss, a scalar
    without a graph.

    `images (B, 3, H, W)` and `labels (B,)` are this process's share of the batch.
    """
    kind = images.device.type

    def autocast() -> torch.autocast:
        return torch.autocast(kind, dtype, enabled=dtype != torch.float32)

    if parts == 1 and group.size == 1:
        with autocast():
            features, logits = network(images)
        value = losses.total_loss(features, logits, labels, loss)
        value.backward()
        return value.detach()
    pieces = images.chunk(parts)
    with autocast(), torch.no_grad() if parts > 1 else nullcontext():
        pooled = [network.pool_features(piece) for piece in pieces]
    own = torch.cat(pooled)
    features = group.all_gather(own.detach()).requires_grad_()
    with autocast():
        logits = network.classifier(network.neck(features))
    value = losses.total_loss(features, logits, group.all_gather(labels), loss)
    value.backward()
    wanted = group.local_part(features.grad) * group.size  # `average` divides by it again
    if parts == 1:
        own.backward(wanted.to(own.dtype))
        group.average_gradients(network)
        return value.detach()
    with _statistics_kept(network.backbone):
        for piece, gradient in zip(pieces, wanted.chunk(parts), strict=True):
            with autocast():
                again = network.pool_features(piece)
            again.backward(gradient.to(again.dtype))
    group.average_gradients(network)
    return value.detach()


@contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """Inside, running means do not move: the first pass has moved them."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
