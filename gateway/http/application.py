"""The ASGI application: what every request goes through, whatever its route.

```
headers ─► id ─► route ─► rule: caller? adapter? ─► deadline ─► body ─► handler ─► answer
   any GatewayError ─► problem+json      any other error ─► `internal`, logged under the request id
   the caller leaves while it waits ─► its work is cancelled
```
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from gateway.contract.errors import GatewayError, Internal, Invalid, Overloaded
from gateway.contract.web import Request, Who
from gateway.http import intake
from gateway.http.lookout import Lookout
from gateway.http.problems import response_of
from gateway.log import level_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from gateway.contract.host import Clock
    from gateway.contract.messages import Caller
    from gateway.contract.web import Response, Rule
    from gateway.http.table import Mounted, RouteTable

    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

WATCH_AFTER = 0.05
"""Seconds after which a waiting request is watched for a caller that leaves; quicker answers cost no watcher."""

_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_PERSONAL = (*_SAFE, (b"cache-control", b"private, no-store"))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a request.

    Attributes:
        body: Bytes of a body.
        headers: Bytes of all header fields together.
        deadline: Seconds a request may take unless it says otherwise.
        deadline_max: Longest it may ask for, seconds.
    """

    body: int
    headers: int
    deadline: float
    deadline_max: float


class Door(Protocol):
    """Finds the caller of a request."""

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """The caller; raises `Unauthenticated`."""

    def permit(self, caller: Caller, rule: Rule) -> None:
        """Pass, or raise `Denied` where the caller's key or right does not meet the rule."""


class Application:
    """One listener's ASGI application.

    Args:
        table: Its routes; replaced on reload by assigning `table`.
        door: Finds callers and says what they may; replaced with the table.
        limits: Bounds of a request.
        clock: The gateway's clock.
    """

    def __init__(self, table: RouteTable, door: Door, limits: Limits, clock: Clock) -> None:
        self.table = table
        self.door = door
        self.limits = limits
        self.draining = False
        self._clock = clock
        self._lookout = Lookout()
        self._log = structlog.get_logger("gateway.http")

    async def __call__(self, scope: MutableMapping[str, Any], receive: intake.Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return
        table = self.table
        table.enter()
        started = self._clock.monotonic()
        request_id = extension = ""
        rule_who = Who.PUBLIC
        body = intake.Body(receive)
        try:
            try:
                headers = intake.headers_of(scope["headers"], self.limits.headers)
                body.announced(headers)
                request_id = intake.request_id_of(headers)
                mounted, parameters = table.find(scope["method"], scope["path"])
                extension, rule_who = mounted.extension, mounted.route.rule.who
                request = await self._admit(mounted, parameters, headers, request_id, scope, body)
                response = await self._handle(mounted, request, receive)
            except GatewayError as error:
                request_id = request_id or intake.new_request_id()
                response = response_of(error, request_id)
                self._log_refusal(error, request_id, extension, started)
                await body.discard()
            except asyncio.CancelledError:
                self._log.debug("http.request.abandoned", request_id=request_id, extension=extension)
                raise
            except intake.Gone:  # it left, or what it sent is no body: in that case it is still there to be told
                self._log.debug("http.request.abandoned", request_id=request_id, extension=extension)
                response = response_of(Invalid("The request ended before its body was whole."), request_id)
            except Exception:  # noqa: BLE001 # the border: whatever went wrong becomes `internal`
                request_id = request_id or intake.new_request_id()
                self._log.exception("http.request.failed", request_id=request_id, extension=extension)
                response = response_of(Internal(), request_id)
            start, content = self._ready(response, request_id, extension, personal=rule_who is not Who.PUBLIC)
            await send(start)
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})
        finally:
            table.leave()

    async def _admit(
        self,
        mounted: Mounted,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        request_id: str,
        scope: Mapping[str, Any],
        body: intake.Body,
    ) -> Request:
        if self.draining:
            raise Overloaded("The gateway is restarting.", retry_after=2.0)
        rule = mounted.route.rule
        caller: Caller | None = None
        if rule.who is Who.CALLER:
            caller = await self.door.authenticate(headers)
            self.door.permit(caller, rule)
        limits = self.limits
        deadline = intake.deadline_of(headers, self._clock.monotonic(), limits.deadline, limits.deadline_max)
        content = None
        if mounted.reader is not None:
            mounted.reader.check(headers)
            content = mounted.reader.read(await body.read(limits.body, limits.deadline_max, self._lookout))
        else:
            body.check_declared(limits.body)
        return Request(
            caller,
            content,
            parameters,
            intake.query_of(scope["query_string"]),
            headers,
            request_id,
            deadline,
            intake.traceparent_of(headers),
        )

    async def _handle(self, mounted: Mounted, request: Request, receive: intake.Receive) -> Response:
        task = asyncio.current_task()
        if task is None:
            return await mounted.route.handler(request)
        watch = _Watch(receive)
        self._lookout.note(task, WATCH_AFTER, watch.begin)
        try:
            return await mounted.route.handler(request)
        except asyncio.CancelledError:
            if not watch.saw_it_leave():
                raise
            raise intake.Gone from None  # Granian would take the cancellation for a crash and unfold its traceback
        finally:
            self._lookout.cross_out(task)
            watch.end()

    def _ready(
        self, response: Response, request_id: str, extension: str, *, personal: bool
    ) -> tuple[dict[str, Any], bytes]:
        try:
            return _start(response, request_id, personal=personal), response.body
        except Exception:  # noqa: BLE001 # what an extension's handler gave is no response, or none that can be sent
            self._log.exception("http.request.failed", request_id=request_id, extension=extension)
            response = response_of(Internal(), request_id)
            return _start(response, request_id, personal=personal), response.body

    def _log_refusal(self, error: GatewayError, request_id: str, extension: str, started: float) -> None:
        seconds = round(self._clock.monotonic() - started, 6)
        log = getattr(self._log, level_of(error.code))
        log("http.request.refused", code=error.code, request_id=request_id, extension=extension, seconds=seconds)


class _Watch:
    """Watches a caller that waits, and cancels the work for it once it leaves."""

    __slots__ = ("_receive", "_watcher")

    def __init__(self, receive: intake.Receive) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None

    def begin(self, task: asyncio.Task[Any]) -> None:
        """Watch from now on."""
        self._watcher = asyncio.ensure_future(self._until_it_leaves(task))

    def saw_it_leave(self) -> bool:
        """Whether the caller left."""
        return self._watcher is not None and self._watcher.done() and not self._watcher.cancelled()

    def end(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def _until_it_leaves(self, task: asyncio.Task[Any]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        task.cancel()


def _start(response: Response, request_id: str, *, personal: bool) -> dict[str, Any]:
    if not isinstance(response.body, bytes):
        raise TypeError("the body of a response is bytes")
    headers = [
        (b"content-type", response.content_type.encode("latin-1")),
        (b"content-length", b"%d" % len(response.body)),
        (b"x-request-id", request_id.encode("latin-1")),
        *(_PERSONAL if personal else _SAFE),
    ]
    for name, value in response.headers:
        if not value.isprintable():
            raise ValueError("a header field of a response is one line of text")
        headers.append((name.encode("latin-1"), value.encode("latin-1")))
    return {"type": "http.response.start", "status": response.status, "headers": headers}
