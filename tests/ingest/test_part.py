"""A part of a manifest: halves without a common identity, files that stay where they are."""

import numpy as np
import pytest

import gprplus as gpr
from gprplus.core.errors import ManifestError
from gprplus.ingest.changed_files import changed_files
from gprplus.ingest.tables.part import halve_by_identity, write_part


@pytest.fixture(scope="module")
def manifest(draw, tmp_path_factory):
    home = tmp_path_factory.mktemp("part")
    renders = draw(home / "renders" / "engine", people=7, views=2, weathers=("01",))
    return gpr.build_manifest(renders, home / "manifest", workers=1)


def test_halves_share_no_identity_and_together_are_all(manifest):
    first, second = halve_by_identity(manifest, 0)
    assert (first ^ second).all()
    names = np.array(manifest.images.to_arrow(["identity"]).column(0).to_pylist())
    assert not set(names[first]) & set(names[second])
    assert (len(set(names[first])), len(set(names[second]))) == (4, 3)
    again, other = halve_by_identity(manifest, 0)[0], halve_by_identity(manifest, 1)[0]
    assert (again == first).all()
    assert not (other == first).all()


def test_a_part_is_a_manifest_of_the_same_files(manifest, tmp_path):
    keep = halve_by_identity(manifest, 0)[0]
    part = write_part(manifest, keep, tmp_path / "deep" / "half", "first half")
    assert part.record.counts == {"images": int(keep.sum()), "identities": 4, "rejected": 0}
    assert part.roots() == manifest.roots()
    whole = manifest.images.to_arrow(["uid", "path", "identity"]).to_pandas()[keep]
    assert part.images.to_pandas(columns=["uid", "path", "identity"]).equals(
        whole.reset_index(drop=True)
    )
    uid = int(whole.uid.iloc[0])
    assert part.image(uid).size == manifest.image(uid).size
    rows = part.images.to_arrow(["dataset", "path"])
    found = changed_files(part, rows, part.roots())
    assert (found.count, found.total) == (0, int(keep.sum()))
    assert part.fingerprint != manifest.fingerprint


def test_identities_of_one_look_stay_in_one_half(manifest, tmp_path):
    rows = manifest.identities(["identity"]).column(0).to_pylist()
    names = [str(name) for name in rows]
    table = tmp_path / "looks.csv"
    table.write_text(
        "identity,look\n" + "".join(f"{n},{'ab'[k % 2]}\n" for k, n in enumerate(names[:4]))
    )
    (root,) = manifest.roots().values()
    known = gpr.build_manifest(root, tmp_path / "manifest", joins=(table,), workers=1)
    for seed in range(6):
        first, _ = halve_by_identity(known, seed)
        mine = set(np.array(known.images.to_arrow(["identity"]).column(0).to_pylist())[first])
        assert (names[0] in mine) == (names[2] in mine)
        assert (names[1] in mine) == (names[3] in mine)


def test_an_empty_part_and_too_few_identities_are_refused(manifest, draw, tmp_path):
    with pytest.raises(ManifestError, match=r"The part 'none' of .* has no image of engine"):
        write_part(manifest, np.zeros(len(manifest.images), bool), tmp_path / "none", "none")
    renders = draw(tmp_path / "engine", people=3, views=2, weathers=("01",))
    few = gpr.build_manifest(renders, tmp_path / "few", workers=1)
    with pytest.raises(ManifestError, match="has 3 identities; at least 4"):
        halve_by_identity(few, 0)
