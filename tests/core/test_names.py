"""Names from files become parts of paths only where they are plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprplus.core.errors import SplitError
from gprplus.core.files.safe_names import child_path, file_safe, plain_name, plain_path


@pytest.mark.parametrize(
    "name", ["weather", "only-foggy", "ids-100x4", "50% grey", "zürich", "a" * 150]
)
def test_plain_names_are_returned(name):
    assert plain_name(name, "arm") == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        (".", "begins with a dot"),
        ("..", "begins with a dot"),
        (".ssh", "begins with a dot"),
        ("../work", "contains a slash"),
        ("/etc", "contains a slash"),
        ("a\\b", "contains a slash"),
        ("a\x1b[31m", "contains characters that cannot be printed"),
        ("a\0", "contains characters that cannot be printed"),
        ("a" * 151, "has more than 150 bytes"),
        ("é" * 76, "has more than 150 bytes"),
        (7, "is not text"),
        (None, "is not text"),
    ],
)
def test_other_names_are_refused_with_the_reason(name, why):
    with pytest.raises(SplitError, match=f"^split.json: name: .*because it {why}"):
        plain_name(name, "split.json: name", SplitError)


@pytest.mark.parametrize("path", ["a.jpg", "frames/0001.jpg", ".hidden/a..b", "a b/c"])
def test_relative_paths_are_returned(path):
    assert plain_path(path, "file_name") == path


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "a//b", "../a", "a/..", "./a", "C:/a", "s3://b/a", "a\\b", "a\0", 1]
)
def test_paths_that_leave_their_folder_are_refused(path):
    with pytest.raises(SplitError, match="is not a relative path"):
        plain_path(path, "file_name", SplitError)


@given(st.text(max_size=60))
def test_a_child_lies_in_its_folder_or_is_refused(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    try:
        found = child_path(folder, name, "name", SplitError)
    except SplitError:
        return
    assert found.parent == folder
    assert found.name == name


@given(st.text(max_size=40))
def test_a_name_made_of_a_level_is_plain(level):
    assert plain_name(f"only-{file_safe(level)}"[:40], "arm")
