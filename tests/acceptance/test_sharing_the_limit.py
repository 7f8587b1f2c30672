"""Two gateways on one PostgreSQL before one centre: they share its limit, survive each other and the database."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from gateway.centre.shares import LASTS
from gateway.database.migrate import migrate
from gateway.settings import load
from gateway.testing.postgres import PostgresServer
from gateway.testing.processes import GatewayProcess
from tests.acceptance.stage import ask
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.stage import Centre

pytestmark = [pytest.mark.postgres, pytest.mark.soak]

SOON = LASTS + 4.0
"""Seconds within which a lease ends and the next is renewed, on a busy machine."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this module's own."""
    with PostgresServer() as running:
        yield running


@pytest.fixture
def both(server: PostgresServer, centre: Centre, tmp_path: Path) -> Iterator[tuple[GatewayProcess, GatewayProcess]]:
    """Two gateways with the same secrets on one database, not started."""
    centre.behave()
    config = f'[plugins]\nenabled = ["metrics"]\n[database]\nurl = "{server.new_database()}"\n'
    one = GatewayProcess(tmp_path / "one", centre.url, config=config)
    secrets = {name: value for name, value in one.environ.items() if "SECRET" in name}
    other = GatewayProcess(tmp_path / "other", centre.url, config=config, environ=secrets)
    migrate(load(one.config_file, one.environ).database_url(one.environ))
    yield one, other
    other.__exit__()
    one.__exit__()


def figure(gateway: GatewayProcess, name: str) -> float:
    """One of its gauges."""
    with urllib.request.urlopen(f"{gateway.operator}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = re.search(rf'^siak_gateway_centre_{name}{{service="biodata"}} (\S+)$', text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def see(number: int, *gateways: GatewayProcess) -> None:
    """Wait until each knows of so many instances."""
    eventually(lambda: all(figure(one, "instances") == number for one in gateways), SOON, f"{number} instances")


def test_they_share_one_limit_and_outlive_each_other(
    both: tuple[GatewayProcess, GatewayProcess], centre: Centre
) -> None:
    """Each knows of the other; a killed one is forgotten with its lease, a stopped one at once."""
    one, other = both
    key = one.add_client("desk")
    one.start()
    other.start()
    see(2, one, other)
    assert figure(one, "limit_of_all") == figure(other, "limit_of_all")
    shares = [figure(gateway, "limit") for gateway in both]
    assert sum(shares) <= figure(one, "limit_of_all")
    niks = centre.niks(4)
    assert [ask(gateway, key, nik).status for gateway, nik in zip(both * 2, niks, strict=True)] == [200] * 4
    doctor = [sys.executable, "-m", "gateway", "doctor", "--json", "--config", str(one.config_file)]
    told = json.loads(subprocess.run(doctor, env=one.environ, capture_output=True, check=False, timeout=30).stdout)
    assert [found["text"][:19] for found in told if found["subject"] == "instances"] == ["2 share the limit a"]
    other.kill()
    see(1, one)
    other.start()
    see(2, one, other)
    assert one.stop() == 0
    see(1, other)


def test_they_go_on_while_the_database_is_away(
    both: tuple[GatewayProcess, GatewayProcess], centre: Centre, server: PostgresServer
) -> None:
    """Frozen or stopped, the database holds up no question: both keep their shares, and share anew once it is back."""
    one, other = both
    niks = iter(centre.niks(12))
    key = one.add_client("desk")
    one.start()
    other.start()
    see(2, one, other)
    assert ask(other, key, next(niks)).status == 200
    cuts = ((server.freeze, server.thaw), (server.stop, server.start))
    for cut, mend in cuts:
        marks = [len(gateway.log()) for gateway in both]
        cut()
        try:
            for gateway, mark in zip(both, marks, strict=True):
                gateway.wait_for_log("centre.shares.kept", 2 * SOON, after=mark)
                assert ask(gateway, key, next(niks)).body["source"] == "centre"
        finally:
            mend()
        for gateway, mark in zip(both, marks, strict=True):
            gateway.wait_for_log("centre.shares.changed", 2 * SOON, after=mark)
            assert ask(gateway, key, next(niks)).body["source"] == "centre"
    see(2, one, other)
