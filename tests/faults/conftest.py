"""One small world for all cases, and a server that runs each command in a fork."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import world as worlds
from harness.run import Runner


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """Runs commands: imports everything once."""
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def world(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> worlds.Case:
    """The world that no case changes."""
    return worlds.build(tmp_path_factory.mktemp("faults") / "world", runner)


@pytest.fixture
def copied(world: worlds.Case, tmp_path: Path) -> Iterator[Callable[[], worlds.Case]]:
    """Makes a copy of the world, and removes the one before."""
    folder = tmp_path / "case"

    def make() -> worlds.Case:
        shutil.rmtree(folder, ignore_errors=True)
        return worlds.copy(world, folder)

    yield make
    shutil.rmtree(folder, ignore_errors=True)
