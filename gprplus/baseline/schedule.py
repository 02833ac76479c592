"""The learning rate along a run, as a share of the recipe's."""

import math

from gprplus.baseline.recipe import OptimizerSettings


def lr_factor(step: int, steps: int, optimizer: OptimizerSettings) -> float:
    """The factor on the learning rate at step `step` (from 0) of `steps`.

    Every schedule climbs linearly over the share `warmup` of the run. Then one-cycle falls linearly
    and cosine along half a cosine to `final`, and steps is multiplied by `decay` at each share in
    `decay_at`.

    >>> [round(lr_factor(i, 4, OptimizerSettings(schedule="one-cycle", warmup=0.5, final=0.0)), 2) for i in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """
    warm = round(optimizer.warmup * steps)
    if step < warm:
        return (step + 1) / warm
    if optimizer.schedule == "steps":
        return optimizer.decay ** sum(step >= at * steps for at in optimizer.decay_at)
    gone = (step - warm) / max(steps - warm, 1)
    fall = 1 - gone if optimizer.schedule == "one-cycle" else (1 + math.cos(math.pi * gone)) / 2
    return optimizer.final + (1 - optimizer.final) * fall
