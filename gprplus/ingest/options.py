"""The options of build-manifest."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gprplus.core import declarations
from gprplus.core.commands import resolve_command
from gprplus.core.errors import GprplusError, ManifestError
from gprplus.core.options import Options, option
from gprplus.core.shared_options import protocol_field, workers_field
from gprplus.schema.manifest_record import BuildArguments, ManifestDataset

VERIFY = {
    "names": "file names only",
    "header": "and the size and format in the header",
    "digest": "and a digest of the bytes",
    "decode": "and every pixel",
}
DATASET, FILES = "Dataset", "Files and checks"


@dataclass(frozen=True)
class IngestOptions(Options):
    """Options of `build_manifest`."""

    error: ClassVar[type[GprplusError]] = ManifestError

    layout: str | Path = option(
        "auto",
        group=DATASET,
        metavar="LAYOUT",
        help="Layout of the file names: auto, a name from `gprplus layouts`, or a .toml file.",
    )
    name: str | None = option(
        None,
        group=DATASET,
        metavar="NAME",
        default_note="the layout's; of a table or of engine output, its name",
        help="Name of the dataset.",
    )
    identities: Path | None = option(
        None,
        group=DATASET,
        metavar="TABLE",
        default_note="identities.csv in the folder, if it is there",
        remote=True,
        help="CSV, Parquet, JSON or .mat table of identity attributes.",
    )
    table: Path | None = option(
        None,
        group=DATASET,
        metavar="TABLE",
        remote=True,
        help=(
            "CSV, Parquet or JSON lines table of images, in place of folders: columns path and"
            " identity, and camera, role or any attribute (docs/own_data.md)."
        ),
    )
    root: Path | None = option(
        None,
        group=DATASET,
        metavar="FOLDER",
        default_note="the folder of the table",
        remote=True,
        help="Folder that the paths in {table} are relative to; no file outside it is opened.",
    )
    joins: tuple[Path, ...] = option(
        (),
        group=DATASET,
        flag="--join",
        metavar="TABLE",
        repeated=True,
        remote=True,
        help=(
            "Table of attributes to add, with a column path, uid or identity to join it by: CSV,"
            " Parquet or JSON lines."
        ),
    )
    attributes: Path | None = option(
        None,
        group=DATASET,
        metavar="FILE.toml",
        help="Attributes of your own, declared in a TOML file (docs/own_data.md).",
    )
    protocol: str | None = protocol_field(
        DATASET,
        "camera, else viewpoint, else no-camera: what the images have",
        "Which gallery images leave the ranking of a query, in splits and targets of the manifest.",
    )
    engine_logs: tuple[Path, ...] = option(
        (),
        group=DATASET,
        flag="--engine-log",
        metavar="LOG",
        repeated=True,
        help=(
            "Log of the GTA V generator, which adds actor and place to its raw images; the oldest"
            " first."
        ),
    )
    verify: str = option(
        "header",
        group=FILES,
        metavar="GRADE",
        choices=VERIFY,
        help="How closely each file is read.",
    )
    checks: tuple[str, ...] | None = option(
        None,
        group=FILES,
        metavar="[CHECK,...]",
        alone="all",
        default_note="those of earlier builds",
        help=(
            "Check the images, and add a score and a flag of each check as columns (listed below)."
            " Without a value: all checks; none removes them."
        ),
    )
    workers: int | None = workers_field()

    def __post_init__(self) -> None:
        super().__post_init__()
        if str(self.layout).endswith(".toml"):
            object.__setattr__(self, "layout", Path(self.layout))
        if self.root is not None and self.table is None:
            raise ManifestError("--root is for --table; give a folder without it as RENDERS.")
        if self.table is not None and self.layout != "auto":
            raise ManifestError("--table names its images itself; leave --layout out.")


def read_ingest_options(name: str, dataset: ManifestDataset, folder: Path) -> IngestOptions:
    """The options that built the dataset `name` of a manifest in `folder`, from its record.

    Records made before they kept the file of the layout have its name.
    """
    request = dataset.request
    given = dataset.arguments or BuildArguments(layout=request["layout"])
    layout: str | Path = given.layout
    if given.layout.endswith(".toml"):
        layout = resolve_command(given.layout, folder)
    elif given.layout not in declarations.declaration_names("layouts"):
        layout = "auto"
    table, images = request.get("identities"), request.get("table")
    own = request.get("attributes")
    return IngestOptions(
        layout=layout,
        name=given.name or (name if name != request["layout"] else None),
        identities=resolve_command(table, folder) if table else None,
        table=resolve_command(images, folder) if images else None,
        root=resolve_command(request["root"], folder) if images else None,
        joins=tuple(resolve_command(one, folder) for one in request.get("join") or ()),
        attributes=resolve_command(own, folder) if own else None,
        protocol=request.get("protocol"),
        engine_logs=tuple(resolve_command(log, folder) for log in request.get("engine_log") or ()),
        verify=request.get("verify", "header"),
    )
