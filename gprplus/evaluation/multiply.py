"""The float32 product of NumPy or of torch on the processor, whichever is faster here.

NumPy's wheels carry OpenBLAS (Accelerate on a Mac), torch's MKL or another: which of them wins depends on the
processor. A short trial decides, once a process and number of threads. Scores do not depend on it (`ranks`).
"""

import sys
import time
import warnings
from collections.abc import Callable
from functools import cache

import numpy as np

Multiply = Callable[[np.ndarray, np.ndarray, np.ndarray], object]

_TRIAL = (64, 4096, 1024)  # queries, gallery rows, dimensions: 5 ms a product
_WORTH_A_TRIAL, _WORTH_AN_IMPORT = 5e10, 1e12  # multiplications and additions: half a second, and some ten


def by_numpy(queries: np.ndarray, gallery: np.ndarray, out: np.ndarray) -> None:
    """`queries @ gallery.T` of `(B, D)` and `(G, D)` into `out (B, G)`, by NumPy's library."""
    np.matmul(queries, gallery.T, out=out)


def by_torch(queries: np.ndarray, gallery: np.ndarray, out: np.ndarray) -> None:
    """The same by torch's library; nothing is copied."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that features mapped from a file cannot be written to: nobody does
        torch.mm(torch.from_numpy(queries), torch.from_numpy(gallery).T, out=torch.from_numpy(out))


def fastest(queries: int, gallery: int, dimensions: int) -> Multiply:
    """The faster of the two for float32 features of these sizes.

    NumPy's where the product is done before a trial would pay, or where torch would have to be imported for too little.
    """
    work = 2.0 * queries * gallery * dimensions
    if work < _WORTH_A_TRIAL or ("torch" not in sys.modules and work < _WORTH_AN_IMPORT):
        return by_numpy
    import torch

    return _tried(torch.get_num_threads())


@cache
def _tried(threads: int) -> Multiply:
    rng = np.random.default_rng(0)
    few, many, dimensions = _TRIAL
    queries, gallery = (rng.standard_normal((rows, dimensions), dtype=np.float32) for rows in (few, many))
    ours, theirs = np.empty((2, few, many), np.float32)
    seconds: dict[Multiply, float] = {by_numpy: np.inf, by_torch: np.inf}
    for _ in range(3):  # the first of each wakes threads
        for multiply, out in ((by_numpy, ours), (by_torch, theirs)):
            start = time.process_time()  # processor seconds: other work on the machine disturbs them little
            multiply(queries, gallery, out)
            seconds[multiply] = min(seconds[multiply], time.process_time() - start)
    told_to_round = np.abs(ours - theirs).max() > 1e-3  # of sums near 32
    return by_numpy if told_to_round else min(seconds, key=seconds.__getitem__)
