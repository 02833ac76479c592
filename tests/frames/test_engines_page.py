"""docs/engines.md: every command on the page runs on the small world in that form."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from engine_world import city, gta, omniverse, tracks, unity, unreal

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
WRITERS = {
    "isaac": omniverse.write_ira,
    "replicator": omniverse.write_replicator,
    "solo": unity.write_solo,
    "perception": unity.write_perception,
    "mta": gta.write_mta,
    "jta": gta.write_jta,
    "bedlam": unreal.write_bedlam,
    "carla": unreal.write_carla,
    "spaces": city.write_smartspaces,
    "aicity": city.write_aicity,
    "mot": tracks.write_mot,
    "tracks": tracks.write_coco_video,
    "motsynth": tracks.write_motsynth,
}


def commands() -> list[str]:
    """The command lines of the page, once each, in order."""
    blocks = PAGE.read_text().split("```sh\n")[1:]
    lines = [line for block in blocks for line in block.split("```")[0].splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith("gprplus")))


def test_every_form_has_a_command():
    named = {shlex.split(line)[2].removeprefix("renders/") for line in commands()}
    assert named == WRITERS.keys()


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_page_builds_a_manifest(tmp_path, line):
    words = shlex.split(line)
    WRITERS[words[2].removeprefix("renders/")](tmp_path / words[2])
    words = [word if word != "30" else "2" for word in words]  # the world has 8 frames
    ran = subprocess.run(
        [sys.executable, "-m", *words, "--edges", "keep", "--workers", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "GPRPLUS_WORK": "work"},
    )
    assert ran.returncode == 0, ran.stderr
    assert ": form " in ran.stderr
    assert (tmp_path / "work" / "manifest" / "images.parquet").is_file()
