"""Fields that mean the same in several lists of options."""

from typing import Any

from gprplus.core.options import option

COMPUTE = "Compute"
# Evaluation protocols, declared here because the command line lists them without NumPy.
PROTOCOLS = {
    "camera": (
        "gallery rows of the query's identity and camera leave the ranking (Market-1501 and its"
        " kin)"
    ),
    "viewpoint": "the viewpoint plays the part of the camera (renders that name no camera)",
    "no-camera": "nothing but junk and the query itself leaves the ranking",
}
# What the field calls them. CUHK03 is its new protocol (767 training identities), which scores as
# Market-1501 does.
ALSO_CALLED = {
    "market1501": "camera",
    "dukemtmcreid": "camera",
    "msmt17": "camera",
    "cuhk03": "camera",
    "viewpoint-as-camera": "viewpoint",
}


def seed_field(group: str) -> Any:
    """`seed: int`."""
    return option(0, group=group, help="Seed of all random choices.")


def device_field() -> Any:
    """`device: str`."""
    return option(
        "auto", group=COMPUTE, metavar="DEVICE", help="Device: auto, cpu, cuda or cuda:N."
    )


def workers_field() -> Any:
    """`workers: int | None`."""
    return option(
        None,
        group=COMPUTE,
        at_least=1,
        default_note="all cores",
        help="Number of parallel workers.",
    )


def roots_field(group: str) -> Any:
    """`roots: Mapping[str, Path]`."""
    return option(
        {},
        group=group,
        flag="--root",
        metavar="NAME=DIR",
        remote=True,
        help="Folder of a dataset's images, if they have moved.",
    )


def protocol_field(group: str, note: str, help: str) -> Any:
    """`protocol: str | None`."""
    return option(
        None,
        group=group,
        metavar="RULE",
        choices=PROTOCOLS,
        default_note=note,
        help=help,
    )


def targets_field(group: str) -> Any:
    """`targets: Mapping[str, Path]`."""
    return option(
        {},
        group=group,
        flag="--target",
        metavar="NAME=PATH",
        remote=True,
        help="A target, and what to call it: a manifest, or a folder or archive of images.",
    )
