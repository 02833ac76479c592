"""COCO run lengths: a binary mask as the lengths of its runs, column by column, zeros first."""

from collections.abc import Sequence

import numpy as np


def encode_run_lengths(mask: np.ndarray) -> list[int]:
    """Run lengths of a `(H, W) bool` mask, column by column, zeros first.

    >>> encode_run_lengths(np.array([[0, 1], [0, 1]], dtype=bool))
    [2, 2]
    >>> encode_run_lengths(np.array([[1, 0], [0, 0]], dtype=bool))
    [0, 1, 3]
    """
    values = mask.T.ravel()
    turns = np.flatnonzero(values[1:] != values[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], turns, [values.size]])).tolist()
    return [0, *lengths] if values[0] else lengths


def decode_run_lengths(counts: Sequence[int], height: int, width: int) -> np.ndarray:
    """Decode run lengths to a `(height, width) bool` mask.

    >>> decode_run_lengths([2, 2], 2, 2).astype(int).tolist()
    [[0, 1], [0, 1]]
    """
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return values.reshape(width, height).T
