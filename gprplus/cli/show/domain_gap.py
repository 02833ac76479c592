"""Output of `gprplus analyze`: nearest level first, with caveats."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gprplus.cli import console

if TYPE_CHECKING:
    from gprplus.analysis import AnalysisResult

Row = Mapping[str, Any]


def print_analysis(analysis: "AnalysisResult") -> None:
    """Print one target's tables."""
    from gprplus.analysis.run_analysis import CAUTION

    info = analysis.info
    side = "training side" if info["target_side"] == "train" else "whole (it has no training side)"
    console.print_result(
        f"Target {info['target']}: {info['target_images']:,} images of"
        f" {info['target_identities']:,} identities, {side}."
    )
    if info["shared_people"]:
        console.print_note(
            f"Note: source and target share {info['shared_people']:,} identities, so all distances"
            " are slightly too small."
        )
    _paper(analysis) if info["request"]["mode"] == "paper" else _sound(analysis)
    _accuracy(info.get("accuracy", []))
    for note in info["notes"]:
        console.print_note(f"Note: {note}")
    console.print_result(CAUTION)
    console.print_result(
        f"{'Written to' if analysis.made else 'Nothing to do: the same request is in'}"
        f" {analysis.path}"
    )


def _sound(analysis: "AnalysisResult") -> None:
    info, rows = analysis.info, analysis.distances.to_pylist()
    losses = _rows(analysis, "losses")
    for attribute in info["request"]["attributes"]:
        _styles(attribute, [row for row in losses if row["attribute"] == attribute])
        for kind, main in info["main"].items():
            _distances(
                attribute,
                kind,
                [r for r in rows if r["attribute"] == attribute and r["features"] == main],
            )
        alike = info["luminance_agreement"][attribute]
        if alike is not None:
            console.print_result(
                f"On luminance alone the levels rank like this with correlation {alike:.2f} (1: the"
                " same order)."
            )
        for pair in info["agreement"]:
            if pair["attribute"] == attribute and pair["correlation"] is not None:
                one, two = ("histograms" if name == "all" else name for name in pair["features"])
                console.print_result(
                    f"{one} and {two} rank the levels with correlation {pair['correlation']:.2f}."
                )
    console.print_result(
        "Below the range of shuffled levels, a level is nearer to the target than an even mix of"
        " all levels."
    )
    for kind, main in info["main"].items():
        _effects([r for r in _rows(analysis, "effects") if r["features"] == main], kind, info)
        _importance(
            [r for r in _rows(analysis, "importance") if r["features"] == main],
            kind,
            info["r2"].get(main),
        )


def _distances(attribute: str, kind: str, rows: Sequence[Row]) -> None:
    squares = {row["value"]: row["distance"] for row in rows if row["measure"] == "mmd2"}
    energy = sorted(
        (row for row in rows if row["measure"] == "energy"), key=lambda row: row["distance"]
    )
    title = (
        f"{attribute}, {kind}: {energy[0]['images']:,} images a level, of"
        f" {energy[0]['identities']:,} identities"
    )
    headers = [attribute, "distance", "95% interval", "shuffled levels", "MMD2 x 1000"]
    cells = [
        [
            row["value"],
            f"{row['distance']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['null_low']:.3f} to {row['null_high']:.3f}",
            f"{1000 * squares[row['value']]:.1f}",
        ]
        for row in energy
    ]
    _titled(headers, cells, title, right=(1, 2, 3, 4))


def _styles(attribute: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    raw = sorted(rows, key=lambda row: row["total"])
    cells = [
        [
            row["value"],
            f"{row['content_debiased']:.4g}",
            f"{row['style_debiased']:.4g}",
            f"{row['total_debiased']:.3f}",
            raw.index(row) + 1,
        ]
        for row in sorted(rows, key=lambda row: row["total_debiased"])
    ]
    title = f"{attribute}, VGG-19 content and style, debiased: {rows[0]['images']:,} images a level"
    _titled(
        [attribute, "content", "style", "both", "rank of the raw loss"],
        cells,
        title,
        right=(1, 2, 3, 4),
    )


def _effects(rows: Sequence[Row], kind: str, info: Row) -> None:
    fair = [row for row in rows if row["score"] == "debiased"]
    if not fair:
        return
    raw = {row["effect"]: row["share"] for row in rows if row["score"] == "raw"}
    single = [row for row in fair if row["order"] == 1]
    pairs = sorted((row for row in fair if row["order"] == 2), key=lambda row: -row["share"])[:3]
    crossed = info["crossed"]
    cells = [
        [
            row["effect"],
            f"{row['share']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}",
            "" if row["total"] is None else f"{row['total']:.1%}",
            "" if row["null_high"] is None else f"{row['null_high']:.2%}",
            f"{raw[row['effect']]:.1%}",
        ]
        for row in [*single, *pairs]
    ]
    title = (
        f"Sources of the distance of an image, {kind}: shares of its variance over"
        f" {crossed['identities']:,} identities in {crossed['cells']:,} cells"
    )
    headers = [
        "effect",
        "share",
        "95% interval",
        "with interactions",
        "shuffled under",
        "share, raw",
    ]
    _titled(headers, cells, title, right=(1, 2, 3, 4, 5))


def _importance(rows: Sequence[Row], kind: str, fitted: float | None) -> None:
    if not rows:
        return
    cells = [
        [
            row["attribute"],
            f"{row['drop']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['null_low']:.3f} to {row['null_high']:.3f}",
        ]
        for row in rows
    ]
    title = f"Importance for a boosted model on held-out identities, {kind}"
    title += "" if fitted is None else f" (R2 {fitted:.2f})"
    _titled(
        ["attribute scrambled", "fall of R2", "95% interval", "shuffled copies"],
        cells,
        title,
        right=(1, 2, 3),
    )


def _titled(
    headers: Sequence[str], rows: Sequence[Sequence[Any]], title: str, right: Sequence[int]
) -> None:
    """Print a table under a separate title line, because a title of the table would wrap at its
    width."""
    console.print_result(title)
    console.print_table(headers, rows, right=right)


def _accuracy(rows: Sequence[Row]) -> None:
    """Print the correlation with accuracy as a separate table: a close level need not train
    well."""
    from gprplus.analysis.distance_vs_map import ENOUGH, FEWEST

    if not rows:
        return
    cells = [
        [
            row["features"],
            row["guess"],
            "" if row["correlation"] is None else f"{row['correlation']:.2f}",
            "" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}",
        ]
        for row in rows
    ]
    arms = rows[0]["arms"]
    title = f"Correlation with accuracy: rank correlation with mAP over {arms:,} trained arms"
    _titled(["features", "guessed by", "correlation", "95% interval"], cells, title, right=(2, 3))
    if arms < FEWEST:
        console.print_note(f"Note: of fewer than {FEWEST} arms no correlation is taken.")
    elif arms < ENOUGH:
        console.print_note(
            f"Note: choose by distance only where it ranks {ENOUGH} arms and more better than light"
            " and size do."
        )


def _paper(analysis: "AnalysisResult") -> None:
    info = analysis.info
    rows = _rows(analysis, "losses")
    for attribute, kept in info["kept"].items():
        mine = sorted(
            (row for row in rows if row["attribute"] == attribute), key=lambda row: row["total"]
        )
        order = sorted(mine, key=lambda row: row["total_debiased"])
        cells = [
            [
                row["value"],
                f"{row['total']:.3f}",
                f"{row['low']:.3f} to {row['high']:.3f}",
                f"{row['content']:.4g}",
                f"{row['style']:.4g}",
                "kept" if row["kept"] else "",
                f"{row['total_debiased']:.3f}",
                order.index(row) + 1,
            ]
            for row in mine
        ]
        title = (
            f"{attribute}: VGG-19 losses, {mine[0]['images']:,} images a level,"
            f" {mine[0]['identities']:,} identities"
        )
        headers = [attribute, "loss", "95% interval", "content", "style", "cut", "debiased", "rank"]
        _titled(headers, cells, title, right=(1, 2, 3, 4, 6, 7))
        for rule, other in info["sensitivity"][attribute].items():
            mark = " (used)" if rule == info["settings"]["rule"] else ""
            same = "" if other == kept else ", another set"
            console.print_result(f"  rule {rule}{mark} keeps {', '.join(other)}{same}")
    counts = _rows(analysis, "counts")
    if counts:
        cells = [
            [
                r["attribute"],
                r["levels"],
                r["splits"],
                *(f"{r[k]:.1%}" for k in ("share", "null_share", "gain_share")),
            ]
            for r in sorted(counts, key=lambda row: -row["splits"])
        ]
        headers = ["column", "values", "splits", "share", "share, losses shuffled", "share of gain"]
        _titled(
            headers,
            cells,
            "Split counts of boosted trees, as the paper's importance",
            right=(1, 2, 3, 4, 5),
        )
    for sentence in info["bias"]:
        console.print_result(sentence)
    sentence = ", ".join(f"{key} {_shown(value)}" for key, value in info["settings"].items())
    console.print_result(f"Settings that the paper does not state: {sentence}.")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _rows(analysis: "AnalysisResult", name: str) -> list[dict[str, Any]]:
    return analysis.tables[name].to_pylist() if name in analysis.tables else []
