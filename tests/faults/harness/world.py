"""The world that faults are put into: renders, a manifest, a split, a run and frames, with a canary
tree beside it.

case/
  canary/            files, folders and symbolic links that no command may touch
  a/b/room/          the working directory of every command, deep enough for `../../../canary`
    work/            renders, manifest, splits, runs, frames as the commands make them
    features.parquet, identities.csv, ...
"""

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.run import REPOSITORY, Runner

SECRET = b"canary-secret-5d1f0a"
RENDER = (
    "render",
    "--identities",
    "8",
    "--viewpoints",
    "2",
    "--weathers",
    "sunny,foggy",
    "--illuminations",
    "noon",
)
FRAMES = (
    "render",
    "--frames",
    "--identities",
    "4",
    "--weathers",
    "sunny",
    "--illuminations",
    "noon",
)
SMALL_RENDER = ("render", "--identities", "2", "--viewpoints", "2", "--size", "32x64")
SMALL_RENDER += ("--workers", "1", "-o", "out")
TRAINING = ("--recipe", "tiny.toml", "--seeds", "1", "--steps", "1", "--jobs", "1")
RUNS = "work/runs/weather/tiny"
SOLO = ("benchmark", "work/solo", *TRAINING)  # a split of one arm: a third of the time to train
COMMANDS = (
    (*RENDER, "--size", "32x64", "--workers", "1"),
    (
        *FRAMES,
        "--size",
        "320x180",
        "--meetings",
        "1",
        "--viewpoints",
        "2",
        "--masks",
        "--workers",
        "1",
    ),
    ("build-manifest", "--workers", "1"),
    ("make-split", "--attr=weather", "--no-controls"),
    ("make-split", "--attr=weather", "--design", "full", "-o", "work/solo"),
    ("benchmark", "work/splits/weather", *TRAINING),
)


@dataclass(frozen=True)
class Case:
    """One copy of the world."""

    folder: Path

    @property
    def room(self) -> Path:
        """Working directory of the commands."""
        return self.folder / "a" / "b" / "room"

    @property
    def canary(self) -> Path:
        """What must stay as it is."""
        return self.folder / "canary"

    def path(self, name: str) -> Path:
        """A file of the room."""
        return self.room / name


def build(folder: Path, runner: Runner) -> Case:
    """Make the world with the commands themselves."""
    case = Case(folder)
    case.room.mkdir(parents=True)
    case.path("tiny.toml").write_text(tiny_recipe())
    for argv in COMMANDS:
        made = runner.run(*argv, cwd=case.room)
        assert made.exit_code == 0, made.output
    _add_features(case)
    _add_canary(case.canary)
    return case


def tiny_recipe() -> str:
    """The recipe `smoke` for images and batches so small that a step takes milliseconds."""
    text = (REPOSITORY / "manifests" / "recipes" / "smoke.toml").read_text()
    # The trial of number types is decided by the clock, which differs between two runs.
    text = text.replace('compile = "no"', 'compile = "no"\nprecision = "float32"')
    smaller = {
        "height = 96": "height = 64",
        "width = 48": "width = 32",
        "identities = 16": "identities = 4",
    }
    for old, new in {**smaller, "images = 4": "images = 2"}.items():
        assert old in text
        text = text.replace(old, new)
    return text


def _add_features(case: Case) -> None:
    """Features of the split's test rows as Parquet, as a NumPy array with names, and the attributes
    as other forms."""
    members = pq.read_table(
        case.path("work/splits/weather/members.parquet"), columns=["role", "uid", "path"]
    )
    test = members.filter(pa.compute.field("role").isin(["query", "gallery"]))
    matrix = np.random.default_rng(0).normal(size=(len(test), 4)).astype(np.float32)
    lists = pa.array(matrix.tolist(), pa.list_(pa.float32()))
    pq.write_table(
        pa.table({"path": test.column("path"), "feature": lists}), case.path("features.parquet")
    )
    np.save(case.path("features.npy"), matrix)
    case.path("features.txt").write_text("\n".join(test.column("path").to_pylist()) + "\n")
    shutil.copy(case.path("work/renders/engine/identities.csv"), case.path("identities.csv"))


def _add_canary(folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "secret.txt").write_bytes(SECRET)
    (folder / "deep" / "er" / "photo.jpg").write_bytes(b"\xff\xd8" + SECRET)
    (folder / "renders.json").write_text('{"name": "canary"}')
    (folder / "link").symlink_to("deep/er/photo.jpg")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "empty").mkdir()


Snapshot = dict[str, tuple[int, int, int, int, str]]


def snapshot(folder: Path, allowed: tuple[str, ...] = ()) -> Snapshot:
    """Mode, hard links, size, time and target of everything below, without what is under an
    `allowed` relative path."""
    return {
        name: _state(name, found, target)
        for name, found, target in _below(folder)
        if not any(name == one or name.startswith(f"{one}/") for one in allowed)
    }


def _below(folder: str | Path, start: str = "") -> Iterator[tuple[str, os.stat_result, str]]:
    """(relative path, state, target of a link) of everything below, a folder before what it
    holds."""
    with os.scandir(folder) as entries:
        for entry in entries:
            target = os.readlink(entry.path) if entry.is_symlink() else ""
            yield f"{start}{entry.name}", entry.stat(follow_symlinks=False), target
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, f"{start}{entry.name}/")


def _state(name: str, found: os.stat_result, target: str) -> tuple[int, int, int, int, str]:
    if target:
        return found.st_mode, 1, 0, 0, target
    if stat.S_ISDIR(found.st_mode):
        return found.st_mode, 0, 0, 0, ""
    # an export may link renders, and nothing else
    links = found.st_nlink if name.startswith("canary/") else 1
    return found.st_mode, links, found.st_size, found.st_mtime_ns, ""


class Copy:
    """A copy of the world that is made like it again and again: to copy it whole took a tenth of
    the time of the cases."""

    def __init__(self, world: Case, folder: Path) -> None:
        self._world = world
        self._case = Case(folder)
        self._names = {name: _mark(state) for name, state, _ in _below(world.folder)}
        self._made: dict[str, tuple[int, ...]] = {}
        folder.mkdir()

    def renewed(self) -> Case:
        """The copy, without what has happened to it."""
        found = {name: _mark(state) for name, state, _ in _below(self._case.folder)}
        kept = {name for name, mark in found.items() if mark == self._made.get(name)}
        for name in [name for name in reversed(found) if name not in kept]:
            path = self._case.folder / name
            path.unlink() if found[name] else path.rmdir()
        for name in [name for name in self._names if name not in kept]:
            path, original = self._case.folder / name, self._world.folder / name
            if self._names[name]:
                shutil.copy2(original, path, follow_symlinks=False)
            else:
                path.mkdir()
            self._made[name] = _mark(path.lstat())
        for name, mark in self._names.items():
            if not mark:
                shutil.copystat(self._world.folder / name, self._case.folder / name)
        return self._case


def _mark(found: os.stat_result) -> tuple[int, ...]:
    """What changes with a file; nothing for a folder."""
    if stat.S_ISDIR(found.st_mode):
        return ()
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns
