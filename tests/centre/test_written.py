"""The link behind the cache: nothing leaves for the centre that is not written down."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.centre.written import Written
from gateway.contract.errors import StorageUnavailable
from gateway.contract.messages import Answer, Call, CentreService, Priority, Question, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ANSWER = Answer(Reply(CentreService.BIODATA, b"{}"), 1.0, "centre", 0.0)


class FarEnd:
    """Answers, and keeps the order of things."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def ask(self, _call: Call) -> Answer:
        """The answer."""
        self.seen.append("asked")
        return ANSWER

    async def write(self) -> None:
        """What the ledger does."""
        self.seen.append("written")

    async def refuse(self) -> None:
        """What a broken ledger does."""
        raise StorageUnavailable


def _call(written: Callable[[], Awaitable[None]] | None) -> Call:
    question = Question(CentreService.BIODATA, "3527012904900001")
    return Call(question, "r", "c", "", "native", Priority.COUNTER, 9.0, "q", written=written)


def test_it_is_written_down_first() -> None:
    """Then asked; a call that needs no writing is only asked."""
    far = FarEnd()
    for written in (far.write, None):
        assert asyncio.run(Written(far).ask(_call(written))) is ANSWER
    assert far.seen == ["written", "asked", "asked"]


def test_what_cannot_be_written_down_is_not_asked() -> None:
    """The centre hears nothing of it, so it costs no allowance."""
    far = FarEnd()
    with pytest.raises(StorageUnavailable):
        asyncio.run(Written(far).ask(_call(far.refuse)))
    assert far.seen == []
