"""gprplus render."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import options
from gprplus.cli.console import dump, progress, say


@click.command("render", short_help="Draw a crossed design of synthetic people.")
@click.option("--identities", type=int, default=64, show_default=True, help="How many people.")
@click.option(
    "--viewpoints", type=int, default=6, show_default=True, help="Cameras around each; must divide 360, 36 at most."
)
@click.option("--weathers", default="all", show_default=True, help="Levels separated by commas, or all.")
@click.option(
    "--illuminations", default="forenoon,dusk,night", show_default=True, help="Hours separated by commas, or all."
)
@click.option("--backgrounds", type=int, default=1, show_default=True, help="How many places, crossed with the rest.")
@click.option("--size", default="200x470", show_default=True, help="Width x height in pixels.")
@click.option("--domain", default="engine", show_default=True, help="Camera and people: engine or street.")
@click.option("--masks", is_flag=True, help="Also write the person's mask of every image.")
@click.option("--boxes", is_flag=True, help="Also write the person's box of every image.")
@click.option(
    "--keypoints", is_flag=True, help="Also write COCO annotations: 17 key points, box and mask of everybody."
)
@click.option("--same-people", is_flag=True, help="Draw the people of the domain engine, whatever the domain.")
@options.seed
@options.device
@options.workers
@options.work
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=None, help="Folder.  [default: WORK/renders/DOMAIN]"
)
@options.force
@options.dry_run
@options.as_json
def command(
    identities: int,
    viewpoints: int,
    weathers: str,
    illuminations: str,
    backgrounds: int,
    size: str,
    domain: str,
    masks: bool,
    boxes: bool,
    keypoints: bool,
    same_people: bool,
    seed: int,
    device: str,
    workers: int | None,
    work: Path,
    output: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Draw a crossed design of synthetic people.

    Every person is drawn from every viewpoint in every weather and every light. The same command goes on where an
    interrupted one stopped.

    \b
    Examples:
      gprplus render
      gprplus render --identities 8 --viewpoints 12 --illuminations all
      gprplus render --domain street --weathers sunny,foggy -o work/renders/street
    """
    from gprplus.engine.design import make_design, parse_size
    from gprplus.engine.render import is_finished, render

    asked: dict[str, Any] = {
        "identities": identities,
        "viewpoints": viewpoints,
        "weathers": weathers,
        "illuminations": illuminations,
        "backgrounds": backgrounds,
        "size": parse_size(size),
        "domain": domain,
        "masks": masks,
        "boxes": boxes,
        "keypoints": keypoints,
        "same_people": same_people,
        "seed": seed,
    }
    design = make_design(**asked)
    folder = output or work / "renders" / domain
    known = {"output": str(folder), "identities": design.identities, "images": design.images}
    if dry_run:
        size_mb = design.bytes_expected / 1e6
        text = f"Would draw {design.images:,} images of {identities:,} people into {folder}: about {size_mb:,.0f} MB."
        dump({**known, "bytes": design.bytes_expected, "state": "planned"}) if as_json else say(text)
        return
    finished = is_finished(folder, design, force=force)
    with progress("render") as bar:
        render(folder, **asked, device=device, workers=workers, force=force, progress=bar)
    state = "already drawn" if finished else "drawn"
    dump({**known, "state": state}) if as_json else say(
        f"{design.images:,} images of {identities:,} people {state} in {folder}."
    )
