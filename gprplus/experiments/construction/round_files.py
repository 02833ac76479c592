"""Finished rounds on disk, so that a stopped construction goes on where it was."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gprplus.core.errors import PlanError
from gprplus.core.files.workdir import check_request, read_json, write_json, write_table
from gprplus.experiments.construction.rounds import QueryScores, RoundResult, Trial

RECORD, SETS, SCORES = "round.json", "added.parquet", "scores.parquet"


def write_round(folder: Path, number: int, result: RoundResult, request: dict[str, Any]) -> None:
    """Write a finished round, its record last."""
    home = _folder(folder, number)
    trial, identity, cell = np.nonzero(np.stack([one.added for one in result.trials]))
    columns = {"trial": trial, "identity": identity, "cell": cell}
    write_table(home / SETS, pa.table({key: pa.array(each) for key, each in columns.items()}))
    parts = [
        pa.table(
            {
                "trial": pa.array(np.full(len(one.scores.uids), place)),
                "uid": pa.array(one.scores.uids),
                "identity": pa.array(one.scores.identities),
                "AP": pa.array(one.scores.AP),
            }
        )
        for place, one in enumerate(result.trials)
    ]
    write_table(home / SCORES, pa.concat_tables(parts))
    write_json(
        home / RECORD,
        {
            "request": request,
            "kept": result.kept,
            "optimism": result.optimism,
            "trials": [
                {"shares": one.shares, "reasons": list(one.reasons)} for one in result.trials
            ],
        },
    )


def read_rounds(
    folder: Path, count: int, shape: tuple[int, int], request: dict[str, Any]
) -> list[RoundResult]:
    """Return the finished rounds, in order up to the first that is missing.

    Args:
        folder: folder of the rounds of one target.
        count: rounds at most.
        shape: number of identities, and of cells.
        request: what determines the rounds.

    Raises:
        RequestChanged: a round belongs to another request.
    """
    found: list[RoundResult] = []
    for number in range(count):
        home = _folder(folder, number)
        if check_request(home / RECORD, request) != "same":
            break
        found.append(_read(home, shape))
    return found


def _folder(folder: Path, number: int) -> Path:
    return folder / f"round-{number + 1}"


def _read(home: Path, shape: tuple[int, int]) -> RoundResult:
    record = read_json(home / RECORD, PlanError, "a round")
    sets, scores = (_table(home / name) for name in (SETS, SCORES))
    trials = []
    for place, facts in enumerate(record["trials"]):
        added = np.zeros(shape, dtype=bool)
        mine = sets["trial"] == place
        added[sets["identity"][mine], sets["cell"][mine]] = True
        own = scores["trial"] == place
        queries = QueryScores(scores["uid"][own], scores["AP"][own], scores["identity"][own])
        trials.append(Trial(facts["shares"], added, queries, tuple(facts["reasons"])))
    return RoundResult(tuple(trials), record["kept"], record["optimism"])


def _table(path: Path) -> dict[str, np.ndarray]:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise PlanError(
            f"{path} cannot be read. Remove its folder: the round is run again."
        ) from error
    return {name: table.column(name).to_numpy() for name in table.column_names}


def images_after(rounds: Sequence[RoundResult], number: int) -> int:
    """Images of the set after round `number`, from 0."""
    return sum(int(one.chosen.added.sum()) for one in rounds[: number + 1])
