"""What every test starts from: a clean environment, replayable examples, real processes on free ports."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, settings

from gateway.mock_siak import start_process
from tests.database.server import Migrated, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.mock_siak import MockProcess
    from gateway.testing.postgres import PostgresServer

sys.dont_write_bytecode = False
os.environ["PYTHONDONTWRITEBYTECODE"] = ""
"""What is compiled once is compiled for all workers, for all processes that tests start, and for the next run."""

settings.register_profile(
    "replayable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("seeking", settings.get_profile("replayable"), derandomize=False)
settings.load_profile("replayable")
"""The suite tries the same examples each time, so that nobody's change fails by chance; `make soak` seeks new ones."""

TYPES_SEEN = Path(__file__).parents[1] / ".mypy_cache" / "of_tests"


def pytest_collection_finish() -> None:
    """What was collected stays to the end: collecting garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """No test sees the settings of the machine it runs on, or of the test before it."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("SIAK_")]:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True, scope="module")
def _logs_of_a_module() -> Iterator[None]:
    """What a module's own gateway set up for its logs ends with the module."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """No test hears, or fails to hear, lines because of how the test before it set up the logs."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def mock_process() -> Iterator[MockProcess]:
    """A mock centre of 2,000 people as a process, shared by the tests of a module."""
    with start_process(population=2_000) as mock:
        yield mock


@pytest.fixture
def types_seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each mypy that a test starts knows what the one before it found out about the gateway; one runs at a time.

    It leaves alone what `make check` found out under stricter settings.
    """
    TYPES_SEEN.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("MYPY_CACHE_DIR", str(TYPES_SEEN))
    with (TYPES_SEEN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server; a test that stops it starts it again."""
    yield from running_server()


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    """Makes migrated databases."""
    return Migrated(tmp_path_factory.mktemp("migrated"), lambda: request.getfixturevalue("postgres_server"))
