"""Reading split.json: the one place where the records of older versions become those of this
one."""

from pathlib import Path
from typing import Any

from gprplus import schema
from gprplus.core.errors import GprplusError, SplitError
from gprplus.core.files.workdir import read_json
from gprplus.schema.split_record import SplitRecord, split_record
from gprplus.splits.arm_names import completed

RECORD = "split.json"


def load_split_record(folder: Path, error: type[GprplusError] = SplitError) -> SplitRecord:
    """Return the record of the split in a folder.

    Raises `error` where there is no such file, and SplitError where it has another schema version
    or a wrong value.
    """
    path = folder / RECORD
    return upgrade(read_json(path, error, "a split (make one with gprplus make-split)"), path)


def upgrade(info: dict[str, Any], path: Path) -> SplitRecord:
    """Return what split.json holds as the record of this version.

    Every version so far has the same schema version and only added keys. A key that an older
    version did not write has the default of its field; a key that this version does not know is
    refused, because a later version may mean rows by it that this one would not count. Raises
    SplitError.
    """
    if info.get("schema_version") != schema.VERSION:
        raise SplitError(
            f"{path.parent} has schema version {info.get('schema_version')}, but this gprplus reads"
            f" {schema.VERSION}. Make the split again."
        )
    return completed(split_record(info, path))
