"""The same gateway on a PostgreSQL of its own: migrated by command, truthful about itself, healing by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.database.migrate import migrate
from gateway.settings import load
from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.stage import ask, demo_right
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.testing.postgres import PostgresServer
    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

pytestmark = pytest.mark.postgres

HEALS_WITHIN = 10.0
ALLOWANCE = 10


@pytest.fixture(scope="module")
def server(postgres_server: PostgresServer) -> PostgresServer:
    """A PostgreSQL server that runs when it is handed over."""
    return postgres_server


@pytest.fixture
def gateway(nursery: Nursery, server: PostgresServer, centre: Centre, tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway on an empty database, not started."""
    centre.behave()
    config = f'[database]\nurl = "{server.new_database()}"\n'
    made = ForkedGateway(
        nursery,
        tmp_path,
        centre.url,
        config=config,
        rights=demo_right("dukcapil_sampang", "sampang", allowance=ALLOWANCE),
    )
    yield made
    made.__exit__()


def run(gateway: GatewayProcess, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `siak-gateway` with this gateway's config."""
    words = [sys.executable, "-m", "gateway", *command, "--config", str(gateway.config_file)]
    return subprocess.run(words, env=gateway.environ, capture_output=True, text=True, check=False, timeout=30)


def url_of(gateway: GatewayProcess) -> str:
    """Address of its database."""
    return load(gateway.config_file, gateway.environ).database_url(gateway.environ)


def database_works(gateway: GatewayProcess) -> bool:
    """Whether readiness says that the database works; status and text must agree."""
    status, _headers, body = gateway.get("/health/ready")
    said = json.loads(body)["checks"]["database"]
    assert (status == 200) is (said == "ok"), (status, said)
    return status == 200


def test_an_admin_migrates_it(gateway: GatewayProcess, centre: Centre) -> None:
    """On a database that is behind, `serve` ends with exit code 1 and says which command mends it; then it serves."""
    refused = run(gateway, "serve")
    assert (refused.returncode, "siak-gateway migrate" in refused.stderr) == (1, True), refused.stderr
    assert "Traceback" not in refused.stderr
    migrated = run(gateway, "migrate")
    assert (migrated.returncode, "applied: " in migrated.stdout) == (0, True), migrated.stderr
    key = gateway.add_client("desk")
    gateway.start()
    assert ask(gateway, key, centre.niks(1)[0]).body["source"] == "centre"
    assert not (gateway.data / "gateway.db").exists()


def test_it_heals_when_the_database_comes_back(gateway: GatewayProcess, centre: Centre, server: PostgresServer) -> None:
    """While PostgreSQL is down readiness says so and questions are still answered.

    Once it is back all is well, in the same process, and new keys work again.
    """
    known, new, newer = centre.niks(3)
    migrate(url_of(gateway))
    key = gateway.add_client("desk")
    gateway.start()
    assert ask(gateway, key, known).status == 200
    server.stop()
    try:
        eventually(lambda: not database_works(gateway), HEALS_WITHIN, "readiness tells the truth")
        assert gateway.get("/health/live")[0] == 200
        assert ask(gateway, key, known).body["source"] == "cache"
        assert ask(gateway, key, new).body["source"] == "centre"
    finally:
        server.start()
    eventually(lambda: database_works(gateway), HEALS_WITHIN, "readiness is back")
    assert ask(gateway, key, newer).body["source"] == "centre"
    later = gateway.add_client("later")
    assert ask(gateway, later, known).status == 200


def test_the_allowance_outlives_a_restart_of_both(
    gateway: GatewayProcess, centre: Centre, server: PostgresServer
) -> None:
    """What a right spent stands in PostgreSQL: after both were restarted only the rest of its day is left."""
    niks = centre.niks(ALLOWANCE + 1)
    migrate(url_of(gateway))
    key = gateway.add_client("desk")
    gateway.start()
    assert [ask(gateway, key, nik).status for nik in niks[: ALLOWANCE // 2]] == [200] * (ALLOWANCE // 2)
    assert gateway.stop() == 0
    server.restart()
    (gateway.data / "cache.db").unlink()
    gateway.start()
    with centre.counting() as counted:
        answers = [ask(gateway, key, nik) for nik in niks[ALLOWANCE // 2 :]]
    assert [answer.code for answer in answers] == [""] * (ALLOWANCE // 2) + ["quota_exhausted"]
    assert counted.calls == ALLOWANCE // 2
