"""A real Ray cluster of several nodes on this machine: results equal those of local processes,
whatever dies meanwhile."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cluster_items
import numpy as np
import pandas as pd
import pytest
from recipes import small_work

from gprplus import Split, benchmark, make_split, run_external, score
from gprplus.baseline import image_store
from gprplus.core.errors import ExecutorError
from gprplus.core.executors import ray_cluster
from gprplus.core.executors.executor import Resources
from gprplus.core.executors.in_use import run_on
from gprplus.core.parallel import map_processes, worker_count
from gprplus.core.workers import WorkerLost
from gprplus.experiments.run import LOG
from gprplus.ingest import build_manifest
from gprplus.ingest.reading import batch, read
from gprplus.splits.streaming import drawing, make_streamed

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.cluster
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
HEAD = {**NODE, "include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
SUPPORT = Path(__file__).parents[1] / "support"
SETTINGS = {  # a process that has gone is missed after 0.3 s, not 15
    "RAY_health_check_initial_delay_ms": "300",
    "RAY_health_check_period_ms": "300",
    "RAY_health_check_failure_threshold": "1",
    "RAY_core_worker_rpc_server_reconnect_timeout_base_s": "1",
    "RAY_raylet_rpc_server_reconnect_timeout_base_s": "1",
    "RAY_idle_worker_killing_time_threshold_ms": "600000",  # the next test uses the same workers
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_enable_metrics_collection": "0",
}


@pytest.fixture(scope="module", autouse=True)
def _settings() -> Iterator[None]:
    """The settings of all processes of the clusters."""
    paths = [str(SUPPORT), str(SUPPORT.parents[1]), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        for name in [name for name in os.environ if name.startswith("AWS_")]:  # of other tests
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and a node of a core each, joined by this process."""
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args=HEAD)
    found.add_node(**NODE)
    ray.init(address=found.address, log_to_driver=False)
    try:
        yield found
    finally:
        ray.shutdown()
        found.shutdown()


@pytest.fixture
def on_ray(cluster: Any) -> Iterator[None]:
    with run_on("ray"):
        yield


def wait_until(holds: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < 120
        time.sleep(0.02)


def idle_cores() -> float:
    return ray.available_resources().get("CPU", 0.0)


@contextmanager
def on_another_node(cluster: Any, folder: Path) -> Iterator[Callable[[], None]]:
    """Inside, tasks run on a node that is added, until the function that is yielded kills it: then
    the others, which were busy, run them.
    """
    others = folder / "others"
    held = [ray.remote(cluster_items.wait_for).remote(str(others)) for _ in range(2)]
    wait_until(lambda: idle_cores() == 0)
    node = cluster.add_node(**NODE)
    wait_until(lambda: idle_cores() == 1)

    def kill() -> None:
        if node in cluster.worker_nodes:
            cluster.remove_node(node, allow_graceful=False)
            others.touch()

    try:
        with run_on("ray"):
            yield kill
        assert node not in cluster.worker_nodes
    finally:
        others.touch()
        ray.get(held)


def test_results_come_in_order_and_progress_arrives(on_ray):
    reported: list[int] = []
    found = map_processes(cluster_items.square, range(20), on_progress=reported.append)
    assert list(found) == [number * number for number in range(20)]
    assert sorted(reported) == list(range(20))


def test_tasks_work_in_the_folder_of_the_command(on_ray, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert list(map_processes(cluster_items.where, [1])) == [(str(tmp_path), "3")]


def test_tasks_get_the_settings_of_object_storage(on_ray, monkeypatch):
    """Those of the command, though the cluster was started without them; keys are not mixed."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of the first")
    assert list(map_processes(cluster_items.environment, [names])) == [
        ["first", None, "of the first", None]
    ]
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    found = list(map_processes(cluster_items.environment, [names] * 4))
    assert found == [["second", "http://127.0.0.1:9000", None, None]] * 4


def test_room_counts_the_cores_of_all_nodes(on_ray):
    assert worker_count(None) == 2
    assert worker_count(None, Resources(cpus=1.5)) == 1


def test_an_error_is_raised_as_it_is(on_ray):
    found = map_processes(cluster_items.fails, range(6))
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(found)


def test_a_worker_that_dies_is_replaced(on_ray, tmp_path):
    markers = [str(tmp_path / f"m{i}") for i in range(2)]
    assert list(map_processes(cluster_items.dies_once, markers)) == ["m0", "m1"]


def test_a_task_that_always_dies_is_one_sentence(on_ray, monkeypatch):
    assert ray_cluster.RETRIES == 5
    monkeypatch.setattr(ray_cluster, "RETRIES", 1)
    with pytest.raises(WorkerLost, match="was lost 2 times"):
        list(map_processes(cluster_items.always_dies, [1]))


def test_a_node_that_dies_loses_nothing(cluster, tmp_path):
    with on_another_node(cluster, tmp_path) as kill:
        found = map_processes(cluster_items.slow_square, range(8))
        first = [next(found), next(found)]
        kill()
        assert first + list(found) == [number * number for number in range(8)]


def test_a_build_is_the_same_while_a_node_dies(cluster, work, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "BATCH", dict.fromkeys(batch.BATCH, 4))
    monkeypatch.setitem(read._PAYS, "decode", 0)
    renders = [work / "renders" / "engine"]
    local = build_manifest(renders, tmp_path / "local", verify="decode")
    with on_another_node(cluster, tmp_path) as kill:
        remote = build_manifest(
            renders, tmp_path / "ray", verify="decode", progress=lambda *_: kill()
        )
    assert remote.record.fingerprint == local.record.fingerprint


def test_images_are_packed_by_the_nodes(on_ray, work, tmp_path, monkeypatch):
    """The parts of a store, of 20 images here, are equal to those that one machine writes."""
    monkeypatch.setattr(image_store, "PART_BYTES", 20 * 32 * 16 * 3)
    split = Split.open(work / "splits" / "weather")
    rows, roots = split.members(["uid", "dataset", "path"]), split.roots()
    counts: list[tuple[int, int]] = []
    image_store.pack_images(
        rows, roots, tmp_path / "ray", 32, 16, progress=lambda *count: counts.append(count)
    )
    monkeypatch.setattr(image_store, "several_machines", lambda: False)
    image_store.pack_images(rows, roots, tmp_path / "local", 32, 16)
    images = len(rows.column("uid").unique())
    assert counts[-1] == (images, images)
    packed, written = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.pack")}
        for name in ("ray", "local")
    )
    assert len(packed) > 1
    assert packed == written


@pytest.fixture(scope="module")
def work(draw, tmp_path_factory) -> Path:
    return small_work(draw, tmp_path_factory.mktemp("work"), steps=3)


def same_tables(one: Any, other: Any) -> None:
    """Two benchmarks found the same, but for the seconds that they took."""
    tables = [result.summary().to_pandas() for result in (one, other)]
    times = [name for name in tables[0] if "second" in name]
    first, second = (table.drop(columns=times) for table in tables)
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def run(work: Path, output: Path, **options: Any) -> Any:
    return benchmark(
        [work / "splits" / "weather"],
        output,
        recipe=work / "tiny.toml",
        seeds=1,
        device="cpu",
        **options,
    )


@pytest.fixture(scope="module")
def local(work, tmp_path_factory) -> Any:
    """A benchmark of this process."""
    return run(work, tmp_path_factory.mktemp("local"), jobs=1)


def test_a_benchmark_is_the_same_while_a_node_dies(cluster, work, local, tmp_path):
    with on_another_node(cluster, tmp_path) as kill:

        def kill_in_the_second_run() -> None:
            wait_until(lambda: len(list((tmp_path / "ray").rglob(LOG))) == 2)
            kill()

        thread = threading.Thread(target=kill_in_the_second_run)
        thread.start()
        remote = run(work, tmp_path / "ray", track=f"tensorboard:{tmp_path / 'events'}")
        thread.join()
    same_tables(remote, local)
    finished = {path.parent for path in (tmp_path / "ray").rglob("run.json")}
    tracked = {path.parent for path in (tmp_path / "events").rglob("events.out.tfevents.*")}
    assert {path.relative_to(tmp_path / "events") for path in tracked} >= {
        path.relative_to(tmp_path / "ray") for path in finished
    }


COLOURS = """
import csv, os, sys
import numpy as np
from PIL import Image

rows = list(csv.DictReader(open(sys.argv[2])))
matrix = [np.asarray(Image.open(row["file"]).convert("RGB"), np.float32).mean((0, 1)) for row in rows]
np.savez(sys.argv[3], features=matrix, uids=np.array([int(row["uid"]) for row in rows], np.uint64))
print("raylet", os.environ["RAY_RAYLET_PID"])
"""


def test_a_program_is_run_on_the_nodes(on_ray, work, tmp_path):
    (tmp_path / "colours.py").write_text(COLOURS)
    command = f"{sys.executable} {tmp_path}/colours.py {{train}} {{images}} {{features}}.npz"
    split = Split.open(work / "splits" / "weather")
    found = run_external(split, command, tmp_path / "runs", jobs=2).summary().to_pylist()
    colours = [image.numpy().mean((1, 2)) for image, _, _ in split.test_dataset()]
    expected = score(split, np.stack(colours)).mAP
    assert {row["arm"]: row["mAP"] for row in found} == pytest.approx(
        dict.fromkeys(split.arms, expected), abs=1e-4
    )
    logs = [path.read_text() for path in (tmp_path / "runs").rglob("program.log")]
    assert len(logs) == len(split.arms)
    assert all(log.startswith("raylet ") for log in logs)


def test_a_large_manifest_is_split_on_ray(cluster, work, tmp_path, monkeypatch):
    local = make_split(work / "manifest", "weather", output=tmp_path / "local" / "weather")
    monkeypatch.setattr(make_streamed, "STREAM_ROWS", 0)
    monkeypatch.setattr(drawing, "BLOCK_ROWS", 30)
    with run_on("ray"):
        remote = make_split(work / "manifest", "weather", output=tmp_path / "ray" / "weather")
    assert remote.record == local.record


def test_a_benchmark_whose_head_died_is_finished_by_the_same_command(
    cluster, work, local, tmp_path, commands
):
    """The last test of the cluster, which it ends."""
    address = cluster.address
    ray.shutdown()
    runs = tmp_path / "runs"
    words = ["benchmark", str(work / "splits" / "weather"), "-o", str(runs), "--device", "cpu"]
    words += ["--recipe", str(work / "tiny.toml"), "--seeds", "1", "--jobs", "1"]
    environment = {
        **os.environ,
        "RAY_ADDRESS": address,
        "RAY_gcs_rpc_server_reconnect_timeout_s": "2",
    }
    command = commands.sent("gprplus", *words, "--on", "ray")
    started = subprocess.Popen(command, env=environment)
    wait_until(lambda: started.poll() is not None or any(runs.rglob("run.json")))
    assert started.poll() is None
    cluster.shutdown()
    assert started.wait(timeout=120) != 0
    done = list(runs.rglob("run.json"))
    assert done
    before = {path: path.stat().st_mtime_ns for path in done}
    assert commands.gprplus(*words, cwd=tmp_path).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == before
    again = run(work, runs, jobs=1)
    same_tables(again, local)


SHORT_OF_MEMORY = {  # any use is too much; Ray waits a second before the first retry, 20 in all
    "RAY_memory_usage_threshold": "0.0001",
    "RAY_memory_monitor_refresh_ms": "50",
    "RAY_task_oom_retry_delay_base_ms": "1",
}


def test_a_task_for_which_no_node_has_memory_is_one_sentence(commands, tmp_path):
    """Ray itself tries it again without end."""
    small = "--identities 2 --viewpoints 1 --weathers sunny --illuminations noon --size 48x96"
    environment = {**os.environ, **SHORT_OF_MEMORY}
    environment.pop("RAY_ADDRESS", None)
    command = [sys.executable, "-m", "gprplus", "render", *small.split(), "--on", "ray"]
    ran = subprocess.run(
        [*command, "--work", "w"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 1
    assert f"There are {ray_cluster.RETRIES} oom retries remaining" in ran.stdout + ran.stderr
    assert ran.stderr.endswith(
        "Error: A task of the Ray cluster ran out of memory, also when it was tried again. Let fewer"
        " run at a time with --workers.\n"
    )


def test_an_address_where_nothing_answers_is_one_sentence(commands, tmp_path):
    ran = commands.gprplus("render", "--on", "ray://nowhere", "--work", "w", cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stderr == "Error: --on ray://nowhere: expected local, ray or ray://HOST:PORT.\n"


def test_ray_that_is_not_installed_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutorError, match=r"pip install 'gprplus\[ray\]'"), run_on("ray"):
        pass
