"""Sample images of what each round of a construction added."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gprplus.core.errors import ManifestError
from gprplus.core.sampling import bottom_k, priorities
from gprplus.ingest import Manifest
from gprplus.reporting.figures.samples import BUDGET, SampleImage, sample_image

COLUMNS = ["uid", "dataset", "path", "identity", "weather", "illumination", "viewpoint_deg"]
MOST, FEWEST = 8, 3  # images of a round


def draw_round_samples(
    pool: Path, added: Sequence[np.ndarray]
) -> tuple[tuple[SampleImage, ...], ...]:
    """Choose images of each round by hash.

    Args:
        pool: folder of the manifest of all renders; without one, no round has images.
        added: uids `(N,) uint64` of the images that each round added.
    """
    try:
        manifest = Manifest.open(pool)
    except ManifestError:
        return tuple(() for _ in added)
    count = min(max(BUDGET // max(len(added), 1), FEWEST), MOST)
    chosen = [uids[bottom_k(priorities(uids, 0, "sheet"), count, uids)].tolist() for uids in added]
    table = manifest.images.to_arrow(COLUMNS, where=[uid for each in chosen for uid in each])
    rows, roots = {row["uid"]: row for row in table.to_pylist()}, manifest.roots()
    return tuple(
        tuple(sample_image(rows[uid], roots.get(rows[uid]["dataset"])) for uid in each)
        for each in chosen
    )
