"""The folder of a run that needs no training: a small network with its first weights."""

import json
from pathlib import Path

from recipes import small_recipe

from gprplus.baseline.network.model import build_model, save_model
from gprplus.baseline.recipe import Recipe


def finished_run(folder: Path, classes: int = 4) -> Path:
    """Write run.json and model.safetensors of a network of the small recipe."""
    folder.mkdir(parents=True)
    (folder / "small.toml").write_text(small_recipe(1))
    recipe = Recipe.read(folder / "small.toml")
    save_model(build_model(recipe.network, classes, seed=0), folder / "model.safetensors")
    (folder / "run.json").write_text(json.dumps({"config": recipe.resolved()}))
    return folder
