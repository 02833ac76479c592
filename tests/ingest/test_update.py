"""However a folder changes, an update ends with the tables of a build from nothing, and opens what is new alone."""

import random
from pathlib import Path

import pytest

from gprplus.ingest import batch, build_manifest

TABLES = ("images", "identities", "rejected", "scan")


@pytest.mark.parametrize("seed", range(8))
def test_updates_end_as_a_build_from_nothing(tmp_path: Path, monkeypatch, plant, design, picture, seed: int) -> None:
    opened: list[str] = []
    whole = batch.probe_files
    monkeypatch.setattr(batch, "probe_files", lambda *given: opened.extend(given[1]) or whole(*given))
    rng, root = random.Random(seed), tmp_path / "renders"
    names = [*design(identities=4, views=2, weathers=2), "0002/cat.jpg", "dog.jpg", "0003/0003_c13_w01_l01.jpg"]
    plant(root, rng.sample(names, 20))
    build_manifest([root], tmp_path / "m")
    for turn in range(3):
        here = {path.relative_to(root).as_posix() for path in root.rglob("*.jpg")}
        gone = set(rng.sample(sorted(here), rng.randrange(4)))
        changed = set(rng.sample(sorted(here - gone), rng.randrange(4)))
        came = set(rng.sample(sorted(set(names) - here), min(rng.randrange(4), len(set(names) - here))))
        for name in gone:
            (root / name).unlink()
        for name in changed | came:
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(rng.choice([picture(100 + turn), picture(turn, kind=".png"), b"", b"no image"]))
        opened.clear()
        updated = build_manifest([root], tmp_path / "m")
        assert set(opened) == {name for name in changed | came if "_c0" in name}
        afresh = build_manifest([root], tmp_path / f"afresh{turn}")
        for table in TABLES:
            # As rows: a level that only rejected files name may stand in one dictionary and not in the other.
            assert getattr(updated, table)().to_pylist() == getattr(afresh, table)().to_pylist(), table
        assert updated.datasets["gprplus"] | {"request": 0, "root": 0} == afresh.datasets["gprplus"] | {
            "request": 0,
            "root": 0,
        }
