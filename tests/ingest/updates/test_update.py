"""However a folder changes, an update ends with the tables of a build from nothing, and opens what
is new alone."""

import random
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gprplus.cli.build_manifest import manifest_warnings
from gprplus.core.executors.shards import Shard
from gprplus.ingest import Manifest, build_manifest, build_shard
from gprplus.ingest.reading import batch, partial
from gprplus.ingest.tables import manifest as store

TABLES = ("images", "identities", "rejected", "scan", "looks")
ARCHIVE = "0005.tar"

# Reads batches of five and dies by its own hand before the second.
DIES = """
import os, signal, sys
from gprplus.ingest.reading import batch, partial
from gprplus.ingest import build_manifest

real, read = batch.probe_members, []

def dying(*given):
    read.append(given)
    if len(read) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given)

batch.BATCH = dict.fromkeys(batch.BATCH, 5)
partial.SECONDS, batch.probe_files, batch.probe_members = 0, dying, dying
build_manifest([sys.argv[1]], sys.argv[2])
"""


class Tree:
    """A folder of renders that changes at random: files come, change and go, and so do members of
    an archive."""

    def __init__(
        self, root: Path, names: list[str], rng: random.Random, content: Callable[[], bytes]
    ) -> None:
        self.root, self.rng, self.content = root, rng, content
        self.names, self.members = names, [name for name in names if name.startswith("0005")]
        self.plain = [name for name in names if name not in self.members]
        self.packed: dict[str, bytes] = {}
        for name in rng.sample(self.plain, len(self.plain) // 2):
            self.put(name)

    def here(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*.jpg"))

    def put(self, name: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content())

    def turn(self) -> set[str]:
        """Change something; the names of what came or is another file now."""
        gone = set(self.some(self.here()))
        for name in gone:
            (self.root / name).unlink()
        touched = set(self.some(self.here())) | set(
            self.some([n for n in self.plain if n not in self.here()])
        )
        for name in touched:
            self.put(name)
        return touched

    def repack(self) -> None:
        for name in self.some(list(self.packed)):
            del self.packed[name]
        self.packed |= {name: self.content() for name in self.some(self.members)}
        with tarfile.open(self.root / ARCHIVE, "w") as archive:
            for name, data in self.packed.items():
                (self.root.parent / "member").write_bytes(data)
                archive.add(self.root.parent / "member", name)

    def some(self, names: list[str]) -> list[str]:
        return self.rng.sample(sorted(names), min(self.rng.randrange(5), len(names)))


@pytest.fixture
def tree(tmp_path: Path, design, picture) -> Callable[[int], Tree]:
    """`tree(seed)`: a folder in GPR+ shape with names that do not fit, bytes that are no image,
    copies, odd sizes."""

    def made(seed: int) -> Tree:
        rng = random.Random(seed)
        pictures = [picture(i) for i in range(40)] + [picture(0, width=60), picture(1, kind=".png")]
        names = [
            *design(identities=5, views=2, weathers=2),
            "0002/cat.jpg",
            "dog.jpg",
            "0003/0003_c13_w01_l01.jpg",
        ]
        return Tree(
            tmp_path / "renders",
            names,
            rng,
            lambda: rng.choice([*pictures, b"", b"none", pictures[0][:500]]),
        )

    return made


def assert_as_afresh(updated: Manifest, afresh: Manifest, dataset: str = "gprplus") -> None:
    """The same tables, row by row, and the same record of the dataset, where and how it was asked
    for aside."""
    for table in TABLES:
        one, other = (getattr(manifest, table)() for manifest in (updated, afresh))
        assert (one and one.schema) == (other and other.schema), table
        # As rows: a level that only rejected files name may stand in one dictionary and not in the
        # other.
        assert (one and one.to_pylist()) == (other and other.to_pylist()), table
    records = [
        replace(manifest.datasets[dataset], request={}, root="") for manifest in (updated, afresh)
    ]
    assert records[0] == records[1]
    assert updated.record.checks == afresh.record.checks
    assert updated.record.levels == afresh.record.levels


@pytest.mark.parametrize("seed", range(8))
def test_updates_end_as_a_build_from_nothing(tmp_path: Path, monkeypatch, tree, seed: int) -> None:
    opened: list[str] = []
    whole = batch.probe_files
    monkeypatch.setattr(
        batch, "probe_files", lambda *given: opened.extend(given[1]) or whole(*given)
    )
    folder = tree(seed)
    build_manifest([folder.root], tmp_path / "m")
    for turn in range(3):
        touched = folder.turn()
        opened.clear()
        updated = build_manifest([folder.root], tmp_path / "m")
        assert set(opened) == {name for name in touched if "_c0" in name}
        assert_as_afresh(updated, build_manifest([folder.root], tmp_path / f"afresh{turn}"))


@pytest.mark.parametrize("seed", range(4))
def test_checks_of_an_update_judge_all_images_together(tmp_path: Path, tree, seed: int) -> None:
    folder = tree(seed)
    build_manifest([folder.root], tmp_path / "m", checks=["all"])
    for turn in range(3):
        folder.turn()
        folder.repack()
        updated = build_manifest([folder.root], tmp_path / "m")
        assert_as_afresh(
            updated, build_manifest([folder.root], tmp_path / f"afresh{turn}", checks=["all"])
        )


@pytest.mark.parametrize("seed", range(4))
def test_archives_in_a_folder_that_changes(tmp_path: Path, tree, seed: int) -> None:
    folder = tree(seed)
    build_manifest([folder.root], tmp_path / "m")
    for turn in range(4):
        folder.turn()
        if turn != 1:
            folder.repack()
        updated = build_manifest([folder.root], tmp_path / "m")
        assert_as_afresh(updated, build_manifest([folder.root], tmp_path / f"afresh{turn}"))


@pytest.mark.parametrize("seed", range(4))
def test_shards_of_updates(tmp_path: Path, monkeypatch, tree, seed: int) -> None:
    monkeypatch.setattr(batch, "BATCH", dict.fromkeys(batch.BATCH, 5))
    folder = tree(seed)
    for turn in range(4):
        for shard in Shard.all(folder.rng.randint(1, 3)):
            build_shard([folder.root], tmp_path / "m", str(shard))
        updated = build_manifest([folder.root], tmp_path / "m")
        assert_as_afresh(updated, build_manifest([folder.root], tmp_path / f"afresh{turn}"))
        folder.turn()
        folder.repack()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_updates_that_are_killed_and_changes_meanwhile(
    tmp_path: Path, monkeypatch, tree, seed: int
) -> None:
    monkeypatch.setattr(batch, "BATCH", dict.fromkeys(batch.BATCH, 5))
    monkeypatch.setattr(partial, "SECONDS", 0)
    folder = tree(seed)
    build_manifest([folder.root], tmp_path / "m")
    for name in folder.plain:
        folder.put(name)
    died = subprocess.run(
        [sys.executable, "-c", DIES, folder.root, tmp_path / "m"], capture_output=True, text=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    folder.turn()
    folder.repack()
    updated = build_manifest([folder.root], tmp_path / "m")
    assert_as_afresh(updated, build_manifest([folder.root], tmp_path / "afresh"))
    assert not (tmp_path / "m" / store.PARTS).exists()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.0", "3.14"])
def test_updates_with_the_log_of_the_generator(tmp_path: Path, shoot, plant, version: str) -> None:
    """The log may leave out a person, and whole people come and go, so that others are joined than
    before."""
    rng, log = random.Random(version), tmp_path / "log.txt"
    people = [
        shoot(2 * who, f"Actor{who}", version=version, rank=who, minute=4 * who) for who in range(3)
    ]
    layout = {"3.0": "gta_raw_v30", "3.14": "gta_raw_v314"}[version]
    for turn in range(3):
        here = [shots for shots in people if rng.random() < 0.8] or people
        plant(
            tmp_path / "raw", [shot.path for shots in here for shot in shots], b"one file for all"
        )
        gone = rng.sample([shot.path for shots in here for shot in shots], 3 * turn)
        for name in gone:
            (tmp_path / "raw" / name).unlink()
        logged = [shots for shots in people if rng.random() < 0.8] or people
        log.write_text("\n".join(shot.line for shots in logged for shot in shots) + "\n")
        asked = {"layout": layout, "verify": "names", "engine_logs": [log]}
        updated = build_manifest([tmp_path / "raw"], tmp_path / "m", **asked)
        assert_as_afresh(
            updated, build_manifest([tmp_path / "raw"], tmp_path / f"afresh{turn}", **asked), layout
        )
        sheets = [
            (tmp_path / name / "engine_log" / f"{layout}.csv").read_text()
            for name in ("m", f"afresh{turn}")
        ]
        assert sheets[0] == sheets[1]


def test_tokens_that_no_table_has_are_told_of_as_long_as_they_are_there(
    tmp_path: Path, plant
) -> None:
    file, root = tmp_path / "mine.toml", plant(tmp_path / "r", ["a_l1.jpg", "b_l1.jpg"])
    file.write_text(
        "title = 'mine'\npath = '(?P<identity>.)_(?P<illumination>l.)'\n[illumination.levels]\nl1 ="
        " 'noon'\n"
    )
    said = []
    for turn, name in enumerate(["a_l1.jpg", "a_l2.jpg", "b_l3.jpg", "a_l2.jpg"]):
        if (root / name).exists() and turn:
            (root / name).unlink()
        else:
            plant(root, [name])
        updated = build_manifest([root], tmp_path / "m", layout=file)
        assert_as_afresh(
            updated, build_manifest([root], tmp_path / f"afresh{turn}", layout=file), "mine"
        )
        said.append(updated.datasets["mine"].unknown)
    told = "illumination: [illumination.levels] has no {}, which stay unknown."
    assert said == [[], [told.format("l2")], [told.format("l2, l3")], [told.format("l3")]]
    assert f"mine: {said[-1][0]}" in manifest_warnings(updated)
