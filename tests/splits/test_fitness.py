"""What is found when a target is opened for a split: queries nothing answers, people and files that
were trained on."""

import shutil
from dataclasses import replace

import pytest
from PIL import Image

from gprplus.core.errors import SplitError
from gprplus.core.typed import as_json
from gprplus.evaluation import targets
from gprplus.experiments import split_job
from gprplus.ingest import build_manifest
from gprplus.splits import make_split


def market(*rows):
    """(role, person, camera, flag) as rows of a set that names its own roles."""
    return [
        {
            "dataset": "market",
            "path": f"{role}/{i}.jpg",
            "identity": person,
            "camera": camera,
            "role": role,
            "is_junk": flag == "junk",
            "is_distractor": flag == "distractor",
        }
        for i, (role, person, camera, *rest) in enumerate(rows)
        for flag in [rest[0] if rest else ""]
    ]


FOUND = [("query", "1", 1), ("gallery", "1", 2)]
LOST = [
    ("query", "2", 1),
    ("gallery", "2", 1),
    ("query", "3", 1),
    ("query", "4", 1),
    ("gallery", "4", 3, "junk"),
]


def test_queries_of_a_target_are_kept_or_excluded_with_their_reasons_under_each_protocol(manifest):
    target = targets.target_of_manifest("market", manifest(market(*FOUND, *LOST)), "weather")
    told = as_json(target.record().answerable)
    assert list(told) == ["camera", "no-camera"]
    assert told["camera"] == {
        "kept": 1,
        "excluded": 3,
        "reasons": {
            "the gallery has no other image of the identity": 1,
            "all images of the identity in the gallery are junk": 1,
            "all images of the identity in the gallery are from the camera of the query": 1,
        },
    }
    assert told["no-camera"]["kept"] == 2
    (said,) = target.warnings()
    assert said.startswith("3 of 4 queries of market cannot be answered and do not count (1: ")
    assert targets.reranked_name(target).warnings() == []


def test_a_target_none_of_whose_queries_is_answered_is_refused(manifest):
    with pytest.raises(
        SplitError,
        match=r"market cannot be a target: no query can be answered under the camera rule",
    ):
        targets.target_of_manifest("market", manifest(market(*LOST)), "weather")


def opened(split, source, name="other"):
    return split_job.with_leakage(
        split, targets.target_of_manifest(name, source, "weather"), source
    )


def test_people_of_one_dataset_on_both_sides_are_refused_and_a_name_alone_is_no_person(
    manifest, crossed, tmp_path
):
    source = manifest(crossed(12))
    split = make_split(source, "weather", output=tmp_path / "split", controls=False)
    count = len({row["identity"] for row in split.train("mix").to_pylist()})
    with pytest.raises(SplitError, match=f"{count} identities of the target other are trained on"):
        opened(split, source)
    street = manifest(
        crossed(5)
    )  # other people under the same names: nothing says that they are the same
    assert as_json(opened(split, street).record().leakage) == {"identities": None, "digests": None}


def test_looks_and_files_are_compared_where_manifests_are_built_with_checks(draw, tmp_path):
    """End to end: the columns that --checks writes are those that the audit and the targets
    read."""
    renders = draw(tmp_path / "renders", people=10, views=2)
    source = build_manifest([renders], tmp_path / "manifest", checks=["all"], verify="digest")
    split = make_split(source, "weather", output=tmp_path / "split", controls=False)
    audit = as_json(split.record.audit)
    assert {"brightness", "contrast", "sharpness"} <= set(audit["manipulation"]["weather"])
    looked = audit["leakage"]["near_duplicates"]
    assert looked["looked_at"] == len(split.test())
    trained = sorted({row["path"] for row in split.train("only-sunny").to_pylist()})

    def target(name, write):
        other = draw(tmp_path / name, people=2, views=2, name=name)
        write(renders / trained[0], other / "0001" / "0001_c01_w01_l03.jpg")
        return build_manifest(
            [other], tmp_path / f"{name}-manifest", checks=["all"], verify="digest"
        )

    def again(one, two):
        with Image.open(one) as image:
            image.save(two, quality=95)

    found = opened(split, target("saved-again", again))
    leaks = as_json(found.record().leakage)
    assert leaks["digests"] == 0
    (mine,) = [
        pair
        for pair in leaks["near_duplicates"]["pairs"]
        if pair["target"].endswith("0001_c01_w01_l03.jpg")
    ]
    assert mine["bits"] <= 3
    assert "resemble a training image" in found.warnings()[0]
    with pytest.raises(
        SplitError, match="1 images of the target other are byte for byte images that"
    ):
        opened(split, target("copied", shutil.copyfile))


def of_copies(manifest, cameras, junk=False):
    """Two queries, of which the first is in the gallery byte for byte; its copy may be junk."""

    def row(i, role, identity, camera, **more):
        path = f"{role}/{i}.jpg"
        return {
            "dataset": "own",
            "path": path,
            "role": role,
            "identity": identity,
            "camera": camera,
            **more,
        }

    one, other = cameras
    rows = [
        row(1, "query", "ann", one, digest="aa"),
        row(2, "query", "bob", one, digest="bb"),
        row(3, "gallery", "ann", other, digest="aa", is_junk=junk),
        row(4, "gallery", "ann", 7, digest="cc"),
        row(5, "gallery", "bob", 7, digest="dd"),
        row(6, "gallery", "bob", 7),
    ]
    return targets.target_of_manifest("own", manifest(rows, factors=(), functions={}), "weather")


def test_queries_that_are_in_the_gallery_byte_for_byte_are_counted_under_each_protocol(manifest):
    def counted(*arguments):
        return of_copies(manifest, *arguments).copies

    assert counted((1, 1)) == {"camera": 0, "no-camera": 1}, (
        "the camera of the query hides its copy"
    )
    assert counted((1, 2)) == {"camera": 1, "no-camera": 1}
    assert counted((None, None)) == {"camera": 1, "no-camera": 1}, "an unknown camera hides nothing"
    assert counted((1, 2), True) == {"camera": 0, "no-camera": 0}


def test_copies_are_a_warning_and_without_digests_unknown(manifest):
    found = of_copies(manifest, (1, 1))
    assert found.warnings() == []
    (said,) = replace(found, protocol="no-camera").warnings()
    assert said.startswith(
        "1 of 2 queries of own are also in the gallery byte for byte and find themselves"
    )
    unknown = replace(found, protocol="no-camera", copies=None)
    assert "--verify digest" in unknown.warnings()[0]
    assert replace(unknown, protocol="camera").warnings() == []
