"""The tests marked `gpu`, on this device: the assertions of the pretended one, with torch's sync
debug mode as an error inside the training loop."""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path

from benchmarks.gpu.machine import device_of
from benchmarks.gpu.part import PartContext
from benchmarks.gpu.schedule import ROOT

FILES = ("tests/baseline/test_gpu.py", "tests/baseline/test_pixels.py", "tests/engine/test_gpu.py")


def measure(context: PartContext) -> None:
    """Run them with pytest; one row for each test that did not pass, and one for all."""
    missing = [name for name in ("pytest", "hypothesis") if find_spec(name) is None]
    if missing:
        raise SystemExit(f"The tests could not run: no {' and no '.join(missing)} here")
    device_of(context)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "tests.xml"
        code = _pytest(report, context.left)
        failed = _recorded(context, report) if report.is_file() else 1
    if code not in (0, 1) or failed:
        raise SystemExit(f"{failed} tests did not pass (pytest exit code {code})")


def _pytest(report: Path, seconds: float) -> int:
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-vv", "--tb=short"]
    command += ["-p", "no:cacheprovider", f"--junitxml={report}", *FILES]
    own = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **own}, timeout=max(seconds - 1, 1), check=False
    )
    return done.returncode


def _recorded(context: PartContext, report: Path) -> int:
    """Write the rows; the number of tests that failed."""
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for case in ElementTree.parse(report).iter("testcase"):
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        if bad is None:
            counts["skipped" if case.find("skipped") is not None else "passed"] += 1
            continue
        counts["failed"] += 1
        name, message = case.get("name"), (bad.get("message") or "").replace("\n", " ")
        context.add("failed tests", test=name, message=message[:300])
    context.add("tests", **counts)
    if not context.rehearse and counts["skipped"]:
        raise SystemExit(f"{counts['skipped']} tests were skipped: does torch find the device?")
    return counts["failed"]
