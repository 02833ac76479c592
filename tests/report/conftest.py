"""A finished benchmark, written by hand in the documented form: split, runs, images drawn in
code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gprplus import schema
from gprplus.core.files.workdir import write_json, write_table
from gprplus.core.imaging.images import encode_jpeg
from gprplus.evaluation import ranked_examples
from gprplus.experiments.collect import collect_results
from gprplus.reporting.run_results import RunResults, read_run_results
from gprplus.splits.record_file import load_split_record
from gprplus.statistics import multiplicity

WEATHERS = ("sunny", "clouds", "overcast", "foggy", "neutral", "blizzard", "snowlight")
HOURS = ("forenoon", "dusk", "night")
VIEWS = (0, 90, 180, 270)
SKY = dict(zip(WEATHERS, (235, 210, 190, 215, 170, 240, 225), strict=True))


def summary_row(arm: str, **values: Any) -> dict[str, Any]:
    """One row of schema.SUMMARY with plain values everywhere that a test does not say otherwise."""
    row: dict[str, Any] = {
        "split": "weather",
        "recipe": "smoke",
        "backbone": "small",
        "weights": "none",
        "arm": arm,
        "target": "self",
        "protocol": "viewpoint",
        "reference": "mix",
        "seeds": 2,
        "queries": 96,
        "query_identities": 24,
        "train_identities": 48,
        "train_images": 1344,
        "rank5": 0.8,
        "rank10": 0.9,
        "mINP": 0.2,
        "seconds": 20.0,
    }
    for metric, mean in (("mAP", 0.45), ("rank1", 0.6)):
        row |= {
            metric: mean,
            f"{metric}_low": mean - 0.02,
            f"{metric}_high": mean + 0.02,
            "mAP_sd": 0.01,
        }
        row |= {f"{metric}_difference{end}": 0.0 for end in ("", "_low", "_high")}
    return row | values


def summary_table(*rows: tuple[Any, ...]) -> pa.Table:
    """schema.SUMMARY of rows told in short: (arm, difference, low, high), a dict of other values
    behind where wanted.

    The mAP is 0.45 plus the difference; an arm alone, such as ("mix",), has no difference.
    """
    written = []
    for row in rows:
        told, other = (row[:-1], row[-1]) if isinstance(row[-1], dict) else (row, {})
        arm, difference, low, high = (*told, None, None, None)[:4]
        ends = {
            "mAP_difference": difference,
            "mAP_difference_low": low,
            "mAP_difference_high": high,
        }
        written.append(summary_row(arm) | ends | {"mAP": 0.45 + (difference or 0.0)} | other)
    return pa.Table.from_pylist(written, schema.arrow_schema(schema.SUMMARY))


@dataclass
class World:
    """Where a hand-made benchmark lies, and what was put into it."""

    run: Path
    split: Path
    levels: tuple[str, ...]
    ap: dict[tuple[str, int], np.ndarray]
    query_levels: np.ndarray

    def read(self) -> RunResults:
        return read_run_results(self.run)


def make_world(
    root: Path,
    levels: Sequence[str] = WEATHERS[:3],
    *,
    name: str = "weather",
    people: Sequence[str] = ("0001", "0002", "0003", "0004"),
    test_people: int = 12,
    targets: Sequence[str] = ("self",),
    seeds: Sequence[int] = (0, 1),
) -> World:
    """Write renders, a weather split over them, and its finished runs under `root`."""
    split, run = root / "splits" / name, root / "runs" / name / "smoke"
    arms = [*(f"only-{level}" for level in levels), "mix", "random-images-1"]
    record = {
        "schema_version": 1,
        "request": {"recipe": "smoke", "seeds": list(seeds)},
        "split_path": f"../../../splits/{name}",
    }
    record |= {"targets": {t: {"protocol": "viewpoint", "fingerprint": "c" * 64} for t in targets}}
    record |= {
        "recipe": {"name": "smoke", "steps": 200, "lr": 0.0006},
        "versions": {"gprplus": "0.1.0", "torch": "2.13.0"},
    }
    queries = _query_table(levels, test_people)
    _write_split(root / "renders", split, name, levels, arms, people, queries)
    ap = {
        (arm, seed): _average_precision(arm, seed, queries, np.random.default_rng((i, seed)))
        for i, arm in enumerate([*arms, "untrained"])
        for seed in seeds
    }
    for (arm, seed), values in ap.items():
        tables = [_scored(queries, values - 0.1 * (target != "self"), target) for target in targets]
        write_table(run / arm / f"seed{seed}" / "queries.parquet", pa.concat_tables(tables))
        write_table(run / arm / f"seed{seed}" / "ranked.parquet", _ranked(split, values, targets))
        scores = {t: _scores(table) for t, table in zip(targets, tables, strict=True)}
        write_json(run / arm / f"seed{seed}" / "run.json", _run(name, arm, seed, scores))
    collect_results(run, load_split_record(split))
    write_json(run / "benchmark.json", record)
    return World(run, split, tuple(levels), ap, np.array(queries["level"]))


def _write_split(
    renders: Path,
    split: Path,
    name: str,
    levels: Sequence[str],
    arms: Sequence[str],
    people: Sequence[str],
    queries: dict[str, list[Any]],
) -> None:
    members, uid = [], 0
    for person in people:
        for level in levels:
            for hour in HOURS:
                for view in VIEWS:
                    path = renders / person / f"{person}_{view}_{level}_{hour}.jpg"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(encode_jpeg(_person(sum(map(ord, person)), level, hour)))
                    uid += 1
                    row = {
                        "uid": uid,
                        "dataset": "engine",
                        "path": f"{person}/{path.name}",
                        "identity": person,
                    }
                    row |= {
                        "viewpoint_deg": view,
                        "camera": 1 + view // 90,
                        "weather": level,
                        "illumination": hour,
                    }
                    members.append({"arm": f"only-{level}", "role": "train", **row})
    for key, identity, level in zip(*queries.values(), strict=True):
        path = next(row["path"] for row in members if row["weather"] == level)
        row = {
            "uid": key,
            "dataset": "engine",
            "path": path,
            "identity": identity,
            "weather": level,
        }
        members.append({"arm": None, "role": "query", **row})
    write_table(
        split / "members.parquet",
        pa.Table.from_pylist(members, schema.arrow_schema(schema.MEMBERS)),
    )
    info = {
        "schema_version": 1,
        "name": name,
        "request": {"attr": "weather", "test_share": 0.25},
        "design": "only",
    }
    info |= {
        "attribute": "weather",
        "levels": list(levels),
        "seed": 0,
        "reference": "mix",
        "retention": 1.0,
    }
    info |= {
        "manifest": {"path": "../../manifest", "fingerprint": "a" * 64},
        "fingerprint": "b" * 64,
    }
    info |= {
        "datasets": {
            "engine": {"root": "../../renders", "licence": "Apache-2.0", "title": "gprplus engine"}
        }
    }
    info |= {
        "arms": {
            arm: {
                "kind": _kind(arm),
                "levels": _levels(arm, levels),
                "images": 48,
                "identities": 4,
                "fingerprint": arm,
            }
            for arm in arms
        }
    }
    each = {"images_per_identity": {"min": 12, "median": 12.0, "max": 12, "gini": 0.0}}
    info |= {
        "audit": {
            "matched_within": ["identity", "viewpoint_deg"],
            "matching": {"candidates": 144, "matched": 144},
        }
    }
    info["audit"] |= {
        "arms": dict.fromkeys(arms, each),
        "association_with_arm": {"viewpoint_deg": 0.0, "camera": 0.0},
    }
    info["audit"] |= {
        "leakage": {"identities": 0, "digests": None},
        "left_out": {"unknown weather": 0},
    }
    info["audit"] |= {
        "association": {"camera, viewpoint_deg": 1.0, "weather, illumination": 0.0},
        "aliases": [],
    }
    side = {
        "protocol": "viewpoint",
        "identities": 12,
        "queries": 36,
        "gallery": 36,
        "fingerprint": "d" * 64,
    }
    info |= {"warnings": ["Two dark renders of different people look nearly alike."], "test": side}
    write_json(split / "split.json", info)


def _person(number: int, level: str, hour: str) -> np.ndarray:
    """A standing shape before a sky, `(94, 40, 3) uint8`."""
    light = {"forenoon": 1.0, "dusk": 0.7, "night": 0.35}[hour]
    colours = np.random.default_rng(number).integers(40, 220, (2, 3))
    image = np.full((94, 40, 3), SKY.get(level, 200), dtype=np.float64)
    image[70:] = 120
    image[30:60, 12:28], image[60:88, 14:26], image[16:29, 16:24] = (
        colours[0],
        colours[1],
        (200, 160, 130),
    )
    haze = 0.55 if level == "foggy" else 0.0
    return np.clip((image * (1 - haze) + 215 * haze) * light, 0, 255).astype(np.uint8)


def _query_table(levels: Sequence[str], people: int) -> dict[str, list[Any]]:
    each = 2 * len(levels)
    numbers = range(people * each)
    return {
        "uid": [2**63 + i for i in numbers],  # beyond what a signed integer holds
        "identity": [f"{5000 + i // each}" for i in numbers],
        "level": [levels[i % len(levels)] for i in numbers],
    }


def _average_precision(
    arm: str, seed: int, queries: dict[str, list[Any]], rng: np.random.Generator
) -> np.ndarray:
    person = np.random.default_rng(7).normal(0, 0.12, 100_000)[
        [int(i) for i in queries["identity"]]
    ]
    skill = {"mix": 0.52, "random-images-1": 0.515, "untrained": 0.11}.get(arm, 0.50)
    skill -= {"only-foggy": 0.05, "only-blizzard": 0.09, "only-overcast": 0.02}.get(arm, 0.0)
    match = np.array([0.05 if arm == f"only-{level}" else 0.0 for level in queries["level"]])
    spread = 0.02 if arm == "untrained" else 0.05
    return np.clip(
        skill + match + person + rng.normal(0, spread, len(person)) + 0.004 * seed, 0.01, 1.0
    )


def _scored(queries: dict[str, list[Any]], ap: np.ndarray, target: str) -> pa.Table:
    ap = np.clip(ap, 0.005, 1.0)
    rank = np.maximum(np.round(1 / ap - 0.6), 1).astype(int)
    columns = {
        **queries,
        "uid": pa.array(queries["uid"], pa.uint64()),
        "target": [target] * len(ap),
        "valid": [True] * len(ap),
    }
    columns |= {"AP": ap.tolist(), "first_match_rank": rank.tolist(), "inp": (ap / 3).tolist()}
    return schema.conform(pa.table(columns), schema.QUERIES)


def _ranked(split: Path, ap: np.ndarray, targets: Sequence[str]) -> pa.Table:
    """Rankings of a few queries: the next four queries in the table, whoever they show."""
    members = pq.read_table(split / "members.parquet")
    rows = members.filter(pc.equal(members.column("role").cast(pa.string()), "query"))
    people = rows.column("identity").to_pylist()
    picks = [
        (rule, place, ap[place])
        for rule, place in ranked_examples.choose_example_queries(rows.column("uid").to_numpy(), ap)
    ]
    found = []
    for _, place, _ in picks:
        head = (place + 1 + np.arange(4)) % len(people)
        found.append((head, [people[one] == people[place] for one in head], 1 - np.arange(4) / 10))
    return pa.concat_tables(
        [ranked_examples.ranked_table(target, rows, picks, found) for target in targets]
    )


def _scores(table: pa.Table) -> dict[str, float]:
    ap, rank = np.array(table["AP"]), np.array(table["first_match_rank"])
    ranks = {f"rank{k}": float((rank <= k).mean()) for k in (1, 5, 10)}
    return {"mAP": float(ap.mean()), "queries": len(ap), "mINP": float(ap.mean() / 3)} | ranks


def _run(name: str, arm: str, seed: int, scores: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The record of one run."""
    facts = {
        "split": name,
        "recipe": "smoke",
        "backbone": "small",
        "weights": "none",
        "arm": arm,
        "seed": seed,
    }
    facts |= {"split_fingerprint": "b" * 64}
    facts |= {
        "train_identities": 4,
        "train_images": 48,
        "images_seen": 12_800,
        "steps": 200,
        "seconds": 20.0,
    }
    targets = {
        target: {"protocol": "viewpoint", "fingerprint": "c" * 64, "scores": values}
        for target, values in scores.items()
    }
    return facts | {"device": "cpu", "targets": targets}


def _levels(arm: str, levels: Sequence[str]) -> list[str]:
    return (
        list(levels)
        if arm == "mix"
        else [arm.removeprefix("only-")]
        if arm.startswith("only-")
        else []
    )


def _kind(arm: str) -> str:
    return "random-images" if arm.startswith("random-images") else arm.split("-")[0]


def contrast_row(
    name: str, difference: float, low: float | None, high: float | None, **values: Any
) -> dict[str, Any]:
    """One row of schema.CONTRASTS, of mAP: a difference and the interval of its family, which is
    also its own."""
    row = {column.name: None for column in schema.CONTRASTS}
    row |= {
        "split": "weather",
        "recipe": "smoke",
        "target": "self",
        "metric": "mAP",
        "family": "sufficiency",
    }
    row |= {
        "contrast": name,
        "formula": f"S({name}) - S(mix)",
        "value": difference,
        "low": low,
        "high": high,
    }
    row |= {
        "family_low": low,
        "family_high": high,
        "margin": 0.01,
        "draws": 0,
        "seeds": 2,
        "query_identities": 24,
    }
    row |= values
    ends = (row["family_low"], row["family_high"], row["margin"])
    return row | {"verdict": multiplicity.classify_interval(*ends)}


def contrast_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """schema.CONTRASTS of rows."""
    return pa.Table.from_pylist(list(rows), schema.arrow_schema(schema.CONTRASTS))


def declared_table(*rows: tuple[Any, ...]) -> pa.Table:
    """schema.CONTRASTS of rows told as for `summary_table`: every arm but the reference and the
    floor against it."""
    written = []
    for row in rows:
        told, other = (row[:-1], row[-1]) if isinstance(row[-1], dict) else (row, {})
        if len(told) < 4 or told[0] == "untrained":
            continue
        arm = told[0]
        family = {"only": "sufficiency", "random": "random images", "without": "necessity"}.get(
            arm.split("-")[0]
        )
        about: dict[str, Any] = {"family": family or "to the reference"}
        about |= {"draws": 1} if family == "random images" else {}
        about |= {name: other[name] for name in ("target", "seeds") if name in other}
        name = arm.removesuffix("-1") if family == "random images" else arm
        ends = (told[1], told[2], told[3])
        if family == "necessity":
            ends = (-told[1], -told[3], -told[2])
        written.append(contrast_row(name, *ends, **about))
    return contrast_table(written)


@pytest.fixture(scope="session")
def summary() -> Callable[..., pa.Table]:
    """`summary_table`, for tests that need no files."""
    return summary_table


@pytest.fixture(scope="session")
def declared() -> Callable[..., pa.Table]:
    """`declared_table`, to go with `summary`."""
    return declared_table


@pytest.fixture(scope="session")
def contrasts() -> tuple[Callable[..., dict[str, Any]], Callable[..., pa.Table]]:
    """`contrast_row` and `contrast_table`, for families of any kind."""
    return contrast_row, contrast_table


@pytest.fixture(scope="session")
def build() -> Callable[..., World]:
    """`make_world`, for tests that need a benchmark of their own."""
    return make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A weather benchmark of three levels, two seeds, one target, finished."""
    return make_world(tmp_path_factory.mktemp("world"))
