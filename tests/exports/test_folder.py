"""The folder of an export: one process at a time, nothing half-written, nothing left by a killed
one."""

import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from gprplus.core.errors import ExportError
from gprplus.core.files.folders import hold_folder
from gprplus.exports import FORMS, export
from gprplus.exports.run_export import KIND
from gprplus.exports.write_export import STAGED


def contents(folder):
    """Every file below a folder with its bytes, but for export.json, which names versions."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_second_export_into_a_folder_in_use_is_refused_and_the_first_goes_on(house, tmp_path):
    said = r"Another gprplus is writing to .*out\. Wait for it"
    with hold_folder(tmp_path / "out", KIND, ExportError), pytest.raises(ExportError, match=said):
        export(house / "splits" / "weather", "webdataset", tmp_path / "out", arm="mix")
    assert export(house / "splits" / "weather", "webdataset", tmp_path / "out", arm="mix").made


def test_a_symbolic_link_as_output_stands_for_the_folder_it_leads_to(house, tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "link").symlink_to("scratch")
    for arm in ("mix", "only-sunny"):
        export(
            house / "splits" / "weather",
            "market1501",
            tmp_path / "link",
            arm=arm,
            link="sym",
            force=True,
        )
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "scratch" / "export.json").is_file()
        assert all(path.exists() for path in (tmp_path / "scratch").rglob("*.jpg"))
    assert sorted(os.listdir(tmp_path)) == ["link", "scratch"]


def test_a_file_as_output_is_refused(house, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ExportError, match="is a file; a folder was expected"):
        export(house / "splits" / "weather", "market1501", tmp_path / "out", arm="mix")
    assert (tmp_path / "out").read_text() == "mine"


def test_replacing_an_export_leaves_nothing_of_it(house, tmp_path):
    export(house / "splits" / "weather", "imagefolder", tmp_path / "out", arm="only-sunny")
    made = export(house / "splits" / "weather", "parquet", tmp_path / "out", arm="mix", force=True)
    assert sorted(os.listdir(made.path)) == [
        ".gprplus",
        "README.md",
        "croissant.json",
        "data",
        "export.json",
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_killed_export_is_done_again_and_leaves_nothing(house, tmp_path, form, commands):
    request = (house / "splits" / "weather", form, tmp_path / "out")
    whole = contents(export(*request[:2], tmp_path / "whole", shard_size=30).path)
    code = (
        "import os; print(os.getpid(), flush=True);"
        f"from gprplus.exports import export; export({str(request[0])!r}, {form!r},"
        f" {str(request[2])!r}, shard_size=30)"
    )
    with subprocess.Popen(commands.sent("python", code), stdout=subprocess.PIPE) as running:
        process = int(running.stdout.readline())
        while not (tmp_path / "out" / STAGED).exists() and running.poll() is None:
            time.sleep(0.001)
        with suppress(ProcessLookupError):  # it had ended
            os.kill(process, signal.SIGKILL)
    made = export(*request, shard_size=30)
    assert contents(made.path) == whole
    assert sorted(os.listdir(tmp_path)) == ["out", "whole"]
