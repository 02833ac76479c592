"""Names of arms, levels, targets and contrasts as they stand in a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from gprplus.core.declarations import attributes
from gprplus.reporting import formatting

UNTRAINED = "untrained"
OWN_TEST_SET = "self"


def question_of(info: Mapping[str, Any]) -> str:
    """What the experiment asks.

    >>> question_of({"attribute": "weather"}), question_of({"attribute": "identity"})
    ('What is the weather worth?', 'What are more people worth?')
    """
    design = info.get("design")
    if design == "declared":
        return "How do these training sets compare?"
    if design == "factorial":
        factors = [factor["attribute"] for factor in info["factorial"]["factors"].values()]
        return (
            f"What does restricting {formatting.join_names([formatting.attribute_noun(name) for name in factors])} do?"
        )
    if design == "path":
        ends = ("+".join(info["path"][end]) for end in ("from", "to"))
        return "What does training on {1} in the place of {0} do?".format(*ends)
    if design == "budget":
        return "Are more people or more images of each worth more?"
    if info.get("attribute") == "identity":
        return "What are more people worth?"
    if info.get("attribute"):
        return f"What is the {formatting.attribute_noun(info['attribute'])} worth?"
    return "Which training set is worth more?"


def target_phrase(target: str) -> str:
    """A target as it stands in a sentence."""
    name = target.removesuffix("+reranked")
    where = "the split's own test set" if name == OWN_TEST_SET else f"the target {name}"
    return where if name == target else f"{where}, re-ranked"


def reference_phrase(arm: str, info: Mapping[str, Any]) -> str:
    """The reference as it stands after "against".

    >>> reference_phrase("mix", {})
    'the same-budget mixture'
    """
    if arm == "mix":
        return "the same-budget mixture"
    if arm.startswith("ids-"):
        return (
            ladder_label(arm)
            if "x" in arm or info.get("design") == "declared"
            else f"{ladder_label(arm)} with as many images"
        )
    if arm == "path-0":
        return "the start of the path"
    return f"the arm {arm}"


def against_phrase(family: str, reference: str, info: Mapping[str, Any]) -> str:
    """What the contrasts of a family are taken to, as it stands after "against".

    >>> against_phrase("main effects", "mix", {}), against_phrase("sufficiency", "mix", {})
    ('leaving it free', 'the same-budget mixture')
    """
    others = {
        "main effects": "leaving it free",
        "same size": "the mixture of the same size",
        "against random images": "random images of the same size",
        "attribute effect": "as many random levels",
    }
    return others.get(family) or reference_phrase(reference, info)


def sentence_subject(family: str, name: str, info: Mapping[str, Any]) -> str:
    """What a contrast of a family is about, at the head of a sentence.

    >>> sentence_subject("sufficiency", "only-foggy", {"attribute": "weather"})
    'training on foggy alone'
    >>> sentence_subject("same size", "only-foggy-120", {"attribute": "weather"})
    'training on 120 images of foggy'
    """
    if family == "main effects":
        factors = (info.get("factorial") or {}).get("factors") or {}
        levels: list[Any] = next((one["restricted"] for one in factors.values() if one["attribute"] == name), [])
        to = f" to {formatting.join_names([str(level) for level in levels])}" if levels else ""
        return f"restricting the {formatting.attribute_noun(name)}{to}"
    if family in ("same size", "against random images"):
        arm, _, size = name.rpartition("-")
        return f"training on {formatting.pluralize(int(size), 'image')} of {level_label(arm, info)}"
    return arm_phrase(name, info)


def kind_phrases(family: str, names: Sequence[str], info: Mapping[str, Any]) -> tuple[str, str]:
    """What the contrasts of a family compare, one and many.

    >>> kind_phrases("sufficiency", ["only-foggy", "only-sunny"], {"attribute": "weather"})
    ('single weather', 'weathers')
    """
    if family == "main effects":
        return "restriction", "restrictions"
    if family == "same size":
        return "choice at any size", "choices"
    attribute = info.get("attribute")
    if attribute and family == "sufficiency":
        many = formatting.attribute_nouns(attribute)
        return (
            ("choice", f"choices of {many}")
            if any("+" in name for name in names)
            else (
                f"single {formatting.attribute_noun(attribute)}",
                many,
            )
        )
    if family == "necessity":
        return "arm that leaves something out", "arms that each leave something out"
    if all(name.startswith("ids-") and "x" not in name for name in names):
        return "lower rung", "lower rungs"
    return ("step", "steps") if all(name.startswith("path-") for name in names) else ("arm", "arms")


def arm_phrase(arm: str, info: Mapping[str, Any]) -> str:
    """An arm as it stands at the head of a sentence.

    >>> arm_phrase("only-foggy", {"attribute": "weather"}), arm_phrase("ids-100", {}), arm_phrase("mix", {})
    ('training on foggy alone', 'training on 100 identities', 'training on the mixture')
    """
    if arm.startswith("only-"):
        return f"training on {level_label(arm, info)} alone"
    if arm.startswith("without-"):
        return f"training without {level_label(arm, info)}"
    if arm.startswith("ids-"):
        return f"training on {ladder_label(arm)}"
    if arm.startswith("path-"):
        return f"going {arm.removeprefix('path-')}% of the way"
    if arm.startswith("restrict-"):
        factors = [formatting.attribute_noun(name) for name in arm.removeprefix("restrict-").split("+")]
        return f"restricting {formatting.join_names(factors)}"
    return "training on the mixture" if arm == "mix" else f"training on {arm}"


def level_label(arm: str, info: Mapping[str, Any]) -> str:
    """The level or levels an arm is named for, in words; other arms keep their name.

    >>> level_label("only-0+90", {"attribute": "viewpoint_deg"}), level_label("mix", {})
    ('viewpoint 0+90°', 'mix')
    """
    for prefix in ("only-", "without-"):
        if arm.startswith(prefix):
            levels = arm.removeprefix(prefix)
            return formatting.format_level(info["attribute"], levels) if info.get("attribute") else levels
    return ladder_label(arm) if arm.startswith("ids-") else arm


def plot_label(arm: str, info: Mapping[str, Any]) -> str:
    """An arm as a plot names it: by its bare level where it stands for one.

    >>> plot_label("only-yes", {"attribute": "hat"}), plot_label("only-90", {"attribute": "viewpoint_deg"})
    ('yes', '90°')
    >>> plot_label("mix", {})
    'mix'
    """
    declared = attributes().get(info.get("attribute") or "")
    degree = "°" if declared and declared.unit == "degree" else ""
    return arm.removeprefix("only-") + degree if arm.startswith("only-") else arm


def ladder_label(arm: str) -> str:
    """The people of a ladder's rung, such as "48 identities"."""
    number, _, rest = arm.removeprefix("ids-").partition("-")
    persons, _, each = number.partition("x")
    if persons.isdigit() and each.isdigit():
        images = formatting.pluralize(int(each), "image")
        return f"{formatting.pluralize(int(persons), 'identity', 'identities')} with {images} each"
    people = formatting.pluralize(int(number), "identity", "identities") if number.isdigit() else arm
    return f"{people} with all their images" if rest == "all" else people
