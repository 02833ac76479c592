"""Probes: a few images that are rendered to see how near cells are to the target."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from gprplus.analysis.features import make_features
from gprplus.analysis.features.base import Features, ImageBatch
from gprplus.analysis.sample import target_sample
from gprplus.core.parallel import Progress
from gprplus.ingest import Manifest
from gprplus.planning.methods.proposal import PlanProblem
from gprplus.planning.render_pool import RenderPool

TARGET_IMAGES = 300  # of the target that are compared with


@dataclass(frozen=True, eq=False)
class TargetPoints:
    """Points of rendered images `source (S, D)` and of target images `images (T, D)`, whose
    distances are Euclidean, and the numbered identities `people (T,)` of the latter."""

    source: np.ndarray
    images: np.ndarray
    people: np.ndarray


def target_points(problem: PlanProblem, kind: Features, features: np.ndarray) -> TargetPoints:
    """Return the points of features `(S, D)` and of a sample of the target, scaled together."""
    options, target = problem.options, problem.require_target("a probe")
    sample = target_sample(target, TARGET_IMAGES, options.plan_seed)
    (matched,) = sample.samples.values()
    images = kind.extract(sample.images(), options.workers, problem.progress)
    images = images[sample.place(matched.rows[:, 0])]
    points = next(iter(kind.points(np.vstack([features, images])).values()))
    return TargetPoints(points[: len(features)], points[len(features) :], matched.people)


@dataclass(eq=False)
class RenderedProbe:
    """Features of images of some identities in cells, rendered when they are first needed and kept
    for later calls. `rendered` counts them."""

    pool: RenderPool
    identities: list[str]
    kind: Features
    workers: int | None
    progress: Progress
    known: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: PlanProblem, people: int) -> "RenderedProbe":
        """Make the probe of a problem, with the identities 1 to `people`."""
        options = problem.options
        (kind,) = make_features([options.features], options.device)
        pool = RenderPool(problem.folder / "probe", problem.cells, options)
        names = [f"{i:04d}" for i in range(1, people + 1)]
        return cls(pool, names, kind, options.workers, problem.progress)

    @property
    def rendered(self) -> int:
        """Images that were needed so far."""
        return len(self.known)

    def features(self, numbers: np.ndarray) -> np.ndarray:
        """Features `(P * L, D)` of identity p in the cells `numbers` `(P, L)`, in row order."""
        dealt = np.zeros((len(self.identities), len(self.pool.cells)), dtype=bool)
        np.put_along_axis(dealt, numbers, True, axis=1)
        manifest = self.pool.draw(dealt, self.identities, self.progress)
        every = self.pool.uids(manifest, self.identities, dealt)
        uids = np.take_along_axis(every, numbers, axis=1).ravel()
        new = np.array([uid for uid in np.unique(uids) if int(uid) not in self.known], np.uint64)
        if len(new):
            found = self.kind.extract(_images(manifest, new), self.workers, self.progress)
            self.known |= {int(uid): row for uid, row in zip(new, found, strict=True)}
        return np.stack([self.known[int(uid)] for uid in uids])


def _images(manifest: Manifest, uids: np.ndarray) -> ImageBatch:
    """The images with `uids` `(n,)`, in this order."""
    table = manifest.images(["uid", "dataset", "path"])
    keys = table.column("uid").to_numpy()
    order = np.argsort(keys)
    rows = order[np.searchsorted(keys[order], uids)]
    return ImageBatch(table.take(pa.array(rows)), manifest.roots())
