"""Look-alikes: identities of one look, which no network can distinguish.

As training negatives they teach differences that do not exist, and as gallery images they answer a
query that they do not count for. A split therefore uses one identity of each look.
"""

from dataclasses import dataclass

import numpy as np

from gprplus.core import sampling
from gprplus.schema.split_record import LookAlikesRecord
from gprplus.splits.candidates import CandidateTable

LOOK = "look"
REASON = "look-alikes"


@dataclass(frozen=True)
class LookAlikes:
    """The candidates without look-alikes, and the record of the rule; None where no look has
    several identities."""

    pool: CandidateTable
    record: LookAlikesRecord | None


def resolve_look_alikes(pool: CandidateTable, rule: str) -> LookAlikes:
    """Return the candidates that remain under a rule of request.LOOK_ALIKES.

    Under "one", the identity of a look with the most images remains; of equal ones, the one with the
    smallest hash of its name. Looks are compared by name, across datasets.
    """
    if LOOK not in pool.identity_attributes:
        return LookAlikes(pool, None)
    look = pool.identity_attributes[LOOK].values
    images = np.bincount(pool.identity, minlength=len(pool.identities))
    others = look_alike_identities(look, images, pool.identity_keys)
    if not len(others):
        return LookAlikes(pool, None)
    looks = len(np.unique(look[others]))
    if rule == "keep":
        return LookAlikes(pool, LookAlikesRecord(rule, looks, 0, 0))
    gone = np.zeros(len(pool.identities), dtype=bool)
    gone[others] = True
    record = LookAlikesRecord(rule, looks, len(others), int(images[others].sum()))
    return LookAlikes(pool.without(gone, REASON), record)


def look_alike_identities(look: np.ndarray, images: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the identities that have the look of another one with more images, from the look, the
    images and the key of each `(I,)`."""
    hashed = sampling.priorities(keys, 0, LOOK)
    order = np.lexsort((hashed, -images, look))
    order = order[(look[order] >= 0) & (images[order] > 0)]
    first = np.ones(len(order), dtype=bool)
    first[1:] = look[order[1:]] != look[order[:-1]]
    return order[~first]


def look_alike_warnings(record: LookAlikesRecord | None) -> list[str]:
    """Return one sentence on the look-alikes of a split; empty without any."""
    if record is None:
        return []
    several = f"{record.looks:,} look{'s have' if record.looks > 1 else ' has'} several identities"
    if record.rule == "keep":
        return [
            f"{several}, which are trained and tested as different ones (--look-alikes keep):"
            " scores count matches of the same look as wrong."
        ]
    left_out = f"{record.identities:,} {'identity' if record.identities == 1 else 'identities'}"
    return [
        f"{several}: one of each is used, and {left_out} with {record.images:,} images are left"
        " out. --look-alikes keep uses all of them."
    ]
