"""Results and queries of arms with known scores, as the tables of finished runs."""

import numpy as np
import pyarrow as pa

from gprplus import schema

SHARED = {
    "split": "s",
    "recipe": "smoke",
    "backbone": "small",
    "weights": "none",
    "protocol": "camera",
}


def experiment(level, seeds=(0, 1, 2), targets=("self",), persons=12, images=None, noise=0.01):
    """Results and queries of arms whose AP is `level[arm]` (moved a little by target), persons,
    seeds and noise."""
    rng, results, queries = np.random.default_rng(5), [], {}
    person = np.repeat(np.arange(persons), 2)
    for seed in seeds:
        for arm, score in level.items():
            parts = []
            for step, target in enumerate(targets):
                ap = (
                    score * (1 + 0.1 * step)
                    + 0.05 * np.sin(person)
                    + rng.normal(0, noise, len(person))
                    + rng.normal(0, noise)
                )
                parts.append(table(target, person, ap))
                results.append(
                    {**SHARED, "arm": arm, "target": target, "seed": seed, "mAP": float(ap.mean())}
                )
            queries[arm, seed] = pa.concat_tables(parts).unify_dictionaries()
    return schema.conform(pa.Table.from_pylist(results), schema.RESULTS), queries


def table(target, person, ap):
    rows = {
        "target": [target] * len(ap),
        "uid": pa.array(range(len(ap)), pa.uint64()),
        "valid": [True] * len(ap),
    }
    rows |= {
        "identity": [f"p{i}" for i in person],
        "level": pa.array([None] * len(ap), pa.string()),
        "AP": ap,
    }
    return schema.conform(
        pa.table(rows | {"first_match_rank": [1] * len(ap), "inp": ap}), schema.QUERIES
    )


def rows(judged, metric="mAP"):
    return [row for row in judged.to_pylist() if row["metric"] == metric]
