"""Names of arms, levels and targets as they stand in a sentence."""

from collections.abc import Mapping
from typing import Any

from gprplus.declared import attributes
from gprplus.report import words

UNTRAINED = "untrained"
SELF = "self"


def question(info: Mapping[str, Any]) -> str:
    """What the experiment asks.

    >>> question({"attribute": "weather"}), question({"attribute": "identity"})
    ('What is the weather worth?', 'What are more people worth?')
    """
    design = info.get("design")
    if design == "declared":
        return "How do these training sets compare?"
    if design == "factorial":
        factors = [factor["attribute"] for factor in info["factorial"]["factors"].values()]
        return f"What does restricting {words.listed([words.noun(name) for name in factors])} do?"
    if design == "path":
        ends = ("+".join(info["path"][end]) for end in ("from", "to"))
        return "What does training on {1} in the place of {0} do?".format(*ends)
    if design == "budget":
        return "Are more people or more images of each worth more?"
    if info.get("attribute") == "identity":
        return "What are more people worth?"
    if info.get("attribute"):
        return f"What is the {words.noun(info['attribute'])} worth?"
    return "Which training set is worth more?"


def target_phrase(target: str) -> str:
    """A target as it stands in a sentence."""
    name = target.removesuffix("+reranked")
    where = "the split's own test set" if name == SELF else f"the target {name}"
    return where if name == target else f"{where}, re-ranked"


def reference_phrase(arm: str, info: Mapping[str, Any]) -> str:
    """The reference as it stands after "against".

    >>> reference_phrase("mix", {})
    'the same-budget mixture'
    """
    if arm == "mix":
        return "the same-budget mixture"
    if arm.startswith("ids-"):
        return people(arm) if "x" in arm or info.get("design") == "declared" else f"{people(arm)} with as many images"
    if arm == "path-0":
        return "the start of the path"
    return f"the arm {arm}"


def arm_phrase(arm: str, info: Mapping[str, Any]) -> str:
    """An arm as it stands at the head of a sentence.

    >>> arm_phrase("only-foggy", {"attribute": "weather"}), arm_phrase("ids-100", {}), arm_phrase("mix", {})
    ('training on foggy alone', 'training on 100 identities', 'training on the mixture')
    """
    if arm.startswith("only-"):
        return f"training on {short(arm, info)} alone"
    if arm.startswith("without-"):
        return f"training without {short(arm, info)}"
    if arm.startswith("ids-"):
        return f"training on {people(arm)}"
    if arm.startswith("path-"):
        return f"going {arm.removeprefix('path-')}% of the way"
    if arm.startswith("restrict-"):
        return f"restricting {words.listed([words.noun(name) for name in arm.removeprefix('restrict-').split('+')])}"
    return "training on the mixture" if arm == "mix" else f"training on {arm}"


def short(arm: str, info: Mapping[str, Any]) -> str:
    """The level or levels an arm is named for, in words; other arms keep their name.

    >>> short("only-0+90", {"attribute": "viewpoint_deg"}), short("mix", {})
    ('viewpoint 0+90°', 'mix')
    """
    for prefix in ("only-", "without-"):
        if arm.startswith(prefix):
            levels = arm.removeprefix(prefix)
            return words.level(info["attribute"], levels) if info.get("attribute") else levels
    return people(arm) if arm.startswith("ids-") else arm


def label(arm: str, info: Mapping[str, Any]) -> str:
    """An arm as a plot names it: by its bare level where it stands for one.

    >>> label("only-yes", {"attribute": "hat"}), label("only-90", {"attribute": "viewpoint_deg"}), label("mix", {})
    ('yes', '90°', 'mix')
    """
    declared = attributes().get(info.get("attribute") or "")
    degree = "°" if declared and declared.unit == "degree" else ""
    return arm.removeprefix("only-") + degree if arm.startswith("only-") else arm


def is_control(arm: str) -> bool:
    """Whether an arm is a random control of the design rather than a question of it."""
    return arm.startswith(("random-images", "random-levels"))


def people(arm: str) -> str:
    """The people of a ladder's rung, such as "48 identities"."""
    number, _, rest = arm.removeprefix("ids-").partition("-")
    persons, _, each = number.partition("x")
    if persons.isdigit() and each.isdigit():
        return f"{words.counted(int(persons), 'identity', 'identities')} with {words.counted(int(each), 'image')} each"
    people = words.counted(int(number), "identity", "identities") if number.isdigit() else arm
    return f"{people} with all their images" if rest == "all" else people
