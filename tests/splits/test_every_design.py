"""What every design promises, whatever its kind: one conformance test over the registry."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, reject
from hypothesis import strategies as st

from gprplus.core.errors import SplitError
from gprplus.core.protocol import count_matches
from gprplus.core.typed import as_json
from gprplus.schema.split_record import split_record
from gprplus.splits import DeclaredArm, make_split
from gprplus.splits.designs import DESIGNS

SKIES, LIGHTS, VIEWS = ("sunny", "clouds", "overcast", "foggy"), ("forenoon", "dusk", "night"), 2
OTHERS = ("camera", "viewpoint_deg", "illumination", "background")
FEW = examples(
    2,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


class Asked(NamedTuple):
    """How a design is asked for here, what may differ between its arms, and whether a budget cuts
    it."""

    options: dict
    free: tuple[str, ...] = ("weather",)
    budget: bool = True


MATCHED = (
    DeclaredArm("all", matched=True),
    DeclaredArm("mild", {"weather": ("sunny", "clouds")}, matched=True),
    DeclaredArm("dark", {"weather": ("foggy",), "illumination": ("night",)}, matched=True),
)
ASKED = {
    "only": Asked({"attr": "weather"}),
    "without": Asked({"attr": "weather", "levels": ["sunny", "clouds+foggy"]}),
    "transfer": Asked({"attr": "weather", "levels": ["sunny", "clouds+foggy"]}),
    "path": Asked({"attr": "weather", "levels": ["sunny:clouds+foggy"]}),
    "scaling": Asked({"attr": "weather", "levels": ["sunny+clouds"]}, budget=False),
    "persons": Asked({"attr": "gender"}, ("gender",)),
    "identity": Asked(
        {"attr": "identity", "levels": ["2", "5"]}, ("identity", "gender", "weather", *OTHERS)
    ),
    "budget": Asked(
        {"attr": "identity", "levels": ["2x8", "4x4", "2x4"]},
        ("identity", "gender", "weather", *OTHERS),
        False,
    ),
    "factorial": Asked(
        {
            "attr": "weather,illumination",
            "restrict": {"weather": ["sunny", "foggy"], "illumination": ["dusk"]},
        },
        ("weather", "illumination"),
    ),
    "cells": Asked(
        {
            "attr": "weather,illumination",
            "restrict": {"weather": ["sunny", "foggy"], "illumination": ["dusk", "night"]},
        },
        ("weather", "illumination"),
    ),
    "full": Asked({"attr": "weather"}, budget=False),
    "declared": Asked({"attr": "weather", "arms": MATCHED}, ("weather", "illumination")),
}


class World(NamedTuple):
    """A crossed design with holes and replicates."""

    people: int
    holes: float
    doubles: float
    seed: int


worlds = st.builds(
    World,
    st.integers(12, 20),
    st.sampled_from([0.0, 0.15]),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 99),
)


@pytest.fixture(scope="session")
def build(crossed, write_manifest):
    """(design, world) -> split.json, arms of a deal as lists of rows, test rows; the example is
    skipped where holes leave nothing.
    """

    def rows_of(world):
        rng = np.random.default_rng(world.seed)
        rows = [
            row
            for row in crossed(world.people, VIEWS, SKIES, LIGHTS)
            if rng.random() >= world.holes
        ]
        again = [
            {**row, "path": row["path"].replace(".jpg", "_2.jpg")}
            for row in rows
            if rng.random() < world.doubles
        ]
        return rows + again

    def make(design, world, shuffle=None, deal=0, **more):
        rows = rows_of(world)
        looks = [
            {"identity": name, "gender": "male" if int(name) % 2 else "female"}
            for name in {r["identity"] for r in rows}
        ]
        if shuffle:
            shuffle.shuffle(rows)
        with TemporaryDirectory() as folder:
            manifest = write_manifest(Path(folder) / "manifest", rows, people=looks)
            options = {"design": design, "min_retention": 0.0, "test_share": 0.3, "audit": "none"}
            options |= {"deals": 3, **ASKED[design].options, **more}
            split = make_split(manifest, output=Path(folder) / "split", **options)
            deal %= split.deals
            arms = {arm: split.train(arm, deal).to_pylist() for arm in split.arms}
            return as_json(split.record), arms, split.test().to_pylist()

    return make


def tried(build, *given, **more):
    try:
        return build(*given, **more)
    except SplitError as problem:
        few = (
            "fell in the test set",
            "were requested, but",
            "too few",
            "left for training",
            "can be compared",
            "up to",
        )
        assert any(word in str(problem) for word in few), problem  # noqa: PT017
        return reject()


def test_every_design_is_asked_here_and_says_what_it_asks():
    assert set(ASKED) == set(DESIGNS)
    assert all(
        one.asks.endswith(("?", ".)")) and "--attr" in one.example for one in DESIGNS.values()
    )


@pytest.mark.parametrize("design", DESIGNS)
@FEW
@given(world=worlds, shuffled=st.randoms(use_true_random=False), deal=st.integers(0, 2))
def test_a_design_keeps_its_promises_in_every_deal(design, world, shuffled, deal, build):
    info, arms, searched = tried(build, design, world, deal=deal)
    assert info["design"] == design
    assert info["reference"] in arms
    people = {row["identity"] for row in searched}
    record = split_record(info, Path("split.json"))
    for (
        name,
        rows,
    ) in (
        arms.items()
    ):  # sizes are exact, nobody is trained on and searched for, no image stands twice
        assert not people & {row["identity"] for row in rows}
        facts = record.arms[name].dealt_to(deal)
        assert len({row["uid"] for row in rows}) == len(rows) == facts.images > 0
        assert len({row["identity"] for row in rows}) == facts.identities
    # every query has something to find
    side = {role: [row for row in searched if row["role"] == role] for role in ("query", "gallery")}
    codes = [
        np.array([int(row[key]) for row in side[s]])
        for key in ("identity", "camera")
        for s in ("query", "gallery")
    ]
    assert (count_matches(*codes) > 0).all()
    # what is compared has one size and agrees in all that it is not about
    compared = {name: rows for name, rows in arms.items() if _compared(info, name)}
    assert len({len(rows) for rows in compared.values()}) <= 1
    for attr in {"identity", "weather", "gender", *OTHERS} - set(ASKED[design].free):
        if design == "persons" and attr == "identity":
            continue
        laws = [Counter(row[attr] for row in rows) for rows in compared.values()]
        assert all(law == laws[0] for law in laws), attr
    # the order of the manifest's rows is nothing, in all deals
    assert build(design, world, shuffled)[0]["fingerprint"] == info["fingerprint"]


def _compared(info, name):
    kind = info["arms"][name]["kind"]
    if info["design"] == "scaling":
        return name.endswith(f"-{info['scaling']['budgets'][-1]}") and kind != "random-images"
    if info["design"] == "budget":
        return info["arms"][name]["images"] == info["budget"]["diagonal"]
    return kind not in ("random-images", "ids-all", "full")


@pytest.mark.parametrize("design", [name for name, asked in ASKED.items() if asked.budget])
@FEW
@given(world=worlds, part=st.integers(1, 3))
def test_a_smaller_budget_is_a_part_of_a_larger_one(design, world, part, build):
    info, arms, _ = tried(build, design, world)
    top = max(info["arms"][name]["images"] for name in arms if _compared(info, name))
    small = min(max(top * part // 4, 8), top)
    less, fewer, _ = tried(build, design, world, budget=small)
    for name, rows in fewer.items():
        if name not in arms or info["arms"][name]["kind"] == "ids-all":
            continue
        assert len(rows) == small
        if (
            design == "path"
        ):  # a slot may be on the other end of the path there, but it is a slot of the same person
            assert {row["identity"] for row in rows} <= {row["identity"] for row in arms[name]}
        elif info["arms"][name]["identities"] == less["arms"][name]["identities"]:
            assert {row["uid"] for row in rows} <= {row["uid"] for row in arms[name]}


def test_each_size_of_a_scaling_is_a_part_of_the_next(build):
    info, arms, _ = build("scaling", World(14, 0.15, 0.3, 1))
    sizes = info["scaling"]["budgets"]
    for kind in ("mix", "only-sunny+clouds", "random-images-1"):
        sets = [{row["uid"] for row in arms[f"{kind}-{size}"]} for size in sizes]
        assert [len(one) for one in sets] == sizes
        assert all(less < more for less, more in pairwise(sets))


@pytest.mark.parametrize("design", [name for name in DESIGNS if name not in ("full", "declared")])
@pytest.mark.parametrize("more", [{"identities": 5000}, {"budget": 10**6}])
def test_what_cannot_be_had_is_refused_in_a_sentence(design, more, build):
    with pytest.raises(
        SplitError, match=r"requested|requires|has a size for each arm|identities with"
    ):
        build(design, World(16, 0.0, 0.0, 0), **more)
