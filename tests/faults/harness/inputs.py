"""The kinds of input: each function damages one input of a copied world and returns the command
that reads it."""

import io
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from harness import bombs, expressions, mutate, tables
from harness.run import REPOSITORY
from harness.world import RUNS, SOLO, TRAINING, Case

ENGINE = "work/renders/engine"


@dataclass(frozen=True)
class Command:
    """A command and what it may do: `writes` are the paths of the room it may change.

    `given` is the number of files that a manifest in `writes[0]` has to account for, None where the
    command reads none.
    """

    argv: tuple[str, ...]
    writes: tuple[str, ...] = ()
    program: Path | None = None
    given: int | None = None


Kind = Callable[[Case, Random], Command]
KINDS: dict[str, Kind] = {}


def kind(function: Kind) -> Kind:
    """Register a kind of input under the name of its function."""
    KINDS[function.__name__] = function
    return function


def build(*argv: str, given: int | None = None) -> Command:
    """`gprplus build-manifest` into the folder `out`."""
    return Command(("build-manifest", *argv, "-o", "out", "--workers", "1"), ("out",), given=given)


def images_of(case: Case) -> list[Path]:
    """The renders, in order of their names."""
    return sorted(case.path(ENGINE).glob("*/*.jpg"))


def files_below(folder: Path) -> int:
    """Files that ingest has to account for: all but hidden ones that are no images, such as the
    marker."""
    return len(
        [
            path
            for path in folder.rglob("*")
            if path.is_file() and not _may_vanish(path.relative_to(folder))
        ]
    )


def _may_vanish(path: Path) -> bool:
    hidden = any(part.startswith(("_", ".")) for part in path.parts)
    return hidden and (
        path.suffix.lower() not in (".jpg", ".jpeg", ".png") or path.name.startswith("._")
    )


def encoded(path: Path, rng: Random) -> bytes:
    """The image of a file in one of the forms that are read."""
    form = rng.choice(
        ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "progressive", "deep", "animated"]
    )
    with Image.open(path) as image:
        image.load()
    out = io.BytesIO()
    if form == "progressive":
        image.save(out, "JPEG", progressive=True)
    elif form == "deep":
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(out, "PNG")
    elif form == "animated":
        image.save(out, "GIF", save_all=True, append_images=[image.rotate(180)])
    else:
        image.save(out, form)
    return out.getvalue()


@kind
def images(case: Case, rng: Random) -> Command:
    """Damaged images, in every form, and images that are bombs."""
    for path in rng.sample(images_of(case), 3):
        data = encoded(path, rng)
        path.write_bytes(bombs.image(rng) if rng.random() < 0.15 else mutate.any_bytes(data, rng))
    verify = rng.choice(["names", "header", "digest", "decode", "decode", "decode"])
    checks = rng.choice([[], ["--checks", "all"]])
    return build(ENGINE, "--verify", verify, *checks, given=files_below(case.path(ENGINE)))


@kind
def archives(case: Case, rng: Random) -> Command:
    """Damaged archives of every form, or in a folder beside images."""
    suffix = rng.choice(
        [".tar", ".tar", ".tar.gz", ".zip", ".zip", ".lzma.zip", ".deflated.zip", ".tar.bz2", ".7z"]
    )
    path = case.path(f"engine{suffix}")
    packed = pack(case.path(ENGINE), path, rng)
    damage = rng.choice([mutate.any_bytes, mutate.flip_head, mutate.flip, bombs.tar_header])
    path.write_bytes(damage(path.read_bytes(), rng))
    if rng.random() < 0.3:
        path.rename(case.path(ENGINE) / f"more{suffix}")
        return build(ENGINE, "--verify", rng.choice(["header", "decode"]))
    # Whether members of a damaged archive were lost is only known where the archive can be listed.
    return build(
        path.name,
        "--verify",
        rng.choice(["header", "decode"]),
        given=packed if listed(path) else None,
    )


def pack(folder: Path, archive: Path, rng: Random) -> int:
    """Pack a folder and return the number of its images."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if archive.name.endswith(".zip"):
        methods = {".lzma.zip": zipfile.ZIP_LZMA, ".deflated.zip": zipfile.ZIP_DEFLATED}
        method = methods.get("".join(archive.suffixes), zipfile.ZIP_STORED)
        with zipfile.ZipFile(archive, "w", method) as file:
            for path in files:
                file.write(path, path.relative_to(folder))
    else:
        form = rng.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
        mode = {".gz": "w:gz", ".bz2": "w:bz2"}.get(archive.suffix, "w")
        with tarfile.open(archive, mode, format=form) as file:
            for path in files:
                file.add(path, path.relative_to(folder))
    return len([path for path in files if path.suffix == ".jpg"])


def listed(archive: Path) -> bool:
    """Whether Python's own modules list every member of a damaged archive under the name it was
    packed with."""
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as file:
                names = file.namelist()
        else:
            with tarfile.open(archive) as file:
                names = file.getnames()
    except Exception:
        return False
    return len([name for name in names if name.isascii() and name.endswith(".jpg")]) == 32


@kind
def file_names(case: Case, rng: Random) -> Command:
    """Names of files and folders that no writer would choose, links and things that are no
    files."""
    folder = case.path(ENGINE)
    data = images_of(case)[0].read_bytes()
    for _ in range(3):
        place = rng.choice([folder, folder / "0001", folder / rng.choice(expressions.NAMES)])
        path = place / expressions.file_name(rng)
        try:
            place.mkdir(exist_ok=True)
            path.write_bytes(data)
        except (OSError, ValueError):
            continue  # the file system refuses the name
    given = files_below(folder)
    choice = rng.random()
    if choice < 0.1:
        (folder / "0001" / "loop").symlink_to(folder)
    elif choice < 0.2:
        os.mkfifo(folder / "0001" / "0001_c09_w01_l04.jpg")
        given += 1
    elif choice < 0.3:
        (folder / "0001" / "0001_c09_w01_l04.jpg").symlink_to(case.canary / "secret.txt")
        given += 1
    elif choice < 0.4:
        os.utime(
            images_of(case)[0], ns=(rng.choice([-(10**18), 0, 2**62, 13_569_465_600 * 10**9]),) * 2
        )
    return build(ENGINE, "--verify", rng.choice(["names", "header", "decode"]), given=given)


@kind
def identities(case: Case, rng: Random) -> Command:
    """The table of attributes as CSV, JSON and Parquet."""
    text = case.path("identities.csv").read_text()
    form = rng.choice(["csv", "csv", "json", "parquet", "mat"])
    path = case.path(f"people.{form}")
    rows = [line.split(",") for line in text.splitlines()]
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    if form == "csv":
        write(path, mutate.any_csv(text, rng, case.canary))
    elif form == "json":
        whole = {"people": rng.choice([records, {one.pop("identity"): one for one in records}])}
        changed = mutate.any_json(json.dumps(whole), rng, case.canary, top="people")
        write(path, changed.removeprefix('{\n  "people": ').removesuffix("\n}"))
    elif form == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(records), out)
        path.write_bytes(tables.any_table(out.getvalue(), rng))
    else:
        path.write_bytes(rng.randbytes(300))
    return build(ENGINE, "--identities", path.name)


@kind
def where(case: Case, rng: Random) -> Command:
    """Expressions of `--where`, most of them well formed."""
    return Command(
        ("make-split", "--attr=weather", "--where", expressions.where(rng), "-o", "out"), ("out",)
    )


@kind
def coco(case: Case, rng: Random) -> Command:
    """COCO annotations with key points and masks."""
    path = case.path("work/frames/engine/_annotations/person_keypoints.json")
    top = rng.choice(["annotations", "annotations", "annotations", "images", "categories"])
    if rng.random() < 0.1:
        write(path, bombs.coco(rng))
    else:
        write(path, mutate.any_json(path.read_text(), rng, case.canary, top=top))
    argv = (
        "work/frames/engine",
        "--coco",
        str(path.relative_to(case.room)),
        "-o",
        "out",
        "--min-size",
        "2x2",
    )
    more = rng.choice([(), ("--blank", "0,0,0"), ("--save-masks",), ("--min-visible", "0")])
    return Command(
        (*argv, *more, "--workers", "1"), ("out",), REPOSITORY / "tools" / "frames_to_crops.py"
    )


@kind
def features(case: Case, rng: Random) -> Command:
    """Features as Parquet, and as an array with a list of names."""
    argv = [
        "score",
        "--split",
        "work/splits/weather",
        *rng.choice([(), ("--json",), ("--rerank",)]),
    ]
    if rng.random() < 0.5:
        path = case.path("features.parquet")
        path.write_bytes(tables.any_table(path.read_bytes(), rng))
    else:
        path = case.path("features.npy")
        if rng.random() < 0.3:
            names = case.path("features.txt")
            names.write_bytes(mutate.any_bytes(names.read_bytes(), rng))
        else:
            path.write_bytes(tables.any_array(np.load(path), rng))
    return Command((*argv, "--features", path.name))


@kind
def weights(case: Case, rng: Random) -> Command:
    """Files of weights, as safetensors and as PyTorch writes them."""
    form = rng.choice(["safetensors", "pth"])
    model = case.path(f"{RUNS}/mix/seed0/model.safetensors").read_bytes()
    path = case.path(f"first.{form}")
    path.write_bytes(tables.any_weights(model, rng, form))
    if rng.random() < 0.3:
        path.replace(case.path(f"{RUNS}/mix/seed0/model.safetensors"))
        argv = ("benchmark", *TRAINING)
        return Command(argv, ("work/runs", "work/store"))
    argv = (*SOLO, "--weights", path.name, "-o", "out")
    return Command(argv, ("out", "store", "work/store"))


SMALL = ("render", "--identities", "2", "--viewpoints", "2", "--size", "16x32", "--workers", "1")
SEEDED = ("make-split", "--attr=weather", "--seed", "1")
# A command, the path in its output that becomes a link, and what it may write.
LINKED: tuple[tuple[tuple[str, ...], str, str], ...] = (
    ((*SMALL, "-o", "out"), "out", "out"),
    (("build-manifest", ENGINE, "-o", "out", "--workers", "1"), "out", "out"),
    (("build-manifest", "--workers", "1"), "work/manifest", "work/manifest"),
    (("build-manifest", "--workers", "1"), "work/manifest/images.parquet", "work/manifest"),
    (("make-split", "--attr=viewpoint_deg", "-o", "out"), "out", "out"),
    (SEEDED, "work/splits/weather", "work/splits/weather"),
    (SEEDED, "work/splits/weather/members.parquet", "work/splits"),
    (
        ("export", "work/splits/weather", "--to", "market1501", "--arm", "mix", "-o", "out"),
        "out",
        "out",
    ),
    (("report", RUNS, "-o", "out"), "out", "out"),
    (("report",), f"{RUNS}/results.md", "work/runs"),
    (("inspect", "--sheet", "out.png"), "out.png", "out.png"),
)


@kind
def output_links(case: Case, rng: Random) -> Command:
    """Output folders that are, or hold, links into the canary."""
    argv, link, writes = rng.choice(LINKED)
    place = case.path(link)
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.symlink_to(
        rng.choice(
            [case.canary, case.canary / "deep", case.canary / "nowhere", case.canary / "secret.txt"]
        )
    )
    force = ("--force",) if rng.random() < 0.5 and argv[0] not in ("report", "inspect") else ()
    return Command((*argv, *force), (writes,))


def write(path: Path, text: str) -> None:
    """Write text that may hold bytes that are no UTF-8."""
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
