"""One small world for all cases, and a server that runs each command in a fork."""

from collections.abc import Callable, Iterator

import pytest
from commands import Commands
from harness import world as worlds
from harness.run import Runner


@pytest.fixture(scope="session")
def runner(commands: Commands) -> Iterator[Runner]:
    """Runs commands, each in a fork of a process that has imported everything."""
    runner = Runner(commands)
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def world(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> worlds.Case:
    """The world that no case changes."""
    return worlds.build(tmp_path_factory.mktemp("faults") / "world", runner)


@pytest.fixture(scope="session")
def the_copy(world: worlds.Case, tmp_path_factory: pytest.TempPathFactory) -> worlds.Copy:
    """The copy of the world that the cases change, one after another."""
    return worlds.Copy(world, tmp_path_factory.mktemp("faults") / "case")


@pytest.fixture
def copied(the_copy: worlds.Copy) -> Callable[[], worlds.Case]:
    """Makes a case like the world, in place of the one before."""
    return the_copy.renewed
