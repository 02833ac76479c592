"""`run_external`: another program trains and embeds; its runs have the tables of a benchmark."""

import csv
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.torch import save_file

import gprplus as gpr
from gprplus.baseline.network.backbones import make_backbone
from gprplus.baseline.recipe import NetworkSettings
from gprplus.cli import cli
from gprplus.core.errors import RequestChanged, ScoreError, TrainingError
from gprplus.evaluation.external_features import read_for_rows
from gprplus.reporting.printed_commands import printed_commands
from gprplus.reporting.run_results import read_run_results

# Features are the mean colour of an image; the seed rotates them, which changes no score.
PROGRAM = """
import csv, os, sys
import numpy as np
from PIL import Image

train, images, features, seed, arm = sys.argv[1:6]
with open(os.environ["TRACE"], "a") as file:
    print(arm, seed, len(list(csv.DictReader(open(train)))), file=file)
print("reading")
if arm in os.environ.get("FAIL", "").split():
    sys.exit("no \\033[31mmemory\\nleft.")
rows = list(csv.DictReader(open(images)))
matrix = [np.asarray(Image.open(row["file"]).convert("RGB"), np.float32).mean((0, 1)) for row in rows]
uids = np.array([int(row["uid"]) for row in rows], np.uint64)
np.savez(features, features=np.roll(matrix, int(seed), axis=1), uids=uids)
"""
WORDS = "{train} {images} {features}.npz {seed} {arm}"


@pytest.fixture(scope="module")
def split(tmp_path_factory, draw):
    work = tmp_path_factory.mktemp("external")
    draw(work / "renders" / "engine", people=8, views=2, weathers=("01", "04"))
    gpr.build_manifest([work / "renders" / "engine"], work / "manifest", workers=1)
    return gpr.make_split(
        work / "manifest", "weather", output=work / "split", cross_level_tests=False
    )


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The command of PROGRAM."""
    place = tmp_path_factory.mktemp("program")
    (place / "my program.py").write_text(PROGRAM)
    return f"{sys.executable} '{place}/my program.py'"


@pytest.fixture(autouse=True)
def trace(tmp_path, monkeypatch):
    """The file of what the program was run with."""
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    return tmp_path / "trace"


@pytest.fixture(scope="module")
def colour(split, program, tmp_path_factory):
    """A finished benchmark of the program: its trace, and the result."""
    home = tmp_path_factory.mktemp("colour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACE", str(home / "trace"))
        found = gpr.run_external(split, f"{program} {WORDS}", home / "runs", name="colour")
    return (home / "trace").read_text().split("\n")[:-1], found


def by_hand(split):
    """The score of the mean colours of the test images."""
    images = [image.numpy() for image, _, _ in split.test_dataset()]
    return gpr.score(split, np.stack([image.mean((1, 2)) for image in images])).mAP


def test_runs_of_a_program_have_the_tables_of_a_benchmark(split, program, colour, trace):
    ran, found = colour
    summary = {row["arm"]: row["mAP"] for row in found.summary().to_pylist()}
    assert list(summary) == split.arms
    assert summary == pytest.approx(dict.fromkeys(split.arms, by_hand(split)), abs=1e-4)
    images = {name: arm.images for name, arm in split.record.arms.items()}
    assert sorted(ran) == sorted(f"{arm} 0 {count}" for arm, count in images.items())
    record = json.loads((found.folders[0] / "mix" / "seed0" / "run.json").read_text())
    assert record["backbone"] == "external"
    assert record["config"]["external"]["command"] == f"{program} {WORDS}"
    assert record["train_images"] == images["mix"]
    assert "colour" in found.reports[0].read_text()
    commands = printed_commands(read_run_results(found.folders[0]))
    assert commands[-2].startswith("gprplus make-split")
    assert commands[-1].startswith("gprplus run-external")

    runs = found.folders[0].parents[1]
    more = {"seeds": 2, "jobs": 2, "untrained": f"{program} {WORDS}"}
    again = gpr.run_external(split, f"{program} {WORDS}", runs, name="colour", **more)
    lines = trace.read_text().split("\n")[:-1]
    assert len(lines) == len(ran) + 2, "the trained runs of seed 0 are kept"
    # The lists that an untrained run may read are those of the first arm.
    first = images[split.arms[0]]
    assert {f"untrained 0 {first}", f"untrained 1 {first}"} < set(lines)
    summary = {row["arm"]: row for row in again.summary().to_pylist()}
    assert list(summary) == [*split.arms, "untrained"]
    assert summary["untrained"]["mAP"] == pytest.approx(by_hand(split), abs=1e-4)
    assert {row["seeds"] for row in summary.values()} == {2}
    record = json.loads((found.folders[0] / "untrained" / "seed0" / "run.json").read_text())
    assert (record["train_images"], record["train_identities"]) == (0, 0)
    more["untrained"] += " x"
    with pytest.raises(RequestChanged, match="of another --untrained"):
        gpr.run_external(split, f"{program} {WORDS}", runs, name="colour", **more)
    with pytest.raises(RequestChanged, match="another request"):
        gpr.run_external(split, f"{program} {WORDS} x", runs, name="colour")


def test_a_program_that_fails_is_one_sentence_and_goes_on_later(
    split, program, tmp_path, trace, monkeypatch
):
    monkeypatch.setenv("FAIL", "mix")
    command = ["run-external", str(split.path), "--command", f"{program} {WORDS}"]
    command += ["-o", str(tmp_path / "runs")]
    result = CliRunner().invoke(cli, command)
    assert isinstance(result.exception, TrainingError)
    message = str(result.exception)
    assert "failed for the arm mix, seed 0, with exit code 1: reading / no" in message
    assert "memory / left. Its whole output is in" in message
    assert message.isprintable()
    monkeypatch.setenv("FAIL", "")
    result = CliRunner().invoke(cli, [*command, "--json"], catch_exceptions=False)
    assert len(json.loads(result.stdout)["summary"]) == len(split.arms)
    assert trace.read_text().count("\n") == len(split.arms) + 1, (
        "only the run that failed is repeated"
    )


def test_rows_may_have_the_names_of_the_market_folder(split, tmp_path):
    (tmp_path / "market.py").write_text(
        "import sys, pathlib, numpy as np\n"
        "from PIL import Image\n"
        "files = [p for f in ('query', 'bounding_box_test') for p in pathlib.Path(sys.argv[1], f).iterdir()]\n"
        "assert len(list(pathlib.Path(sys.argv[1], 'bounding_box_train').iterdir())) > 5\n"
        "m = [np.asarray(Image.open(p).convert('RGB'), np.float32).mean((0, 1)) for p in files]\n"
        "np.savez(sys.argv[2], features=m, paths=[str(p) for p in files])\n"
    )
    command = f"{sys.executable} {tmp_path}/market.py {{market1501}} {{features}}.npz"
    found = gpr.run_external(split, command, tmp_path / "runs")
    assert found.summary().column("mAP").to_pylist() == pytest.approx(
        [by_hand(split)] * len(split.arms), abs=1e-4
    )


def test_a_checkpoint_of_a_known_network_is_embedded_here(split, tmp_path):
    backbone = make_backbone(NetworkSettings("small", "none"))
    save_file({f"module.{k}": v for k, v in backbone.state_dict().items()}, tmp_path / "w.st")
    (tmp_path / "copy.py").write_text("import shutil, sys; shutil.copy(sys.argv[2], sys.argv[3])")
    command = (
        f"{sys.executable} {tmp_path}/copy.py {{train}} {tmp_path}/w.st {{checkpoint}}.safetensors"
    )
    found = gpr.run_external(
        split, command, tmp_path / "runs", backbone="small", height=32, width=16
    )
    assert set(found.summary().column("backbone").to_pylist()) == {"small"}
    assert len(set(found.summary().column("mAP").to_pylist())) == 1
    with pytest.raises(TrainingError, match="--backbone belong together"):
        gpr.run_external(split, command, tmp_path / "runs")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("python x.py {images} {features}", r"must contain \{train\} or \{market1501\}"),
        ("python x.py {train} {images}", r"must contain \{features\} or \{checkpoint\}"),
        ("python x.py {trian} {features}", r"placeholder \{trian\}. Did you mean 'train'"),
        ("python 'x.py {train} {features}", "cannot be read"),
        ("nothing-here {train} {features}", "There is no program 'nothing-here'"),
    ],
)
def test_commands_that_cannot_run_are_refused_before_anything(split, tmp_path, command, sentence):
    with pytest.raises(TrainingError, match=sentence):
        gpr.run_external(split, command, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_untrained_features_need_no_training_images_but_an_output(split, tmp_path):
    command = f"{sys.executable} x.py {{train}} {{features}}"
    with pytest.raises(TrainingError, match=r"--untrained must contain \{features\} or"):
        gpr.run_external(split, command, tmp_path / "runs", untrained="python x.py {images}")
    code = "import sys, numpy; numpy.savez(sys.argv[1], features=[[1.0]], uids=[1])"
    command = f"{sys.executable} -c '{code}' {{features}}.npz {{train}}"
    with pytest.raises(ScoreError, match="lacks the features"):
        gpr.run_external(split, command, tmp_path / "runs", untrained=command.split(" {train")[0])


def test_a_program_that_outlived_its_run_cannot_write_into_the_next(split, tmp_path):
    """A killed gprplus leaves its program running: it has the folder of then."""
    (tmp_path / "p.py").write_text(
        "import os, sys\nprint(os.path.dirname(sys.argv[1]))\nsys.exit('stopped')"
    )
    command = f"{sys.executable} {tmp_path}/p.py {{features}} {{train}}"
    folders = set()
    for _ in range(2):
        with pytest.raises(TrainingError, match="stopped"):
            gpr.run_external(split, command, tmp_path / "runs")
        (log,) = (tmp_path / "runs").rglob(f"{split.arms[0]}/seed0/program.log")
        folders.add(log.read_text().split("\n")[0])
    assert len(folders) == 2
    assert [Path(folder).is_dir() for folder in sorted(folders)].count(True) == 1


def test_missing_features_are_one_sentence(split, tmp_path):
    for code, error, sentence in (
        ("pass", TrainingError, "wrote no features"),
        (
            "import sys, numpy; numpy.savez(sys.argv[1], features=[[1.0]], uids=[1])",
            ScoreError,
            r"lacks the features of \d+ of the \d+ images",
        ),
    ):
        command = f"{sys.executable} -c '{code}' {{features}}.npz {{train}}"
        with pytest.raises(error, match=sentence):
            gpr.run_external(split, command, tmp_path / "runs", force=True)


def test_the_plain_trainer_of_tools_reads_the_lists_and_writes_features(
    split, colour, tmp_path, monkeypatch
):
    lists = colour[1].folders[0] / "inputs"
    place = Path(__file__).parent.parent / "tools" / "train_plain.py"
    spec = importlib.util.spec_from_file_location("train_plain", place)
    trainer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(trainer)
    words = [lists / "mix-deal0" / "train.csv", lists / "images.csv", tmp_path / "f.npz"]
    options = ["--steps", "4", "--batch", "8", "--channels", "4", "--size", "32", "16"]
    monkeypatch.setattr(sys, "argv", ["train_plain.py", *map(str, words), *options])
    trainer.main()
    features = read_for_rows(split.test(), tmp_path / "f.npz", in_order=False)
    assert features.shape == (split.test().num_rows, 16)
    with (lists / "mix-deal0" / "train.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted({int(row["pid"]) for row in rows}) == list(
        range(split.record.arms["mix"].identities)
    )
