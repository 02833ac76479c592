"""Who multiplies: the faster library, and none that rounds in secret."""

import numpy as np
import torch

from gprplus.evaluation import multiply
from gprplus.evaluation.products import coarse


def test_the_faster_product_is_chosen_once_and_small_searches_are_numpys(monkeypatch):
    rng = np.random.default_rng(0)
    queries, gallery = (rng.normal(size=(rows, 8)).astype(np.float32) for rows in (3000, 500))
    assert multiply.fastest(queries[:100], gallery) is multiply.by_numpy
    monkeypatch.setattr(multiply, "_known", {})
    chosen = multiply.fastest(queries, gallery)
    assert chosen in (multiply.by_numpy, multiply.by_torch)
    assert multiply.fastest(queries, gallery[:400]) is chosen
    assert len(multiply._known) == 1


def test_a_product_that_was_told_to_round_is_not_chosen(monkeypatch):
    def rounded(queries, gallery, out):
        out[:] = queries.astype(np.float16) @ gallery.astype(np.float16).T

    rng = np.random.default_rng(0)
    queries, gallery = (rng.normal(size=(64, 8)).astype(np.float32) for _ in range(2))
    monkeypatch.setattr(multiply, "by_torch", rounded)
    monkeypatch.setattr(multiply.time, "process_time", iter([0, 9, 9, 10]).__next__)
    assert multiply._tried(queries, gallery) is multiply.by_numpy


def test_a_device_told_to_multiply_in_fewer_bits_is_noticed(monkeypatch):
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(331, 96)).astype(np.float32))
    assert not coarse(features)
    assert coarse(_Rounded(features))


class _Rounded:
    """A tensor as a device has it that keeps bfloat16 of every factor."""

    def __init__(self, values):
        self.values = values
        self.shape = values.shape
        self.T = values.T.bfloat16()

    def __getitem__(self, rows):
        return _Rounded(self.values[rows])

    def __len__(self):
        return len(self.values)

    def __matmul__(self, other):
        return (self.values.bfloat16() @ other).float()

    def cpu(self):
        return self.values
