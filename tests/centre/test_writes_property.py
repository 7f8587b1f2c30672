"""Asking before sending again is enough: one effect per reference, even at a centre that takes everything in anew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from gateway.centre.write_replies import Held
from gateway.contract.errors import GatewayError
from gateway.mock_siak import Behaviour, MockSettings, parse_behaviour
from tests.centre.writing import births, trip, way
from tests.mock_siak.conftest import Rig
from tests.mock_siak.desk import WRITER, ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.centre.writing import Way

AFTER = ("reset_after_read", "truncated_json", "duplicate_ack")
BEFORE = ("error_500", "reset_before_read", "html_502", "tls_bad")
REFERENCES = 3

STEP = st.tuples(st.integers(0, REFERENCES - 1), st.sampled_from(["", *AFTER, *BEFORE]), st.booleans())


class Sender:
    """Sends as the dispatcher must: what is unknown is asked after before it is sent again."""

    def __init__(self, rig: Rig, unique: bool) -> None:  # noqa: FBT001
        """A sender to a centre that keeps references unique, or does not."""
        self.rig = rig
        self.unique = unique
        self.states = dict.fromkeys(range(REFERENCES), "queued")

    def deal(self, fault: str) -> None:
        """Let a fault strike every call that changes something."""
        faults = [{"kind": fault, "methods": ["write"]}] if fault else []
        wanted = parse_behaviour({"faults": faults, "unique_references": self.unique})
        self.rig.run(self.rig.mock.set_behaviour(wanted))

    async def step(self, made: Way, number: int) -> None:
        """Do the next thing for one submission."""
        reference = f"reference-{number}"
        state = self.states[number]
        try:
            if state == "unknown":
                found = await made.writes.find(trip(), reference)
                self.states[number] = "queued" if found is None else "delivered"
            elif state == "queued":
                birth = changed(births(self.rig), reference=reference, version=number + 1)
                assert isinstance(await made.writes.submit(trip(), birth), Held)
                self.states[number] = "delivered"
        except GatewayError as error:
            if state == "queued" and error.executed != "no":
                self.states[number] = "unknown"


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=12), unique=st.booleans())
def test_asking_first_never_doubles(steps: list[tuple[int, str, bool]], unique: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Any order of sends, faults and restarts of the centre; then without faults everything is delivered, once."""
    wanted = MockSettings(population=60, accounts=(WRITER,), state=tmp_path, behaviour=Behaviour())
    sender = Sender(Rig(wanted), unique)

    async def faulty(number: int, fault: str) -> None:
        sender.deal(fault)
        async with way(sender.rig.addresses.url) as made:
            await sender.step(made, number)

    async def healed() -> None:
        sender.deal("")
        async with way(sender.rig.addresses.url) as made:
            for _ in range(2):
                for number in range(REFERENCES):
                    await sender.step(made, number)

    try:
        sender.rig.control("POST", "/_mock/reset")
        for number, fault, restarts in steps:
            asyncio.run(faulty(number, fault))
            if restarts:
                sender.rig.close()
                sender.rig = Rig(wanted)
        asyncio.run(healed())
        assert set(sender.states.values()) == {"delivered"}
        assert [entry["effects"] for entry in ledger(sender.rig)["entries"]] == [1] * REFERENCES
    finally:
        sender.rig.close()
