"""The application: what every request goes through, whatever its route.

```
headers ─► id ─► route ─► rule: caller? person? adapter? ─► deadline ─► body ─► a person's token ─► handler ─► answer
   any GatewayError ─► problem+json      any other error ─► `internal`, logged under the request id
   a route that words its refusals itself (`Route.refused`) gets either instead
   the caller leaves while it waits ─► its work is cancelled
```
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from msgspec.structs import replace

from gateway.contract.errors import GatewayError, Internal, Invalid, Overloaded
from gateway.contract.web import Request, Who
from gateway.http import intake
from gateway.http.entrance import SAFE
from gateway.http.exchange import AsgiExchange, Gone, RsgiExchange, TooSlow
from gateway.http.forwarded import Proxies
from gateway.http.lookout import Lookout, Visit
from gateway.http.problems import response_of
from gateway.log import Thinner, level_of
from gateway.pages.headers import PAGE_HEADERS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from gateway.contract.host import Clock
    from gateway.contract.messages import Caller
    from gateway.contract.people import Person
    from gateway.contract.web import Response, Route, Rule
    from gateway.http.entrance import Admitted
    from gateway.http.exchange import Exchange, Fields, Message, Receive, Send
    from gateway.http.table import Mounted, RouteTable

WATCH_AFTER = 0.05
"""Seconds after which a waiting request is watched for a caller that leaves; quicker answers cost no watcher."""

LINES = 20
"""Refusals of one code at one extension that are told in a second; the next line says how many were left out."""

_SAFE = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
)
_UNSHARED = ("cache-control", "private, no-store")
_PERSONAL = (*_SAFE, _UNSHARED)
_PAGES = "text/html"
_NOT_KEPT = ("cache-control", "no-cache")


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


_Answer = tuple[int, "Fields", bytes, "AsyncGenerator[bytes, None] | None"]


class Door(Protocol):
    """Finds the caller of a request."""

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """The caller; raises `Unauthenticated`."""

    def permit(self, caller: Caller, rule: Rule) -> None:
        """Pass, or raise `Denied` where the caller's key or right does not meet the rule."""

    async def enter(self, rule: Rule, method: str, headers: Mapping[str, str]) -> Admitted:
        """Who is signed in; raises `SignInNeeded`, `RoleMissing` or `NotFromHere`."""

    def check_token(self, bound_to: str, headers: Mapping[str, str], content: object) -> None:
        """Pass what carries a token made for that session, or raise `NotFromHere`."""

    def refused(
        self, error: GatewayError, route: Route, method: str, where: str, headers: Mapping[str, str], request_id: str
    ) -> Response | None:
        """The page that tells people of a refusal; None where the plain problem is the answer."""


class Application:
    """One listener's application, in RSGI and ASGI alike.

    Args:
        table: Its routes; replaced on reload by assigning `table`.
        door: Finds callers and says what they may; replaced with the table.
        limits: Bounds of a request.
        clock: The gateway's clock.
        proxies: Whose word on who asks is believed; replaced with the table.
    """

    def __init__(
        self, table: RouteTable, door: Door, limits: Limits, clock: Clock, proxies: Proxies | None = None
    ) -> None:
        self.table = table
        self.door = door
        self.limits = limits
        self.draining = False
        self._clock = clock
        self.proxies = proxies or Proxies()
        self._lookout = Lookout()
        self._thinner = Thinner(LINES)
        self._log = structlog.get_logger("gateway.http")

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Serve one request of Granian's."""
        await self.serve(RsgiExchange(scope, protocol))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request of any ASGI server."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return
        await self.serve(AsgiExchange(scope, receive, send))

    async def serve(self, exchange: Exchange) -> None:
        """Serve one request."""
        table = self.table
        table.enter()
        visit = Visit(exchange, asyncio.current_task())
        self._lookout.add(visit, asyncio.get_running_loop())
        try:
            status, fields, content, pieces = await self._answer(table, exchange, visit)
            if pieces is None:
                await exchange.answer(status, fields, content)
            else:
                await self._stream(exchange, visit, status, fields, pieces)
        finally:
            self._lookout.remove(visit)
            table.leave()

    async def _stream(
        self, exchange: Exchange, visit: Visit, status: int, fields: Fields, pieces: AsyncGenerator[bytes, None]
    ) -> None:
        """Send pieces until there are no more, or the caller leaves; what goes wrong by then ends it."""
        async with aclosing(pieces):
            if exchange.method == "HEAD":
                await exchange.answer(status, fields, b"")
                return
            try:
                await exchange.stream(status, fields, pieces)
            except asyncio.CancelledError:
                if not visit.is_over():
                    raise
            except TooSlow:
                self._log.info("http.stream.slow")
            except Gone:
                return
            except GatewayError as error:
                self._log.warning("http.stream.cut", code=error.code)
            except Exception:  # noqa: BLE001 # the answer has begun: nothing else can be said any more
                self._log.exception("http.stream.cut", code="internal")

    async def _answer(self, table: RouteTable, exchange: Exchange, visit: Visit) -> _Answer:
        started = self._clock.monotonic()
        request_id = extension = ""
        who, body = Who.PUBLIC, None
        ending: Fields = []
        try:
            headers = intake.headers_of(exchange.fields(), self.limits.headers)
            body = intake.Body(exchange, headers)
            request_id = intake.request_id_of(headers)
            mounted, parameters = table.find(exchange.method, exchange.path)
            extension, who, ending = mounted.extension, mounted.route.rule.who, list(mounted.ending)
            request = await self._admit(mounted, parameters, headers, request_id, exchange, body, visit, ending)
            if mounted.route.stream:
                response = await mounted.route.handler(request)
                await body.discard()
            else:
                visit.waits_from(started + WATCH_AFTER)
                response = await mounted.route.handler(request)
        except GatewayError as error:
            request_id = request_id or intake.new_request_id()
            response = self._refusal(table, exchange, error, request_id)
            self._log_refusal(error, request_id, extension, started)
            if body is not None:
                await body.discard()
        except asyncio.CancelledError:
            self._log.debug("http.request.abandoned", request_id=request_id, extension=extension)
            if not visit.is_over():
                raise
            # It left, or was too slow: then it is still there to be told. Nor is the cancellation passed on, which
            # Granian would take for a crash and unfold its traceback.
            response = self._refusal(table, exchange, _UNFINISHED, request_id)
        except Gone:
            self._log.debug("http.request.abandoned", request_id=request_id, extension=extension)
            response = self._refusal(table, exchange, _UNFINISHED, request_id)
        except Exception:  # noqa: BLE001 # the border: whatever went wrong becomes `internal`
            request_id = request_id or intake.new_request_id()
            self._log.exception("http.request.failed", request_id=request_id, extension=extension)
            response = self._refusal(table, exchange, Internal(), request_id)
        status, fields, content, pieces = self._ready(response, request_id, extension, personal=who is not Who.PUBLIC)
        return status, [*fields, *ending], content, pieces

    async def _admit(
        self,
        mounted: Mounted,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        request_id: str,
        exchange: Exchange,
        body: intake.Body,
        visit: Visit,
        fields: Fields,
    ) -> Request:
        if self.draining:
            raise Overloaded("The gateway is restarting.", retry_after=2.0)
        rule = mounted.route.rule
        caller: Caller | None = None
        person: Person | None = None
        if rule.who is Who.CALLER:
            caller = await self.door.authenticate(headers)
            self.door.permit(caller, rule)
        elif rule.who is Who.PERSON:
            person, given = await self.door.enter(rule, exchange.method, headers)
            fields.extend(given)
        limits = self.limits
        now = self._clock.monotonic()
        patient = mounted.route.raw or mounted.route.stream
        default = limits.deadline_max if patient else limits.deadline
        deadline = intake.deadline_of(headers, now, default, limits.deadline_max)
        content: Any = None
        if mounted.route.stream:
            visit.sends_until(deadline)
            content = body.pieces()
        elif mounted.reader is not None:
            mounted.reader.check(headers)
            visit.sends_until(deadline)
            content = mounted.reader.read(await body.read(limits.body))
        else:
            body.check_declared(limits.body)
        if person is not None and exchange.method not in SAFE:
            self.door.check_token(person.session, headers, content)
        return Request(
            caller,
            content,
            parameters,
            intake.query_of(exchange.query),
            headers,
            request_id,
            deadline,
            intake.traceparent_of(headers),
            self.proxies.client(exchange.peer(), headers) if rule.who in _KNOWS_PEER else "",
            person,
            rule.who is not Who.CALLER and self.proxies.is_secure(exchange.peer(), headers),
        )

    def _ready(self, response: Response, request_id: str, extension: str, *, personal: bool) -> _Answer:
        try:
            return response.status, _fields(response, request_id, personal=personal), response.body, response.pieces
        except Exception:  # noqa: BLE001 # what an extension's handler gave is no response, or none that can be sent
            self._log.exception("http.request.failed", request_id=request_id, extension=extension)
            response = response_of(Internal(), request_id)
            return response.status, _fields(response, request_id, personal=personal), response.body, None

    def _refusal(self, table: RouteTable, exchange: Exchange, error: GatewayError, request_id: str) -> Response:
        """The answer to an error, in the words of the route it was meant for."""
        try:
            mounted, parameters = table.find(exchange.method, exchange.path)
            if mounted.route.refused is not None:
                response = mounted.route.refused(error, parameters)
                return replace(response, headers=(*response.headers, *error.headers))
            if mounted.route.form or mounted.route.rule.who is Who.PERSON:
                page = self._page_of(mounted.route, exchange, error, request_id)
                return page or response_of(error, request_id)
        except GatewayError:  # there is no such route
            return response_of(error, request_id)
        except Exception:  # noqa: BLE001 # an extension's own fault
            self._log.exception("http.request.failed", request_id=request_id, extension=mounted.extension)
        return response_of(error, request_id)

    def _page_of(self, route: Route, exchange: Exchange, error: GatewayError, request_id: str) -> Response | None:
        where = f"{exchange.path}?{exchange.query}" if exchange.query else exchange.path
        return self.door.refused(error, route, exchange.method, where, dict(exchange.fields()), request_id)

    def _log_refusal(self, error: GatewayError, request_id: str, extension: str, started: float) -> None:
        now = self._clock.monotonic()
        skipped = self._thinner.offer(now, (error.code, extension))
        if skipped is None:
            return
        fields = {"skipped": skipped} if skipped else {}
        seconds = round(now - started, 6)
        log = getattr(self._log, level_of(error.code))
        log(
            "http.request.refused",
            code=error.code,
            request_id=request_id,
            extension=extension,
            seconds=seconds,
            **fields,
        )


_KNOWS_PEER = frozenset({Who.HANDLER, Who.PERSON, Who.PUBLIC})
"""Whose handlers are told where a request comes from: those that tell callers apart by nothing else, and sign-in."""

_UNFINISHED = Invalid("The request ended before its body was whole.")


def _fields(response: Response, request_id: str, *, personal: bool) -> Fields:
    if not isinstance(response.body, bytes):
        raise TypeError("the body of a response is bytes")
    is_page = response.content_type.startswith(_PAGES)
    fields = [
        ("content-type", response.content_type),
        ("x-request-id", request_id),
        *(PAGE_HEADERS if is_page else _PERSONAL if personal else _SAFE),
    ]
    text = "".join(chain.from_iterable(response.headers))
    if not (text.isprintable() and text.isascii()):
        raise ValueError("a header field of a response is one line of ASCII text")
    if not is_page:
        fields += response.headers
        return fields
    caching = _UNSHARED if personal else _NOT_KEPT
    for field in response.headers:
        if field[0] != "cache-control":
            fields.append(field)
        elif not personal:
            caching = field
    return [*fields, caching]
