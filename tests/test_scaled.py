"""A study at a fraction of its size: what is divided, what stays, and what is refused."""

from dataclasses import replace
from fractions import Fraction

import pytest

from gprplus.core.errors import DeclarationError, SplitError
from gprplus.experiments.options import read_scale
from gprplus.experiments.studies.study_file import StudySplit, read_study
from gprplus.experiments.studies.study_scale import scale_study
from gprplus.splits.request import SplitRequest

TWENTIETH = Fraction(1, 20)


def test_people_and_images_are_divided_and_named_after_what_they_are():
    plan, _ = read_study("icassp2021_market")
    small = scale_study(plan, TWENTIETH)
    assert small.study.name == "icassp2021_market-1-20"
    (split,) = small.splits
    sizes = {arm.name: (arm.identities, arm.images) for arm in split.request.arms}
    assert sizes == {
        "ids-5": (5, 2940),
        "ids-20": (20, 11760),
        "ids-40": (40, 23520),
        "weather": (40, 6720),
        "illumination": (40, 10080),
        "viewpoint": (40, 11760),
        "all-three": (40, 1440),
    }
    assert split.request.reference == "ids-40"
    assert list(split.published) == list(sizes)
    assert split.published["ids-40"]["market"].mAP == 0.174


def test_everything_else_stays_as_declared():
    plan, _ = read_study("icassp2021_controlled")
    small = scale_study(plan, TWENTIETH)
    for before, after in zip(plan.splits, small.splits, strict=True):
        old, new = before.request, after.request
        kept = {"identities": old.identities, "budget": old.budget, "levels": old.levels}
        assert replace(new, **kept) == old
        assert (new.identities, new.budget) == (
            old.identities and old.identities // 20,
            old.budget and old.budget // 20,
        )
    ladder = next(split.request for split in small.splits if split.request.attr == "identity")
    assert ladder.levels == ("5", "20", "28")
    assert replace(small, splits=plan.splits, study=plan.study) == plan
    assert scale_study(plan, Fraction(1)) is plan


def test_levels_of_people_and_images_and_a_factor_of_people_are_divided_by_people():
    requests = (
        SplitRequest("identity", design="budget", levels=("8x24", "16x12")),
        SplitRequest(
            "weather", design="factorial", restrict={"weather": ("sunny",), "identity": (4,)}
        ),
    )
    plan, _ = read_study("first_look")
    plan = replace(plan, splits=tuple(StudySplit(f"s{i}", one) for i, one in enumerate(requests)))
    budget, factorial = (split.request for split in scale_study(plan, Fraction(1, 4)).splits)
    assert budget.levels == ("2x24", "4x12")
    assert factorial.restrict == {"weather": ("sunny",), "identity": ("1",)}


def test_a_scale_that_leaves_parts_of_people_is_refused():
    plan, _ = read_study("icassp2021_duke")
    with pytest.raises(
        DeclarationError, match=r"icassp2021_duke at a scale of 1/30: ids-100 would be 3.33"
    ):
        scale_study(plan, Fraction(1, 30))


@pytest.mark.parametrize("text", ["0", "2", "1/0", "-1/2", "half"])
def test_a_scale_is_a_fraction(text):
    with pytest.raises(DeclarationError, match="such as 1/20"):
        read_scale(text)


@pytest.mark.parametrize(
    "text", ["1e-1000000000", "0", "2", "-1/2", "1/0", "nan", "1/" + "9" * 400_000, "", "٣/٤"]
)
def test_a_scale_that_is_none_is_refused_at_once(text):
    with pytest.raises(DeclarationError, match="A scale is a fraction above 0 and at most 1"):
        read_scale(text)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"control_draws": 10**12},
            "--control-draws must be at most 1,000; found 1,000,000,000,000",
        ),
        ({"seed": 2**63}, "--seed must be a whole number of 64 bits"),
    ],
)
def test_a_split_of_absurd_size_is_refused_at_once(options, sentence):
    with pytest.raises(SplitError, match=sentence):
        SplitRequest("weather", **options)


def test_a_study_of_absurd_size_names_file_and_field(tmp_path):
    path = tmp_path / "mine.toml"
    start = '[study]\nname = "mine"\nquestion = "Which?"\n'
    path.write_text(f'seeds = 1000000000\n{start}[[splits]]\nattr = "weather"\n')
    with pytest.raises(
        DeclarationError, match=r"mine\.toml: --seeds must be at most 1,000; found 1,000,000,000"
    ):
        read_study(path)
    path.write_text(f'{start}[[splits]]\nattr = "weather"\ndraws = 1000000000000\n')
    with pytest.raises(
        DeclarationError, match=r"mine\.toml: splits\[0\]: --control-draws must be at most 1,000"
    ):
        read_study(path)
