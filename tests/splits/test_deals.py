"""Deals of a split: the whole design drawn again for each training seed, matched in every deal."""

import json
import shutil
from collections import Counter

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.cli.make_split import command
from gprplus.core.errors import RequestChanged, SplitError
from gprplus.experiments.studies.study_file import read_study
from gprplus.schema.split_record import split_record
from gprplus.splits import Split, make_split
from gprplus.splits.command_options import command_options
from gprplus.splits.compare_splits import compare_splits
from gprplus.splits.rebuild import rebuild_split
from gprplus.splits.request import DEALS, SplitRequest

SKIES = ("sunny", "clouds", "overcast", "foggy")


@pytest.fixture(scope="session")
def few(tmp_path_factory, crossed, write_manifest):
    """Eight identities, two views, two weathers: two slots an identity, of which the mixture has
    one sunny."""
    rows = crossed(8, views=2, weathers=("sunny", "foggy"), lights=("dusk",))
    return write_manifest(tmp_path_factory.mktemp("few"), rows)


@pytest.fixture(scope="session")
def many(tmp_path_factory, crossed, write_manifest):
    return write_manifest(tmp_path_factory.mktemp("many"), crossed(16, views=4, weathers=SKIES))


def table(split, arm, deal):
    return [
        (row["identity"], row["viewpoint_deg"], row["weather"])
        for row in split.train(arm, deal).to_pylist()
    ]


def test_each_deal_deals_the_levels_anew_to_the_same_slots(few, tmp_path):
    split = make_split(few, "weather", output=tmp_path / "split", deals=3)
    sunny_view = [  # by identity, worked out once: a fair coin for each identity and deal
        {"0002": 270, "0003": 90, "0005": 90, "0006": 90},
        {"0002": 90, "0003": 90, "0005": 270, "0006": 270},
        {"0002": 90, "0003": 270, "0005": 270, "0006": 90},
    ]
    for deal, views in enumerate(sunny_view):
        rows = table(split, "mix", deal)
        assert {who: view for who, view, weather in rows if weather == "sunny"} == views
        assert {
            who: 360 - view for who, view, weather in rows if weather == "foggy"
        } == views  # the other slot
        assert Counter(weather for _, _, weather in rows) == {"sunny": 4, "foggy": 4}
        assert Counter(who for who, _, _ in rows) == Counter(
            who for who, _, _ in table(split, "random-images-1", deal)
        )


def test_an_arm_that_no_draw_changes_is_stored_once(few, tmp_path):
    split = make_split(few, "weather", output=tmp_path / "split", deals=3)
    assert [name for name, arm in split.record.arms.items() if arm.deals] == [
        "mix",
        "random-images-1",
    ]
    assert split.train("only-sunny", 2) == split.train("only-sunny", 0)
    rows = pq.read_table(split.path / "members.parquet", columns=["arm", "deal"]).to_pylist()
    found = Counter((row["arm"], row["deal"]) for row in rows)
    dealt = {(arm, deal): 8 for arm in ("mix", "random-images-1") for deal in range(3)}
    assert found == dealt | {("only-sunny", None): 8, ("only-foggy", None): 8, (None, None): 16}


def test_deal_0_is_the_split_without_deals_and_more_deals_change_none(many, tmp_path):
    one, three, five = (
        make_split(many, "weather", output=tmp_path / f"s{n}", deals=n) for n in (1, 3, 5)
    )
    assert "deals" not in one.record.request  # as in records from before there were deals
    assert all(arm.deals is None for arm in one.record.arms.values())
    assert one.members(["deal"]).column("deal").null_count == one.members(["deal"]).num_rows
    plain = [name for name in one.train("mix").column_names if name != "deal"]
    for arm in one.arms:
        assert five.train(arm).select(plain) == one.train(arm).select(plain)
        assert five.train(arm, 2) == three.train(arm, 2)
    assert five.test() == one.test()


def test_the_number_that_a_command_makes_is_the_library_s():
    assert next(one for one in command.params if one.name == "deals").default == DEALS == 5
    assert {split.request.deals for split in read_study("first_look")[0].splits} == {DEALS}
    assert (
        SplitRequest.from_record({"attr": "weather"}, "split.json").deals == 1
    )  # as before there were any


def test_random_levels_are_other_levels_in_other_deals(many, tmp_path):
    split = make_split(many, "weather", levels=["sunny+clouds"], output=tmp_path / "split")
    arm = split.record.arms["random-levels-q2-1"]
    sets = [tuple(deal.levels) for deal in arm.deals]
    assert len(set(sets)) > 1
    assert ("sunny", "clouds") not in sets
    assert tuple(arm.levels) == sets[0]
    for deal, levels in enumerate(sets):
        rows = split.train("random-levels-q2-1", deal).to_pylist()
        assert Counter(row["weather"] for row in rows) == dict.fromkeys(levels, len(rows) // 2)
    assert not [said for said in split.record.warnings if "random levels was drawn" in said]
    once = make_split(many, "weather", levels=["sunny+clouds"], output=tmp_path / "once", deals=1)
    assert [said for said in once.record.warnings if "random levels was drawn once" in said]


def test_the_facts_of_a_deal_are_of_its_rows(many, tmp_path):
    split = make_split(many, "identity", levels=[2, 4], output=tmp_path / "split")
    people = set()
    for seed in range(7):
        facts = split.record.arms["ids-2"].dealt_to(seed)
        rows = split.train("ids-2", seed % 5).to_pylist()
        assert (facts.images, facts.identities) == (
            len(rows),
            len({row["identity"] for row in rows}),
        )
        people |= {row["identity"] for row in rows}
    assert len(people) > 2
    assert split.record.arms["ids-2"].dealt_to(6) == split.record.arms["ids-2"].dealt_to(1)


def test_a_split_made_again_or_rebuilt_elsewhere_has_the_same_rows_in_every_deal(many, tmp_path):
    split = make_split(many, "weather", output=tmp_path / "split")
    rebuilt = rebuild_split(split.path, many, output=tmp_path / "again")
    assert rebuilt.split is not None
    assert (
        rebuilt.split.record.fingerprint
        == split.record.fingerprint
        == Split.open(split.path).record.fingerprint
    )
    assert make_split(many, "weather", output=tmp_path / "split").made is False
    with pytest.raises(RequestChanged, match="deals was 5, now 4"):
        make_split(many, "weather", output=tmp_path / "split", deals=4)


def test_the_command_of_a_record_without_deals_asks_for_one():
    assert command_options({"attr": "weather"}) == ["--attr=weather", "--deals", "1"]
    assert command_options({"attr": "weather", "deals": 5}) == ["--attr=weather"]
    assert command_options({"attr": "weather", "deals": 10}) == ["--attr=weather", "--deals", "10"]


def test_make_split_and_inspect_name_the_arms_that_have_deals(few, tmp_path):
    place = ["-o", str(tmp_path / "split")]
    made = CliRunner().invoke(
        cli, ["make-split", "--attr=weather", "--manifest", str(few.path), "--deals", "3", *place]
    )
    said = "3 of mix and random-images-1; training seed k trains on deal k"
    assert f"deals: {said}\n" in made.output
    assert (
        f"Deals: {said}; the table is of deal 0.\n"
        in CliRunner().invoke(cli, ["inspect", place[1]]).output
    )


def test_splits_that_differ_in_another_deal_are_told_apart(many, tmp_path):
    one, two = (make_split(many, "weather", output=tmp_path / f"s{n}", deals=n) for n in (2, 3))
    found = {one.what for one in compare_splits(one, two)}
    assert {"rows", "deals", "mix", "random-images-1"} <= found
    assert "only-sunny" not in found


def test_rows_of_another_deal_are_not_those_of_the_record(few, tmp_path):
    split, other = (make_split(few, "weather", output=tmp_path / f"{n}", deals=n) for n in (3, 4))
    shutil.copy(other.path / "members.parquet", split.path)
    with pytest.raises(SplitError, match="does not hold the rows"):
        Split.open(split.path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda arms: arms["mix"]["deals"].pop(), "expected one number of deals, found 2, 3"),
        (lambda arms: arms["mix"].update(deals=[]), "mix: expected the images and fingerprint"),
        (lambda arms: arms["mix"]["deals"].reverse(), "mix: expected the images and fingerprint"),
        (lambda arms: arms["mix"].update(deals=3), "expected a list, found 3"),
    ],
)
def test_a_record_whose_deals_contradict_each_other_is_refused(few, tmp_path, change, reason):
    split = make_split(few, "weather", output=tmp_path / "split", deals=3)
    info = json.loads((split.path / "split.json").read_text())
    change(info["arms"])
    with pytest.raises(SplitError, match=reason):
        split_record(info, split.path / "split.json")


def test_a_deal_that_there_is_not_is_refused(few, tmp_path):
    split = make_split(few, "weather", output=tmp_path / "split", deals=3)
    with pytest.raises(SplitError, match="has the deals 0 to 2; found 3"):
        split.train("mix", 3)
    for wrong in (0, 1001):
        with pytest.raises(SplitError, match=r"^deals must be at"):
            make_split(few, "weather", output=tmp_path / "wrong", deals=wrong)


def test_a_design_that_another_deal_cannot_fill_is_refused_with_its_number(
    crossed, write_manifest, tmp_path
):
    """Two identities give 48 images where both are well filmed, and fewer elsewhere: another deal
    takes another two."""
    rows = [row for row in crossed(16) if int(row["identity"]) < 8 or row["weather"] == "sunny"]
    manifest = write_manifest(tmp_path / "manifest", rows)
    first = make_split(manifest, "identity", levels=[2, 4], output=tmp_path / "first", deals=1)
    budget = first.record.arms["ids-2"].images
    with pytest.raises(
        SplitError, match=r"Deal \d cannot be drawn: A budget of .* Use --deals \d or fewer"
    ):
        make_split(
            manifest, "identity", levels=[2, 4], budget=budget, output=tmp_path / "more", deals=40
        )


def test_weights_belong_to_the_rows_of_their_deal(crossed, write_manifest, tmp_path):
    """Under `--on-missing weight` every deal of an arm is weighed by its own rows: weights have
    mean 1 in each."""
    rows = [row for i, row in enumerate(crossed(16, weathers=SKIES)) if i % 7]
    manifest = write_manifest(tmp_path / "manifest", rows)
    split = make_split(
        manifest,
        "weather",
        on_missing="weight",
        min_retention=0,
        output=tmp_path / "split",
        deals=3,
    )
    found = [split.train("mix", deal).column("weight").to_pylist() for deal in range(3)]
    assert found[0] != found[1] != found[2]
    assert all(sum(weights) / len(weights) == pytest.approx(1) for weights in found)
    assert Split.open(split.path).record.fingerprint == split.record.fingerprint
