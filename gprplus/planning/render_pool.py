"""A growing folder of renders: images of identities in cells, each drawn once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gprplus.core.errors import PlanError
from gprplus.core.parallel import Progress, no_progress
from gprplus.engine import render
from gprplus.ingest import Manifest, build_manifest
from gprplus.planning.cells import CandidateCells
from gprplus.planning.options import EngineOptions, engine_of
from gprplus.planning.write_plan import plan_of_images


@dataclass(frozen=True, eq=False)
class RenderPool:
    """Renders in `folder`/renders, and their manifest in `folder`/manifest."""

    folder: Path
    cells: CandidateCells
    engine: EngineOptions

    def draw(
        self, dealt: np.ndarray, identities: Sequence[str], progress: Progress = no_progress
    ) -> Manifest:
        """Render what is missing of the images `dealt` `(N, C) bool` of N identities, and return
        the manifest of all renders of the pool."""
        plan = plan_of_images("pool", self.cells, dealt, identities)
        renders = render(
            self.folder / "renders",
            plan=plan.write(self.folder / "plan"),
            device=self.engine.device,
            workers=self.engine.workers,
            force=True,  # images of other settings are of no use here
            progress=progress,
            **engine_of(self.engine),
        )
        return build_manifest(renders, self.folder / "manifest")

    def uids(self, manifest: Manifest, identities: Sequence[str], dealt: np.ndarray) -> np.ndarray:
        """Return the uid of each identity's image in each cell, `(N, C) uint64`, 0 where there is
        none. Raises PlanError where there is none of an image `dealt` `(N, C) bool`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        known = [name for name in self.cells.factors if name in manifest.columns("images")]
        table = manifest.images(["uid", "identity", *known])
        person = pc.index_in(table.column("identity").cast(pa.string()), pa.array(list(identities)))
        row = np.asarray(pc.fill_null(person, -1)).astype(np.int64)
        cell = self.cells.numbers_of_rows(table)
        mine = (row >= 0) & (cell >= 0)
        found = np.zeros((len(identities), len(self.cells)), dtype=np.uint64)
        found[row[mine], cell[mine]] = table.column("uid").to_numpy()[mine]
        missing = int((found[dealt] == 0).sum())
        if missing:
            raise PlanError(
                f"{missing:,} of {int(dealt.sum()):,} rendered images are not in {manifest.path}:"
                f" their files are damaged or gone. Remove {self.folder} and run the same command"
                " again."
            )
        return found
