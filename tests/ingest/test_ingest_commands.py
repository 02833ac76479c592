"""The three commands as they are typed."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def gprplus(commands: Any) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in a folder."""
    return commands.gprplus


@pytest.fixture
def folder(tmp_path: Path, plant, design) -> Path:
    plant(tmp_path / "work" / "renders" / "first", design())
    return tmp_path


def test_the_literal_command_reads_every_folder_of_renders_and_says_when_nothing_changed(
    folder: Path, gprplus: Any
) -> None:
    first = gprplus("build-manifest", cwd=folder)
    assert first.returncode == 0, first.stderr
    assert "gprplus" in first.stdout
    assert "36" in first.stdout
    assert "Wrote work/manifest." in first.stdout
    assert "viewpoint_deg" in first.stderr  # the unverified table is said aloud
    again = gprplus("build-manifest", cwd=folder)
    assert "Nothing has changed" in again.stdout


def test_inspect_prints_draws_and_speaks_json(folder: Path, gprplus: Any) -> None:
    gprplus("build-manifest", cwd=folder)
    shown = gprplus("inspect", "--sheet", "sheet.png", cwd=folder)
    assert "sunny, clouds, overcast (12 each)" in shown.stdout
    assert "36 cells; 0 hold no image" in shown.stdout
    assert (folder / "sheet.png").read_bytes()[:4] == b"\x89PNG"
    found = json.loads(gprplus("inspect", "work/manifest", "--json", cwd=folder).stdout)
    assert found["counts"]["images"] == 36
    wrong = gprplus("inspect", "--sheet", "sheet.txt", cwd=folder)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)


def test_layouts_are_listed_shown_and_tried(folder: Path, gprplus: Any) -> None:
    listed = gprplus("layouts", cwd=folder).stdout
    assert "market1501" in listed
    assert "research use only" in listed
    (folder / "mine.toml").write_text(gprplus("layouts", "show", "gprplus", cwd=folder).stdout)
    tried = gprplus("layouts", "try", "mine.toml", "work/renders/first", cwd=folder).stdout
    assert "36 of 36 files fit the layout 'mine'." in tried
    assert tried.count(".jpg") == 9  # every fourth of 36
    missed = gprplus("layouts", "try", "market1501", "work/renders/first", cwd=folder).stdout
    assert "0 of 36 files fit" in missed
    assert missed.count("does not even begin") == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("build-manifest", "nowhere"), "There is no folder nowhere."),
        (("build-manifest", "work/renders"), "below work/renders/first they fit 'gprplus'"),
        (("build-manifest", "--layout", "gprplu"), "Did you mean 'gprplus'?"),
        (("inspect", "work/renders"), "is not a manifest"),
        (("inspect", "nowhere"), "There is no manifest at nowhere"),
        (("layouts", "try", "gprplus", "nowhere"), "There is no folder nowhere."),
        (("layouts", "show", "markt1501"), "Did you mean 'market1501'?"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(
    folder: Path, arguments: tuple[str, ...], sentence: str, gprplus: Any
) -> None:
    done = gprplus(*arguments, cwd=folder)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_no_renders_at_all_says_what_to_do(tmp_path: Path, gprplus: Any) -> None:
    done = gprplus("build-manifest", cwd=tmp_path)
    assert done.returncode == 1
    assert "`gprplus render`" in done.stderr
    assert not (tmp_path / "work").exists()


def test_inspect_of_a_split_prints_arms_and_audit(folder: Path, gprplus: Any) -> None:
    gprplus("build-manifest", cwd=folder)
    made = gprplus("make-split", "--attr=weather", "--test-share=0.5", cwd=folder)
    assert made.returncode == 0, made.stderr
    shown = gprplus("inspect", "work/splits/weather", cwd=folder).stdout
    assert "only-sunny" in shown
    test = json.loads((folder / "work/splits/weather/split.json").read_text())["test"]
    assert f"Test set: {test['identities']} identities, {test['queries']} queries" in shown
    assert f"fingerprint {test['fingerprint'][:12]}..." in shown
    assert "Audit: 100.0% of the candidate images could be matched within" in shown
