"""A real gateway killed at random moments, over a centre that loses answers and would take in a second one."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.desks import Desks, states_of
from tests.acceptance.history import History, unfinished
from tests.acceptance.nursery import ForkedGateway
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

CONFIG = """
[outbox]
deadline = 1.0
margin = 60.0
[centre.breaker]
open_first = 0.1
open_cap = 0.2
"""
"""Leases last a minute after the call: what a killed gateway had must not wait for them."""

FAULTS = [
    {"kind": "timeout_after_commit", "rate": 0.2, "methods": ["SUBMIT"]},
    {"kind": "reset_after_read", "rate": 0.1, "methods": ["SUBMIT"]},
    {"kind": "duplicate_ack", "rate": 0.05, "methods": ["SUBMIT"]},
]


def run_and_kill(
    gateway: GatewayProcess, centre: Centre, kills: int, seed: int, record: Callable[[str, Any], None]
) -> None:
    """Hand in from four desks, kill and start again, then let it drain; nothing may be lost, nothing doubled."""
    rng = random.Random(seed)
    centre.behave(faults=FAULTS, unique_references=False, office_seconds=86_400.0)
    known = {entry["reference"] for entry in centre.ledger()}
    key = gateway.add_client("desk")
    history = History()
    with gateway:
        desks = Desks([gateway], key, history, seed=seed)
        with desks.working():
            for _ in range(kills):
                history.wait_for(len(history) + rng.randrange(1, 12))
                desks.down()
                gateway.kill()
                gateway.start()
                desks.up()
            history.wait_for(len(history) + 5)
        eventually(lambda: not unfinished(states_of(gateway, key)), 120.0, "all is delivered")
        states = states_of(gateway, key)
    entries = [entry for entry in centre.ledger() if entry["reference"] not in known]
    verdict = history.judge(entries, states)
    arrivals = Counter(int(entry["arrivals"]) for entry in entries)
    for name, value in {
        "kills": kills,
        "receipts": len(history),
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "sent more than once": sum(count for times, count in arrivals.items() if times > 1),
    }.items():
        record(name, value)
    assert (verdict.lost, verdict.doubled) == ((), ())
    assert set(states.values()) == {"delivered"}


def test_ten_kills_lose_and_double_nothing(
    nursery: Nursery, centre: Centre, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """Ten kills with SIGKILL: every receipt is at the centre with one effect, though a third of answers is lost."""
    run_and_kill(ForkedGateway(nursery, tmp_path, centre.url, config=CONFIG), centre, 10, 5, record_property)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_kills_lose_and_double_nothing(
    nursery: Nursery, centre: Centre, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """120 kills of a real gateway with SIGKILL: every receipt is at the centre with exactly one effect."""
    run_and_kill(ForkedGateway(nursery, tmp_path, centre.url, config=CONFIG), centre, 120, 6, record_property)


def test_the_verdict_sees_a_planted_loss_and_a_planted_double() -> None:
    """What is nowhere is lost, also where the gateway says it was delivered; what is there twice is doubled."""
    history = History()
    for key, id_ in (("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")):
        history.note(key, id_)
    once = [{"reference": id_, "effects": 1} for id_ in "123"]
    shown = {"1": "delivered", "2": "delivered", "3": "delivered", "4": "queued"}
    assert history.judge(once, shown).lost == ()
    assert history.judge(once[1:], shown).lost == ("1",)
    assert history.judge(once, {**shown, "4": "delivered"}).lost == ("4",)
    assert history.judge(once, {"1": "delivered"}).lost == ("4",)
    assert history.judge(once, shown).doubled == ()
    assert history.judge([*once, {"reference": "4", "effects": 2}], shown).doubled == ("4",)
    assert history.judge([*once, {"reference": "5", "effects": 1}], shown).doubled == ("5",)
    history.note("a", "6")
    assert history.judge(once, {**shown, "6": "queued"}).doubled == ("a",)
