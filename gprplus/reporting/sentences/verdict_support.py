"""Sentences that support a verdict: controls, the untrained network, and warnings of few seeds and
identities."""

from collections.abc import Mapping, Sequence

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import OWN_TEST_SET, RERANKED
from gprplus.reporting.findings import ContrastFinding, Row
from gprplus.schema.split_record import RANDOM_IMAGES, SplitRecord

FEW_IDENTITIES = 20  # test identities below which the verdict carries a warning


def few_identities_warning(reference: Row) -> list[str]:
    """A warning where few identities were searched for."""
    count = reference["query_identities"]
    if count >= FEW_IDENTITIES:
        return []
    found = formatting.pluralize(count, "test identity", "test identities")
    own = reference["target"].removesuffix(RERANKED) == OWN_TEST_SET
    step = "Render more identities, or raise --test-share" if own else "Use a larger target"
    return [
        f"Warning: only {found} (below {FEW_IDENTITIES}); other identities may change the"
        f" conclusion. {step}."
    ]


def control_sentence(
    found: Sequence[ContrastFinding], trained: Mapping[str, Row], reference: Row, split: SplitRecord
) -> list[str]:
    """Return the sentence on random images of the same size, which shows the variation of a
    draw."""
    one = next((one for one in found if one.family == "random images"), None)
    sizes = {
        row["train_images"] for arm, row in trained.items() if split.is_of_kind(arm, RANDOM_IMAGES)
    }
    if one is None or one.outcome == "unknown" or sizes != {reference["train_images"]}:
        return []
    drawn = "A random draw" if one.draws == 1 else f"The mean of {one.draws} random draws"
    span = formatting.signed_interval(one.low, one.high)
    figures = f"({formatting.signed_points(one.difference)}, {one.interval} {span})"
    if one.outcome == "same":
        return [
            f"{drawn} of the same size is equal to the reference within "
            f"{formatting.magnitude(one.margin)} points {figures}."
        ]
    if one.outcome == "unclear":
        return [f"{drawn} of the same size is not distinguishable from the reference {figures}."]
    draws = (
        "differences of this size can be due to that draw"
        if one.draws == 1
        else "more than the variation of these draws"
    )
    return [f"{drawn} of the same size differs from the reference {figures}: {draws}."]


def few_seeds_warning(compared: Sequence[ContrastFinding]) -> list[str]:
    """Return the warning about two seeds."""
    if compared[0].seeds != 2:
        return []
    return [
        "Two seeds estimate the noise of an arm from a single difference, so only large gaps can be"
        " shown; three seeds narrow the intervals by a third to a half."
    ]


def floor_sentence(floor: Row | None) -> list[str]:
    """Return the score of the untrained network."""
    if floor is None:
        return []
    return [f"Untrained, the same network scores {formatting.format_points(floor['mAP'])}."]


def floor_warning(reference: Row | None, floor: Row | None) -> list[str]:
    """Return a warning if training did not improve the untrained network.

    A separate question with a separate interval.
    """
    low, high = (
        None if floor is None else floor[f"mAP_difference_{end}"] for end in ("low", "high")
    )
    if reference is None or low is None or high is None or high < 0:
        return []
    found = "scores below" if low > 0 else "is not distinguishable from"
    return [
        f"Warning: the reference {found} the untrained network, so differences between trained arms"
        " may not reflect training."
    ]
