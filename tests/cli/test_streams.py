"""Output that nobody reads, terminals of few characters, and a limit on memory: a word, and never a
traceback."""

import json
import os
import subprocess
import sys

import pytest

from gprplus.cli import console

COMMAND = f"{sys.executable} -m gprplus"


def shell(line, **environment):
    """(exit code of gprplus, stdout, stderr) of a line of bash."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        capture_output=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("what", ["--help", "layouts", "layouts --json", "layouts --help"])
@pytest.mark.parametrize("how", [">&-", "2>&-", ">&- 2>&-", "<&-", "| head -c 1"])
def test_streams_that_are_closed_are_no_failure(what, how):
    code, _, err = shell(f"{COMMAND} {what} {how}")
    assert (code, err) == (0, b"")


def test_a_disk_that_is_full_under_the_output_is_one_sentence():
    code, _, err = shell(f"{COMMAND} layouts > /dev/full")
    assert code == 1
    assert err.count(b"\n") == 1
    assert b"No space left on device" in err
    assert shell(f"{COMMAND} layouts show nowhere 2> /dev/full")[0] == 1


def test_a_file_that_is_opened_does_not_take_the_place_of_a_closed_stream(tmp_path):
    script = tmp_path / "opens.py"
    script.write_text(
        "from gprplus.cli import"
        f" streams\nstreams.prepare_streams()\nprint(open({str(script)!r}).fileno() > 2)\n"
    )
    assert shell(f"{sys.executable} {script} <&- 2>&-") == (0, b"True\n", b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_terminal_of_few_characters_reads_every_number(encoding, tmp_path):
    script = tmp_path / "prints.py"
    lines = [
        "console.print_table(['arm'], [['−0.9']])",
        "console.print_result('61.0–65.1 人 \\udcff')",
    ]
    lines.append("console.print_note('−1')")
    lines = [
        "from gprplus.cli import console; from gprplus.cli.support import streams",
        "streams.prepare_streams()",
        *lines,
    ]
    script.write_text("\n".join(lines), encoding="utf-8")
    code, out, err = shell(f"{sys.executable} {script}", PYTHONIOENCODING=encoding)
    assert code == 0
    text = out.decode(encoding).replace("−", "-").replace("–", "-").replace("─", "-")
    assert "-0.9" in text
    assert text.splitlines()[-1].startswith("61.0-65.1 ")
    assert text.endswith(" \\xff\n")
    assert err.decode(encoding).replace("−", "-") == "-1\n"


def test_json_keeps_names_that_a_terminal_lacks(tmp_path):
    script = tmp_path / "dumps.py"
    script.write_text(
        "from gprplus.cli import console\nconsole.print_json({'name': 'märz 人 \\udcff'})",
        encoding="utf-8",
    )
    for encoding in ("ascii", "latin-1", "utf-8"):
        code, out, _ = shell(f"{sys.executable} {script}", PYTHONIOENCODING=encoding)
        assert code == 0
        assert json.loads(out.decode(encoding)) == {"name": "märz 人 \udcff"}


def test_json_is_readable_where_it_can_be(capsys):
    console.print_json({"name": "märz"})
    assert "märz" in capsys.readouterr().out


def test_a_limit_on_memory_is_named_before_libraries_abort():
    code, _, err = shell(f"ulimit -v 500000; {COMMAND} benchmark")
    assert code == 1
    assert err.startswith(b"Error: gprplus benchmark needs ")
    assert b"the limit here is 512.0 MB. Raise it with: ulimit -v " in err
    assert err.count(b"\n") == 1
    assert shell(f"ulimit -v 500000; {COMMAND} benchmark --help")[0] == 0
