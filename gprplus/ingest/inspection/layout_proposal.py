"""A layout proposed for a folder, checked by loading it and matching the names with it."""

from dataclasses import replace
from pathlib import Path

from gprplus.core.declarations import parse_toml
from gprplus.core.errors import LayoutError
from gprplus.ingest.files.archive_members import list_images
from gprplus.ingest.layouts.detect import describe_folder, sample_paths
from gprplus.ingest.layouts.load import from_declaration
from gprplus.ingest.layouts.match import match_names
from gprplus.ingest.layouts.propose import LayoutProposal, propose_layout

FEWEST = 0.5  # share of the names that a proposal must fit


def propose_for_folder(folder: Path) -> LayoutProposal:
    """Propose a layout for the names below a folder or in an archive.

    Raises LayoutError for no image, no identity in the names, and names of many shapes.
    """
    listing = list_images(folder)
    names = sample_paths(listing)
    if not names:
        raise LayoutError(f"There is no image file under {folder}: {describe_folder(listing)}")
    found = propose_layout(names, folder.resolve().name)
    layout = from_declaration(parse_toml(Path("proposed.toml"), found.toml.encode()))
    fitting = sum(one is not None for one in match_names(layout, names, listing.views))
    if fitting < FEWEST * len(names):
        raise LayoutError(
            f"The names under {folder} have many shapes: the most frequent one fits {fitting:,} of"
            f" {len(names):,}, such as {layout.examples[0]}. Give a folder of one shape, or name the"
            " images in a table (`gprplus build-manifest --table`)."
        )
    return replace(found, fitting=fitting)
