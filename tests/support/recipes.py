"""The smallest recipe that trains: images and batches so small that a step takes milliseconds."""

_SMALL = """
title = "A few steps"
seeds = 1
[length]
steps = {steps}
[input]
height = 32
width = 16
[network]
backbone = "small"
[batch]
identities = 3
images = 2
[compute]
precision = "float32"
"""


def small_recipe(steps: int) -> str:
    """The text of the recipe's file."""
    return _SMALL.format(steps=steps)
