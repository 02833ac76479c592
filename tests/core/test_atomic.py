"""Files are whole or not there, whatever kills the writer and whatever links lie in the way."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gprplus.core.errors import GprplusError
from gprplus.core.files import atomic
from gprplus.core.files.atomic import (
    append_to,
    atomic_write,
    remove_temporary,
    write_in_place,
    write_new,
)
from gprplus.core.files.folders import claim_folder


def test_a_file_appears_when_it_is_whole(tmp_path):
    with atomic_write(tmp_path / "a" / "b.txt") as temporary:
        temporary.write_text("new")
        assert os.listdir(tmp_path / "a") == [temporary.name]
    assert (tmp_path / "a" / "b.txt").read_text() == "new"
    assert os.listdir(tmp_path / "a") == ["b.txt"]


def write_half(path: Path) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_temporary_files_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    script = (
        "import os, sys, signal; from pathlib import Path; from gprplus.core.files.atomic import"
        " atomic_write\nwith atomic_write(Path(sys.argv[1])) as temporary:\n   "
        " temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "dead.csv")], check=False)
    assert [name.split(".")[1] for name in os.listdir(tmp_path)] == ["dead"]
    (tmp_path / ".mine.part").write_text("a name of the user's")
    with atomic_write(tmp_path / "living.csv") as temporary:
        remove_temporary(tmp_path)
        assert sorted(os.listdir(tmp_path)) == sorted([temporary.name, ".mine.part"])


def test_a_file_that_a_sweep_finds_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    """The sweep of another thread opens the new file, locks it first, and removes it a moment
    later: it must not be gone when it is renamed."""
    sweeping, locked = threading.Event(), threading.Event()
    lock, unlink, main = atomic._try_lock, os.unlink, threading.current_thread()

    def lock_after_the_sweep(descriptor, **options):
        if threading.current_thread() is main and not sweeping.is_set():
            sweeping.set()
            assert locked.wait(10)
        held = lock(descriptor, **options)
        if threading.current_thread() is not main:
            locked.set()
        return held

    def slow_unlink(path, **options):
        if threading.current_thread() is not main:
            time.sleep(0.2)
        unlink(path, **options)

    def sweep():
        assert sweeping.wait(10)
        remove_temporary(tmp_path)

    monkeypatch.setattr(atomic, "_try_lock", lock_after_the_sweep)
    monkeypatch.setattr(os, "unlink", slow_unlink)
    other = threading.Thread(target=sweep)
    other.start()
    with atomic_write(tmp_path / "a.txt") as temporary, temporary.open("w") as file:
        other.join()
        file.write("whole")
        file.flush()
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_planted_link_is_neither_written_through_nor_kept(tmp_path):
    target = tmp_path / "precious"
    target.write_text("precious")
    folder = claim_folder(tmp_path / "runs", "runs", GprplusError)
    (folder / f".a.{os.getpid()}.part").symlink_to(target)
    with atomic_write(folder / "a") as temporary:
        temporary.write_text("new")
    (folder / "log").symlink_to(target)
    for opening in (append_to, write_new):
        with pytest.raises(GprplusError, match="cannot be written"):
            opening(folder / "log")
    assert target.read_text() == "precious"


def test_a_linked_folder_inside_a_marked_one_is_not_written_into(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folder = claim_folder(tmp_path / "runs", "runs", GprplusError)
    (folder / "mix").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(GprplusError, match="symbolic link"),
        atomic_write(folder / "mix" / "seed0" / "run.json"),
    ):
        pass
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_marked_folder_that_is_itself_a_link_is_written_into(tmp_path):
    folder = claim_folder(tmp_path / "real", "runs", GprplusError)
    (tmp_path / "link").symlink_to(folder)
    with atomic_write(tmp_path / "link" / "mix" / "run.json") as temporary:
        temporary.write_text("{}")
    assert (folder / "mix" / "run.json").exists()


def test_files_in_place_follow_no_link_of_a_folder_or_a_file(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folder = claim_folder(tmp_path / "crops", "crops", GprplusError)
    checked: set[Path] = set()
    write_in_place(folder / "cam" / "1.jpg", b"one", checked)
    write_in_place(folder / "cam" / "1.jpg", b"2", checked)
    assert (folder / "cam" / "1.jpg").read_bytes() == b"2"
    (folder / "cam" / "2.jpg").symlink_to(tmp_path / "elsewhere" / "2.jpg")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GprplusError, match=r"2\.jpg cannot be written"):
        write_in_place(folder / "cam" / "2.jpg", b"two", checked)
    with pytest.raises(GprplusError, match="symbolic link"):
        write_in_place(folder / "linked" / "3.jpg", b"three", checked)
    assert os.listdir(tmp_path / "elsewhere") == []
