"""Small manifests written as they are documented, row by row, without images: splits read tables
alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.declarations import Attribute
from gprplus.core.files import workdir
from gprplus.core.typed import as_json
from gprplus.ingest import Manifest
from manifests import dataset

WEATHERS = ("sunny", "clouds", "overcast", "foggy", "neutral", "blizzard", "snowlight")
LIGHTS = ("forenoon", "dusk", "night")
FACTORS = ("identity", "viewpoint_deg", "weather", "illumination")


def _crossed(
    identities: int | Iterable[str] = 24,
    views: int = 4,
    weathers: Sequence[str] = WEATHERS[:4],
    lights: Sequence[str] = LIGHTS,
    dataset: str = "engine",
    **more: Any,
) -> list[dict[str, Any]]:
    """One image for each identity, view, weather and light, as the engine names them."""
    names = (
        [f"{i:04}" for i in range(1, identities + 1)]
        if isinstance(identities, int)
        else list(identities)
    )
    rows = []
    for name, view, weather, light in product(names, range(views), weathers, lights):
        sky, hour = WEATHERS.index(weather) + 1, LIGHTS.index(light) + 1
        path = f"{name}/{name}_c{view + 1:02}_w{sky:02}_l{hour:02}.jpg"
        rows.append(
            {
                "dataset": dataset,
                "path": path,
                "identity": name,
                "camera": view + 1,
                "viewpoint_deg": (90 + view * 360 // views) % 360,
                "weather": weather,
                "illumination": light,
                "background": "plaza",
                **more,
            }
        )
    return rows


def _write_manifest(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    people: Sequence[Mapping[str, Any]] = (),
    factors: Sequence[str] = FACTORS,
    functions: Mapping[str, Sequence[str]] | None = None,
    own: Mapping[str, Attribute] | None = None,
) -> Manifest:
    """Write rows, in the order given, as a manifest folder; `own` are attributes of its own."""
    own = own or {}
    functions = {"camera": ["viewpoint_deg"]} if functions is None else functions
    rows = [
        {"uid": sampling.hash64(sampling.join_canonical(row["dataset"], row["path"])), **row}
        for row in rows
    ]
    names = sorted({(row["dataset"], row["identity"]) for row in rows if row.get("identity")})
    known = {(person.get("dataset", "engine"), person["identity"]): person for person in people}
    persons = [
        {"dataset": d, "identity": i, "images": 0, **known.get((d, i), {})} for d, i in names
    ]
    tables = {
        "images": (rows, (*schema.IMAGES, *schema.own_columns(own, "image"))),
        "identities": (persons, (*schema.IDENTITIES, *schema.own_columns(own, "identity"))),
        "rejected": ([], schema.REJECTED),
        "scan": ([], schema.SCAN),
    }
    fingerprint = ""
    for name, (items, columns) in tables.items():
        given = {key for item in items for key in item}
        plain = {
            column.name: [item.get(column.name) for item in items]
            for column in columns
            if column.name in given
        }
        types = {"uid": pa.uint64()}
        arrays = {column: pa.array(values, types.get(column)) for column, values in plain.items()}
        table = schema.conform(pa.table(arrays), columns)
        workdir.write_table(folder / f"{name}.parquet", table)
        fingerprint = fingerprint or sampling.table_fingerprint(table)
    datasets = sorted({row["dataset"] for row in rows})
    about = dataset(
        title="Test renders", licence="Apache-2.0", factors=list(factors), functions=dict(functions)
    )

    def counted(name: str) -> dict[str, Any]:
        count = sum(row["dataset"] == name for row in rows)
        return {
            **about,
            "attributes": as_json(own),
            "images": count,
            "identities": sum(d == name for d, _ in names),
            "fingerprint": fingerprint,
        }

    workdir.write_json(
        folder / "manifest.json",
        {
            "schema_version": schema.VERSION,
            "request": {},
            "fingerprint": fingerprint,
            "datasets": {name: counted(name) for name in datasets},
            "levels": {},
            "counts": {"images": len(rows)},
        },
    )
    return Manifest.open(folder)


@pytest.fixture(scope="session")
def crossed() -> Callable[..., list[dict[str, Any]]]:
    """`crossed(identities, views, weathers, lights)`: rows of a complete design."""
    return _crossed


@pytest.fixture(scope="session")
def write_manifest() -> Callable[..., Manifest]:
    """`write_manifest(folder, rows, people, factors, functions)`."""
    return _write_manifest


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Manifest]:
    """A factory: `manifest(rows, people=..., factors=...)` writes a new manifest folder each
    time."""
    made = 0

    def make(rows: Sequence[Mapping[str, Any]], **options: Any) -> Manifest:
        nonlocal made
        made += 1
        return _write_manifest(tmp_path / f"manifest{made}", rows, **options)

    return make
