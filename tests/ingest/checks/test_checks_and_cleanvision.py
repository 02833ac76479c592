"""The same images under cleanvision: scores in the same order, duplicates in the same sets."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from gprplus.core.imaging.images import encode_jpeg
from gprplus.ingest import Manifest, build_manifest

cleanvision = pytest.importorskip("cleanvision")
get_edges = pytest.importorskip("cleanvision.issue_managers.image_property").get_edges
stats = pytest.importorskip("scipy.stats")


def scene(seed: int, height: int = 192, width: int = 128) -> np.ndarray:
    """Soft clouds with hard and fine things in front."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(
        rng.integers(0, 256, (6, 4, 3), dtype=np.uint8),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    things = cv2.resize(
        rng.integers(-60, 60, (32, 24, 3)).astype(np.int16), (width, height), interpolation=0
    )
    return np.clip(clouds + things + rng.normal(0, 8, clouds.shape), 0, 255).astype(np.uint8)


def varied() -> Iterator[np.ndarray]:
    """Scenes at many exposures, sharpnesses and numbers of tones, and of several sizes."""
    for i in range(12):
        yield cv2.convertScaleAbs(scene(i), alpha=0.05 + i / 11)
        yield cv2.convertScaleAbs(scene(20 + i), alpha=1 - i / 12, beta=255 * i / 12)
        yield cv2.GaussianBlur(scene(40 + i), (0, 0), 0.5 + i)
        yield scene(60 + i) // (1 << i // 2) * (1 << i // 2)
        yield scene(80 + i, 192, 64 + 16 * i)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Manifest, "cleanvision.Imagelab", list[Path]]:
    """Sixty varied scenes, two copies and two look-alikes, judged by both."""
    folder = tmp_path_factory.mktemp("both")
    files = [encode_jpeg(np.ascontiguousarray(image), 95) for image in varied()]
    files += [files[4], files[9], encode_jpeg(scene(80), 80), encode_jpeg(scene(81, 192, 80), 80)]
    paths = []
    for i, data in enumerate(files):
        path = (
            folder / "r" / f"{i // 12 + 1:04d}" / f"{i // 12 + 1:04d}_c{i % 12 + 1:02d}_w01_l01.jpg"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    lab = cleanvision.Imagelab(filepaths=[str(path) for path in paths])
    lab.find_issues(n_jobs=1, verbose=False)
    return build_manifest([folder / "r"], folder / "m", checks=["all"]), lab, paths


def in_order(manifest: Manifest, paths: list[Path], column: str) -> list[float]:
    """A column of the images table, in the order of the paths."""
    table = manifest.images(["path", column])
    values = dict(zip(table["path"].to_pylist(), table[column].to_pylist(), strict=True))
    return [values[f"{path.parent.name}/{path.name}"] for path in paths]


@pytest.mark.parametrize(
    ("ours", "theirs", "least"),
    [
        (
            "dark_score",
            "dark_score",
            0.97,
        ),  # they weigh colours, and the 99th percentile is among the last few
        ("light_score", "light_score", 0.97),
        ("information_score", "low_information_score", 0.85),  # over three channels
        ("odd_aspect_score", "odd_aspect_ratio_score", 0.999),
        ("odd_size_score", "odd_size_score", 0.97),
    ],
)
def test_scores_stand_in_the_same_order(both, ours: str, theirs: str, least: float) -> None:
    manifest, lab, paths = both
    found = in_order(manifest, paths, ours)
    wanted = [lab.issues.loc[str(path), theirs] for path in paths]
    assert stats.spearmanr(found, wanted).statistic >= least


def test_sharpness_stands_in_the_order_of_their_edges_without_the_border(both) -> None:
    """With it, an image blurred by 3 pixels is as sharp to them as one blurred by 11."""
    manifest, _, paths = both
    wanted = []
    for path in paths:
        with Image.open(path) as image:
            ratio = max(image.size) / 64
            small = image.resize((int(image.width // ratio), int(image.height // ratio))).convert(
                "L"
            )
            wanted.append(np.asarray(get_edges(small))[1:-1, 1:-1].std())
    assert stats.spearmanr(in_order(manifest, paths, "sharpness"), wanted).statistic >= 0.93
    blurred = slice(2, 60, 5)
    found = in_order(manifest, paths[blurred], "sharpness_score")
    assert stats.spearmanr(found, wanted[blurred]).statistic >= 0.97


def test_copies_are_the_same_and_look_alikes_are_theirs_and_more(both) -> None:
    manifest, lab, _ = both
    rows = manifest.images(["path", "is_exact_duplicate", "is_near_duplicate"]).to_pylist()
    exact = {row["path"] for row in rows if row["is_exact_duplicate"]}
    near = {row["path"] for row in rows if row["is_near_duplicate"]}
    theirs = {
        name: {
            "/".join(Path(path).parts[-2:]) for group in lab.info[name]["sets"] for path in group
        }
        for name in ("exact_duplicates", "near_duplicates")
    }
    assert exact == theirs["exact_duplicates"]
    assert len(exact) == 4
    assert theirs["near_duplicates"] <= near
