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
    whole = b"".join(sampling._texts(pa.array(ascending, pa.string())))
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
