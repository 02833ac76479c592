"""--protocol no-camera: datasets of one camera, or of none, as test sets and targets."""

import json
import re
import shutil

import pytest

from gprplus import benchmark, make_split
from gprplus.core.errors import GprplusError, ManifestError
from gprplus.evaluation.targets import target_of_manifest
from gprplus.ingest import build_manifest
from gprplus.splits import target_rows

# Three identities of four images, all by camera 1.
ROWS = [
    f"{who}/{shot}.jpg,{who},1,{'sunny' if shot < 2 else 'foggy'}"
    for who in "abc"
    for shot in range(4)
]


@pytest.fixture
def one_camera(tmp_path):
    import cv2
    import numpy as np

    for seed, row in enumerate(ROWS):
        path = tmp_path / "in" / row.split(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (8, 4, 3), dtype=np.uint8)
        path.write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
    (tmp_path / "files.csv").write_text("\n".join(["path,identity,camera,weather", *ROWS]))

    def build(**options):
        return build_manifest(
            output=tmp_path / f"m{len(options)}",
            table=tmp_path / "files.csv",
            root=tmp_path / "in",
            **options,
        )

    return build


def test_one_camera_is_no_target_without_the_option(one_camera) -> None:
    with pytest.raises(ManifestError, match=r"under the camera rule.*use --protocol no-camera"):
        target_rows(one_camera())


def test_each_identity_has_one_query_and_the_rest_is_gallery(one_camera) -> None:
    rows = target_rows(one_camera(), "no-camera")
    assert rows.schema.metadata[b"protocol"] == b"no-camera"
    roles = list(
        zip(*(rows.column(name).to_pylist() for name in ("identity", "role")), strict=True)
    )
    assert sorted(roles) == sorted(
        [(who, role) for who in "abc" for role in ("query", "gallery", "gallery", "gallery")]
    )


def test_the_protocol_of_a_manifest_is_that_of_its_targets(one_camera, tmp_path) -> None:
    manifest = one_camera(protocol="no-camera")
    record = json.loads((manifest.path / "manifest.json").read_text())
    assert record["datasets"]["files"]["protocol"] == "no-camera"
    target = target_of_manifest("mine", manifest, "weather")
    assert (target.protocol, target.record().queries, target.record().gallery) == (
        "no-camera",
        3,
        9,
    )
    assert target.answerable["no-camera"].kept == 3
    assert one_camera(protocol="no-camera").rebuilt == ()


def test_a_split_is_made_under_the_protocol_of_its_manifest_or_request(
    one_camera, tmp_path
) -> None:
    options = {"test_share": 0.5, "audit": "none", "cross_level_tests": False}
    with pytest.raises(GprplusError, match="has a true match in the gallery under the camera rule"):
        make_split(one_camera(), "weather", tmp_path / "s0", **options)
    requested = make_split(
        one_camera(), "weather", tmp_path / "s1", protocol="no-camera", **options
    )
    declared = make_split(one_camera(protocol="no-camera"), "weather", tmp_path / "s2", **options)
    for split in (requested, declared):
        test = split.record.test
        assert test.protocol == "no-camera"
        assert (test.queries, test.gallery) == (test.identities, 3 * test.identities)
    assert requested.record.request["protocol"] == "no-camera"
    assert "protocol" not in declared.record.request
    assert requested.record.test.fingerprint == declared.record.test.fingerprint


def test_a_protocol_without_its_column_is_one_sentence(one_camera, tmp_path) -> None:
    with pytest.raises(GprplusError, match="viewpoint needs viewpoint_deg, which no image has"):
        make_split(one_camera(), "weather", tmp_path / "s", protocol="viewpoint")
    with pytest.raises(GprplusError, match=r"protocol no-cam is not known"):
        make_split(one_camera(), "weather", tmp_path / "s", protocol="no-cam")


def test_a_benchmark_scores_its_targets_under_the_protocol(one_camera, tmp_path) -> None:
    split = make_split(one_camera(), "weather", tmp_path / "s", protocol="no-camera", audit="none")
    (tmp_path / "files.csv").write_text(
        "\n".join(["path,identity,camera", *(row.replace(",", ",other ", 1)[:-6] for row in ROWS)])
    )
    table, root = tmp_path / "files.csv", tmp_path / "in"
    target = build_manifest(output=tmp_path / "t", table=table, root=root, name="other")
    options = {"recipe": "smoke", "seeds": 1, "steps": 1, "targets": {"other": target.path}}
    with pytest.raises(ManifestError, match="use --protocol no-camera"):
        benchmark([split], tmp_path / "runs", dry_run=True, **options)
    found = benchmark([split], tmp_path / "runs", protocol="no-camera", **options)
    record = found.experiments[0].benchmark.targets
    assert {name: record[name].protocol for name in ("self", "other")} == {
        "self": "no-camera",
        "other": "no-camera",
    }
    assert (record["other"].queries, record["other"].gallery) == (3, 9)
    page = found.reports[0].read_text()
    (command,) = re.findall(r"gprplus build-manifest ([^<\n]*)", page)
    assert command.startswith("--")  # a table takes no folder
    assert "--table" in command
    assert "--protocol no-camera" in page


def test_datasets_of_two_protocols_need_a_choice(one_camera, tmp_path) -> None:
    shutil.copytree(tmp_path / "in", tmp_path / "again")
    for name, folder, rule in (("one", "in", "no-camera"), ("two", "again", None)):
        both = build_manifest(
            output=tmp_path / "both",
            table=tmp_path / "files.csv",
            root=tmp_path / folder,
            name=name,
            protocol=rule,
        )
    with pytest.raises(
        ManifestError, match=r"different protocols \(one: no-camera, two: no rule\)"
    ):
        target_rows(both)
    assert len(target_rows(both, "no-camera")) == 24
