"""`siak-gateway notifications`: what could not be told is listed and tried again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.notifying import Delivery
from gateway.outbox.outbox import Ending
from gateway.settings import load
from gateway.wiring.clock import SystemClock
from gateway.wiring.offline import outbox_of, with_notifying
from tests.outbox.world import HandClock, World, always

if TYPE_CHECKING:
    from gateway.outbox.notifying import Notifying
    from tests.cli.conftest import Desk


@pytest.fixture
def ids(desk: Desk) -> list[str]:
    """One notification that is dead, and one that waits."""
    settings = load(desk.file, os.environ)

    async def move() -> None:
        async with outbox_of(settings, os.environ) as outbox:
            world = World(outbox, HandClock())
            for _ in range(2):
                await outbox.accept(world.new())
                (claimed,) = await outbox.claim(1, 60.0, always)
                await outbox.finish(claimed, Ending(State.DELIVERED))

    async def fill(notifying: Notifying) -> list[str]:
        token = await notifying.hold("test")
        assert token is not None
        await notifying.begun(token)
        await move()
        notices = await notifying.unrouted(9)
        now = SystemClock().now()
        made = [Delivery(notice, "webhook", "office", next_at=now) for notice in notices]
        await notifying.route(token, notices[-1].place, made)
        await notifying.failed(token, replace(made[0], tries=9, first_at=1.0, state="dead", code="timeout"))
        return [one.id for one in made]

    found: list[str] = with_notifying(settings, os.environ, fill)
    return found


def test_what_waits_and_what_is_dead_is_listed(desk: Desk, ids: list[str]) -> None:
    """In words and in JSON, chosen by state, with why and how often; nothing personal."""
    text = desk.run("notifications", "list").stdout
    assert text.startswith("1 pending, 1 dead\n")
    assert f"dead     {ids[0]}  delivered  by webhook  9 tries, last: timeout" in text
    found = json.loads(desk.run("notifications", "list", "--state", "dead", "--json").stdout)
    assert [(one["id"], one["code"], one["moved_to"]) for one in found["notifications"]] == [
        (ids[0], "timeout", "delivered")
    ]
    assert found["counts"] == {"pending": 1, "dead": 1}
    assert "35270301019" not in text


def test_dead_ones_are_tried_again(desk: Desk, ids: list[str]) -> None:
    """All of them, or those that are named; what is not there is told, and neither is a fault of use."""
    assert desk.run("notifications", "retry", "--all-dead").stdout == "1 are tried again\n"
    assert desk.run("notifications", "list").stdout.startswith("2 pending, 0 dead\n")
    result = desk.run("notifications", "retry", ids[1], "nothing")
    assert (result.exit_code, "1 are tried again" in result.stdout) == (1, True)
    assert desk.run("notifications", "retry").exit_code == 2
    assert desk.run("notifications", "retry", "--all-dead", ids[0]).exit_code == 2


def test_an_empty_list_says_so(desk: Desk) -> None:
    """Nothing waits on a new gateway."""
    assert desk.run("notifications", "list").stdout.endswith("0 pending, 0 dead\n")
