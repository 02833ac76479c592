"""The examples in the help of tools/frames_to_crops.py run as they are printed."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from engine_world.scene import SEQUENCES
from engine_world.tracks import write_motsynth

TOOL = Path(__file__).parents[2] / "tools" / "frames_to_crops.py"


@pytest.fixture(scope="module")
def command():
    spec = importlib.util.spec_from_file_location("frames_to_crops", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.command


def examples(text: str) -> list[list[str]]:
    """The words after the program of each example, whose lines may go on after a backslash."""
    joined = re.sub(r"\\\n\s*", "", text.partition("Examples:")[2])
    lines = [line for line in joined.splitlines() if "frames_to_crops.py" in line]
    return [shlex.split(line)[2:] for line in lines]


def test_the_examples_for_motsynth_cut_crops(tmp_path: Path, command, monkeypatch) -> None:
    write_motsynth(tmp_path / "MOTSynth", SEQUENCES[:1])
    monkeypatch.chdir(tmp_path)
    shown = [words for words in examples(command.help) if words[0] == "MOTSynth"]
    assert len(shown) == 2
    for words, identities in zip(shown, (4, 3), strict=True):  # by id, by look: two look alike
        done = CliRunner().invoke(command, [*words[:-1], f"crops{identities}"])
        assert done.exit_code == 0, done.output
        assert f"Wrote 32 crops of {identities} identities" in done.output
