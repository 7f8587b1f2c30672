"""A whole gateway and a mocked centre on real sockets, in a thread of this process, with a clock moved by hand.

```python
with Stage(tmp_path, adapters=("village_desk",)) as stage:
    key = stage.add_client("desk", adapter="village_desk")
    heard = stage.request("POST", "/apps/village_desk/greetings", {"nik": stage.people()[0].nik}, key=key)
    stage.behave(mode="refuse")          # what the centre does from now on
    stage.clock.ahead += 3 * 86_400      # three days later
```
"""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import logging
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import structlog
import uvloop

from gateway.log import Bridge, configure
from gateway.mock_siak import MockSettings, MockSiak, parse_behaviour
from gateway.mock_siak.accounts import demo_password
from gateway.settings import load
from gateway.testing.processes import SEED, demo_rights
from gateway.wiring.clock import SystemClock
from gateway.wiring.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from pathlib import Path

    from gateway.settings import Settings

POPULATION = 1_500
RIGHT = "sampang"
"""The right its callers ask under: biodata and family cards with every field."""

_WITHIN = 30.0
_CALM = """
[server]
port = 0
operator_port = 0
[log]
level = "debug"
[centre]
deadline = 2.0
[centre.breaker]
open_first = 0.05
open_cap = 0.1
"""


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


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic resident, as the mocked centre knows it."""

    nik: str
    no_kk: str
    name: str


class HandClock:
    """The machine's clock, whose wall time is moved by hand; deadlines stay in real seconds.

    Attributes:
        ahead: Seconds its wall time is ahead of the machine's; negative for behind.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self._real = SystemClock()

    def now(self) -> float:
        """Unix seconds."""
        return self._real.now() + self.ahead

    def monotonic(self) -> float:
        """Seconds of the machine."""
        return self._real.monotonic()


class Stage:
    """One gateway and one mocked centre, until the block ends.

    Args:
        folder: Where data and config are.
        plugins: Plugins that are enabled, in order.
        adapters: Adapters that are enabled, in order.
        config: Further TOML, such as `[adapters.village_desk]`.
    """

    def __init__(
        self, folder: Path, *, plugins: Sequence[str] = (), adapters: Sequence[str] = (), config: str = ""
    ) -> None:
        self.clock = HandClock()
        self.logged = io.BytesIO()
        self.data = folder / "data"
        self._file = folder / "gateway.toml"
        self._text = "\n".join((_CALM, _enabled("plugins", plugins), _enabled("adapters", adapters), config))
        self._mock = MockSiak(MockSettings(population=POPULATION, seed=SEED))
        self._environ = {"SIAK_GATEWAY_VAR": str(self.data)}
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._closed = True
        self.behaviour: Mapping[str, Any] = {}
        self.gateway: Gateway
        self.url = self.operator = ""

    def __enter__(self) -> Self:
        """Start everything."""
        configure("debug", "json", self.logged)
        self._thread.start()
        try:
            self._environ["SIAK_GATEWAY_CENTRE_URL"] = self.run(self._mock.start()).url
            self._open()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        try:
            self.close()
        finally:
            self._end()

    def close(self) -> None:
        """Stop the gateway, as SIGTERM would; the centre goes on."""
        if not self._closed:
            self._closed = True
            self.run(self.gateway.close())

    def restart(self) -> None:
        """Stop the gateway and start it again on the same data; keys go on working, addresses change."""
        self.close()
        self._open()

    def reload(self) -> None:
        """Read the config and the extensions again, as SIGHUP would.

        Raises:
            ConfigFaults: The config is wrong; the old one stays.
        """
        self.run(self.gateway.reload(self._settings()))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Await something on the gateway's loop; what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WITHIN)

    def behave(self, **values: Any) -> None:
        """Let the centre behave so from now on (`mode`, `workers`, `mean_seconds`, `faults`, …)."""
        self.run(self._mock.set_behaviour(parse_behaviour(values)))
        self.behaviour = values

    def calls(self, method: str | None = None) -> int:
        """Calls that arrived at the centre so far, but for those by which its events are followed.

        Args:
            method: Count only those of one method, such as `SUBMIT`.
        """
        if method is None:
            return self._mock.stats.asked()
        return int(self._mock.stats_document()["by_method"].get(method, {"arrived": 0})["arrived"])

    def ledger(self) -> list[dict[str, Any]]:
        """What the centre took in, in that order: `reference`, `receipt`, `arrivals`, `effects` and `service` each."""

        async def entries() -> list[dict[str, Any]]:
            return list(self._mock.book.ledger()["entries"])

        return list(self.run(entries()))

    def people(self) -> list[Person]:
        """Everybody the centre gives biodata of."""
        return [self._person(nik) for nik in self._mock.population.active()]

    def nik(self, group: str) -> str:
        """A NIK of one of the mock's groups, such as `deceased`; `unknown` is nobody's."""
        population = self._mock.population
        return population.strangers(1)[0] if group == "unknown" else population.samples(group, 1)[0]

    def add_client(self, name: str, **facts: Any) -> str:
        """Add a client (arguments of `Callers.add`, such as `adapter` and `village`); its key."""
        facts.setdefault("right", RIGHT)
        return str(self.run(self.gateway.callers.add(name, **facts))[1])

    def give_secrets(self, extension: str, secrets: Mapping[str, str]) -> None:
        """Put secrets of an extension where an admin would, `SIAK_GATEWAY_SECRET_<EXTENSION>_<NAME>`, and reload."""
        named = {f"SIAK_GATEWAY_SECRET_{extension}_{name}".upper(): value for name, value in secrets.items()}
        if named:
            self._environ.update(named)
            self.reload()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        operator: bool = False,
    ) -> Heard:
        """One request on a connection of its own; bytes are sent as they are, anything else as JSON."""
        place = urlsplit(self.operator if operator else self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_WITHIN)
        fields = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            fields.setdefault("Content-Type", "application/json")
        if key is not None:
            fields.setdefault("Authorization", f"Bearer {key}")
        try:
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            return Heard(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def _open(self) -> None:
        opening = Gateway.open(self._settings(), self._environ, self.clock, random.Random(1))  # noqa: S311 # replayable
        self.gateway = self.run(opening)
        self._closed = False
        urls = self.run(self.gateway.listen())
        self.url, self.operator = urls["gateway"], urls["operator"]

    def _person(self, nik: str) -> Person:
        resident = self._mock.population.resident(int(nik))
        if resident is None:
            raise LookupError(nik)
        return Person(nik, str(resident.home.no_kk), resident.name)

    def _settings(self) -> Settings:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(f"{self._text}\n{demo_rights()}", encoding="utf-8")
        settings = load(self._file, self._environ)
        for name, right in settings.rights.items():
            self._environ.setdefault(right.password_variable(name), demo_password(SEED, right.user_id))
        return settings

    def _end(self) -> None:
        self.run(self._mock.stop())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN)
        self._loop.close()
        structlog.reset_defaults()
        for handler in [one for one in logging.getLogger().handlers if isinstance(one, Bridge)]:
            logging.getLogger().removeHandler(handler)


def _enabled(kind: str, names: Sequence[str]) -> str:
    return f"[{kind}]\nenabled = {json.dumps(list(names))}\n" if names else ""
