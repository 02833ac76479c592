"""The requests of the page by name: questions, which change nothing, and changes."""

from collections.abc import Callable, Mapping
from typing import Any

from gprplus.explorer import image_answers, review_answers
from gprplus.explorer.workspace import Workspace

Question = Callable[[Workspace, Mapping[str, str]], dict[str, Any]]
Change = Callable[[Workspace, dict[str, Any]], dict[str, Any]]

QUESTIONS: dict[str, Question] = {
    "workspace": image_answers.workspace_answer,
    "facets": image_answers.facets_answer,
    "rows": image_answers.rows_answer,
    "uids": image_answers.uids_answer,
    "image": image_answers.image_answer,
}
CHANGES: dict[str, Change] = {
    "review": review_answers.review_change,
    "undo": review_answers.undo_change,
    "subset": review_answers.subset_change,
}
