"""The kinds of input that this project writes itself: JSON records, tables of manifests, splits and
runs, and TOML."""

from random import Random

from harness import mutate, tables
from harness.inputs import ENGINE, Command, build, kind, write
from harness.run import REPOSITORY
from harness.world import RUNS, TRAINING, Case, tiny_recipe

FORMS = ("market1501", "imagefolder", "parquet", "webdataset")
SHOWN = ((), ("--json",), ("--sheet", "out.png"))


def readers_of_split(rng: Random) -> Command:
    """A command that reads a split."""
    arms = rng.choice([(), ("--arm", "mix")])
    export = ("export", "work/splits/weather", "--to", rng.choice(FORMS), "-o", "out", *arms)
    again = ("make-split", "--from", "work/splits/weather/split.json", "-o", "out")
    benchmark = ("benchmark", "work/splits/weather", *TRAINING)
    return rng.choice(
        [
            Command(("inspect", "work/splits/weather", *rng.choice(SHOWN)), ("out.png",)),
            Command(export, ("out",)),
            Command(export, ("out",)),
            Command(again, ("out",)),
            Command(again[:-2], ("work/splits",)),
            Command((*benchmark, *rng.choice([(), ("--force",)])), ("work/runs", "work/store")),
            Command(("score", "--features", "features.parquet", "--split", "work/splits/weather")),
            Command(
                ("make-split", "--attr=weather", *rng.choice([(), ("--force",)])), ("work/splits",)
            ),
        ]
    )


def readers_of_manifest(rng: Random) -> Command:
    """A command that reads a manifest."""
    return rng.choice(
        [
            Command(("inspect", *rng.choice(SHOWN)), ("out.png",)),
            Command(("make-split", "--attr=weather", "-o", "out"), ("out",)),
            Command(
                ("make-split", "--attr=viewpoint_deg", "--design", "full", "-o", "out"), ("out",)
            ),
            Command(("make-split", "--attr=gender", "-o", "out"), ("out",)),
            Command(
                ("build-manifest", "--workers", "1", *rng.choice([(), ("--checks",)])),
                ("work/manifest",),
            ),
            Command(
                ("build-manifest", ENGINE, "--workers", "1", *rng.choice([(), ("--force",)])),
                ("work/manifest",),
            ),
            Command(("export", "work/manifest", "--to", rng.choice(FORMS), "-o", "out"), ("out",)),
            Command(("inspect", "--diff", "work/manifest", "work/manifest")),
            Command(("score", "--features", "features.parquet", "--target", "work/manifest")),
        ]
    )


def readers_of_runs(rng: Random) -> Command:
    """A command that reads finished runs."""
    if rng.random() < 0.1:
        return Command(("benchmark", *TRAINING, "--force"), ("work/runs", "work/store"))
    return rng.choice(
        [
            Command(("report", *rng.choice([(), ("--json",)])), ("work/runs",)),
            Command(("report", RUNS, "-o", "out"), ("out", "work/runs")),
            Command(("report", "--plan")),
            Command(("benchmark", *TRAINING), ("work/runs", "work/store")),
        ]
    )


@kind
def renders_json(case: Case, rng: Random) -> Command:
    """The record of a render."""
    path = case.path(f"{ENGINE}/renders.json")
    write(path, mutate.any_json(path.read_text(), rng, case.canary))
    again = (
        "render",
        "--identities",
        "2",
        "--viewpoints",
        "2",
        "--size",
        "16x32",
        "--workers",
        "1",
    )
    return rng.choice(
        [
            build(ENGINE),
            Command(("build-manifest", "--workers", "1"), ("work/manifest",)),
            Command(("layouts", "try", "auto", ENGINE)),
            Command((*again, *rng.choice([(), ("--force",)])), ("work/renders",)),
        ]
    )


@kind
def manifest_json(case: Case, rng: Random) -> Command:
    """The record of a manifest."""
    path = case.path("work/manifest/manifest.json")
    write(
        path, mutate.any_json(path.read_text(), rng, case.canary, top=rng.choice(["", "datasets"]))
    )
    return readers_of_manifest(rng)


@kind
def manifest_tables(case: Case, rng: Random) -> Command:
    """The tables of a manifest."""
    name = rng.choice(["images", "images", "identities", "scan", "rejected"])
    path = case.path(f"work/manifest/{name}.parquet")
    path.write_bytes(tables.any_table(path.read_bytes(), rng))
    return readers_of_manifest(rng)


@kind
def split_json(case: Case, rng: Random) -> Command:
    """The record of a split."""
    path = case.path("work/splits/weather/split.json")
    top = rng.choice(["", "", "request", "arms", "datasets", "audit", "test", "manifest"])
    write(path, mutate.any_json(path.read_text(), rng, case.canary, top=top))
    return readers_of_split(rng)


@kind
def split_tables(case: Case, rng: Random) -> Command:
    """The tables of a split."""
    path = case.path(
        f"work/splits/weather/{rng.choice(['members', 'members', 'excluded'])}.parquet"
    )
    path.write_bytes(tables.any_table(path.read_bytes(), rng))
    return readers_of_split(rng)


@kind
def run_records(case: Case, rng: Random) -> Command:
    """The records and tables of a benchmark and its runs."""
    seed = f"{RUNS}/mix/seed0"
    name = rng.choice(
        [
            f"{RUNS}/benchmark.json",
            f"{seed}/run.json",
            f"{seed}/queries.parquet",
            f"{seed}/ranked.parquet",
        ]
        + [
            f"{RUNS}/{table}.parquet"
            for table in ("results", "summary", "contrasts", "components", "pooled")
        ]
    )
    path = case.path(name)
    if path.suffix == ".json":
        write(path, mutate.any_json(path.read_text(), rng, case.canary))
    else:
        path.write_bytes(tables.any_table(path.read_bytes(), rng))
    return readers_of_runs(rng)


BACKTRACKING = "((?P<a>[a-z0-9_/]+)+)+(?P<identity>x)$"
LAYOUT_LINES = (
    f"path = '{BACKTRACKING}'",
    r"path = '(?P<identity>(\w|\d|_|/)*)*Z'",
    r"path = '(?P<identity>\d{1,99999})'",
    "path = '(?P<identity>" + "(" * 300 + "a" + ")" * 300 + ")'",
    "path = '(?P<identity>.)" + "{1000}{1000}" + "'",
    'template = "{identity:999999999}"',
    'template = "{identity.__class__.__mro__}"',
    'template = "{identity:{camera}}"',
    'template = "{0}"',
    'template = "' + "{identity}" * 5000 + '"',
    'lists = ["/etc/passwd"]',
    'lists = ["../../../canary/secret.txt"]',
    "camera = { numbered = 3000000000 }",
    'viewpoint_deg = "{numbered:3000000000}"',
    "examples = []",
    'examples = ["' + "a" * 40 + '"]',
    'extensions = [".JPG", ""]',
    'ignore = ["*"]',
)


@kind
def layouts(case: Case, rng: Random) -> Command:
    """Layouts: a shipped one changed, hostile patterns and templates."""
    name = rng.choice(["engine", "gprplus", "market1501", "finegpr"])
    text = (REPOSITORY / "manifests" / "layouts" / f"{name}.toml").read_text()
    write(case.path("mine.toml"), mutate.any_toml(text, rng, case.canary, LAYOUT_LINES))
    try_it = Command(("layouts", "try", "mine.toml", ENGINE, *rng.choice([(), ("--json",)])))
    return rng.choice([try_it, build(ENGINE, "--layout", "mine.toml")])


RECIPE_LINES = (
    *("lr = nan", "lr = -1", "lr = 1e300", "label_smoothing = 5", "margin = inf", "steps = 99999999999999"),
    *("height = 9999999", "width = 0", "identities = 0", "images = 1", "images = 999999999", "seeds = 99999999"),
    *('backbone = "timm:../../x"', 'backbone = "resnet9000"', 'weights = "/etc/passwd"', 'weights = "../../../canary"'),
    *('name = "../../../canary"', 'precision = "float8"', "decay_at = [2, 1, nan]", "erase = 7", "flip = -1"),
    "pad = 99999",
)  # fmt: skip


@kind
def recipes(case: Case, rng: Random) -> Command:
    """Recipes: the small one changed, and numbers far off."""
    write(case.path("tiny.toml"), mutate.any_toml(tiny_recipe(), rng, case.canary, RECIPE_LINES))
    # The length and the compiling of the recipe are checked, and not run: they may take hours, and
    # rightly so.
    length = rng.choice([("--steps", "1"), ("--steps", "1"), ("--dry-run",)])
    argv = (
        "benchmark",
        "work/solo",
        "--recipe",
        "tiny.toml",
        "--seeds",
        "1",
        "--compile",
        "no",
        "--jobs",
        "1",
    )
    return Command((*argv, *length, "-o", "out"), ("out", "work/store", "store"))


STUDY_LINES = (
    *('attr = "../../../canary"', 'attr = "weather,illumination"', "draws = 999999999", "identities = 999999999999"),
    *('name = "../../../canary"', 'levels = ["sunny"]', "budget = -1", 'design = "cross"', "scale = 1e-300"),
    *('where = "weather == "', 'manifest = "/etc"', "images_per_identity = 0", "test_share = nan"),
    *("seeds = 99999", 'recipe = "/etc/passwd"'),
)  # fmt: skip


@kind
def studies(case: Case, rng: Random) -> Command:
    """Studies: one of two splits changed."""
    text = (REPOSITORY / "manifests" / "studies" / "first_look.toml").read_text()
    write(case.path("mine.toml"), mutate.any_toml(text, rng, case.canary, STUDY_LINES))
    dry = ("study", "mine.toml", "--manifest", "work/manifest", "--dry-run")
    scale = rng.choice(
        [(), (), ("--scale", rng.choice(["1/2", "0", "1/99999999999", "nan", "1e999", "1/0"]))]
    )
    splits = Command(
        ("make-split", "--study", "mine.toml", "--manifest", "work/manifest"),
        ("work/splits", "work/studies"),
    )
    return rng.choice([Command((*dry, *scale), ("work/studies", "work/splits")), splits])
