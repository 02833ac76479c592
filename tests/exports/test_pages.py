"""docs/audit.md and docs/exports.md are executed: what they say to type works, in its order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("page", ["audit.md", "exports.md"])
def test_every_block_of_the_page_runs(page, tmp_path):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(bash|python)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HF_DATASETS_OFFLINE": "1",
    }
    environment.pop("GPRPLUS_WORK", None)
    for language, block in blocks:
        command = [sys.executable, "-c", block] if language == "python" else ["bash", "-e", "-c", block]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
