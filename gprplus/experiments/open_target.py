"""The one target that features are scored on, from a split, a manifest or a folder of images, under
any protocol."""

from dataclasses import replace
from pathlib import Path
from typing import cast

from gprplus.core import protocol
from gprplus.core.errors import ManifestError, SplitError, did_you_mean
from gprplus.evaluation import targets
from gprplus.evaluation.target_checks import CAMERA
from gprplus.evaluation.targets import Target
from gprplus.schema.records import Protocol


def open_target(split: Path | None, path: Path, ingested: Path, rule: str | None = None) -> Target:
    """The test set of a split folder, or else a manifest or folder of images as a target
    (`ingest.open_or_build_manifest`). `rule` is a protocol to draw queries by where they cannot be
    drawn by that of the manifest.

    Raises SplitError when the split has no test set.
    """
    from gprplus.ingest import open_or_build_manifest
    from gprplus.splits import Split

    if split is None:
        manifest = open_or_build_manifest(path, ingested)
        try:
            return targets.target_of_manifest("target", manifest, "")
        except (ManifestError, SplitError):
            name = protocol.ALSO_CALLED.get(rule or "", rule)
            if name not in protocol.PROTOCOLS:
                raise
            return targets.target_of_manifest("target", manifest, "", rule=cast(Protocol, name))
    found = targets.own_test_target(Split.open(split))
    if found is None:
        raise SplitError(f"{split} was made without a test set; score on a --target.")
    return found


def with_protocol(target: Target, rule: str) -> Target:
    """The target scored by another rule of `gprplus.core.protocol`, in its own name or the field's.

    Raises SplitError where there is no such rule, or where the rows lack what plays its camera.
    """
    rule_name = protocol.ALSO_CALLED.get(rule, rule)
    if rule_name not in protocol.PROTOCOLS:
        known = [*protocol.PROTOCOLS, *protocol.ALSO_CALLED]
        raise SplitError(f"There is no protocol '{rule}'. {did_you_mean(rule, known)}")
    column = CAMERA[rule_name]
    if column and target.rows.column(column).null_count == len(target.rows):
        raise SplitError(
            f"The protocol '{rule}' needs {column}, which no row of {target.name} has. "
            f"Use the target's default, {target.protocol}."
        )
    return replace(target, protocol=cast(Protocol, rule_name))
