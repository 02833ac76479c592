"""Folders are marked before they are written to, and only marked ones are emptied or removed."""

import os
import shutil
from pathlib import Path

import pytest

from gprplus.core.errors import GprplusError, RenderError
from gprplus.core.files import folders
from gprplus.core.files.folders import (
    MARKER,
    claim_folder,
    clear_output,
    hold_folder,
    is_owned,
    remove_output,
)


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    """A marked folder of renders with one picture."""
    folder = claim_folder(tmp_path / "renders", "renders", RenderError)
    (folder / "0001").mkdir()
    (folder / "0001" / "a.jpg").write_text("picture")
    return folder


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of the user's, next to it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("precious")
    return tmp_path / "mine"


def test_a_new_folder_is_marked_and_a_foreign_one_is_refused(tmp_path, precious):
    assert is_owned(claim_folder(tmp_path / "new" / "deep", "renders", RenderError))
    with pytest.raises(RenderError, match="already holds other files"):
        claim_folder(precious, "renders", RenderError)
    assert sorted(os.listdir(precious)) == ["a.txt"]


def test_a_folder_of_another_kind_is_refused(renders):
    with pytest.raises(RenderError, match="holds renders, not runs"):
        claim_folder(renders, "runs", RenderError)


def test_a_cleared_folder_keeps_its_mark_and_nothing_else(renders):
    clear_output(renders, "renders", RenderError)
    assert os.listdir(renders) == [MARKER]


def test_an_unmarked_folder_is_never_cleared_or_removed(precious):
    with pytest.raises(RenderError, match="not marked as renders"):
        clear_output(precious, "renders", RenderError)
    with pytest.raises(GprplusError, match="not in a folder that gprplus made"):
        remove_output(precious)
    assert (precious / "a.txt").read_text() == "precious"


def test_a_path_that_climbs_out_of_a_marked_folder_is_not_removed(renders, precious):
    with pytest.raises(GprplusError, match="not in a folder that gprplus made"):
        remove_output(renders / ".parts" / ".." / ".." / "mine")
    assert (precious / "a.txt").exists()


def test_links_inside_are_removed_and_never_followed(renders, precious):
    (renders / "0002").symlink_to(precious)
    with pytest.raises(GprplusError, match="is a symbolic link inside a folder"):
        remove_output(renders / "0002" / "a.txt")
    remove_output(renders / "0002")
    (renders / "0003").symlink_to(precious)
    clear_output(renders, "renders", RenderError)
    assert (precious / "a.txt").read_text() == "precious"


def test_a_folder_given_as_a_link_is_cleared_where_it_lies(tmp_path, renders):
    link = tmp_path / "scratch"
    link.symlink_to(renders)
    clear_output(link, "renders", RenderError)
    assert link.is_symlink()
    assert os.listdir(renders) == [MARKER]


def test_clearing_that_was_killed_is_finished_by_the_next_user(renders, monkeypatch):
    (renders / "b.jpg").write_text("picture")

    def killed(path: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            clear_output(renders, "renders", RenderError)
    assert (renders / "0001" / "a.jpg").exists()
    with hold_folder(renders, "renders", RenderError):
        assert os.listdir(renders) == [MARKER]


def test_one_process_at_a_time_holds_a_folder(renders):
    with hold_folder(renders, "renders", RenderError):
        assert folders.is_held(renders)
        with (
            pytest.raises(RenderError, match="Another gprplus is writing"),
            hold_folder(renders, "renders", RenderError),
        ):
            pass
    assert not folders.is_held(renders)
    with hold_folder(renders, "renders", RenderError) as real:
        assert real == renders


def test_a_mark_that_was_being_written_when_the_process_died_is_completed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / MARKER).touch()
    claim_folder(tmp_path / "a", "renders", RenderError)
    clear_output(tmp_path / "a", "renders", RenderError)


def test_a_mark_that_is_a_link_is_no_mark(tmp_path, precious):
    (precious / MARKER).symlink_to(precious / "a.txt")
    assert not is_owned(precious)
    with pytest.raises(GprplusError):
        remove_output(precious / "a.txt")
    assert (precious / "a.txt").read_text() == "precious"
