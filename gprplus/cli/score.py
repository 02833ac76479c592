"""`gprplus score`: score features of another trainer."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import options
from gprplus.cli.click_options import click_options
from gprplus.cli.topics import TopicCommand
from gprplus.evaluation.options import SCORING, ScoringOptions

if TYPE_CHECKING:
    from gprplus.evaluation.targets import Target

FEATURES = "Features and test set"


@click.command("score", cls=TopicCommand)
@options.topic_option(
    "--features",
    group=FEATURES,
    required=True,
    type=options.LocalPath(),
    metavar="FILE",
    help="File of features: .parquet, .csv, .npy, .npz, .pt, .safetensors or .mat.",
)
@options.topic_option(
    "--ids",
    group=FEATURES,
    type=options.LocalPath(),
    default=None,
    metavar="FILE",
    help=(
        "Text file with the uid or path of each row, one per line, if FILE has no names.  [default:"
        " the .txt of the same name]"
    ),
)
@options.topic_option(
    "--split",
    group=FEATURES,
    type=options.LocalPath(),
    default=None,
    metavar="FOLDER",
    help="Score on the test set of this split.",
)
@options.topic_option(
    "--target",
    group=FEATURES,
    type=options.StoredPath(),
    default=None,
    help="Score on this manifest or folder of images.",
)
@options.topic_option(
    "--protocol",
    "rule",
    group=SCORING,
    default=None,
    metavar="RULE",
    help=(
        "Protocol: camera (or market1501, dukemtmcreid, msmt17, cuhk03), viewpoint or no-camera. "
        " [default: the target's]"
    ),
)
@click_options(
    ScoringOptions, leave=("rerank", "gallery_junk", "removed", "block_rows"), check=False
)
@options.topic_option(
    "--rerank",
    group=SCORING,
    is_flag=True,
    help="Re-rank by k-reciprocal neighbors (k1 20, k2 6, lambda 0.3) first.",
)
@options.topic_option(
    "--ranked-lists",
    "sheet",
    type=options.LocalPath(),
    default=None,
    metavar="FILE",
    help=(
        "Draw the first ranks of the best, median and worst queries and of some random ones into"
        " this .png or .jpg."
    ),
)
@options.work_option
@options.json_option
def command(
    features: Path,
    ids: Path | None,
    split: Path | None,
    target: Path | None,
    rule: str | None,
    metric: str,
    ap: str,
    rerank: bool,
    sheet: Path | None,
    work: Path,
    as_json: bool,
) -> None:
    """Score features of another trainer.

    A table names each row in a column uid or path and has the feature in a list column `feature`
    (Parquet), or one column for each dimension. Files of arrays have an array `features`, and
    `uids` or `paths`. Names can also be in --ids, or in a .txt of the same name next to the file;
    without any, the rows must be those of the split's members.parquet (query and gallery) in their
    order. A folder of images is first ingested under WORK/targets.

    \b
    Examples:
      gprplus score --features mine.parquet --split work/splits/weather
      gprplus score --features market.npy --ids names.txt --target data/market
      gprplus score --features mine.npz --split work/splits/weather --ranked-lists lists.png
    """
    if (split is None) == (target is None):
        raise click.UsageError("give --split or --target, and only one of them.")
    if sheet and (rerank or metric != "cosine"):
        raise click.UsageError("--ranked-lists shows rankings by cosine, not re-ranked.")
    from gprplus.cli.console import print_json, print_note, print_result
    from gprplus.evaluation import external_features as given
    from gprplus.evaluation.rerank import RerankOptions
    from gprplus.experiments.open_target import open_target, with_protocol

    on = open_target(
        split,
        target or Path(),
        work / "targets" / (target.resolve().name if target else ""),
        rule,
    )
    on = with_protocol(on, rule) if rule else on
    matrix = given.read_features(on, features, ids)
    scores, queries = on.score(
        matrix, metric=metric, ap=ap, rerank=RerankOptions() if rerank else None
    )
    found = scores.summary()
    if sheet:
        _draw(on, matrix, queries, sheet, f"{features.name}, mAP {100 * found['mAP']:.1f}")
    facts: dict[str, Any] = {
        "protocol": on.protocol,
        "metric": metric,
        "ap": ap,
        "rerank": rerank,
        **found,
    }
    facts |= {"dimensions": matrix.shape[1], "warnings": on.warnings()}
    if as_json:
        print_json(facts)
        return
    ranks = ", ".join(f"rank-{k} {100 * found[f'rank{k}']:.1f}" for k in (1, 5, 10))
    print_result(f"mAP {100 * found['mAP']:.1f}, {ranks}, mINP {100 * found['mINP']:.1f}")
    left_out = len(scores.per_query.valid) - scores.queries
    again = ", re-ranked (k1 20, k2 6, lambda 0.3)" if rerank else ""
    note = f" ({left_out:,} without a true match left out)" if left_out else ""
    rule_and_form = f"{on.protocol} rule, {metric} similarity, AP in its {ap} form"
    print_result(
        f"{scores.queries:,} queries{note}, {matrix.shape[1]:,} dimensions; {rule_and_form}{again}"
    )
    for warning in on.warnings():
        print_note(warning)


def _draw(on: "Target", matrix: Any, queries: Any, sheet: Path, title: str) -> None:
    """Draw the ranked lists of a few queries of scored features."""
    from gprplus.cli.show.formatting import save_image
    from gprplus.evaluation.ranked_sheet import draw_ranked_lists

    table = on.ranked(matrix, queries)
    if table is not None:
        save_image(draw_ranked_lists(table, on.roots, title), sheet)
