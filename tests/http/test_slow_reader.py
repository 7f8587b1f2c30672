"""A caller that is there and does not read is let go, where the server waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.http import exchange
from gateway.http.exchange import AsgiExchange, TooSlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def test_a_piece_that_nobody_takes_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before it was sent; nothing more is made for who takes nothing."""
    monkeypatch.setattr(exchange, "SLOWEST", 0.01)
    sent: list[bytes] = []
    made: list[int] = []

    async def receive() -> Any:
        raise LookupError

    async def send(message: Any) -> None:
        if len(sent) == 2:
            await asyncio.Event().wait()
        sent.append(message.get("body", b""))

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(10):
            made.append(number)
            yield b"piece"

    async def story() -> None:
        scope = {"method": "GET", "path": "/v1/events", "query_string": b"", "headers": []}
        with pytest.raises(TooSlow):
            await AsgiExchange(scope, receive, send).stream(200, [], pieces())

    asyncio.run(story())
    assert (sent, made) == ([b"", b"piece"], [0, 1])
