"""A build that is cut short, or cut in shares, ends with the tables of one that is not, and reads
nothing twice."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from gprplus.core.errors import GprplusError, ManifestError
from gprplus.core.executors.shards import Shard
from gprplus.core.files.workdir import exclusive_lock
from gprplus.ingest import Manifest, build_manifest, build_shard
from gprplus.ingest.reading import batch, partial
from gprplus.ingest.tables import manifest as store

TABLES = ("images", "identities", "rejected", "scan")

# Reads batches of five files and dies by its own hand, as no program can prepare for, before the
# third.
DIES = """
import os, signal, sys
from gprplus.ingest.reading import batch, partial
from gprplus.ingest import build_manifest

real, read = batch.probe_files, []

def dying(root, paths, verify):
    read.extend(paths)
    if len(read) > 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(root, paths, verify)

batch.BATCH = dict.fromkeys(batch.BATCH, 5)
partial.SECONDS, batch.probe_files = 0, dying
build_manifest([sys.argv[1]], sys.argv[2], verify="digest")
"""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of every file that is opened from here on, in batches of five that are kept at
    once."""
    seen: list[str] = []
    whole = batch.probe_files
    monkeypatch.setattr(batch, "BATCH", dict.fromkeys(batch.BATCH, 5))
    monkeypatch.setattr(partial, "SECONDS", 0)
    monkeypatch.setattr(
        batch, "probe_files", lambda root, paths, how: seen.extend(paths) or whole(root, paths, how)
    )
    return seen


def same(one: Manifest, other: Manifest) -> bool:
    return all(getattr(one, table)().equals(getattr(other, table)()) for table in TABLES)


def killed(renders: Path, output: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES, str(renders), str(output)], capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_after_kill_9_the_same_command_reads_only_what_is_left(
    renders: Path, tmp_path: Path, opened
) -> None:
    (renders / "0001/cat.jpg").write_bytes(b"no render")
    whole = build_manifest([renders], tmp_path / "whole", verify="digest")
    killed(renders, tmp_path / "m")
    opened.clear()
    again = build_manifest([renders], tmp_path / "m", verify="digest")
    assert len(opened) == 36 - 10
    assert same(again, whole)
    assert not (tmp_path / "m" / store.PARTS).exists()


def test_what_changed_since_is_read_again(renders: Path, tmp_path: Path, opened, picture) -> None:
    killed(renders, tmp_path / "m")
    (renders / "0001/0001_c01_w01_l02.jpg").write_bytes(picture(99))
    (renders / "0003/0003_c02_w03_l02.jpg").unlink()
    again = build_manifest([renders], tmp_path / "m", verify="digest")
    assert len(opened) == 35 - 5  # of the two batches that were finished, one has another file now
    assert same(again, build_manifest([renders], tmp_path / "whole", verify="digest"))


def test_another_request_takes_nothing_from_a_broken_build(
    renders: Path, tmp_path: Path, opened
) -> None:
    killed(renders, tmp_path / "m")
    assert build_manifest([renders], tmp_path / "m").images()["digest"].null_count == 36
    assert len(opened) == 36


def test_a_torn_part_is_read_again(renders: Path, tmp_path: Path, opened) -> None:
    killed(renders, tmp_path / "m")
    first = min((tmp_path / "m" / store.PARTS).rglob("*.arrow"))
    first.write_bytes(first.read_bytes()[:100])
    build_manifest([renders], tmp_path / "m", verify="digest")
    assert len(opened) == 36 - 5


@pytest.mark.parametrize("number", [1, 2, 3, 11])
def test_shards_merge_into_the_tables_of_one_run(
    renders: Path, tmp_path: Path, opened, number: int
) -> None:
    (renders / "0002/cat.jpg").write_bytes(b"no render")
    (renders / "0003/0003_c02_w03_l02.jpg").write_bytes(b"")
    whole = build_manifest([renders], tmp_path / "whole")
    opened.clear()
    for shard in reversed(Shard.all(number)):
        build_shard([renders], tmp_path / "m", str(shard))
    assert len(opened) == 36
    opened.clear()
    merged = build_manifest([renders], tmp_path / "m")
    assert opened == []
    assert same(merged, whole)
    assert merged.fingerprint == whole.fingerprint
    assert build_shard([renders], tmp_path / "m", "1/2") == {}


def test_shards_of_an_update_read_only_what_is_new(
    renders: Path, tmp_path: Path, opened, plant
) -> None:
    build_manifest([renders], tmp_path / "m")
    plant(renders, [f"0009/0009_c01_w0{weather}_l01.jpg" for weather in range(1, 8)])
    opened.clear()
    assert sum(build_shard([renders], tmp_path / "m", f"{i}/2")["gprplus"] for i in (1, 2)) == 7
    assert len(opened) == 7
    merged = build_manifest([renders], tmp_path / "m")
    assert len(opened) == 7
    assert merged.images().equals(build_manifest([renders], tmp_path / "whole").images())


def test_a_missing_shard_is_named_with_its_command(renders: Path, tmp_path: Path) -> None:
    build_shard([renders], tmp_path / "m", "2/3")
    with pytest.raises(
        ManifestError,
        match=r"2 of the 3 shards of 'gprplus' are not finished: 1/3, 3/3\. Run .* 1/3",
    ):
        build_manifest([renders], tmp_path / "m")
    assert build_manifest([renders], tmp_path / "m", force=True).images().num_rows == 36


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0", "-1/2"])
def test_shards_that_cannot_be(renders: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(ManifestError, match="expected I/N with 1 <= I <= N"):
        build_shard([renders], tmp_path / "m", text)


def test_two_processes_of_one_shard_are_one_too_many(renders: Path, tmp_path: Path) -> None:
    build_shard([renders], tmp_path / "m", "1/2")
    (lock,) = (tmp_path / "m" / store.PARTS).rglob("*.lock")
    with (
        exclusive_lock(lock, ManifestError, "held"),
        pytest.raises(ManifestError, match="Another process is at work on shard-1-of-2"),
    ):
        build_shard([renders], tmp_path / "m", "1/2")


def test_two_shards_at_once_in_two_processes(renders: Path, tmp_path: Path, opened) -> None:
    code = (
        "import sys\nfrom gprplus.ingest import build_shard\n"
        "from gprplus.ingest.reading import batch\nbatch.BATCH = dict.fromkeys(batch.BATCH, 5)\n"
        "print(build_shard([sys.argv[1]], sys.argv[2], sys.argv[3])['gprplus'])"
    )
    command = [sys.executable, "-c", code, str(renders), str(tmp_path / "m")]
    both = [
        subprocess.Popen([*command, f"{i}/2"], stdout=subprocess.PIPE, text=True) for i in (1, 2)
    ]
    assert sum(int(process.communicate()[0]) for process in both) == 36
    merged = build_manifest([renders], tmp_path / "m")
    assert opened == []
    assert same(merged, build_manifest([renders], tmp_path / "whole"))


def test_two_builds_at_once_leave_one_whole_manifest(renders: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "gprplus",
        "build-manifest",
        str(renders),
        "-o",
        str(tmp_path / "m"),
    ]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or "Another gprplus is writing to" in text
    assert same(
        build_manifest([renders], tmp_path / "m"), build_manifest([renders], tmp_path / "whole")
    )


def test_a_file_that_goes_between_scan_and_read_is_rejected(
    renders: Path, tmp_path: Path, monkeypatch
) -> None:
    gone, real = renders / "0002/0002_c01_w01_l01.jpg", batch.probe_files
    monkeypatch.setattr(
        batch, "probe_files", lambda *given: gone.unlink(missing_ok=True) or real(*given)
    )
    manifest = build_manifest([renders], tmp_path / "m")
    (row,) = manifest.rejected().to_pylist()
    assert (row["path"], row["reason"]) == ("0002/0002_c01_w01_l01.jpg", "unreadable")
    assert "No such file or directory" in row["detail"]
    assert manifest.images().num_rows == 35


def test_a_folder_that_cannot_be_read_is_rejected(
    renders: Path, tmp_path: Path, monkeypatch
) -> None:
    from gprplus.ingest.files import scan

    real = os.open

    def locked(path, *given, **named):
        if str(path).endswith("0002"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *given, **named)

    monkeypatch.setattr(scan.os, "open", locked)
    (row,) = build_manifest([renders], tmp_path / "m").rejected().to_pylist()
    assert (row["path"], row["detail"]) == (
        "0002",
        "Permission denied; how many files are in it is not known.",
    )


FULL = """
import resource, signal, sys
from gprplus.ingest import build_manifest

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
from gprplus.cli import main
sys.argv = ["gprplus", "build-manifest", *sys.argv[1:]]
main()
"""


def test_a_disk_that_takes_no_more_is_one_sentence_and_the_old_manifest_stays(
    renders, tmp_path, plant
) -> None:
    before = build_manifest([renders], tmp_path / "m")
    plant(renders, ["0009/0009_c01_w01_l01.jpg"])
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(renders), "-o", str(tmp_path / "m")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("Error: ")
    assert "images.parquet cannot be written: " in done.stderr
    assert Manifest.open(tmp_path / "m").record == before.record
    assert build_manifest([renders], tmp_path / "m").images().num_rows == 37


# In a mount of its own that goes with the process; first with 40 kB left, then with room.
SMALL_DISK = """
mount -t tmpfs -o size=600k none "$1" || exit 77
"$3" -m gprplus build-manifest "$2" -o "$1/m" --checks || exit 78
head -c 540000 /dev/zero > "$1/filler" && cp -r "$4" "$2"
"$3" -m gprplus build-manifest "$2" -o "$1/m"; test $? = 1 || exit 79
ls -A "$1/m"
rm "$1/filler" && "$3" -m gprplus build-manifest "$2" -o "$1/m" && cp -r "$1/m" "$2/../m"
"""


@pytest.mark.slow
def test_a_disk_that_really_is_full(renders: Path, tmp_path: Path, plant) -> None:
    (tmp_path / "disk").mkdir()
    more = plant(
        tmp_path / "more",
        [f"0004/0004_c{c:02d}_w0{w}_l01.jpg" for c in range(1, 13) for w in range(1, 8)],
    )
    given = [str(part) for part in (tmp_path / "disk", renders, sys.executable, more / "0004")]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", *given], capture_output=True, text=True
    )
    if done.returncode in (1, 77):
        pytest.skip(f"no disk of our own can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "No space left on device. Free some space on the disk" in said
    assert "Traceback" not in done.stderr
    whole = build_manifest([renders], tmp_path / "whole", checks=["all"])
    assert same(Manifest.open(tmp_path / "m"), whole)


def test_a_full_disk_is_one_sentence_while_reading_too(
    renders: Path, tmp_path: Path, opened, monkeypatch
) -> None:
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(pa, "OSFile", full)
        with pytest.raises(
            GprplusError, match=r"\.arrow cannot be written: No space left on device\."
        ):
            build_manifest([renders], tmp_path / "m")
    assert build_manifest([renders], tmp_path / "m").images().num_rows == 36
