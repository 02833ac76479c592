"""The float32 product of NumPy or of torch on the processor, whichever is faster here.

NumPy's wheels carry OpenBLAS (Accelerate on a Mac), torch's MKL or another: which of them wins depends on the
processor, and on the size: on one machine torch's took 0.9 times as long for 64 x 4,096 x 1,024 and 1.5 times for
790 x 15,913 x 2,048. A trial of the first queries against the gallery itself decides, once a process for galleries of
such a size. Scores do not depend on it (`ranks`).
"""

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from gprplus.evaluation.ranks import SLACK

Multiply = Callable[[np.ndarray, np.ndarray, np.ndarray], object]

_TRIAL = 64  # queries: a product with fewer rows is another kind of product
_WORTH_A_TRIAL = 40 * _TRIAL  # queries
_WORTH_AN_IMPORT = 1e12  # multiplications and additions: some ten seconds


def by_numpy(queries: np.ndarray, gallery: np.ndarray, out: np.ndarray) -> None:
    """`queries @ gallery.T` of `(B, D)` and `(G, D)` into `out (B, G)`, by NumPy's library."""
    np.matmul(queries, gallery.T, out=out)


def by_torch(queries: np.ndarray, gallery: np.ndarray, out: np.ndarray) -> None:
    """The same by torch's library; nothing is copied."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that features mapped from a file cannot be written to: nobody does
        torch.mm(torch.from_numpy(queries), torch.from_numpy(gallery).T, out=torch.from_numpy(out))


def fastest(queries: np.ndarray, gallery: np.ndarray) -> Multiply:
    """The faster of the two for float32 `queries (Q, D)` in a `gallery (G, D)`.

    NumPy's where the product is done before a trial would pay, or where torch would have to be imported for too little.
    """
    work = 2.0 * len(queries) * gallery.size
    if len(queries) < _WORTH_A_TRIAL or ("torch" not in sys.modules and work < _WORTH_AN_IMPORT):
        return by_numpy
    import torch

    kind = (torch.get_num_threads(), len(gallery).bit_length(), gallery.shape[1])
    if kind not in _known:
        _known[kind] = _tried(queries[:_TRIAL], gallery)
    return _known[kind]


_known: dict[tuple[int, int, int], Multiply] = {}


def _tried(queries: np.ndarray, gallery: np.ndarray) -> Multiply:
    ours, theirs = np.empty((2, len(queries), len(gallery)), np.float32)
    seconds: dict[Multiply, float] = {}
    for multiply, out in ((by_numpy, ours), (by_torch, theirs)):
        multiply(queries[:1], gallery[:_TRIAL], out[:1, :_TRIAL].copy())  # wakes its threads
        start = time.process_time()  # processor seconds: other work on the machine disturbs them little
        multiply(queries, gallery, out)
        seconds[multiply] = time.process_time() - start
    norms = np.sqrt((queries**2).sum(1)[:, None] * (gallery[:_TRIAL] ** 2).sum(1))
    apart = np.abs(ours[:, :_TRIAL] - theirs[:, :_TRIAL])
    told_to_round = bool((apart > SLACK / 2 * np.sqrt(gallery.shape[1]) * norms).any())
    return by_numpy if told_to_round else min(seconds, key=seconds.__getitem__)
