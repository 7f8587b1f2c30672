"""The application between a server and a handler: failures, callers that leave, draining, what is no request."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import structlog

from gateway.contract.errors import CentreTimeout, Denied
from gateway.contract.messages import Caller
from gateway.contract.web import PUBLIC, Request, Response, Route, Rule, Who
from gateway.http import application
from gateway.http.application import Application, Limits
from gateway.http.server import Listener
from gateway.http.table import RouteTable, mount
from gateway.log import configure
from gateway.wiring.clock import SystemClock
from tests.http.people import NoPeople
from tests.http.rig import ask, first_answer, raw_request, read_to_end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping

    from gateway.contract.errors import GatewayError
    from gateway.http.server import Engine
    from tests.http.rig import Heard

MARK = "MARKED-SECRET-3527012904900001"
LIMITS = Limits(body=1000, headers=4000, deadline=5.0, deadline_max=10.0)


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """A body."""

    text: str


class OpenDoor(NoPeople):
    """Lets everybody in as one caller, or nobody to an adapter."""

    async def authenticate(self, _headers: Mapping[str, str]) -> Caller:
        """The one caller."""
        return Caller("id", "name")

    def permit(self, caller: Caller, rule: Rule) -> None:
        """Refuse adapters."""
        if rule.adapter != caller.adapter:
            raise Denied


def in_other_words(error: GatewayError, parameters: Mapping[str, str]) -> Response:
    """A refusal as another service would say it; fails for one number."""
    return Response(f"{100 // int(parameters['id'])} {error.code}".encode(), 200, "text/plain")


@dataclass
class Stage:
    """Handlers that do what a test wants, and what became of them."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[Request] = field(default_factory=list)

    async def fail(self, _request: Request) -> Response:
        """Fail as a programmer would."""
        raise ValueError(MARK)

    async def refuse(self, _request: Request) -> Response:
        """Refuse with everything a refusal can carry."""
        raise CentreTimeout(retry_after=3.0, headers=(("ratelimit", "x"),))

    async def wait(self, _request: Request) -> Response:
        """Wait until told to go on."""
        self.entered.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Response.json({"done": True})

    async def echo(self, request: Request) -> Response:
        """Keep the request."""
        self.seen.append(request)
        return Response.json({"path": dict(request.path), "query": dict(request.query)})

    def application(self) -> Application:
        """An application with these handlers."""
        caller = Rule(Who.CALLER)
        routes = [
            Route("GET", "/fail", PUBLIC, self.fail, "s", "s"),
            Route("GET", "/refuse", caller, self.refuse, "s", "s"),
            Route("GET", "/wait", PUBLIC, self.wait, "s", "s"),
            Route("POST", "/note/{id}", caller, self.echo, "s", "s", body=Note),
            Route("GET", "/elsewhere/{id}", PUBLIC, self.fail, "s", "s", refused=in_other_words),
            Route("GET", "/adapter", Rule(Who.CALLER, adapter="ektp"), self.echo, "s", "s"),
        ]
        return Application(RouteTable(mount(one) for one in routes), OpenDoor(), LIMITS, SystemClock())


@pytest.fixture
def logged() -> Iterator[io.BytesIO]:
    """What is logged."""
    stream = io.BytesIO()
    configure("debug", "json", stream)
    yield stream
    structlog.reset_defaults()


@pytest.fixture(params=["granian", "uvicorn"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each server engine in turn."""
    chosen: Engine = request.param
    return chosen


def served(engine: Engine, story: Callable[[Stage, Application, str], Awaitable[None]]) -> None:
    """Tell a story about a listening application."""

    async def tell() -> None:
        stage = Stage()
        app = stage.application()
        listener = Listener(app, "127.0.0.1", 0, engine=engine)
        await listener.start()
        try:
            async with asyncio.timeout(10):
                await story(stage, app, listener.url)
        finally:
            await listener.stop()

    asyncio.run(tell())


async def get(url: str, path: str, method: str = "GET", **more: Any) -> Heard:
    """One request from another thread."""
    return await asyncio.to_thread(ask, url, method, path, **more)


def test_a_failing_handler_is_internal_and_tells_nothing(engine: Engine, logged: io.BytesIO) -> None:
    """An error nobody expected is 500 with the id under which it is logged, and its text goes nowhere."""

    async def story(_stage: Stage, _app: Application, url: str) -> None:
        heard = await get(url, "/fail")
        assert (heard.status, heard.json["code"], heard.json["executed"]) == (500, "internal", "unknown")
        assert MARK.encode() not in heard.body
        line = next(line for line in map(json.loads, logged.getvalue().splitlines()) if "exception" in line)
        assert (line["event"], line["level"]) == ("http.request.failed", "error")
        assert line["request_id"] == heard.json["request_id"] == heard.headers["x-request-id"]
        assert line["exception"][0]["type"] == "builtins.ValueError"
        assert b"3527012904900001" not in logged.getvalue()
        assert (await get(url, "/fail")).status == 500

    served(engine, story)


def test_a_refusal_carries_its_headers(engine: Engine, logged: io.BytesIO) -> None:
    """Headers of an error reach the caller; a route for callers is never stored on the way."""

    async def story(_stage: Stage, _app: Application, url: str) -> None:
        heard = await get(url, "/refuse")
        assert (heard.status, heard.headers["retry-after"], heard.headers["ratelimit"]) == (504, "3", "x")
        assert heard.headers["cache-control"] == "private, no-store"

    served(engine, story)
    assert b'"code":"centre_timeout"' in logged.getvalue()


def test_a_request_reaches_its_handler_whole(engine: Engine) -> None:
    """Body, parameters, query, deadline, trace and caller arrive as declared."""

    async def story(stage: Stage, _app: Application, url: str) -> None:
        given = {
            "Content-Type": "application/json",
            "X-Request-Deadline": "99",
            "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
            "X-Request-Id": "case-number-1",
        }
        before = SystemClock().monotonic()
        heard = await get(url, "/note/7?a=1&a=2&b=", "POST", body=b'{"text": "x"}', headers=given)
        after = SystemClock().monotonic()
        assert heard.json == {"path": {"id": "7"}, "query": {"a": "2", "b": ""}}
        request = stage.seen[0]
        assert (request.body, request.request_id, request.traceparent) == (
            Note("x"), "case-number-1", given["traceparent"],
        )  # fmt: skip
        assert request.known_caller().id == "id"
        assert before + LIMITS.deadline_max <= request.deadline <= after + LIMITS.deadline_max
        given["traceparent"] = "00-nonsense-01"
        await get(url, "/note/7", "POST", body=b'{"text": "x"}', headers=given)
        assert stage.seen[1].traceparent is None
        assert stage.seen[1].query == {}

    served(engine, story)


def test_a_key_of_another_adapter_is_denied(engine: Engine) -> None:
    """The rule is asked before the handler."""

    async def story(stage: Stage, _app: Application, url: str) -> None:
        assert (await get(url, "/adapter")).json["code"] == "denied"
        assert stage.seen == []

    served(engine, story)


def test_the_work_of_a_caller_who_left_is_cancelled(engine: Engine, logged: io.BytesIO) -> None:
    """When a waiting caller closes its connection its handler is cancelled, and nothing stays under way."""

    async def story(stage: Stage, app: Application, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as sock:
            sock.sendall(raw_request("GET", "/wait"))
            await stage.entered.wait()
        await stage.cancelled.wait()
        await app.table.idle()

    served(engine, story)
    assert b"http.request.abandoned" in logged.getvalue()
    assert b"http.request.failed" not in logged.getvalue()


def test_a_caller_who_waits_long_gets_its_answer(engine: Engine) -> None:
    """A request that outlasts the moment from which its caller is watched is answered all the same."""

    async def story(stage: Stage, _app: Application, url: str) -> None:
        waiting = asyncio.ensure_future(get(url, "/wait"))
        await stage.entered.wait()
        watched = asyncio.Event()
        asyncio.get_running_loop().call_later(application.WATCH_AFTER * 2, watched.set)
        await watched.wait()
        stage.go_on.set()
        assert (await waiting).json == {"done": True}
        assert not stage.cancelled.is_set()

    served(engine, story)


def test_a_draining_application_refuses_what_is_new(engine: Engine) -> None:
    """While it ends, new requests are told when to come back, and the one under way is answered."""

    async def story(stage: Stage, app: Application, url: str) -> None:
        waiting = asyncio.ensure_future(get(url, "/wait"))
        await stage.entered.wait()
        app.draining = True
        heard = await get(url, "/fail")
        assert (heard.status, heard.json["code"], heard.headers["retry-after"]) == (503, "overloaded", "2")
        assert heard.json["retryable"] is True
        stage.go_on.set()
        assert (await waiting).status == 200
        await app.table.idle()

    served(engine, story)


def test_a_body_cut_short_is_the_callers_fault(engine: Engine) -> None:
    """A connection that ends within a body harms nothing; who only ended its sending side is told so or dropped."""

    async def story(_stage: Stage, app: Application, url: str) -> None:
        def cut() -> bytes:
            host, _, port = url.removeprefix("http://").partition(":")
            with socket.create_connection((host, int(port)), timeout=5) as sock:
                head = raw_request("POST", "/note/1", b"", b"Content-Type: application/json", b"Content-Length: 50")
                sock.sendall(head + b'{"te')
                sock.shutdown(socket.SHUT_WR)
                return read_to_end(sock)

        heard = await asyncio.to_thread(cut)
        assert not heard or 400 <= first_answer(heard).status < 500
        await app.table.idle()

    served(engine, story)


def test_a_route_words_its_refusals_itself(engine: Engine) -> None:
    """Whatever goes wrong, before its handler or in it; where its wording fails the problem is told."""

    async def story(_stage: Stage, app: Application, url: str) -> None:
        async def told(number: int, **headers: str) -> bytes:
            return (await asyncio.to_thread(ask, url, "GET", f"/elsewhere/{number}", None, headers)).body

        assert await told(50) == b"2 internal"
        assert await told(50, Long="x" * 5000) == b"2 too_large"
        app.draining = True
        assert await told(50) == b"2 overloaded"
        assert json.loads(await told(0))["code"] == "overloaded"

    served(engine, story)


@pytest.mark.parametrize(
    ("deadline", "longest", "asked"),
    [(0.05, 0.05, b"X-Any: 1"), (0.05, 60.0, b"X-Any: 1"), (60.0, 60.0, b"X-Request-Deadline: 0.05")],
    ids=["longest", "usual", "asked for"],
)
def test_a_body_that_never_comes_is_not_waited_for(
    engine: Engine, deadline: float, longest: float, asked: bytes
) -> None:
    """A caller that stops within its body is answered at its own deadline, and nothing stays under way."""

    async def story(_stage: Stage, app: Application, url: str) -> None:
        app.limits = Limits(body=1000, headers=4000, deadline=deadline, deadline_max=longest)

        def stall() -> bytes:
            host, _, port = url.removeprefix("http://").partition(":")
            with socket.create_connection((host, int(port)), timeout=5) as sock:
                type_ = b"Content-Type: application/json"
                head = raw_request("POST", "/note/1", b"", type_, b"Content-Length: 50", asked)
                sock.sendall(head + b'{"te')
                return sock.recv(65_536)

        assert first_answer(await asyncio.to_thread(stall)).status == 422
        await app.table.idle()

    served(engine, story)


def test_who_is_cancelled_within_its_body_is_not_answered() -> None:
    """A request that is cancelled from outside while its body is read ends as cancelled, not as a refusal."""

    async def story() -> None:
        sent: list[object] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        headers = [(b"content-type", b"application/json"), (b"content-length", b"9")]
        scope = {"type": "http", "method": "POST", "path": "/note/1", "query_string": b"", "headers": headers}
        task = asyncio.ensure_future(Stage().application()(scope, parts(), send))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sent == []

    asyncio.run(story())


def parts(*messages: MutableMapping[str, Any]) -> Callable[[], Awaitable[MutableMapping[str, Any]]]:
    """A far end that gives these parts, then silence."""
    left = list(messages)

    async def receive() -> MutableMapping[str, Any]:
        if left:
            return left.pop(0)
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return] # never answered

    return receive


def asked_directly(scope: Mapping[str, Any], *messages: MutableMapping[str, Any]) -> list[MutableMapping[str, Any]]:
    """What an application sends for a scope and the parts of a body."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def tell() -> None:
        whole = {"type": "http", "method": "POST", "path": "/note/1", "query_string": b"", "headers": [], **scope}
        await Stage().application()(whole, parts(*messages), send)

    asyncio.run(tell())
    return sent


def test_a_web_socket_is_closed_at_once() -> None:
    """The gateway speaks no web sockets."""
    assert asked_directly({"type": "websocket"}) == [{"type": "websocket.close", "code": 1003}]


def test_a_caller_who_leaves_within_its_body_is_let_go() -> None:
    """A connection that ends within a body, or while a refused one is thrown away, ends the request."""
    json_type = [(b"content-type", b"application/json"), (b"content-length", b"9")]
    part = {"type": "http.request", "body": b"{", "more_body": True}
    gone = {"type": "http.disconnect"}
    start = asked_directly({"headers": json_type}, part, gone)[0]
    assert start["status"] == 422
    start = asked_directly({"headers": json_type, "path": "/nowhere"}, part, gone)[0]
    assert start["status"] == 404


def test_a_refused_body_is_read_no_longer_than_bounds_allow() -> None:
    """A body that goes on and on is thrown away up to a bound; its sender is answered then."""
    part = {"type": "http.request", "body": b" " * 8_388_608, "more_body": True}
    start = asked_directly({"headers": [(b"transfer-encoding", b"chunked")], "path": "/nowhere"}, part, part, part)[0]
    assert start["status"] == 404


def test_a_request_outside_a_caller_rule_has_no_caller() -> None:
    """A handler of a public route that wants a caller has a fault of its own."""
    with pytest.raises(RuntimeError, match="does not demand a caller"):
        Request(None, None, {}, {}, {}, "id", 0.0).known_caller()
