"""Arrow's threads read files of its own: a Python file among them aborts a command that ends."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gprplus.ingest import Manifest
from gprplus.splits import Split, make_split


def test_manifest_and_split_are_read_without_python_files(manifest, crossed, tmp_path, monkeypatch):
    source = manifest(crossed(6))
    make_split(source, "weather", output=tmp_path / "split", test_share=0, audit="none")
    sources, whole = [], pq.ParquetFile

    def noted(given, *more, **options):
        sources.append(given)
        return whole(given, *more, **options)

    monkeypatch.setattr(pq, "ParquetFile", noted)
    assert len(Manifest.open(source.path).images(["uid"])) == source.record.counts["images"]
    assert len(Split.open(tmp_path / "split").members(["uid"])) > 0
    assert len(sources) >= 2
    assert all(isinstance(one, Path | pa.OSFile) for one in sources)
