"""What reading millions of names must not cost: a copy of every path as Python text, or a library
nobody asked for."""

import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest

from gprplus.core import sampling
from gprplus.ingest import build_manifest
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.reading import batch


def paths(count: int) -> list[str]:
    return [f"{i // 588:04d}/{i // 588:04d}_c{i % 588:06d}.jpg" for i in range(count)]


def test_a_fingerprint_of_paths_holds_a_block_of_them_at_a_time() -> None:
    table = pa.table({"path": paths(150_000)})
    sampling.table_fingerprint(table.slice(0, 10))
    tracemalloc.start()
    sampling.table_fingerprint(table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * 150_000  # bytes; a list of the paths and their joined text took 145 a path


@pytest.mark.parametrize("count", [0, 1, 65_535, 65_536, 65_537, 140_000])
def test_blocks_of_a_fingerprint_do_not_show(count: int) -> None:
    ascending = paths(count)
    ascending[count // 2 : count // 2 + 1] = [
        f"{path}\x1f\\é" for path in ascending[count // 2 : count // 2 + 1]
    ]
    whole = b"".join(sampling.text_blocks(pa.array(ascending, pa.string())))
    assert whole == sampling.join_canonical(*ascending).encode()
    coded = pa.table({"path": pa.array(ascending, pa.string()).dictionary_encode()})
    assert sampling.table_fingerprint(
        pa.table({"path": pa.array(ascending, pa.string())})
    ) == sampling.table_fingerprint(coded)


def test_paths_in_another_order_have_another_fingerprint() -> None:
    ascending = paths(1_000)
    turned = random.Random(0).sample(ascending, len(ascending))
    prints = {
        sampling.table_fingerprint(pa.table({"path": order})) for order in (ascending, turned)
    }
    assert len(prints) == 2


def test_an_unchanged_folder_is_known_before_anything_is_loaded(
    renders: Path, tmp_path: Path
) -> None:
    build_manifest([renders], tmp_path / "m")
    code = (
        "import sys\nfrom gprplus.ingest import build_manifest\n"
        f"manifest = build_manifest([{str(renders)!r}], {str(tmp_path / 'm')!r})\n"
        "print(manifest.rebuilt, {'numpy', 'pyarrow', 'cv2', 'torch'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "() set()"


def test_a_manifest_is_read_without_pandas(renders: Path, tmp_path: Path) -> None:
    build_manifest([renders], tmp_path / "m")
    code = (
        "import sys\nfrom gprplus.ingest import Manifest\nmanifest ="
        f" Manifest.open({str(tmp_path / 'm')!r})\nprint(manifest.images(['weather',"
        " 'uid']).column_names, manifest.images().num_rows, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['weather', 'uid'] 36 False"


def test_neither_a_build_nor_an_update_loads_pandas(renders: Path, tmp_path: Path) -> None:
    code = (
        "import shutil, sys\nfrom gprplus.ingest import build_manifest\n"
        f"root, output = {str(renders)!r}, {str(tmp_path / 'm')!r}\n"
        "build_manifest([root], output)\n"
        "shutil.copy(f'{root}/0001/0001_c01_w01_l01.jpg', f'{root}/0001/0009_c01_w01_l01.jpg')\n"
        "manifest = build_manifest([root], output)\n"
        "print(len(manifest.images), manifest.rebuilt, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "36 ('gprplus',) False"


def test_files_of_a_listing_are_counted_as_often_for_many_batches_as_for_one(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Listing] = []
    real = Listing.__len__
    monkeypatch.setattr(
        Listing, "__len__", lambda listing: counted.append(listing) or real(listing)
    )
    counts = []
    for size in (36, 1):
        monkeypatch.setattr(batch, "BATCH", dict.fromkeys(batch.BATCH, size))
        counted.clear()
        build_manifest([renders], tmp_path / str(size))
        counts.append(len(counted))
    assert counts[0] == counts[1]
