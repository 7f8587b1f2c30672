"""Three gateways on one PostgreSQL: one is killed, the database restarted, and nobody has to do anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.database.migrate import migrate
from gateway.ledger import TABLES as LEDGER_TABLES
from gateway.vault.keys import create_secrets, environment_of
from tests.acceptance.desks import Desks, states_of
from tests.acceptance.history import History, unfinished
from tests.acceptance.nursery import ForkedGateway
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.testing.postgres import PostgresServer
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

    Record = Callable[[str, Any], None]

pytestmark = pytest.mark.postgres

CONFIG = """
[outbox]
deadline = 2.0
margin = 1.0
[centre.breaker]
open_first = 0.1
open_cap = 0.2
"""
"""Claims of the one that is killed are taken over within seconds."""

FAULTS = [
    {"kind": "timeout_after_commit", "rate": 0.05, "methods": ["SUBMIT"]},
    {"kind": "reset_after_read", "rate": 0.05, "methods": ["SUBMIT"]},
]


@pytest.fixture(scope="module")
def server(postgres_server: PostgresServer) -> PostgresServer:
    """A PostgreSQL server that runs when it is handed over."""
    return postgres_server


def three(nursery: Nursery, folder: Path, centre: Centre, server: PostgresServer) -> list[ForkedGateway]:
    """Three equal gateways on one empty database, not started; they share their secrets."""
    url = server.new_database()
    migrate(url)
    migrate(url, (LEDGER_TABLES,))
    create_secrets(folder / "secrets")
    shared = environment_of(folder / "secrets")
    config = f'[database]\nurl = "{url}"\n{CONFIG}'
    return [
        ForkedGateway(nursery, folder / name, centre.url, config=config, environ=shared)
        for name in ("first", "second", "third")
    ]


def arrived(centre: Centre) -> int:
    """Hand-ins that came to the centre so far, repetitions included."""
    return int(centre.stats()["by_method"].get("SUBMIT", {"arrived": 0})["arrived"])


def run_three(
    gateways: list[ForkedGateway], centre: Centre, server: PostgresServer, total: int, desks: int, record: Record
) -> None:
    """Hand in while the centre is away, let it come back weak; in the drain kill one and restart the database."""
    first, second, third = gateways
    centre.behave(mode="refuse", office_seconds=86_400.0)
    before = arrived(centre)
    known = {entry["reference"] for entry in centre.ledger()}
    key = first.add_client("desk")
    history = History()
    with first, second, third:
        crowd = Desks(gateways, key, history, most=total)
        with crowd.working(desks):
            history.wait_for(total // 2, 600.0)
            centre.behave(faults=FAULTS, workers=6, mean_seconds=0.03, unique_references=False, office_seconds=86_400.0)
            history.wait_for(3 * total // 4, 600.0)
            third.kill()
            history.wait_for(7 * total // 8, 600.0)
            server.restart()
            history.wait_for(total, 600.0)
        eventually(lambda: arrived(centre) - before >= total, total / 5 + 30.0, "all has arrived")
        eventually(lambda: not unfinished(states_of(first, key)), 60.0, "all is delivered")
        states = states_of(second, key)
        assert {first.get("/health/ready")[0], second.get("/health/ready")[0]} == {200}
    verdict = history.judge([entry for entry in centre.ledger() if entry["reference"] not in known], states)
    for name, value in {"receipts": len(history), "lost": len(verdict.lost), "doubled": len(verdict.doubled)}.items():
        record(name, value)
    assert (verdict.lost, verdict.doubled) == ((), ())
    assert (len(history), set(states.values())) == (total, {"delivered"})


def test_one_is_killed_and_the_database_restarted(
    nursery: Nursery, centre: Centre, server: PostgresServer, tmp_path: Path, record_property: Record
) -> None:
    """Handed in at three gateways, one killed, PostgreSQL restarted: all at the centre once, by themselves."""
    run_three(three(nursery, tmp_path, centre, server), centre, server, 48, 4, record_property)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_ten_thousand_through_three(
    nursery: Nursery, centre: Centre, server: PostgresServer, tmp_path: Path, record_property: Record
) -> None:
    """10,000 hand-ins at three gateways on PostgreSQL, one killed, the database restarted: nothing lost or doubled."""
    run_three(three(nursery, tmp_path, centre, server), centre, server, 10_000, 12, record_property)
