"""A small house to export from: drawn renders, their manifest, and a split over weather."""

import pytest

from gprplus.ingest import build_manifest
from gprplus.splits import make_split


@pytest.fixture(scope="session")
def house(tmp_path_factory, draw):
    folder = tmp_path_factory.mktemp("exports")
    draw(folder / "renders" / "engine", people=16)
    build_manifest([folder / "renders" / "engine"], folder / "manifest")
    make_split(folder / "manifest", "weather", output=folder / "splits" / "weather")
    return folder
