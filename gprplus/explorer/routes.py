"""The requests of the page by name: questions, which change nothing, and changes."""

from collections.abc import Callable, Mapping
from typing import Any

from gprplus.explorer import (
    design_answers,
    image_answers,
    issue_answers,
    ranking_answers,
    review_answers,
    run_answers,
    split_answers,
)
from gprplus.explorer.workspace import Workspace

Question = Callable[[Workspace, Mapping[str, str]], dict[str, Any]]
Change = Callable[[Workspace, dict[str, Any]], dict[str, Any]]

QUESTIONS: dict[str, Question] = {
    "workspace": image_answers.workspace_answer,
    "facets": image_answers.facets_answer,
    "rows": image_answers.rows_answer,
    "uids": image_answers.uids_answer,
    "image": image_answers.image_answer,
    "issues": issue_answers.issues_answer,
    "design": design_answers.design_answer,
    "split": split_answers.split_answer,
    "run": run_answers.run_answer,
    "compare": run_answers.compare_answer,
    "ranking": ranking_answers.ranking_answer,
    "map": ranking_answers.map_answer,
}
CHANGES: dict[str, Change] = {
    "review": review_answers.review_change,
    "undo": review_answers.undo_change,
    "subset": review_answers.subset_change,
    "part": split_answers.part_change,
}
