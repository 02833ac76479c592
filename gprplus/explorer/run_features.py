"""Features of the test images of a run, made by its own network when they are first needed.

Runs keep networks and scores, not features. They are made on the processor and held in memory.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.declarations import from_mapping
from gprplus.core.errors import BrowseError
from gprplus.core.imaging.images import read_bytes
from gprplus.evaluation.targets import Target, own_test_target
from gprplus.schema.run_record import RunRecord

if TYPE_CHECKING:
    from gprplus.baseline.recipe import Recipe
    from gprplus.splits import Split

_HELD = 6  # runs whose features are kept
MOST_IMAGES = 100_000  # of a test set, so that a click takes minutes at most


@dataclass(frozen=True, eq=False)
class TestFeatures:
    """Unit features `(N, D) float32` of the rows of a test set."""

    __test__ = False

    target: Target
    features: np.ndarray


class FeatureCache:
    """The features of the last runs that were looked at; one network runs at a time."""

    def __init__(self) -> None:
        self._held: OrderedDict[Path, TestFeatures] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, folder: Path, recipe: "Recipe", split: "Split") -> TestFeatures:
        """Return the features of the split's own test set by the network in a run's folder."""
        with self._lock:
            if folder not in self._held:
                self._held[folder] = _embedded(folder, recipe, split)
                while len(self._held) > _HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(folder)
            return self._held[folder]


def _embedded(folder: Path, recipe: "Recipe", split: "Split") -> TestFeatures:
    from gprplus.baseline.decode import decode_resized
    from gprplus.baseline.network import model
    from gprplus.baseline.network.embedding import embed_images
    from gprplus.core.parallel import map_threads

    target = own_test_target(split)
    if target is None or len(target.rows) > MOST_IMAGES:
        raise BrowseError(f"The split needs a test set of at most {MOST_IMAGES:,} images for this.")
    height, width = recipe.input.height, recipe.input.width
    places = list(
        zip(*(target.rows.column(name).to_pylist() for name in ("dataset", "path")), strict=True)
    )

    def pixels(place: tuple[str, str]) -> np.ndarray:
        dataset, path = place
        try:
            found = decode_resized(read_bytes(target.roots[dataset], path), height, width)
        except OSError as error:
            raise BrowseError(f"{path} cannot be read: {error.strerror or error}.") from error
        if found is None:
            raise BrowseError(f"{path} is no whole image.")
        return found

    network = model.read_model(folder / "model.safetensors", recipe.network, "cpu")
    images = np.stack(list(map_threads(pixels, places)))
    features = embed_images(network, images, recipe.compute, "cpu")
    return TestFeatures(target, features.float().numpy())


def read_recipe(record: RunRecord, where: str) -> "Recipe":
    """Return the recipe of a finished run, with the number type that it computed in."""
    from gprplus.baseline.recipe import Recipe

    settings = {name: value for name, value in record.config.items() if name != "precision"}
    recipe = from_mapping(Recipe, settings, where)
    kind = str(record.config.get("precision", "torch.float32")).removeprefix("torch.")
    return replace(recipe, compute=replace(recipe.compute, precision=kind))
