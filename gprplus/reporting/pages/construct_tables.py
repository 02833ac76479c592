"""Tables of a construction for a paper: Markdown with the verdict, the gains and the rounds."""

from gprplus.reporting import formatting
from gprplus.reporting.figures.path_plot import mixture_text
from gprplus.reporting.pages.construct_notes import construct_warnings, test_sentence
from gprplus.reporting.pages.markdown import markdown_table, plain_text
from gprplus.reporting.run_results import RunResults
from gprplus.schema.construct_record import ConstructRecord


def construct_markdown(record: ConstructRecord, run: RunResults) -> str:
    """Build the Markdown page of a construction: the question, the verdict with its warnings, the
    gains over the controls, and the rounds towards the target."""
    path = record.paths[0]
    gains = [
        [
            one.control,
            formatting.signed_points(one.gain),
            formatting.signed_interval(one.low, one.high),
            one.verdict,
        ]
        for one in record.comparisons
    ]
    rounds = [
        [
            str(number),
            mixture_text(one.trials[one.kept].shares),
            formatting.format_count(one.images),
            formatting.format_points(one.trials[one.kept].mAP),
            formatting.format_points(one.optimism),
        ]
        for number, one in enumerate(path.rounds, start=1)
    ]
    parts = [
        f"# {plain_text(record.question)}",
        plain_text(f"**{record.verdict}** {test_sentence(record, run)}"),
        "\n".join(
            f"- {plain_text(one.rest or one.lead)}" for one in construct_warnings(record, run)
        ),
        "## Gains of the constructed set",
        markdown_table([["over", "points of mAP", "95% interval", "verdict"], *gains]),
        f"## Rounds on the validation half of {plain_text(path.target)}",
        markdown_table(
            [["round", "kept mixture", "images", "validation mAP", "optimism"], *rounds]
        ),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"
