"""Experiment trackers, by their real libraries and without a network: one small benchmark is
trained once and sent to each."""

import json
import shutil
import sys
import threading
import warnings

import pytest
from recipes import small_work
from wandb_file import finished_records

from gprplus import benchmark
from gprplus.baseline import loader
from gprplus.core.errors import TrackingWarning, TrainingError
from gprplus.experiments import run_reports
from gprplus.experiments.tracking import choose, follower, trackio
from gprplus.experiments.tracking.choose import ChosenTracker
from gprplus.experiments.tracking.tracker import Tracker

CHUNK, STEPS = 24, 30  # steps of the first chunk, and of both
ARM = "weather/tiny/mix/seed0"


@pytest.fixture(scope="module")
def work(draw, tmp_path_factory):
    """A work folder with finished runs. The first command was stopped in a training that it tracked
    with TensorBoard; the second one, which finished, tracked nothing."""
    found = small_work(draw, tmp_path_factory.mktemp("work"), steps=STEPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_reports, "SECONDS_BETWEEN_REPORTS", 0)
        patch.setattr(loader, "STEPS_PER_CHUNK_RESIDENT", CHUNK)
        with pytest.raises(KeyboardInterrupt):
            run_benchmark(found, f"tensorboard:{found / 'events'}", progress=stop_after_a_chunk)
        for name in choose.TRACKERS:
            patch.setitem(sys.modules, name, None)  # an import of it fails
        run_benchmark(found)
    return found


def stop_after_a_chunk(done, total):
    if total > 4 * STEPS and done > CHUNK + 6:  # not while images are packed
        raise KeyboardInterrupt


def run_benchmark(work, track=None, **options):
    options = {"recipe": work / "tiny.toml", "seeds": 1, "device": "cpu", "jobs": 1, **options}
    with warnings.catch_warnings(record=True) as found:
        benchmark([work / "splits" / "weather"], work / "runs", track=track, **options)
    assert [one for one in found if one.category is TrackingWarning] == []


def of_run(work, name):
    return (work / "runs" / ARM / name).read_text()


def own_scores(work):
    """The scores of the run on the split's own test set."""
    return json.loads(of_run(work, "run.json"))["targets"]["self"]["scores"]


def losses(work):
    return [json.loads(line)["loss"] for line in of_run(work, "log.jsonl").splitlines()]


def test_tensorboard_continues_a_run_without_doubled_steps(work):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = work / "events"
    begun = {path.parent.parent.name for path in events.rglob("events*")}
    (stopped,) = begun - {"untrained"}
    for _ in range(2):  # the second finds all sent
        run_benchmark(work, f"tensorboard:{events}")
    for arm in ("mix", stopped):
        found = EventAccumulator(
            str(events / f"weather/tiny/{arm}/seed0"), purge_orphaned_data=False
        )
        found.Reload()
        assert [one.step for one in found.Scalars("loss")] == [CHUNK, STEPS]
        assert len(found.Scalars("self/mAP")) == 1
    found = EventAccumulator(str(events / ARM)).Reload()
    assert [one.value for one in found.Scalars("loss")] == pytest.approx(losses(work))
    assert found.Scalars("lr")[1].value == pytest.approx(
        json.loads(of_run(work, "log.jsonl").splitlines()[1])["lr"]
    )
    assert found.Scalars("images_per_second")[0].value > 0
    assert found.Scalars("self/mAP")[0].value == pytest.approx(own_scores(work)["mAP"])
    text = found.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    config = json.loads(text.strip("`").removeprefix("json"))
    assert (config["arm"], config["recipe"]["batch"]["images"]) == ("mix", 2)
    report = EventAccumulator(str(events / "weather/tiny/report")).Reload()
    assert len(report.Tensors("report/text_summary")) == 1


def test_wandb(work):
    pytest.importorskip("wandb")
    run_benchmark(work, "wandb:project=p,mode=offline")
    runs = {}
    for path in (work / "tracking" / "wandb").rglob("run-*.wandb"):
        records = finished_records(path)
        (about,) = [one.run for one in records if one.HasField("run")]
        runs[about.display_name] = about, records
    assert len(runs) == 6  # four arms, the untrained network and the report
    about, records = runs[ARM]
    assert (about.project, about.run_group) == ("p", "weather/tiny/mix")
    assert list(about.tags) == ["weather/tiny", "mix", "seed 0"]
    config = {one.key: json.loads(one.value_json) for one in about.config.update}
    assert config["recipe"]["batch"]["images"] == 2
    history = [
        {
            (one.nested_key or [one.key])[0]: json.loads(one.value_json)
            for one in record.history.item
        }
        for record in records
        if record.HasField("history")
    ]
    assert [(row["_step"], row["loss"]) for row in history] == list(
        zip([CHUNK, STEPS], losses(work), strict=True)
    )
    summary = {
        one.key or one.nested_key[0]: json.loads(one.value_json)
        for record in records
        if record.HasField("summary")
        for one in record.summary.update
    }
    assert summary["self/rank1"] == own_scores(work)["rank1"]
    _, records = runs["weather/tiny/report"]
    (artifact,) = [one.artifact for one in records if one.HasField("artifact")]
    assert [one.path for one in artifact.manifest.contents] == ["report.html", "results.md"]


def test_mlflow(work):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    from mlflow import MlflowClient

    run_benchmark(work, "mlflow")
    client = MlflowClient(f"sqlite:///{work}/tracking/mlflow.db")
    experiment = client.get_experiment_by_name("gprplus")
    runs = {one.info.run_name: one for one in client.search_runs([experiment.experiment_id])}
    assert len(runs) == 6
    found = runs[ARM]
    assert (found.data.tags["arm"], found.data.tags["seed"]) == ("mix", "0")
    assert found.data.params["recipe.batch.images"] == "2"
    assert found.data.metrics["self/mAP"] == own_scores(work)["mAP"]
    assert found.info.status == "FINISHED"
    history = client.get_metric_history(found.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == list(
        zip([CHUNK, STEPS], losses(work), strict=True)
    )
    report = client.list_artifacts(runs["weather/tiny/report"].info.run_id)
    assert [one.path for one in report] == ["report.html", "results.md"]


def test_trackio(work):
    pytest.importorskip("trackio")
    run_benchmark(work, "trackio:project=p")
    from trackio.sqlite_storage import SQLiteStorage

    assert len(SQLiteStorage.get_runs("p")) == 6
    rows = SQLiteStorage.get_logs("p", ARM)
    found = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    assert found == list(zip([CHUNK, STEPS], losses(work), strict=True))
    assert rows[-1]["self/mAP"] == own_scores(work)["mAP"]
    assert SQLiteStorage.get_run_config("p", ARM)["recipe.batch.images"] == 2


@pytest.mark.parametrize("name", choose.TRACKERS)
def test_a_tracker_that_is_not_installed_is_one_sentence(name, work, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setattr(trackio.os, "environ", {})
    with pytest.raises(TrainingError, match=f"Install it with: pip install {name}$"):
        choose.open_tracker(name, tmp_path)


@pytest.mark.parametrize(
    ("track", "sentence"),
    [
        ("tensorbord", "--track 'tensorbord' is not known. Did you mean 'tensorboard'?"),
        ("wandb:offline", "--track wandb: expected NAME=VALUE, found 'offline'."),
        ("wandb:projct=a", "there is no option 'projct'. Did you mean 'project'?"),
        ("wandb:mode=of", "--track wandb: mode is online or offline; found 'of'."),
    ],
)
def test_wrong_options_are_one_sentence(work, tmp_path, track, sentence):
    with pytest.raises(TrainingError) as caught:
        benchmark([work / "splits" / "weather"], tmp_path / "runs", track=track, device="cpu")
    assert sentence in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_a_tracker_that_fails_is_one_warning(work, tmp_path):
    pytest.importorskip("tensorboard")
    (tmp_path / "file").touch()
    recipe = work / "tiny.toml"
    shutil.copytree(work / "runs", tmp_path / "runs")
    with pytest.warns(TrackingWarning) as found:
        result = benchmark(
            [work / "splits" / "weather"],
            tmp_path / "runs",
            recipe=recipe,
            seeds=1,
            device="cpu",
            track=f"tensorboard:{tmp_path / 'file'}",
        )
    assert len(result.reports) == 1
    (warning,) = [one.message for one in found if one.category is TrackingWarning]
    assert str(warning).startswith("--track tensorboard failed: [Errno 20] Not a directory")


class Silent(Tracker):
    """A tracker that never answers."""

    def open_run(self, about, known_id, step):
        threading.Event().wait()


def test_a_tracker_that_does_not_answer_is_left(work, monkeypatch):
    monkeypatch.setattr(follower, "_PATIENCE_S", 0.1)
    chosen = ChosenTracker("silent", "silent-1", Silent())
    folder = work / "runs" / "weather" / "tiny"
    with (
        pytest.warns(TrackingWarning, match=r"--track silent failed: no answer within 0 s\."),
        follower.follow_runs(chosen, work / "runs") as found,
    ):
        found.add_report(folder, {})
