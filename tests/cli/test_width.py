"""Every command in a small world: its output fits 80 columns where it is piped."""

import pytest
from click.testing import CliRunner
from recipes import small_recipe
from rich.cells import cell_len

from gprplus.cli import cli
from gprplus.ingest import build_manifest
from gprplus.splits import make_split

pytestmark = pytest.mark.slow

COMMANDS = [
    "build-manifest renders/engine -o again",
    "inspect manifest",
    "inspect splits/weather",
    "inspect --diff splits/weather splits/light",
    "make-split --manifest manifest --attr=weather -o splits/new --no-cross-level-tests",
    "make-split --manifest manifest --attr=weather --design without -o splits/without",
    "layouts",
    "layouts try engine renders/engine",
    "analyze --manifest manifest --target street=renders/street -o distance",
    "benchmark splits/weather -o runs --recipe tiny.toml --jobs 1 --dry-run",
    "benchmark splits/weather -o runs --recipe tiny.toml --jobs 1 --seeds 2"
    " --target street=renders/street",
    "report runs/weather/tiny",
    "report runs/weather/tiny --plan",
    "study study.toml --work . -o study --dry-run",
    "study study.toml --work . -o study",
    "export manifest --to imagefolder -o exported",
]
STUDY = """
manifest = "manifest"
recipe = "tiny.toml"
seeds = 1

[study]
name = "light"
question = "Does training on one weather lose against a mix, if all other attributes are the same?"

[[splits]]
name = "weather"
attr = "weather"
"""


@pytest.fixture(scope="module")
def world(draw, tmp_path_factory):
    """Renders, a target, a manifest, two splits, a recipe and a study."""
    world = tmp_path_factory.mktemp("world")
    draw(world / "renders" / "engine", people=8, views=3, weathers=("01", "04"))
    draw(world / "renders" / "street", people=6, views=3, name="street")
    build_manifest([world / "renders" / "engine"], world / "manifest", workers=1)
    for name, attribute in (("weather", "weather"), ("light", "illumination")):
        make_split(world / "manifest", attribute, output=world / "splits" / name)
    (world / "tiny.toml").write_text(small_recipe(1))
    (world / "study.toml").write_text(STUDY)
    return world


def test_output_fits_80_columns(world, monkeypatch):
    monkeypatch.chdir(world)
    monkeypatch.setenv("COLUMNS", "80")
    printed = {}
    for line in COMMANDS:
        done = CliRunner().invoke(cli, line.split())
        assert done.exit_code == 0, f"{line}: {done.output} {done.exception!r}"
        printed[line] = done.stdout.splitlines()
    wide = [
        (line, text) for line, lines in printed.items() for text in lines if cell_len(text) > 80
    ]
    assert not wide
    table = "\n".join(printed[COMMANDS[10]])
    assert "only-sunny" in table
    assert "Not shown at this width: identities." in table


def test_all_columns_are_shown_where_there_is_room(world, monkeypatch):
    monkeypatch.chdir(world)
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(cli, COMMANDS[10].split()).stdout
    assert "identities" in shown
    assert "Not shown" not in shown
