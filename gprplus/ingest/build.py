"""build_manifest: folders of renders become one manifest.

For each folder: scan, choose the layout, compare with what the manifest already knows, open what is new, decode, check,
and put the dataset's rows beside those of the other datasets. Nothing here draws at random or depends on the order of
files, folders or workers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.errors import ManifestError, RequestChanged, examples, nearest
from gprplus.ingest import identities as people
from gprplus.ingest import manifest as store
from gprplus.ingest.dataset import Rows, ingest
from gprplus.ingest.detect import Chosen, choose
from gprplus.ingest.earlier import Earlier, remembered, unchanged
from gprplus.ingest.manifest import Manifest
from gprplus.ingest.members import list_renders
from gprplus.ingest.roles import lists_digest
from gprplus.ingest.scan import Listing
from gprplus.parallel import Progress, silent
from gprplus.runs import differences, relative
from gprplus.schema import VERIFY


@dataclass(frozen=True)
class Source:
    """One folder to be ingested: what lies in it, its layout and name, its identities file, and the request as the
    record keeps it.
    """

    listing: Listing
    chosen: Chosen
    identities: Path | None
    request: dict[str, Any]


def build_manifest(
    renders: Sequence[str | Path],
    output: str | Path,
    *,
    layout: str | Path = "auto",
    name: str | None = None,
    identities: str | Path | None = None,
    verify: str = "header",
    workers: int | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Manifest:
    """Ingest folders of renders into the manifest folder `output`, and return it open.

    `layout` is "auto", the name of a shipped layout or the path of a TOML file; `name` calls the one dataset something
    else than its layout; `identities` is a CSV, Parquet, JSON or MATLAB table of identity-level attributes (default:
    identities.csv in the folder, where there is one); `verify` is the grade of looking at files: names, header, digest
    or decode.

    Datasets that the manifest already has stay; the same dataset is brought up to date, and only files that changed are
    opened. Raises LayoutError, DeclarationError, ManifestError, or RequestChanged when a dataset of that name was built
    with other options (`force` replaces it). From 40,000 files on, worker processes are started: a script needs `if
    __name__ == "__main__":`.
    """
    folders = [Path(folder) for folder in renders]
    _check(folders, name, identities, verify)
    output = Path(output)
    _not_a_file(output)
    old = _opened(output, force)
    sources = [_source(folder, output, old, layout, name, identities, verify) for folder in folders]
    _distinct(sources)
    with store.building(output):
        old = _opened(output, force)  # once more: another build may just have finished
        for source in sources:
            _settle(source, old, output, force)
        done: dict[str, Rows] = {}
        for source in sources:
            earlier = None if force else Earlier.of(old, source.chosen.name)
            if earlier and unchanged(earlier, source.listing, source.chosen.layout, source.identities):
                continue
            done[source.chosen.name] = ingest(
                source.listing,
                source.chosen,
                people.read_identities(source.identities, source.chosen.layout.codes),
                verify,
                earlier=earlier,
                about=_about(source),
                workers=workers,
                progress=progress,
            )
        if done or old is None:
            from gprplus.ingest.tables import assemble

            store.replace(output, *assemble(old, done))
    result = Manifest.open(output)
    return Manifest(result.path, result.info, tuple(sorted(done)))


def _check(folders: list[Path], name: str | None, identities: str | Path | None, verify: str) -> None:
    if verify not in VERIFY:
        raise ManifestError(f"There is no --verify grade '{verify}'. {nearest(verify, VERIFY)}")
    if not folders:
        raise ManifestError("There is no folder of renders to ingest. Name one, or draw some with `gprplus render`.")
    for option, value in (("--name", name), ("--identities", identities)):
        if value is not None and len(folders) > 1:
            raise ManifestError(
                f"{option} speaks of one folder, and {len(folders)} were given. Ingest them one after the other."
            )
    if name is not None and (not name.strip() or "/" in name or not name.isprintable()):
        raise ManifestError(f"--name {name!r} cannot name a dataset: use letters, digits and dashes.")


def _not_a_file(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise ManifestError(f"{output} is a file; the manifest is a folder. Give another place with -o.")


def _opened(output: Path, force: bool) -> Manifest | None:
    """The manifest that is there; None when there is none, when its replacement was interrupted, or when `force`
    meets a broken one.
    """
    if not (output / store.RECORD).is_file() or store.interrupted(output):
        return None
    try:
        return Manifest.open(output)
    except ManifestError:
        if force:
            return None
        raise


def _source(
    folder: Path,
    output: Path,
    old: Manifest | None,
    layout: str | Path,
    name: str | None,
    identities: str | Path | None,
    verify: str,
) -> Source:
    root = folder.resolve()
    known = old is not None and any(place == root for place in old.roots().values())
    memory = remembered(old, root) if known else None
    listing = list_renders(folder, look=known, memory=memory)
    chosen = choose(listing, layout, name)
    if memory and old and old.datasets.get(chosen.name, {}).get("layout_digest") != chosen.layout.digest:
        memory = None  # another layout may ignore other names
        listing = list_renders(folder, look=known)
    table = people.find(listing, Path(identities) if identities else None)
    beside = (*chosen.layout.beside, *([table.name] if table else []))
    if beside:
        listing = list_renders(folder, beside, look=known, memory=memory)
    request = {
        "root": relative(root, output),
        "layout": chosen.layout.name,
        "identities": relative(table, output) if identities and table else None,
        "verify": verify,
    }
    return Source(listing, chosen, table, request)


def _distinct(sources: list[Source]) -> None:
    seen: dict[str, Path] = {}
    for source in sources:
        name, root = source.chosen.name, source.listing.root
        if name in seen:
            raise ManifestError(
                f"{seen[name]} and {root} would both be the dataset '{name}'. Ingest the second by itself: "
                f"`gprplus build-manifest {root} --name NAME`."
            )
        seen[name] = root


def _settle(source: Source, old: Manifest | None, output: Path, force: bool) -> None:
    about = old.datasets.get(source.chosen.name) if old else None
    changed = differences(about["request"], source.request) if about else []
    if not changed or force:
        return
    name = source.chosen.name
    if about and about["root"] != source.request["root"] and not source.chosen.named:
        raise ManifestError(
            f"{output} already has a dataset '{name}', from {about['root']}. If {source.listing.root} is another one "
            "of the same layout, give it a --name; if it is the same that moved, say --force."
        )
    raise RequestChanged(
        f"{output} holds dataset '{name}' as another request made it ({examples(changed)}). "
        "Give another folder with -o, another --name, or --force to replace it."
    )


def _about(source: Source) -> dict[str, Any]:
    """What the record says of a dataset before its files are counted."""
    layout = source.chosen.layout
    return {
        "root": source.request["root"],
        "layout": layout.name,
        "layout_digest": layout.digest,
        "title": layout.title,
        "paper": layout.paper,
        "licence": layout.licence,
        "status": layout.status,
        "factors": list(layout.factors),
        "functions": {name: list(by) for name, by in layout.functions.items()},
        "unverified": list(layout.unverified),
        "notes": list(layout.notes),
        "expected": {key: value for key, value in vars(layout.expected).items() if value},
        "verify": source.request["verify"],
        **({"archives": source.listing.archives} if source.listing.archives else {}),
        "lists_digest": lists_digest(source.listing, layout.lists),
        "identities_digest": people.file_digest(source.identities, layout.codes),
        "request": source.request,
    }
