"""Handed in while the centre is away, the gateway killed with SIGKILL, started again, the centre back: once each."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from gateway.http.submissions import PATH
from tests.acceptance.nursery import ForkedGateway
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

VILLAGES = ("3527032001", "3527032002")
HANDED_IN = 30
SOON = "[outbox]\ndeadline = 2.0\nmargin = 1.0\n[centre.breaker]\nopen_first = 0.1\nopen_cap = 0.2\n"
"""Leases that end soon, so that what was claimed at a kill is asked about within the test's patience."""

LOSES_ANSWERS = [
    {"kind": "timeout_after_commit", "rate": 0.3, "methods": ["SUBMIT"]},
    {"kind": "reset_after_read", "rate": 0.2, "methods": ["SUBMIT"]},
]


AT_CENTRE = {"delivered", "issued", "rejected"}
"""States of what the centre has, whatever it decided since."""


def hand_in(gateway: GatewayProcess, key: str, nik: str, number: int) -> str:
    """Hand in; the receipt's id. It is committed by now, whatever becomes of the gateway."""
    body = {
        "service": "ktp",
        "version": 1,
        "village": VILLAGES[number % 2],
        "subject": {"nik": nik},
        "form": {"nik": nik},
    }
    status, _, receipt = gateway.post(PATH, body, [("Idempotency-Key", f"k{number}")], key=key)
    assert status == 202, receipt
    return str(receipt["id"])


def states(gateway: GatewayProcess, key: str) -> set[str]:
    """The states of all that was handed in."""
    status, _, body = gateway.get(PATH, key=key)
    assert status == 200, body
    return {one["state"] for one in json.loads(body)["submissions"]}


def effects(centre: Centre, ids: list[str]) -> list[int | None]:
    """How often the centre took each of them in; None for one it does not know."""
    entries: dict[str, Any] = {one["reference"]: one["effects"] for one in centre.ledger()}
    return [entries.get(id_) for id_ in ids]


@pytest.mark.parametrize("away", ["refuse", "hang"])
def test_a_kill_while_the_centre_is_away_loses_and_doubles_nothing(
    away: str, nursery: Nursery, centre: Centre, tmp_path: Path
) -> None:
    """What has a receipt is at the centre with exactly one effect, though answers get lost; a repetition is the first.

    The drain begins by itself within 5 s of the return.
    """
    centre.behave()
    niks = centre.niks(HANDED_IN)
    gateway = ForkedGateway(nursery, tmp_path, centre.url, config=SOON)
    key = gateway.add_client("desk")
    with gateway:
        centre.behave(mode=away)
        ids = [hand_in(gateway, key, nik, number) for number, nik in enumerate(niks)]
        gateway.signal(signal.SIGKILL)
        assert gateway.wait() == -signal.SIGKILL
        gateway.start()
        assert [hand_in(gateway, key, nik, number) for number, nik in enumerate(niks)] == ids
        assert "delivered" not in states(gateway, key)
        centre.behave(faults=LOSES_ANSWERS)
        returned = time.monotonic()
        eventually(lambda: any(effects(centre, ids)), 20.0, "the drain begins")
        assert time.monotonic() - returned < 5.0
        gateway.kill()
        gateway.start()
        centre.behave()
        eventually(lambda: states(gateway, key) <= AT_CENTRE, 60.0, "all are delivered")
        assert effects(centre, ids) == [1] * HANDED_IN


def test_a_stop_during_the_drain_is_clean(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """SIGINT while the centre does not answer ends the gateway within 5 s; what it was sending is asked about later."""
    centre.behave()
    niks = centre.niks(3)
    gateway = ForkedGateway(nursery, tmp_path, centre.url, config=SOON)
    key = gateway.add_client("desk")
    with gateway:
        centre.behave(mode="hang")
        ids = [hand_in(gateway, key, nik, number) for number, nik in enumerate(niks)]
        eventually(lambda: "sending" in states(gateway, key), 5.0, "one is on its way")
        began = time.monotonic()
        gateway.signal(signal.SIGINT)
        assert gateway.wait() == 0
        assert time.monotonic() - began < 5.0
        centre.behave()
        gateway.start()
        eventually(lambda: states(gateway, key) <= AT_CENTRE, 30.0, "all are delivered")
        assert effects(centre, ids) == [1] * 3
