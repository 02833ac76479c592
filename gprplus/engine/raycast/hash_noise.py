"""Noise without a generator: integer hashes of lattice points and of keys, the same on every
device."""

import numpy as np
import torch
from torch import Tensor

from gprplus.core.sampling import splitmix64


def fractional(x: Tensor) -> Tensor:
    """Return the fractional part of a number, in [0, 1)."""
    return x - x.floor()


def hash_lattice(x: Tensor, y: Tensor, salt: int = 0) -> Tensor:
    """A number in [0, 1) for each integer lattice point; `x` and `y` are int32 and broadcast.
    Products wrap around on purpose.
    """
    h = x * 0x27D4EB2F + (y * 0x165667B1 + _signed(salt * 0x9E3779B1))
    h = (h ^ ((h >> 15) & 0x1FFFF)) * _signed(0x85EBCA6B)
    h = (h ^ ((h >> 13) & 0x7FFFF)) * 0x42B2AE35
    return ((h ^ ((h >> 16) & 0xFFFF)) & 0xFFFFFF).to(torch.float32) * (1.0 / (1 << 24))


def _signed(value: int) -> int:
    """The low 32 bits as a signed number."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def value_noise(x: Tensor, y: Tensor, salt: int = 0) -> Tensor:
    """Smooth value noise in [0, 1] with features about one unit across."""
    x0, y0 = x.floor(), y.floor()
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    i, j = x0.int(), y0.int()
    a, b = hash_lattice(i, j, salt), hash_lattice(i + 1, j, salt)
    c, d = hash_lattice(i, j + 1, salt), hash_lattice(i + 1, j + 1, salt)
    top = a + (b - a) * fx
    return top + (c + (d - c) * fx - top) * fy


def fractal_noise(x: Tensor, y: Tensor, octaves: int = 3, salt: int = 0) -> Tensor:
    """Octaves of value noise, in [0, 1], mean one half."""
    total, weight = torch.zeros_like(x), 0.0
    for i in range(octaves):
        share = 0.5**i
        total = total + share * value_noise(x * 2.0**i, y * 2.0**i, salt + 17 * i)
        weight += share
    return total / weight


def uniform_noise(key: int, count: int) -> np.ndarray:
    """`(count,) float32` numbers in [0, 1) that follow from a key."""
    with np.errstate(over="ignore"):
        seeds = np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(
            key & (2**64 - 1)
        )
    return ((splitmix64(seeds) >> np.uint64(40)).astype(np.float32)) * np.float32(2.0**-24)


def normal_noise(key: int, count: int) -> np.ndarray:
    """`(count,) float32` standard normal numbers that follow from a key (Box and Muller, 1958)."""
    a, b = uniform_noise(key, count), uniform_noise(key ^ 0x5DEECE66D, count)
    return np.sqrt(-2 * np.log(a + np.float32(2.0**-25))) * np.cos(np.float32(2 * np.pi) * b)
