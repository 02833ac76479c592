"""Tables of a study for a paper: Markdown with every family of contrasts, and the scores of all
splits as CSV."""

from collections.abc import Sequence

from gprplus.reporting import formatting, summary_tables
from gprplus.reporting.pages.markdown import markdown_table, plain_text
from gprplus.reporting.pages.study_page import ContrastRow, build_study_page
from gprplus.reporting.run_results import RunResults
from gprplus.schema.study_record import StudyRecord


def study_markdown(study: StudyRecord, outcomes: Sequence[RunResults]) -> str:
    """Build the Markdown page of a study: the question, the answer, and every family of contrasts
    as a table."""
    page = build_study_page(study, outcomes, [""] * len(outcomes))
    parts = [
        f"# {plain_text(page.question)}",
        plain_text(" ".join([f"**{page.answer.headline}**", *page.answer.support])),
    ]
    parts.append(plain_text(page.answer.basis))
    for family in page.families:
        headers = ["split", "target", "contrast", "points of mAP", "95% interval", "verdict"]
        lines_ = [
            [
                one.split,
                one.target,
                one.name,
                formatting.signed_points(one.value),
                _span(one),
                one.verdict,
            ]
            for one in family.lines
        ]
        about = f"Family '{family.name}': paired differences. {family.holds}".rstrip()
        parts += [
            f"## {plain_text(family.title)}",
            plain_text(about),
            markdown_table([headers, *lines_]),
        ]
    return "\n\n".join(parts) + "\n"


def study_csv(outcomes: Sequence[RunResults]) -> str:
    """The rows of every split's results.csv under one line of headers."""
    each = [
        summary_tables.summary_csv(one.summary, one.effect_tables["contrasts"], one.arms).partition(
            "\n"
        )
        for one in outcomes
    ]
    return "".join([*each[0][:2], *(rows for _, _, rows in each)])


def _span(line: ContrastRow) -> str:
    return formatting.signed_interval(line.low, line.high)
