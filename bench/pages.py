"""Pages beside a bare Jinja2 handler: CPU time of `/status`, without server or socket; and what a first visit loads.

The bare handler is Starlette with one route that renders the very same template with the very same values, and nothing
else: no policy, no request id, no state of services, no language. The thread's own CPU time is counted, both in turn,
so that other work on the machine hardly shows.

    python -m bench.pages [--calls 200] [--rounds 40] [--write]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from bench.machine import describe
from gateway.http.pages import status_page
from gateway.pages import core_assets
from gateway.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from starlette.requests import Request

    from gateway.contract.web import Response
    from gateway.http.exchange import Fields

LEAST = 0.5
"""Share of the bare handler's rate that pages must reach."""

MOST_BYTES = 150_000
"""Bytes that a first visit may transfer."""

HEAD = (("host", "127.0.0.1:8080"), ("accept", "text/html"), ("accept-encoding", "gzip"), ("cookie", "language=id"))
_RESULT = Path(__file__).parent / "results" / "pages.md"


class Call:
    """A request that is there already, and forgets its answer."""

    method, path, query, status, size = "GET", "/status", "", 0, 0

    def fields(self) -> Fields:
        """As a server hands them over: a new list each time."""
        return [*HEAD]

    def peer(self) -> str:
        """As a server tells it."""
        return "127.0.0.1"

    async def whole(self) -> bytes:
        """No body."""
        return b""

    async def pieces(self) -> AsyncIterator[bytes]:
        """No body."""
        yield b""

    async def left(self) -> None:
        """It stays."""

    async def answer(self, status: int, _fields: Fields, body: bytes) -> None:
        """Look at the answer, and forget it."""
        self.status, self.size = status, len(body)

    async def stream(self, status: int, _fields: Fields, _pieces: AsyncIterator[bytes]) -> None:
        """No page streams."""
        self.status = status


class Kept:
    """Takes what a page would be rendered from, so that another can render the same."""

    def __init__(self) -> None:
        self.name = ""
        self.values: Mapping[str, object] = {}

    def render(self, name: str, values: Mapping[str, object], **_others: object) -> Response | None:
        """Keep it."""
        self.name, self.values = name, values
        return None


def bare(stage: Stage) -> Starlette:
    """The bare handler, of the same template and values."""
    generation, kept = stage.gateway.generation, Kept()
    system = next(one.route.handler for one in generation.public.mounted if one.route.path == "/status")
    taker: Any = kept
    status_page(taker, system.__self__._facts.services())  # type: ignore[attr-defined] # noqa: SLF001 # the same facts
    template = generation.pages._environments["id"].get_template(kept.name)  # noqa: SLF001 # the same template
    values = {**kept.values, "person": None, "back": "/status"}

    async def page(_request: Request) -> HTMLResponse:
        return HTMLResponse(template.render(values))

    return Starlette(routes=[Route("/status", page)])


async def ours(stage: Stage, calls: int) -> float:
    """CPU seconds of so many pages of ours."""
    application, call = stage.gateway.public, Call()
    began = time.thread_time()
    for _ in range(calls):
        await application.serve(call)
    if call.status != 200:
        raise RuntimeError(f"the page answers {call.status}")
    return time.thread_time() - began


async def theirs(app: Starlette, calls: int) -> float:
    """CPU seconds of so many pages of the bare handler."""
    raw = [(name.encode(), value.encode()) for name, value in HEAD]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: object) -> None:
        """Forget it."""

    anything: Callable[..., Awaitable[None]] = app
    began = time.thread_time()
    for _ in range(calls):
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/status",
            "raw_path": b"/status", "root_path": "", "scheme": "http", "query_string": b"", "headers": [*raw],
            "client": ("127.0.0.1", 43210), "server": ("127.0.0.1", 8080),
        }  # fmt: skip
        await anything(scope, receive, send)
    return time.thread_time() - began


def measure(calls: int, rounds: int) -> tuple[str, bool]:
    """The report as Markdown, and whether both goals are met."""
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        app = bare(stage)
        for warming in (ours(stage, calls), theirs(app, calls)):
            stage.run(warming)
        pairs = [(stage.run(ours(stage, calls)), stage.run(theirs(app, calls))) for _ in range(rounds)]
        page = len(stage.request("GET", "/status").body)
    ratio = statistics.median(their / our for our, their in pairs)
    mine, bares = (statistics.median(one) / calls * 1e6 for one in zip(*pairs, strict=True))
    assets = core_assets()
    sent = page + sum(len(assets.answer(assets.digest, name, dict(HEAD)).body) for name in assets.names)
    good = ratio >= LEAST and sent <= MOST_BYTES
    rows = (
        "# Pages", "", describe(), "", "| what | figure | goal |", "| --- | --- | --- |",
        f"| `/status`, CPU of one page: ours / bare Jinja2 handler | {mine:.0f} µs / {bares:.0f} µs | |",
        f"| share of the bare handler's rate | {ratio:.2f} | ≥ {LEAST:g} |",
        f"| first visit, all assets of any page and the page, bytes | {sent:,} | ≤ {MOST_BYTES:,} |", "",
    )  # fmt: skip
    return "\n".join(rows), good


def main() -> int:
    """Measure; 1 if a goal is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=200)
    options.add_argument("--rounds", type=int, default=40)
    options.add_argument("--write", action="store_true", help="also write bench/results/pages.md")
    chosen = options.parse_args()
    text, good = measure(chosen.calls, chosen.rounds)
    print(text)
    if chosen.write:
        _RESULT.write_text(text, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
