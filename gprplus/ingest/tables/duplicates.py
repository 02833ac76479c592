"""Duplicate files: equal keys are an error, equal digests a warning."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.arrow import combine_chunks, from_numpy, to_numpy
from gprplus.core.errors import ManifestError, first_few
from gprplus.core.sampling import is_valid


def duplicate_content_warnings(images: pa.Table) -> list[str]:
    """Return one sentence on files with identical bytes under different identities; none without
    digests."""
    known = images.select(["path", "identity", "digest"]).filter(pc.is_valid(images["digest"]))
    digests = combine_chunks(known["digest"]).dictionary_encode()
    if len(digests.dictionary) == known.num_rows:  # no two files alike, as nearly always
        return []
    content = to_numpy(digests.indices)
    identity = combine_chunks(known["identity"].cast(pa.string())).dictionary_encode()
    person = np.where(is_valid(identity), to_numpy(identity.indices), -1)
    pairs = np.unique(np.stack([content, person]), axis=1)
    pairs = pairs[:, pairs[1] >= 0]
    shared = np.bincount(pairs[0], minlength=len(digests.dictionary)) > 1
    repeated = np.flatnonzero(shared[content])
    if not len(repeated):
        return []
    repeated = repeated[np.argsort(content[repeated], kind="stable")]  # group equal ones
    paths = known["path"].take(from_numpy(repeated)).to_pylist()
    return [
        f"{len(repeated):,} files have identical bytes under two identities or more, such as"
        f" {first_few(paths)}: an identity has two names, or a file was copied to the wrong place."
    ]


def reject_duplicate_keys(images: pa.Table, root: Path) -> None:
    """Refuse two files with one key: by their names they are the same image."""
    uids = to_numpy(images["uid"])
    ordered = np.sort(uids)  # a tenth of the time of argsort
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return
    same = np.flatnonzero(uids == twice[0])[:2]
    first, second = images["path"].take(from_numpy(same)).to_pylist()
    raise ManifestError(
        f"{len(twice):,} image(s) under {root} have the same key as another: {first} and {second}"
        " name the same image of the dataset. Keep one of them, or ingest the two folders as"
        " separate datasets."
    )
