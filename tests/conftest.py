"""What every test starts from: a clean environment, replayable examples, real processes on free ports."""

from __future__ import annotations

import os
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

settings.register_profile(
    "replayable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("replayable")


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server; a test that stops it starts it again."""
    yield from running_server()


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    """Makes migrated databases."""
    return Migrated(tmp_path_factory.mktemp("migrated"), lambda: request.getfixturevalue("postgres_server"))
