"""A whole dataset as something to search: what arms are scored on beside their own test side."""

from typing import TYPE_CHECKING

import numpy as np

from gprplus import schema
from gprplus.declared import image_attributes
from gprplus.errors import ManifestError
from gprplus.splits.codes import encode
from gprplus.splits.members import test_table
from gprplus.splits.pool import read
from gprplus.splits.sides import test_side

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest

FLAGS = ("is_junk", "is_distractor")


def target_rows(manifest: "Manifest") -> "pa.Table":
    """The query and gallery rows of a target: schema.MEMBERS with arm null, and `is_junk` and `is_distractor` beside.

    A manifest that names query and gallery itself (Market-1501 and its kin) keeps them, junk and distractors flagged.
    Another gets the rule of every test side, over all its persons: one query for each person and camera, the rest
    gallery. The schema's metadata says under b"protocol" what plays the camera: camera, viewpoint or no-camera. Raises
    ManifestError where nothing can be searched.
    """
    roles = encode("role", manifest.images(["role"]).column("role"))
    if {"query", "gallery"} <= set(roles.levels):
        return _own_roles(manifest)
    pool = read(manifest)
    side = test_side(pool, np.arange(len(pool)))
    if not side.query.any():
        raise ManifestError(
            f"{manifest.path} cannot be a target: no image of it has a true match under the {side.protocol} rule."
        )
    return _flagged(test_table(pool, side), side.protocol)


def _own_roles(manifest: "Manifest") -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    names = ["uid", "dataset", "path", "identity", "role", *image_attributes(), *FLAGS]
    table = manifest.images(names)
    role = table.column("role").cast(pa.string())
    table = table.filter(pc.fill_null(pc.is_in(role, pa.array(["query", "gallery"])), False))
    cameras = table.column("camera")
    views = table.column("viewpoint_deg")
    protocol = (
        "camera" if cameras.null_count < len(table) else "viewpoint" if views.null_count < len(table) else "no-camera"
    )
    members = schema.conform(table, schema.MEMBERS)
    return _flagged(members, protocol, table)


def _flagged(members: "pa.Table", protocol: str, source: "pa.Table | None" = None) -> "pa.Table":
    import pyarrow as pa

    for flag in FLAGS:
        values = (
            source.column(flag).fill_null(False) if source is not None else pa.array(np.zeros(len(members), dtype=bool))
        )
        members = members.append_column(flag, values)
    return members.replace_schema_metadata({"protocol": protocol})
