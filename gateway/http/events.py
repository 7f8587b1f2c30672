"""`GET /v1/events`: the caller's own moves as server-sent events, resumed from the last one it saw.

```
retry: 3000                                     once
id: 0.17.1795312800 ⏎ event: moved ⏎ data: {…}   a move; the id is its place and its time
event: gap ⏎ data: {}                           some are not kept any more: list the submissions, then go on
: sign of life                                  every 15 seconds of silence
```

No personal data is in them. A stream ends when the gateway stops or reloads, and after ten minutes; before anything is
told, a sign of life included, under a key that was revoked or is over by then; and after `MOST` bytes, for a server may
hold all of them for who does not read. The caller comes back with `Last-Event-ID`, at once in the last case (`retry`).
"""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from gateway.contract import errors
from gateway.contract.errors import FieldFault, Invalid
from gateway.contract.submissions import SubmissionState
from gateway.contract.web import CALLER, Parameter, Response, Route
from gateway.flows.feed import Gap, Silence
from gateway.http.freshness import instant
from gateway.outbox.notice_rows import Place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from gateway.contract.messages import Caller
    from gateway.contract.web import Request
    from gateway.flows.feed import Feed
    from gateway.outbox.notice_rows import Notice

PATH: Final = "/v1/events"
CONTENT_TYPE: Final = "text/event-stream"
RETRY: Final = b"retry: 3000\n\n"
AGAIN: Final = b"retry: 100\n\n"
"""Said at the end of a stream that is to be gone on with at once; the next one begins with `RETRY`."""

MOST: Final = 65_536
"""Bytes of one stream after which it ends: what is held in memory for who does not read is no more."""

ALIVE: Final = b": alive\n\n"
_ID: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,12})", re.ASCII)
_LAST = Parameter("Last-Event-ID", "header", "The id of the last event seen; what came after it is sent first.",
                  f"^{_ID.pattern}$")  # fmt: skip
_encode = msgspec.json.Encoder().encode


class MovedEvent(msgspec.Struct, frozen=True):
    """One move of one of the caller's submissions; of two of a submission, the higher `sequence` is the newer."""

    submission: str
    sequence: int
    service: str
    village: str
    before: SubmissionState
    state: SubmissionState
    reason: str
    at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Events:
    """The handler.

    Args:
        feed: The callers' moves.
        authenticate: Finds the caller of header fields, or raises `Unauthenticated`.
    """

    def __init__(self, feed: Feed, authenticate: Callable[[Mapping[str, str]], Awaitable[Caller]]) -> None:
        self._feed = feed
        self._authenticate = authenticate

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        return (
            Route(
                "GET", PATH, CALLER, self.follow, "The caller's own moves, as they happen (server-sent events)",
                "Perpindahan pengajuan milik pemanggil, saat terjadi (server-sent events)",
                errors=(errors.TooManyRequests, errors.StorageUnavailable), content_type=CONTENT_TYPE,
                parameters=(_LAST,),
            ),
        )  # fmt: skip

    async def follow(self, request: Request) -> Response:
        """Begin a stream."""
        caller = request.known_caller()
        place, seen_at = _seen(request.headers.get("last-event-id", ""))
        self._feed.admit(caller.id)
        pieces = self._pieces(caller.id, request.headers, place, seen_at)
        return Response(content_type=CONTENT_TYPE, headers=(("x-accel-buffering", "no"),), pieces=pieces)

    async def _pieces(
        self, caller: str, headers: Mapping[str, str], place: Place | None, seen_at: float
    ) -> AsyncGenerator[bytes, None]:
        yield RETRY
        told_so_far = 0
        async with aclosing(self._feed.follow(caller, place, seen_at)) as moves:
            async for told in moves:
                if not await self._lives(caller, headers):
                    return
                piece = _piece(told)
                yield piece
                told_so_far += len(piece)
                if told_so_far >= MOST:
                    yield AGAIN
                    return

    async def _lives(self, caller: str, headers: Mapping[str, str]) -> bool:
        """Whether the key a stream began with is still good: asked before anything more is told under it."""
        try:
            return (await self._authenticate(headers)).id == caller
        except errors.Unauthenticated:
            return False


def _seen(last: str) -> tuple[Place | None, float]:
    """The place and the time in an id.

    Raises:
        Invalid: It is none of ours.
    """
    if not last:
        return None, 0.0
    parts = _ID.fullmatch(last)
    if parts is None:
        text = ("Last-Event-ID must be the id of an event of this stream.", "Last-Event-ID harus id dari aliran ini.")
        raise Invalid(faults=(FieldFault("header:last-event-id", "pattern", *text),))
    return Place(int(parts[1]), int(parts[2])), float(parts[3])


def _piece(told: Notice | Gap | Silence) -> bytes:
    if isinstance(told, Silence):
        return ALIVE
    return b"event: gap\ndata: {}\n\n" if isinstance(told, Gap) else _moved(told)


def _moved(notice: Notice) -> bytes:
    told = MovedEvent(
        notice.submission,
        notice.number,
        notice.service,
        notice.village,
        notice.before,
        notice.after,
        notice.reason,
        instant(notice.at),
    )
    id_ = f"{notice.place.epoch}.{notice.place.seq}.{int(notice.at)}"
    return b"id: %s\nevent: moved\ndata: %s\n\n" % (id_.encode(), _encode(told))
