"""A whole gateway and a mock centre on real sockets, in a thread of the test's own process, and a client for them.

```python
with Rig(tmp_path) as rig:
    key = rig.add_client("desk")
    heard = rig.post("/v1/residents/lookup", {"nik": rig.nik(), "purpose": "pelayanan"}, key=key)
```
"""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import logging
import random
import socket
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import jsonschema_rs
import structlog
import uvloop

from gateway.log import Bridge, configure
from gateway.mock_siak import MockSettings, MockSiak, parse_behaviour
from gateway.mock_siak.accounts import demo_password
from gateway.settings import load
from gateway.testing.processes import SEED, demo_rights
from gateway.wiring.clock import SystemClock
from gateway.wiring.gateway import Gateway
from gateway.wiring.parts import open_callers, open_keyring
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from gateway.settings import Settings

LOOKUP = "/v1/residents/lookup"
VERIFY = "/v1/residents/verify"
CARD = "/v1/family-cards/lookup"
POPULATION = 600
VILLAGE = "3527032001"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it came over the wire; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class HandClock:
    """The machine's clock, moved forward or back by hand."""

    def __init__(self) -> None:
        """Begin at the machine's time."""
        self.ahead = 0.0
        self._real = SystemClock()

    def now(self) -> float:
        """Unix seconds."""
        return self._real.now() + self.ahead

    def monotonic(self) -> float:
        """Seconds of the machine; deadlines are never moved."""
        return self._real.monotonic()


class Rig:
    """One gateway and one mock centre.

    Args:
        folder: Where its data and its config are.
        config: TOML beside the rights.
        rights: TOML of the rights; the mock's first account if left out.
        listen: Whether the ports are opened.
    """

    def __init__(self, folder: Path, *, config: str = "", rights: str | None = None, listen: bool = True) -> None:
        """Start nothing yet."""
        self.folder = folder
        self.file = folder / "gateway.toml"
        self.clock = HandClock()
        self.mock = MockSiak(MockSettings(population=POPULATION, seed=SEED))
        self.environ: dict[str, str] = {"SIAK_GATEWAY_VAR": str(folder / "data")}
        self._text = (config, demo_rights() if rights is None else rights)
        self._listen = listen
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.gateway: Gateway
        self.url = self.operator = ""
        self.logged = io.BytesIO()
        self._closing: Future[None] | None = None

    def settings(self, config: str | None = None, rights: str | None = None) -> Settings:
        """Write the config file anew and read it."""
        text = "\n".join((self._text[0] if config is None else config, self._text[1] if rights is None else rights))
        if "[server]" not in text:
            text = f"[server]\nport = 0\noperator_port = 0\n{text}"
        self.file.write_text(text, encoding="utf-8")
        settings = cheaply_hashed(load(self.file, self.environ))
        for name, right in settings.rights.items():
            self.environ.setdefault(right.password_variable(name), demo_password(SEED, right.user_id))
        return settings

    def __enter__(self) -> Self:
        """Start everything."""
        configure("debug", "json", self.logged)
        self._thread.start()
        try:
            self.environ["SIAK_GATEWAY_CENTRE_URL"] = self.run(self.mock.start()).url
            opening = Gateway.open(self.settings(), self.environ, self.clock, random.Random(1))
            self.gateway = self.run(opening)
            if self._listen:
                urls = self.run(self.gateway.listen())
                self.url, self.operator = urls["gateway"], urls["operator"]
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        try:
            self.begin_close().result(PATIENCE)
        finally:
            self._end()

    def begin_close(self) -> Future[None]:
        """Begin to close the gateway, once."""
        if self._closing is None:
            self._closing = asyncio.run_coroutine_threadsafe(self.gateway.close(), self._loop)
        return self._closing

    def _end(self) -> None:
        self.run(self.mock.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        structlog.reset_defaults()
        for handler in [one for one in logging.getLogger().handlers if isinstance(one, Bridge)]:
            logging.getLogger().removeHandler(handler)

    def log(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event that were logged so far."""
        lines = (json.loads(line) for line in self.logged.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Await something on the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def behave(self, **values: Any) -> None:
        """Put a behaviour of the centre."""
        self.run(self.mock.set_behaviour(parse_behaviour(values)))

    def add_client(self, name: str, **facts: Any) -> str:
        """Add a client (arguments of `Callers.add`); its key."""
        facts.setdefault("right", "sampang")
        return str(self.run(self.gateway.callers.add(name, **facts))[1])

    def add_expired_client(self, name: str) -> str:
        """Add a client whose key ended yesterday."""
        past = HandClock()
        past.ahead = -2 * 86_400.0
        keyring = open_keyring(self.gateway.settings, self.environ)
        callers = open_callers(self.gateway.settings, self.gateway.database, keyring, past)
        return str(self.run(callers.add(name, right="sampang", expires_at=past.now() + 3600))[1])

    def nik(self, group: str = "active", place: int = 0) -> str:
        """A NIK of one of the mock's groups."""
        return self.mock.population.samples(group, place + 1)[place]

    def no_kk(self, place: int = 0) -> str:
        """A family card's number."""
        return self.mock.population.sample_cards(place + 1)[place]

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        operator: bool = False,
    ) -> Heard:
        """One request on a connection of its own."""
        return ask(self.operator if operator else self.url, method, path, body, headers, key=key)

    def get(self, path: str, *, key: str | None = None, operator: bool = False) -> Heard:
        """A GET."""
        return self.request("GET", path, key=key, operator=operator)

    def post(
        self, path: str, value: object, headers: Mapping[str, str] | None = None, *, key: str | None = None
    ) -> Heard:
        """A POST of JSON; bytes are sent as they are."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {**JSON, **(headers or {})}, key=key)

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are; everything that comes back until the gateway closes."""
        with self.connect() as sock:
            sock.sendall(data)
            return read_to_end(sock)

    def connect(self) -> socket.socket:
        """A connection to the public listener."""
        place = urlsplit(self.url)
        return socket.create_connection((place.hostname or "", place.port or 0), timeout=PATIENCE)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document as served."""
        document: dict[str, Any] = self.get("/openapi.json").json
        return document

    @cached_property
    def problem_schema(self) -> Any:
        """Validator of a refusal's body, by the served document."""
        return jsonschema_rs.validator_for(
            {"$ref": "#/components/schemas/Problem", "components": self.document["components"]}
        )

    def refused(self, heard: Heard, status: int, code: str) -> dict[str, Any]:
        """Check that an answer is the documented refusal; its problem."""
        assert heard.headers["content-type"] == "application/problem+json", heard
        problem: dict[str, Any] = heard.json
        assert (heard.status, problem["status"], problem["code"]) == (status, status, code), problem
        self.problem_schema.validate(problem)
        assert problem["type"] == f"/docs/errors#{code}"
        assert problem["request_id"] == heard.headers["x-request-id"]
        assert problem["detail"]
        assert problem["detail_id"]
        for fault in problem["errors"]:
            assert fault["message"]
            assert fault["message_id"]
        return problem


def cheaply_hashed(settings: Settings) -> Settings:
    """The same, with passwords hashed at next to no cost, which no config can ask for."""
    people = settings.people.model_copy(update={"hash_memory_kib": 8})
    return settings.model_copy(update={"people": people})


def ask(
    url: str,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    key: str | None = None,
) -> Heard:
    """One request on a connection of its own."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
    fields = dict(headers or {})
    if key is not None:
        fields["Authorization"] = f"Bearer {key}"
    try:
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        return Heard(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def read_to_end(sock: socket.socket) -> bytes:
    """Everything until the far end closes; a reset counts as an end."""
    parts = []
    try:
        while part := sock.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def raw_request(method: str, path: str, body: bytes = b"", *headers: bytes) -> bytes:
    """The bytes of a request that asks the gateway to close afterwards; the length is added unless headers name one."""
    named = b"\r\n".join(headers).lower()
    if b"content-length" not in named and b"transfer-encoding" not in named and body:
        headers = (*headers, b"Content-Length: %d" % len(body))
    head = [f"{method} {path} HTTP/1.1".encode(), b"Host: gateway", b"Connection: close", *headers, b"", b""]
    return b"\r\n".join(head) + body


def first_answer(data: bytes) -> Heard:
    """The first answer in what came back."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = int(fields.get("content-length", "0"))
    return Heard(int(lines[0].split()[1]), fields, body[:length])
