"""What must not stand on both sides: persons and files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gprplus.errors import SplitError, examples
from gprplus.splits.codes import Pool
from gprplus.splits.designs import Arm
from gprplus.splits.sides import TestSide

if TYPE_CHECKING:
    import pyarrow as pa


def leakage(pool: Pool, arms: Mapping[str, Arm], side: TestSide) -> dict[str, int | None]:
    """Persons and files on both sides. There must be none: SplitError. Digests that nobody read give None."""
    trained = np.zeros(len(pool), dtype=bool)
    for arm in arms.values():
        trained[arm.rows] = True
    sides = (
        np.bincount(pool.person[rows], minlength=len(pool.persons)) for rows in (np.flatnonzero(trained), side.rows)
    )
    shared = np.flatnonzero(np.logical_and(*sides))
    if len(shared):
        names = [pool.persons[code][1] for code in shared]
        raise SplitError(
            f"{len(shared):,} identities stand on both sides: {examples(names)}. This is a mistake of gprplus; report "
            "it."
        )
    digests = pool.paths.column("digest")
    if digests.null_count == len(digests):
        return {"identities": 0, "digests": None}
    _refuse_shared_files(pool, digests, np.flatnonzero(trained), side.rows)
    return {"identities": 0, "digests": 0}


def _refuse_shared_files(pool: Pool, digests: "pa.ChunkedArray", train: np.ndarray, test: np.ndarray) -> None:
    import pyarrow.compute as pc

    ours, theirs = digests.take(train), digests.take(test)
    twice = pc.and_kleene(pc.is_valid(theirs), pc.is_in(theirs, ours.combine_chunks()))
    if pc.any(twice).as_py():
        paths = pool.paths.column("path").take(test).filter(twice).to_pylist()
        raise SplitError(
            f"{len(paths):,} test images are byte for byte images of the train side, under other identities: "
            f"{examples(paths)}. "
            "Put the identities right, or leave these images out with --where."
        )
