"""Matching of the generator's log with images: actor and place of each identity, and disagreements.

Matched by order (log_segments.py), identity by identity; within one, weather, hour and camera of a
line identify its image. Unmatched identities remain unknown and are reported.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.core.errors import ManifestError, first_few
from gprplus.core.escape import csv_text
from gprplus.core.files.folders import remove_output
from gprplus.core.files.workdir import write_text
from gprplus.ingest.gta.log import GeneratorLog, log_digest, read_log
from gprplus.ingest.gta.log_segments import (
    Cell,
    LogSegment,
    latest_segments,
    log_segments,
    pair_segments,
)
from gprplus.ingest.layouts.decode import DecodedTokens
from gprplus.ingest.layouts.layout import Layout
from gprplus.ingest.layouts.tokens import EngineLogRule
from gprplus.ingest.tables.assemble import AssembledTables
from gprplus.schema.manifest_record import EngineLogRecord

COLUMNS = (
    "identity",
    "joined",
    "actor",
    "place",
    "images",
    "lines",
    "images_without_line",
    "lines_without_image",
    "other_place",
    "other_angle",
    "first_line",
    "remark",
)
Fact = dict[str, Any]


@dataclass(frozen=True)
class LogMatch:
    """A dataset's rows with what the log adds, and one fact sheet for each identity."""

    rows: AssembledTables
    facts: list[Fact]


def match_log(
    rows: AssembledTables, layout: Layout, paths: Sequence[Path], output: Path, dataset: str
) -> AssembledTables:
    """Rows with the columns of the logs, and the tables for engine_log; without logs the rows are
    unchanged."""
    sheet = output / "engine_log" / f"{dataset}.csv"
    if not paths:
        remove_output(sheet)
        return rows
    joined = add_log_columns(rows, layout, paths)
    write_log_facts(sheet, joined.facts)
    remark = f"actor, place and lines of each identity are in engine_log/{dataset}.csv."
    return joined.rows.remarked([remark])


def add_log_columns(rows: AssembledTables, layout: Layout, paths: Sequence[Path]) -> LogMatch:
    """Join logs to the rows of one dataset. Raises ManifestError for a layout that has no log, or a
    log of another generation.
    """
    if layout.log is None:
        raise ManifestError(
            f"--engine-log is the log of the GTA V generator, and the layout '{layout.name}' is"
            " none of its raw output (gta_raw_v30, gta_raw_v31, gta_raw_v314)."
        )
    declared = layout.log
    log = read_log(paths, declared)
    _same_generation(log, layout, paths)
    found, again = latest_segments(log_segments(log.lines, declared))
    people = _cells(rows.images, declared)
    names = sorted(people)
    pairs = pair_segments(found, [people[name] for name in names], declared)
    places = _places(rows.images)
    facts = [
        _fact(
            name,
            people[name],
            found[pairs[i]] if i in pairs else None,
            places.get(name, {}),
            declared,
        )
        for i, name in enumerate(names)
    ]
    images = _with_places(rows.images, facts) if declared.places_by == "identity" else rows.images
    about = replace(
        rows.about,
        engine_log=EngineLogRecord(
            lines=len(log.lines),
            unread=len(log.unread),
            captures=len(found),
            joined=sum(fact["joined"] for fact in facts),
        ),
        engine_log_digest=log_digest(paths),
        remarks=[*rows.about.remarks, *_remarks(log, found, again, facts, people)],
    )
    if declared.places_by == "identity" and images["background"].null_count < images.num_rows:
        about = replace(about, functions={**rows.about.functions, "background": ["identity"]})
    return LogMatch(replace(rows, images=images, about=about), facts)


def write_log_facts(path: Path, facts: Sequence[Fact]) -> None:
    """Return the tables for engine_log as CSV, one row for each identity."""
    rows: list[Sequence[Any]] = [COLUMNS]
    for fact in facts:
        cells = (fact[column] for column in COLUMNS)
        rows.append([int(cell) if isinstance(cell, bool) else cell for cell in cells])
    write_text(path, csv_text(rows))


def _same_generation(log: GeneratorLog, layout: Layout, paths: Sequence[Path]) -> None:
    turned = sum(line.turned for line in log.lines)
    if turned > len(log.lines) / 2:
        named = first_few([str(path) for path in paths])
        raise ManifestError(
            f"{named}: the angles of {turned:,} of {len(log.lines):,} lines are not those of the"
            f" cameras of {layout.name}: this is the log of another generation of the generator."
        )


def _cells(images: pa.Table, declared: EngineLogRule) -> dict[str, Counter[Cell]]:
    """Count the images of each identity and cell."""
    identity, camera = DecodedTokens(images, "identity"), DecodedTokens(images, "camera_code")
    weather, light = DecodedTokens(images, "weather_code"), DecodedTokens(images, "illumination")
    found: dict[str, Counter[Cell]] = {}
    codes = np.stack([identity.codes, weather.codes, light.codes, camera.codes], axis=1)
    distinct, counts = np.unique(codes, axis=0, return_counts=True)
    for (who, sky, hour, view), count in zip(distinct.tolist(), counts.tolist(), strict=True):
        name, word = identity.tokens[who], declared.weathers.get(weather.tokens[sky] or "")
        clock, number = declared.hours.get(light.tokens[hour] or ""), camera.tokens[view]
        if name is not None and word is not None and clock is not None and number is not None:
            found.setdefault(name, Counter())[word, clock, int(number)] += count
    return found


def _places(images: pa.Table) -> dict[str, dict[str, str]]:
    """Map identity -> weather token -> the place in the names; empty if the names have none."""
    parts = [DecodedTokens(images, name) for name in ("identity", "weather_code", "background")]
    found: dict[str, dict[str, str]] = {}
    for who, weather, place in np.unique(
        np.stack([part.codes for part in parts], axis=1), axis=0
    ).tolist():
        name, token, level = (
            part.tokens[code] for part, code in zip(parts, (who, weather, place), strict=True)
        )
        if name is not None and token is not None and level is not None:
            found.setdefault(name, {})[token] = level
    return found


def _fact(
    name: str,
    cells: Counter[Cell],
    capture: LogSegment | None,
    places: dict[str, str],
    declared: EngineLogRule,
) -> Fact:
    fact: Fact = dict.fromkeys(COLUMNS)
    fact |= {"identity": name, "joined": capture is not None, "images": sum(cells.values())}
    if capture is None:
        return fact | {
            "remark": "not matched: the order of the log allows several identities, or none"
        }
    by_place = {declared.weathers[token]: place for token, place in places.items()}
    place = capture.place(declared)
    remark = ""
    if declared.places_by == "identity" and place is None:
        remark = "the log gives no one place"
    return fact | {
        "actor": capture.actor or None,
        "place": place,
        "lines": len(capture.lines),
        "images_without_line": sum((cells - capture.cells).values()),
        "lines_without_image": sum((capture.cells - cells).values()),
        "other_place": sum(
            line.place != by_place[line.weather]
            for line in capture.lines
            if line.weather in by_place
        ),
        "other_angle": sum(line.turned for line in capture.lines),
        "first_line": capture.lines[0].number + 1,
        "remark": remark or None,
    }


def _with_places(images: pa.Table, facts: Sequence[Fact]) -> pa.Table:
    """Images with the place of their identity as background; null where it is not known."""
    place = {fact["identity"]: fact["place"] for fact in facts}
    at = images.schema.get_field_index("background")
    column = DecodedTokens(images, "identity").levels(lambda name: place.get(name or ""))
    return images.set_column(at, images.schema.field("background"), column)


def _remarks(
    log: GeneratorLog,
    found: Sequence[LogSegment],
    again: int,
    facts: Sequence[Fact],
    people: dict[str, Counter[Cell]],
) -> list[str]:
    """Return messages about the match, one sentence each."""
    joined = [fact for fact in facts if fact["joined"]]
    left = [fact["identity"] for fact in facts if not fact["joined"]]
    sentences = [
        f"the log has {len(found):,} captures for {len(facts):,} identities; {len(joined):,} are"
        " joined."
    ]
    if left:
        sentences.append(
            f"{len(left):,} identities are not matched to the log ({first_few(left)}): lines or"
            " images are missing, and the order alone is ambiguous; their actor and place remain"
            " unknown."
        )
    if log.unread:
        sentences.append(
            f"{len(log.unread):,} lines of the log cannot be read: {first_few(log.unread)}."
        )
    if again:
        sentences.append(f"{again:,} actors were captured more than once; the last time counts.")
    for column, what in (
        ("images_without_line", "images have no line in the log"),
        ("lines_without_image", "lines of the log have no image"),
        ("other_place", "lines of the log name another place than the image"),
        ("other_angle", "lines of the log have another angle than their camera"),
    ):
        odd = [fact for fact in joined if fact[column]]
        if odd:
            shown = first_few([f"{fact['identity']} ({fact[column]:,})" for fact in odd])
            sentences.append(f"{sum(fact[column] for fact in odd):,} {what}: of {shown}.")
    torn = _torn(people)
    if torn:
        sentences.append(
            f"{len(torn):,} pairs of identities look like one actor whose first image is in the"
            f" previous folder: {first_few([' and '.join(pair) for pair in torn])}."
        )
    return sentences


def _torn(people: dict[str, Counter[Cell]]) -> list[tuple[str, str]]:
    """Neighbours of which one has a single image, the very one that the other lacks of a whole
    set."""
    most = max((sum(cells.values()) for cells in people.values()), default=0)
    whole = {number: name for name in people if name.isdigit() for number in [int(name)]}
    found = []
    for number, name in sorted(whole.items()):
        one, two = people[name], people.get(whole.get(number + 1, ""), Counter())
        total = sum(two.values()) + 1
        if (
            sum(one.values()) == 1
            and total == most + (most < total)
            and not one & two
            and total > 2
        ):
            found.append((name, whole[number + 1]))
    return found
