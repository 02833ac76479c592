"""Names of arms, levels, targets and contrasts for sentences."""

from collections.abc import Sequence

from gprplus.reporting import formatting
from gprplus.schema.split_record import Rung, SplitRecord

UNTRAINED = "untrained"
OWN_TEST_SET = "self"
RERANKED = "+reranked"  # at the end of the name of a target whose rankings were re-ranked
SAME_SIZE = "the mixture of the same size"  # reference of arms where there are several sizes


def question_of(split: SplitRecord) -> str:
    """Return the question that an experiment answers, such as "What is the weather worth?"."""
    if split.design == "declared":
        return "How do these training sets compare?"
    if split.factorial is not None:
        factors = [
            formatting.attribute_noun(factor.attribute)
            for factor in split.factorial.factors.values()
        ]
        return f"What does restricting {formatting.join_names(factors)} do?"
    if split.crossed:
        crossed = formatting.join_names(list(map(formatting.attribute_noun, split.crossed)))
        return f"What is each cell of {crossed} worth?"
    if split.path is not None:
        return (
            f"What does training on {'+'.join(split.path.end)} in the place of"
            f" {'+'.join(split.path.start)} do?"
        )
    if split.design == "budget":
        return "Do more identities help more than more images of each?"
    if split.attribute == "identity":
        return "How much do more identities help?"
    if split.attribute:
        return f"What is the {formatting.attribute_noun(split.attribute)} worth?"
    return "Which training set is worth more?"


def target_phrase(target: str) -> str:
    """Return the name of a target in a sentence."""
    name = target.removesuffix(RERANKED)
    where = "the split's own test set" if name == OWN_TEST_SET else f"the target {name}"
    return where if name == target else f"{where}, re-ranked"


def is_mixture(arm: str, split: SplitRecord) -> bool:
    """Return True if an arm is the even mixture of the levels; a scaling design has one of each
    size."""
    return split.is_of_kind(arm, "mix") and split.design != "scaling"


def reference_phrase(arm: str, split: SplitRecord) -> str:
    """Return the name of the reference after "against", such as "the same-budget mixture"."""
    if is_mixture(arm, split):
        return "the same-budget mixture"
    rung = split.rung(arm)
    if rung:
        same = rung.images_each is None and split.design != "declared"
        return f"{ladder_label(rung)} with as many images" if same else ladder_label(rung)
    if split.is_of_kind(arm, "path") and split.arms[arm].share == 0:
        return "the start of the path"
    return f"the arm {arm}"


def level_reference_phrase(reference: str, split: SplitRecord) -> str:
    """Return the baseline of arms on single levels after "against": with mixtures of several sizes,
    that of the arm's size."""
    if split.design == "scaling":
        return SAME_SIZE
    return reference_phrase(reference, split)


def against_phrase(family: str, reference: str, split: SplitRecord) -> str:
    """Return the baseline of the contrasts of a family after "against"."""
    others = {
        "main effects": "leaving it free",
        "same size": SAME_SIZE,
        "against random images": "random images of the same size",
        "attribute effect": "as many random levels",
        "additivity": "what its levels add up to",
    }
    return others.get(family) or reference_phrase(reference, split)


def sentence_subject(family: str, name: str, split: SplitRecord) -> str:
    """Return the subject of a sentence about a contrast, such as "training on foggy alone"."""
    if family == "main effects":
        factors = split.factorial.factors.values() if split.factorial else ()
        levels = next((factor.restricted for factor in factors if factor.attribute == name), [])
        to = (
            f" to {formatting.join_names(list(map(str, levels)))}"
            if isinstance(levels, list) and levels
            else ""
        )
        return f"restricting the {formatting.attribute_noun(name)}{to}"
    if family in ("same size", "against random images") and name in split.arms:
        arm = split.arms[name]
        return (
            f"training on {formatting.pluralize(arm.images, 'image')} of"
            f" {_level(arm.choice, split)}"
        )
    return arm_phrase(name, split)


def kind_phrases(family: str, names: Sequence[str], split: SplitRecord) -> tuple[str, str]:
    """Return the singular and plural of the compared things, such as "single weather" and
    "weathers"."""
    if family == "main effects":
        return "restriction", "restrictions"
    if family == "same size":
        return "choice at any size", "choices"
    if split.crossed and family == "sufficiency":
        return "single cell", "cells"
    if split.attribute and family == "sufficiency":
        many = formatting.attribute_nouns(split.attribute)
        if any(len(split.arms[name].choice) > 1 for name in names if name in split.arms):
            return "choice", f"choices of {many}"
        return f"single {formatting.attribute_noun(split.attribute)}", many
    if family == "necessity":
        return "arm that leaves something out", "arms that each leave something out"
    rungs = [split.rung(name) for name in names]
    if all(rung is not None and rung.images_each is None for rung in rungs):
        return "lower rung", "lower rungs"
    return (
        ("step", "steps")
        if all(split.is_of_kind(name, "path") for name in names)
        else ("arm", "arms")
    )


def arm_phrase(name: str, split: SplitRecord) -> str:
    """Return an arm as the subject of a sentence, such as "training on foggy alone"."""
    arm = split.arms.get(name)
    if arm is None:
        return f"training on {name}"
    if arm.kind in ("only", "cell"):
        return f"training on {level_label(name, split)} alone"
    if arm.kind == "without":
        return f"training without {level_label(name, split)}"
    if arm.rung:
        return f"training on {ladder_label(arm.rung)}"
    if arm.kind == "path" and arm.share is not None:
        return f"going {100 * arm.share:g}% of the way"
    if arm.restricted:
        return (
            "restricting"
            f" {formatting.join_names([formatting.attribute_noun(factor) for factor in arm.restricted])}"
        )
    return "training on the mixture" if is_mixture(name, split) else f"training on {name}"


def level_label(name: str, split: SplitRecord) -> str:
    """The level or levels an arm is named for, in words, such as "viewpoint 0+90°"; other arms keep
    their name."""
    arm = split.arms.get(name)
    if arm is None:
        return name
    if arm.choice:
        text = _level(arm.choice, split)
        return f"{text}-{arm.images}" if split.design == "scaling" else text
    return ladder_label(arm.rung) if arm.rung else name


def _level(choice: Sequence[str], split: SplitRecord) -> str:
    levels = "+".join(choice)
    if not split.attribute or split.crossed:
        return levels
    return formatting.format_level(split.attribute, levels, split.declared)


def bare(name: str, split: SplitRecord) -> str:
    """An arm of single levels by its bare levels, such as "sunny+foggy"; other arms keep their
    name."""
    arm = split.arms.get(name)
    if arm is None or arm.kind not in ("only", "cell"):
        return name
    return "+".join(arm.choice) + (f"-{arm.images}" if split.design == "scaling" else "")


def plot_label(name: str, split: SplitRecord) -> str:
    """Return the name of an arm in a plot: the bare level if it has one, such as "90°"."""
    declared = split.declared
    degree = "°" if declared and declared.unit == "degree" else ""
    return bare(name, split) + (degree if split.is_of_kind(name, "only") else "")


def ladder_label(rung: Rung) -> str:
    """The identities of a rung of a ladder.

    >>> ladder_label(Rung(48)), ladder_label(Rung(8, 24)), ladder_label(Rung(1, whole=True))
    ('48 identities', '8 identities with 24 images each', '1 identity with all their images')
    """
    found = formatting.pluralize(rung.identities, "identity", "identities")
    if rung.images_each is not None:
        return f"{found} with {formatting.pluralize(rung.images_each, 'image')} each"
    return f"{found} with all their images" if rung.whole else found
