"""docs/engines.md is executed: every command runs on the small world in the form of its section, and
the manifest has the columns that the section names."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from engine_world import city, gta, omniverse, tracks, unity, unreal
from engine_world.scene import FRAMES

from gprplus.cli.build_manifest import command
from gprplus.core.declarations import attributes, optional_attributes
from gprplus.cropping.forms.registry import all_forms
from gprplus.ingest import Manifest

PAGE = (Path(__file__).parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+): .*?\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
LINES = [
    (form, line)
    for form, section in SECTIONS.items()
    for line in re.findall(r"^gprplus build-manifest (\S+.*)$", section, re.MULTILINE)
]
WRITERS = {
    "aicity": city.write_aicity,
    "bedlam": unreal.write_bedlam,
    "carla": unreal.write_carla,
    "coco_video": tracks.write_coco_video,
    "isaac_people": omniverse.write_ira,
    "jta": gta.write_jta,
    "mot": tracks.write_mot,
    "motsynth": tracks.write_motsynth,
    "mta": gta.write_mta,
    "replicator": omniverse.write_replicator,
    "smartspaces": city.write_smartspaces,
    "unity_perception": unity.write_perception,
    "unity_solo": unity.write_solo,
}
FROM_ONE = ("jta", "mot", "motsynth")  # frames count from 1
ATTRIBUTES = {**attributes(), **optional_attributes()}


def test_every_form_has_a_section_with_a_command() -> None:
    assert {form for form, _ in LINES} == SECTIONS.keys() == all_forms().keys()


@pytest.mark.parametrize(("form", "line"), LINES)
def test_a_command_of_the_page_builds_a_manifest(
    form: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [word if word != "30" else "2" for word in shlex.split(line)]  # of 8 frames
    every = int(arguments[arguments.index("--every") + 1]) if "--every" in arguments else 1
    first = int(form in FROM_ONE)
    frames = sum(number % every == 0 for number in range(first, first + FRAMES))
    monkeypatch.chdir(tmp_path)
    WRITERS[form](tmp_path / arguments[0])
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert f"form {form}" in done.output
    manifest = Manifest.open(tmp_path / "work" / "manifest")
    assert manifest.images.to_arrow().num_rows == frames * 6 * 4  # cameras, people
    named = columns_named(SECTIONS[form])
    assert named <= ATTRIBUTES.keys()
    assert named <= columns_known(manifest)


def columns_named(section: str) -> set[str]:
    """The columns in the first cells of the tables of a section."""
    cells = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    return set(re.findall(r"`(\w+)`", " ".join(cells))) - {"identity"}


def columns_known(manifest: Manifest) -> set[str]:
    """The attributes that have a value in the manifest."""
    found = set()
    for table in (manifest.images.to_arrow(), manifest.identities.to_arrow()):
        found |= {name for name in table.column_names if table[name].null_count < table.num_rows}
    return found
