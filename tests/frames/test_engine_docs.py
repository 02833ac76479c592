"""docs/engines.md is executed: each section's command runs on the small world in its form."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from engine_world import city, gta, omniverse, tracks, unity, unreal

from gprplus.cli.build_manifest import command
from gprplus.core.declarations import attributes, optional_attributes
from gprplus.cropping.forms.registry import find_form
from gprplus.ingest import Manifest

PAGE = (Path(__file__).parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+): .*?\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
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
ATTRIBUTES = {**attributes(), **optional_attributes()}


@pytest.mark.parametrize("form", SECTIONS)
def test_the_command_of_a_section_builds_a_manifest(form: str, tmp_path: Path, monkeypatch) -> None:
    """With the columns that the section names."""
    assert find_form(form).name == form
    (line,) = re.findall(r"^gprplus build-manifest (\S+.*)$", SECTIONS[form], re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(line)
    WRITERS[form](tmp_path / arguments[0])
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert f"form {form}" in done.output
    manifest = Manifest.open(tmp_path / "work" / "manifest")
    assert manifest.images.to_arrow().num_rows == 192
    known = known_columns(manifest)
    named = set(re.findall(r"`(\w+)`", " ".join(first_cells(SECTIONS[form])))) - {"identity"}
    assert named <= ATTRIBUTES.keys()
    assert named <= known


def first_cells(section: str) -> list[str]:
    """The first column of the tables of a section."""
    return [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]


def known_columns(manifest: Manifest) -> set[str]:
    """The attributes that have a value in the manifest."""
    found = set()
    for table in (manifest.images.to_arrow(), manifest.identities.to_arrow()):
        found |= {name for name in table.column_names if table[name].null_count < table.num_rows}
    return found
