"""Does the headline depend on the training's own settings? Two arms trained again with another
learning rate or length.

The learning rate is the setting that arms of other data most often need to differ in, and equal
steps are not equal epochs where arms differ in size. So the arm with the widest difference and the
reference are trained again with half and with double the learning rate, and, where arms differ in
size, for equal epochs; seeds and deals stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus import schema
from gprplus.baseline.recipe import Recipe, TrainingLength
from gprplus.evaluation.targets import OWN_TEST_SET, RERANKED, is_own_test_set
from gprplus.experiments import collect
from gprplus.schema.split_record import SplitRecord
from gprplus.statistics.levels.level_estimands import OWN, TRANSFER

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "sensitivity"  # in the folder of a split's runs
TABLE = "sensitivity.parquet"
TO_REFERENCE = ("sufficiency", "necessity", "to the reference")
COMPARED = (*TO_REFERENCE, OWN, TRANSFER)  # families with a contrast of one arm to the reference


@dataclass(frozen=True)
class RecipeVariant:
    """A changed setting: its name in words, its folder, and the recipe with it."""

    name: str
    folder: str
    recipe: Recipe


def recipe_variants(recipe: Recipe, sizes: Sequence[int]) -> list[RecipeVariant]:
    """The changed recipes for two arms of `sizes` images, the reference last.

    Equal epochs are left out where they are equal steps: arms of one size, or a recipe that counts
    epochs already.
    """
    found = []
    for word, factor in (("half", 0.5), ("double", 2.0)):
        optimizer = replace(recipe.optimizer, lr=recipe.optimizer.lr * factor)
        found.append(
            RecipeVariant(
                f"{word} the learning rate", f"{word}-rate", replace(recipe, optimizer=optimizer)
            )
        )
    if recipe.length.steps and len(set(sizes)) > 1:
        length = TrainingLength(epochs=recipe.length.steps * recipe.batch.size / sizes[-1])
        found.append(RecipeVariant("equal epochs", "equal-epochs", replace(recipe, length=length)))
    return found


def steps_again(recipe: Recipe, split: SplitRecord, seeds: int) -> int:
    """Return the steps of all variants, for two arms that differ in size as the smallest and the
    largest do."""
    sizes = sorted(arm.images for arm in split.arms.values())
    pair = [sizes[0], sizes[-1]]
    variants = recipe_variants(recipe, pair)
    return seeds * sum(one.recipe.steps(size) for one in variants for size in pair)


def widest_contrast(contrasts: Sequence[Mapping[str, Any]]) -> str | None:
    """The arm whose difference to the reference is the widest in mAP, on the first external target
    if there is one.

    None where the design compares no arm with a reference.
    """
    rows = [row for row in contrasts if row["metric"] == "mAP" and row["family"] in TO_REFERENCE]
    rows = [row for row in rows if not row["target"].endswith(RERANKED)]
    away = sorted({row["target"] for row in rows if not is_own_test_set(row["target"])})
    rows = [row for row in rows if row["target"] == (away[0] if away else OWN_TEST_SET)]
    return str(max(rows, key=lambda row: abs(row["value"]))["contrast"]) if rows else None


def compare_variants(
    base: "pa.Table",
    folder: Path,
    found: Sequence[RecipeVariant],
    arm: str,
    split: SplitRecord,
    margin: float,
) -> "pa.Table":
    """The contrasts of `arm` (schema.SENSITIVITY) under each variant, whose runs are in
    `folder`/VARIANT, and in `base` (schema.CONTRASTS).
    """
    import pyarrow as pa

    reference = str(split.reference)
    before = {_key(row): row for row in base.to_pylist() if _is_of(row, arm)}
    rows: list[dict[str, Any]] = []
    for variant in found:
        effects = collect.collect_results(folder / variant.folder, split, margin, [arm, reference])[
            2
        ]
        for row in effects.contrasts.to_pylist():
            if _is_of(row, arm) and _key(row) in before:
                was = before[_key(row)]
                kept = {
                    name: row[name]
                    for name in ("split", "recipe", "target", "metric", "family", "seeds")
                }
                kept |= {
                    "variant": variant.name,
                    "arm": arm,
                    "reference": reference,
                    "base": was["value"],
                }
                kept |= {f"base_{end}": was[end] for end in ("low", "high")}
                kept |= {name: row[name] for name in ("value", "low", "high")}
                rows.append(kept | {"sign_holds": bool(row["value"] * was["value"] > 0)})
    full = [{column.name: row[column.name] for column in schema.SENSITIVITY} for row in rows]
    return pa.Table.from_pylist(full, schema=schema.arrow_schema(schema.SENSITIVITY))


def _is_of(row: Mapping[str, Any], arm: str) -> bool:
    return row["family"] in COMPARED and row["contrast"] == arm


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["target"], row["metric"], row["family"]
