"""The files of docs/scale.md: shell that parses, commands whose options exist, YAML that parses."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from gprplus.cli import cli

PAGE = (Path(__file__).parent.parent / "docs" / "scale.md").read_text(encoding="utf-8")
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(
    r"gprplus ((?:render|build-manifest|benchmark|study)[^\n']*)", "\n".join(SHELL)
)


@pytest.mark.parametrize("script", SHELL)
def test_a_script_parses(script):
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_has_only_options_that_exist(words):
    name, *given = shlex.split(words.replace("$SLURM_ARRAY_TASK_ID", "1"))
    given = [word for word in given if word not in ("--on", "ray")]  # which would start a cluster
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    command.make_context(name, given)


def test_the_manifest_for_kubernetes_parses():
    yaml = pytest.importorskip("yaml")
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        mounted = {one["name"] for box in pod["containers"] for one in box["volumeMounts"]}
        assert mounted == {one["name"] for one in pod["volumes"]}
