"""`siak-gateway strays`: what the return from an old backup lost is listed, named, and settled."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING

import pytest

from gateway.catalogue.receipts import new_id
from gateway.cli.checkup_delivery import deliveries
from gateway.outbox.following import Tiding
from gateway.settings import load
from gateway.wiring.offline import with_following
from tests.outbox.test_following import WHOLE
from tests.outbox.world import START

if TYPE_CHECKING:
    from gateway.outbox.following import Following
    from tests.cli.conftest import Desk


@pytest.fixture
def lost(desk: Desk) -> list[str]:
    """Two the centre decided and nobody knows here: one issued, one rejected."""
    ids = [new_id(START + place, secrets.randbits) for place in range(2)]

    async def fill(following: Following) -> list[str]:
        token = await following.hold("test")
        assert token is not None
        issued = Tiding(1, ids[0], "SK1", WHOLE, at=START + 60.0)
        await following.take_in(token, "sampang", (issued, Tiding(2, ids[1], "SK2", rejected="kk_unknown")), 2)
        return ids

    found: list[str] = with_following(load(desk.file, os.environ), os.environ, fill)
    return found


def test_a_clerk_can_work_through_them(desk: Desk, lost: list[str]) -> None:
    """Reference, service by its documents, what the centre says and when; `doctor` counts those nobody settled."""
    text = desk.run("strays", "list").stdout
    assert f"{lost[0]}  diajukan · handed in 2027-01-15T08:00:00Z" in text
    assert "issued by the centre [birth] (akta_kelahiran, kia, kk): SK1 2027-01-15T08:01:00Z" in text
    assert "rejected by the centre (kk_unknown): SK2" in text
    rows = json.loads(desk.run("strays", "list", "--json").stdout)["strays"]
    assert [(row["reference"], row["decision"]) for row in rows] == [(lost[0], "issued"), (lost[1], "rejected")]
    (finding,) = [one for one in deliveries(load(desk.file, os.environ), os.environ) if one.subject == "strays"]
    assert finding.text.startswith("2 submissions")
    assert desk.run("strays", "settle", lost[0], "--reason", "told").stdout == "1 settled\n"
    again = desk.run("strays", "settle", *lost)
    assert (again.exit_code, "not on the list" in again.output) == (1, True)
    assert "No strays" in desk.run("strays", "list").stdout


def test_references_in_callers_hands_are_named(desk: Desk, lost: list[str]) -> None:
    """Each once; those known and what is no id are told."""
    other = new_id(START, secrets.randbits)
    result = desk.run("strays", "recall", other, lost[0], "junk")
    assert "1 recalled" in result.stdout
    assert f"{lost[0]}: known here" in result.output
    assert "told nothing yet" in desk.run("strays", "list").stdout
