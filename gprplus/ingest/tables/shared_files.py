"""Files that two datasets of a manifest share: one image under two names."""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.arrow import text_scalar
from gprplus.core.errors import ManifestError, first_few
from gprplus.ingest.tables.select import filter_dataset


def reject_shared_files(
    images: pa.Table, folders: Mapping[str, Path], added: Collection[str]
) -> None:
    """Refuse a new dataset with files of another one: their images would be in train set and test
    set at once, under two identities.

    Args:
        images: the images of all datasets.
        folders: folder of each dataset; only folders that are equal, or inside each other, can
            share files.
        added: names of the datasets that the manifest did not have.

    Raises:
        ManifestError: names both datasets and some of the files.
    """
    for name, other, prefixes in _nested(folders):
        if not {name, other} & set(added):
            continue
        ours, theirs = (
            _paths(images, one, prefix) for one, prefix in zip((name, other), prefixes, strict=True)
        )
        shared = ours.filter(pc.is_in(ours, theirs))
        if len(shared):
            new, had = (name, other) if name in added else (other, name)
            files = "1 file" if len(shared) == 1 else f"{len(shared):,} files"
            are = "is" if len(shared) == 1 else "are"
            raise ManifestError(
                f"{files} of the dataset '{new}' {are} in the dataset '{had}' too, such"
                f" as {first_few(shared[:3].to_pylist())}: each image would be in the manifest under"
                f" two identities. Give another folder with -o, or replace '{had}' with --name"
                f" {had} --force."
            )


def likely_copies(scan: pa.Table, added: Collection[str]) -> dict[str, list[str]]:
    """Return, by new dataset, a sentence about every other dataset of which it seems to have
    copies.

    These are files of the same path below the root and the same size. Datasets are compared by
    names and sizes alone: half of the files of the smaller one must agree, and not all with one
    size, as uncompressed images do.

    Args:
        scan: schema.SCAN of all datasets.
        added: names of the datasets that the manifest did not have.
    """
    names = scan["dataset"].unique().to_pylist()
    files = {name: _sized(scan, name) for name in names} if len(names) > 1 and added else {}
    found: dict[str, list[str]] = {name: [] for name in added}
    for one, other in combinations(files, 2):
        new, had = (one, other) if one in added else (other, one)
        if new not in added:
            continue
        same = files[new].filter(pc.is_in(files[new]["key"], files[had]["key"]))
        if (
            len(same) < min(map(len, (files[new], files[had]))) / 2
            or len(pc.unique(same["size_bytes"])) < 2
        ):
            continue
        found[new].append(
            f"{len(same):,} of its {len(files[new]):,} files have the path and the size of a file"
            f" of '{had}', such as {same['path'][0].as_py()}. If they are copies, one image can be"
            " in train set and test set under two identities: build a manifest of its own for one"
            " of the datasets with -o."
        )
    return found


def _sized(scan: pa.Table, dataset: str) -> pa.Table:
    """Return path, size and both together as `key` of the files of a dataset."""
    rows = filter_dataset(scan, dataset).select(["path", "size_bytes"])
    key = pc.binary_join_element_wise(
        rows["path"].cast(pa.string()), rows["size_bytes"].cast(pa.string()), text_scalar("/")
    )
    return rows.append_column("key", key)


def _nested(folders: Mapping[str, Path]) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Yield two datasets, and what to put before the paths of each so that both begin at the outer
    of their folders."""
    for (name, folder), (other, there) in combinations(folders.items(), 2):
        one, two = str(folder), str(there)
        if f"{one}/".startswith(f"{two}/"):
            yield name, other, (f"{one}/"[len(two) + 1 :], "")
        elif f"{two}/".startswith(f"{one}/"):
            yield name, other, ("", f"{two}/"[len(one) + 1 :])


def _paths(images: pa.Table, dataset: str, prefix: str) -> pa.ChunkedArray:
    rows = filter_dataset(images.select(["dataset", "path"]), dataset)
    paths = rows["path"].cast(pa.string())
    return (
        pc.binary_join_element_wise(text_scalar(prefix), paths, text_scalar(""))
        if prefix
        else paths
    )
