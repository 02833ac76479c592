"""The ICASSP 2021 studies on a manifest as large as GPR+: 808 people x 12 views x 7 weathers x 7
hours, no images."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.core.files import workdir
from gprplus.experiments.studies.study_file import make_study_splits, merge_studies, read_study
from gprplus.ingest import Manifest
from manifests import dataset

VIEWS = tuple(range(0, 360, 30))
SKIES = ("sunny", "clouds", "overcast", "foggy", "neutral", "blizzard", "snowlight")
HOURS = ("midnight", "dawn", "forenoon", "noon", "afternoon", "dusk", "night")
CELLS = 12 * 7 * 7
BOXES = {  # as printed
    "ids-100": 58_800,
    "ids-400": 235_200,
    "ids-800": 470_400,
    "weather": 134_400,
    "illumination": 201_600,
    "viewpoint": 235_200,
    "all-three": 28_800,
}
MARKET = {
    "viewpoint_deg": {30, 60, 90, 120, 150, 330},
    "weather": {"sunny", "clouds"},
    "illumination": {"forenoon", "noon", "afternoon"},
}


def write_complete(
    folder: Path,
    people: int,
    views: Sequence[int] = VIEWS,
    skies: Sequence[str] = SKIES,
    hours: Sequence[str] = HOURS,
) -> Manifest:
    """A complete design, 12 x 7 x 7 by default; the uid of a row is made from its number."""
    cells = list(product(views, skies, hours))
    names = [f"{i:04}" for i in range(1, people + 1)]
    tails = [f"{v:03}_{s}_{h}" for v, s, h in cells]

    def levels(codes: np.ndarray, vocabulary: list[str]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), vocabulary)

    person = np.repeat(np.arange(people), len(cells))
    grid = np.indices((len(views), len(skies), len(hours))).reshape(3, -1)
    of = {name: np.tile(codes, people) for name, codes in zip("vsh", grid, strict=True)}
    table = pa.table(
        {
            "uid": sampling.splitmix64(np.arange(len(person), dtype=np.uint64)),
            "dataset": levels(np.zeros(len(person)), ["gprplus"]),
            "path": [f"{name}/{name}_{tail}.jpg" for name in names for tail in tails],
            "identity": levels(person, names),
            "viewpoint_deg": np.array(views, np.int32)[of["v"]],
            "weather": levels(of["s"], list(skies)),
            "illumination": levels(of["h"], list(hours)),
        }
    )
    workdir.write_table(folder / "images.parquet", schema.conform(table, schema.IMAGES))
    persons = pa.table(
        {"dataset": ["gprplus"] * people, "identity": names, "images": [len(cells)] * people}
    )
    workdir.write_table(folder / "identities.parquet", schema.conform(persons, schema.IDENTITIES))
    for name, columns in (("rejected", schema.REJECTED), ("scan", schema.SCAN)):
        workdir.write_table(folder / f"{name}.parquet", schema.arrow_schema(columns).empty_table())
    factors = ["identity", "viewpoint_deg", "weather", "illumination"]
    about = dataset(layout="gprplus", factors=factors, fingerprint=str(people))
    about |= {"images": len(person), "identities": people}
    record = {
        "schema_version": schema.VERSION,
        "fingerprint": str(people),
        "datasets": {"gprplus": about},
    }
    record |= {"levels": {}, "counts": {"images": len(person)}}
    workdir.write_json(folder / "manifest.json", record)
    return Manifest.open(folder)


@pytest.fixture(scope="module")
def gprplus_like(tmp_path_factory):
    return write_complete(tmp_path_factory.mktemp("paper") / "manifest", 808)


@pytest.fixture(scope="module")
def both(gprplus_like, tmp_path_factory):
    plan = merge_studies([read_study(f"icassp2021_{target}")[0] for target in ("market", "duke")])
    once = [replace(one, request=replace(one.request, deals=1)) for one in plan.splits]
    plan = replace(plan, splits=tuple(once))
    return make_study_splits(
        plan, gprplus_like.path, tmp_path_factory.mktemp("splits"), force=False
    )


def test_every_arm_has_the_boxes_that_the_paper_prints(both):
    for split in both:
        assert {arm: facts.images for arm, facts in split.record.arms.items()} == BOXES
        assert split.record.reference == "ids-800"
        for arm, facts in split.record.arms.items():
            assert facts.identities == (int(arm[4:]) if arm.startswith("ids") else 800)
        assert split.test().num_rows == 0


def test_what_both_studies_have_is_one_training_and_ten_are_left(both):
    market, duke = (
        {arm: facts.fingerprint for arm, facts in split.record.arms.items()} for split in both
    )
    assert {arm for arm in BOXES if market[arm] == duke[arm]} == {
        "ids-100",
        "ids-400",
        "ids-800",
        "illumination",
    }
    assert len({*market.values(), *duke.values()}) == 10
    distinct = {
        facts.fingerprint: facts.images for split in both for facts in split.record.arms.values()
    }
    assert sum(distinct.values()) == 1_762_800


def test_the_arms_are_those_of_a_slow_twin(both):
    names = [f"{i:04}" for i in range(1, 809)]
    priority = sampling.priorities(
        sampling.hash64_many(sampling.join_canonical("gprplus", name) for name in names),
        0,
        "identity",
    )
    line = sorted(range(808), key=lambda i: priority[i])
    hundred = [
        sampling.splitmix64(np.arange(CELLS * i, CELLS * (i + 1), dtype=np.uint64))
        for i in line[:100]
    ]
    digest = sampling.sha256_digest(np.sort(np.concatenate(hundred)).astype("<u8").tobytes())
    assert both[0].record.arms["ids-100"].fingerprint == digest
    chosen = both[0].train("all-three")
    assert {name: set(chosen.column(name).to_pylist()) for name in MARKET} == MARKET
    assert set(chosen.column("identity").to_pylist()) == {names[i] for i in line[:800]}


def test_a_smaller_manifest_is_refused_in_one_sentence(tmp_path):
    plan, _ = read_study("icassp2021_market")
    with pytest.raises(
        SplitError, match=r"requires 400 identities, but the train set has 120 "
    ) as caught:
        make_study_splits(
            plan, write_complete(tmp_path / "manifest", 120).path, tmp_path / "splits", force=False
        )
    assert str(caught.value).count(". ") == 0
    assert not (tmp_path / "splits").exists()


def test_the_published_values_are_those_of_the_paper():
    scores = {
        target: {
            arm: found[target]
            for arm, found in read_study(f"icassp2021_{target}")[0].splits[0].published.items()
        }
        for target in ("market", "duke")
    }
    assert [set(found) for found in scores.values()] == [set(BOXES)] * 2
    assert (scores["market"]["ids-800"].mAP, scores["market"]["viewpoint"].rank5) == (0.174, 0.624)
    assert (scores["duke"]["illumination"].mAP, scores["duke"]["all-three"].rank1) == (0.188, 0.257)
    assert sum(
        value.gpu_hours for found in scores.values() for value in found.values()
    ) == pytest.approx(359.4)


def test_asked_properly_every_arm_has_one_size_and_every_attribute_its_controls(tmp_path):
    # As many people as GPR+, with the levels that the study names and one other of each attribute.
    views = (*VIEWS[:8], VIEWS[11])
    source = write_complete(tmp_path / "manifest", 808, views, SKIES[:6], HOURS[1:])
    plan, _ = read_study("icassp2021_controlled")
    splits = {
        s.name.removeprefix("controlled_"): s
        for s in make_study_splits(plan, source.path, tmp_path / "splits", force=False)
    }
    sizes = {
        facts.images
        for s in splits.values()
        for arm, facts in s.record.arms.items()
        if not arm.endswith("-all")
    }
    assert (plan.seeds, sizes) == (5, {20_160})
    for attr, sets in (("weather", (2,)), ("illumination", (3,)), ("viewpoint", (6,))):
        arms = splits[attr].record.arms
        controls = {f"random-levels-q{q}-1" for q in sets} | {"random-images-1"}
        assert controls | {"mix"} < set(arms)
        assert {len(arms[name].deals) for name in controls | {"mix"}} == {5}, (
            "a draw for each of the five seeds"
        )
        assert {facts.identities for facts in arms.values()} == {560}
    assert len(splits["market"].arms) == len(splits["duke"].arms) == 8
    searched = {tuple(split.test().column("uid").to_pylist()) for split in splits.values()}
    assert len(searched) == 1  # one test set for all
