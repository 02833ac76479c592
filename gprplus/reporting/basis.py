"""Basis of a conclusion: seeds and identities, origin of the network, and test data."""

from collections.abc import Sequence

from gprplus.core import declarations
from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import OWN_TEST_SET, RERANKED, target_phrase
from gprplus.reporting.experiment import Experiment
from gprplus.reporting.findings import ContrastFinding, Row
from gprplus.schema.run_record import EXTERNAL


def basis_targets(rows: Sequence[Row]) -> list[str]:
    """The targets of summary rows: those that were named by name, then the split's own test set;
    without its further tests.
    """
    names = {row["target"] for row in rows if not row["target"].startswith(f"{OWN_TEST_SET}:")}
    return sorted(names, key=lambda name: (name.removesuffix(RERANKED) == OWN_TEST_SET, name))


def describe_basis(row: Row, compared: Sequence[ContrastFinding], about: Experiment) -> str:
    """Return the numbers of seeds and identities of a conclusion, the size of the family of its
    intervals, and caveats.
    """
    seeds = formatting.pluralize(row["seeds"], "seed")
    queries = formatting.pluralize(row["queries"], "query", "queries")
    people = formatting.pluralize(row["query_identities"], "identity", "identities")
    parts = [
        f"{seeds}, {queries} of {people}",
        *_together(compared),
        *describe_caveats([row], about),
    ]
    return f"Basis: {'; '.join(parts)}."


def _together(compared: Sequence[ContrastFinding]) -> list[str]:
    if not compared or compared[0].size < 2:
        return []
    first = compared[0]
    over = f"the {first.size} contrasts of the family '{first.family}' (max-|t|)"
    return [
        f"intervals simultaneous over {over}{' and the three estimands' if first.shared else ''}"
    ]


def describe_caveats(rows: Sequence[Row], about: Experiment) -> list[str]:
    """Return the caveats of every conclusion about these rows: origin of the network and test
    data."""
    sentences = []
    for weights in sorted({row["weights"] or "none" for row in rows}):
        sentences.append(
            "trained from scratch"
            if weights == "none"
            else "trained by another program"
            if weights == EXTERNAL
            else f"starting from {weights} weights{_fresh(weights, about)}"
        )
    for target in basis_targets(rows):
        sentences.append(f"tested on {describe_target_images(target, about)}")
    return sentences


def _fresh(weights: str, about: Experiment) -> str:
    """Return a note on tensors with random initialization, after the name of the weights; empty if
    there are none."""
    note = about.benchmark.weights_note
    return f": {note.removeprefix(f'{weights}: ').rstrip('.')}" if note else ""


def describe_target_images(target: str, about: Experiment) -> str:
    """Describe the images of a target: engine renders are named as such, other datasets by their
    title."""
    targets_, name = about.benchmark.targets, target.removesuffix(RERANKED)
    datasets = (
        about.split.datasets
        if name == OWN_TEST_SET
        else targets_[name].datasets
        if name in targets_
        else {}
    )
    titles = {dataset.title or name for name, dataset in datasets.items()}
    others = sorted(titles - declarations.engine_titles())
    if len(others) < len(titles):
        return formatting.join_names(["engine renders", *others]) + (
            ", not on photographs" if not others else ""
        )
    return formatting.join_names(others) or target_phrase(target)
