"""Shortcuts, near duplicates and what a level does to the picture."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gprplus.core.files import workdir
from gprplus.core.typed import as_json
from gprplus.ingest import build_manifest
from gprplus.splits import make_split
from gprplus.splits.audit.leakage import nearest_within
from gprplus.splits.audit.shortcuts import level_shifts, probe_shortcuts

WHO = np.repeat(np.arange(40), 6)
LEVEL = np.tile(np.arange(3), 80)


def test_a_feature_that_is_the_level_gives_it_away_and_noise_does_not():
    rng = np.random.default_rng(0)
    told = probe_shortcuts(LEVEL[:, None] * 10.0 + rng.normal(size=(240, 1)), LEVEL, WHO)
    assert told["above"]
    assert told["accuracy"] > 0.95
    noise = probe_shortcuts(rng.normal(size=(240, 1)), LEVEL, WHO)
    assert not noise["above"]
    assert abs(noise["accuracy"] - noise["chance"]) < 0.1


def test_a_feature_that_is_the_person_says_nothing_of_the_level_of_others():
    assert not probe_shortcuts(WHO[:, None].astype(float), LEVEL, WHO)["above"]


def test_what_never_changes_is_chance_to_the_digit():
    assert probe_shortcuts(np.ones((240, 2)), LEVEL, WHO)["accuracy"] == 0.3333


def test_one_person_a_level_is_too_few_to_hold_any_out():
    assert (
        probe_shortcuts(np.ones((6, 1)), np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1]))
        is None
    )


def test_a_level_that_darkens_is_said_to():
    values = {
        "brightness": np.where(LEVEL == 2, 0.1, 0.6),
        "contrast": np.tile([0.1, 0.1, 0.1, 0.2, 0.2, 0.2], 40),
    }
    found = level_shifts(values, LEVEL, ("noon", "dusk", "night"))
    assert found["brightness"]["means"] == {"noon": 0.6, "dusk": 0.6, "night": 0.1}
    assert (found["brightness"]["explained"], found["brightness"]["overlap"]) == (1, 0)
    assert "night" in found["brightness"]["between"]
    assert (found["contrast"]["explained"], found["contrast"]["overlap"]) == (0, 1)


BITS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12)


@given(
    BITS,
    BITS,
    st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=5)), max_size=8),
)
def test_near_hashes_are_those_of_the_slow_twin(ours, theirs, changed):
    near = [theirs[i % len(theirs)] ^ sum(1 << bit for bit in bits) for i, bits in changed]
    mine, other = (np.array(values, dtype=np.uint64) for values in (ours + near, theirs))
    slow = {}
    for i, one in enumerate(mine.tolist()):
        bits = min((one ^ two).bit_count() for two in theirs)
        if bits <= 3:
            slow[i] = bits
    first, second, apart = nearest_within(mine, other, 3)
    assert dict(zip(first.tolist(), apart.tolist(), strict=True)) == slow
    assert [
        int(mine[i] ^ other[j]).bit_count() for i, j in zip(first, second, strict=True)
    ] == apart.tolist()


def test_near_duplicates_stand_nearest_first(manifest, tmp_path, crossed):
    source = manifest(crossed(24))
    split = make_split(source, "weather", output=tmp_path / "split")
    trained, tested = (
        split.train("only-sunny")["path"][0].as_py(),
        split.test()["path"].to_pylist()[:3],
    )
    images = source.images()
    hashes = np.random.default_rng(0).integers(
        0, 2**64, len(images), dtype=np.uint64
    )  # no two of them alike
    place = {path: i for i, path in enumerate(images["path"].to_pylist())}
    for path, changed in zip(tested, (0, 0b111, 0b11), strict=True):
        hashes[place[path]] = hashes[place[trained]] ^ np.uint64(changed)
    workdir.write_table(
        source.path / "images.parquet", images.append_column("dhash", pa.array(hashes))
    )
    split = make_split(source.path, "weather", output=tmp_path / "split", force=True)
    pairs = split.record.audit.leakage.near_duplicates.pairs
    assert [(pair.test, pair.bits) for pair in pairs] == [
        (tested[0], 0),
        (tested[2], 2),
        (tested[1], 3),
    ]
    assert any(
        f"training image ({tested[0]} and {trained}, {tested[2]}" in told
        for told in split.record.warnings
    )


def test_pixels_say_what_illumination_moves_and_what_looking_cost(tmp_path, draw):
    draw(tmp_path / "renders", people=16)
    source = build_manifest([tmp_path / "renders"], tmp_path / "manifest")
    rows = as_json(make_split(source, "illumination", output=tmp_path / "split").record.audit)
    assert rows["manipulation"]["illumination"] == {}
    assert set(rows["shortcuts"]["illumination"]) == {"file size", "image size"}
    assert not rows["shortcuts"]["illumination"]["image size"]["above"]
    again = make_split(source, "illumination", audit="pixels", output=tmp_path / "split")
    assert again.made
    audit = as_json(again.record.audit)
    looks = audit["manipulation"]["illumination"]["brightness"]
    assert looks["means"]["forenoon"] > looks["means"]["night"]
    assert looks["explained"] > 0.5
    assert audit["shortcuts"]["illumination"]["border pixels"]["above"]
    assert any(
        "border pixels" in warning and "(chance 50%)" in warning
        for warning in again.record.warnings
    )
    assert audit["cost"]["images"] > 0
    assert not make_split(source, "illumination", output=tmp_path / "split").made
