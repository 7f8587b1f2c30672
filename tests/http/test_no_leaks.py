"""No NIK, card number, name or credential reaches anything but the body of a good answer.

A real process is asked over every route in good and bad forms, with the centre well and broken in every way, at log
level debug; then all it wrote is searched for the marks: log, metrics, refusals, headers, files at rest.
"""

from __future__ import annotations

import http.client
import json
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from gateway.mock_siak import FaultKind, Population
from gateway.mock_siak.accounts import demo_password
from gateway.testing.processes import SEED, GatewayProcess
from tests.http.rig import CARD, LOOKUP, VERIFY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.mock_siak import MockProcess

PEOPLE = 40
CONFIG = """
[log]
level = "debug"
format = "{format}"
[plugins]
enabled = ["metrics", "caller_quota"]
[centre]
deadline = 1.0
[centre.breaker]
open_first = 0.01
open_cap = 0.02
"""


@dataclass
class Asked:
    """Everybody who was asked about, and all that came back but bodies of good answers."""

    population: Population
    marks: set[str] = field(default_factory=set)
    told: list[bytes] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)

    def mark(self, nik: str) -> tuple[str, str, str]:
        """NIK, card and name of a resident, marked."""
        resident = self.population.resident(int(nik))
        assert resident is not None
        no_kk = str(resident.home.no_kk)
        self.marks |= {nik, no_kk}
        for name in (resident.name, resident.father.name, resident.mother.name):
            if name and " " in name:
                self.marks.add(name)
        return nik, no_kk, resident.name

    def hear(self, answer: tuple[int, dict[str, str], bytes]) -> None:
        """Keep what must hold no mark."""
        status, headers, body = answer
        self.answered.add(status)
        self.told.append(json.dumps(headers).encode())
        if status != http.client.OK:
            self.told.append(body)


@pytest.fixture(scope="module")
def population() -> Population:
    """The people of the mock process."""
    return Population(2_000, SEED)


@pytest.fixture(params=["json", "pretty"])
def gateway(request: pytest.FixtureRequest, tmp_path: Path, mock_process: MockProcess) -> Iterator[GatewayProcess]:
    """A gateway that logs everything, in each format."""
    with GatewayProcess(tmp_path, mock_process.url, config=CONFIG.format(format=request.param)) as running:
        yield running


def behave(mock: MockProcess, **values: Any) -> None:
    """Put a behaviour of the centre."""
    request = urllib.request.Request(f"{mock.control_url}/_mock/behaviour", json.dumps(values).encode(), method="PUT")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == http.client.OK


def ask_everything(gateway: GatewayProcess, asked: Asked, key: str, who: tuple[str, str, str]) -> None:
    """All routes that ask, in their good form."""
    nik, no_kk, name = who
    given = {"Content-Type": "application/json", "Cache-Control": "no-cache", "X-Request-Deadline": "0.3"}
    elements = {"NAMA_LGKP": name, "NO_KK": no_kk}
    for path, body in (
        (LOOKUP, {"nik": nik, "purpose": "pelayanan"}),
        (CARD, {"no_kk": no_kk, "purpose": "pelayanan"}),
        (VERIFY, {"nik": nik, "purpose": "pelayanan", "elements": elements}),
    ):
        asked.hear(gateway.request("POST", path, json.dumps(body).encode(), given, key=key))


def ask_badly(gateway: GatewayProcess, asked: Asked, key: str, who: tuple[str, str, str]) -> None:
    """The marks in every place where they do not belong."""
    nik, no_kk, name = who
    bodies: list[Any] = [
        {"nik": int(nik), "purpose": name},
        {"nik": f" {nik}", "purpose": nik, "village": nik},
        {"nik": nik, "purpose": "pelayanan", name: no_kk, nik: name},
        {"nik": nik, "purpose": "pelayanan", "elements": {name: nik, "NO_KK": nik + "0"}, "threshold": int(nik)},
        [nik, name],
        nik,
    ]
    for body in bodies:
        for path in (LOOKUP, CARD, VERIFY):
            asked.hear(gateway.request("POST", path, json.dumps(body).encode(), JSON, key=key))
    asked.hear(gateway.request("POST", LOOKUP, f'{{"nik": {nik}, "{name}'.encode(), JSON, key=key))
    odd = {"X-Request-Id": nik, "traceparent": nik, "User-Agent": name, "X-Request-Deadline": nik, "Cookie": key}
    asked.hear(gateway.request("POST", LOOKUP, json.dumps({"nik": nik}).encode(), {**JSON, **odd}, key=key))
    asked.hear(gateway.request("GET", f"/v1/residents/{nik}?nik={nik}&key={key}", None, odd))
    asked.hear(gateway.request("GET", f"/v1/services?nik={nik}", None, odd, key=key[:-1] + "0"))
    asked.hear(gateway.request(nik, f"/status?nik={nik}"))
    for wrong in (nik, name, f"sgw_{nik}", key[:-2]):
        asked.hear(gateway.request("GET", "/v1/services", None, {"Authorization": f"Bearer {wrong}"}))


JSON = {"Content-Type": "application/json"}


def everything_written(gateway: GatewayProcess) -> dict[str, bytes]:
    """All the process wrote: its log and every file of its data folder but the secrets."""
    files = [path for path in gateway.data.rglob("*") if path.is_file() and "secrets" not in path.parts]
    written = {path.name: path.read_bytes() for path in files}
    assert {"gateway.db", "cache.db"} <= written.keys()
    return {**written, "log": gateway.log().encode()}


def test_no_mark_is_found_in_anything_written(
    gateway: GatewayProcess, mock_process: MockProcess, population: Population
) -> None:
    """After every route in every form and every fault of the centre, no mark stands anywhere but in good answers."""
    asked = Asked(population)
    key, other = gateway.add_client("desk", may_skip_cache=True), gateway.add_client("village", village="3527032001")
    niks = iter(population.samples("active", PEOPLE))
    for nik in (*population.samples("deceased", 1), *population.samples("papua", 1), *population.samples("moved", 1)):
        ask_everything(gateway, asked, key, asked.mark(nik))
    for _ in range(3):
        ask_everything(gateway, asked, key, asked.mark(next(niks)))
    ask_badly(gateway, asked, key, asked.mark(next(niks)))
    ask_everything(gateway, asked, other, asked.mark(next(niks)))
    faults = [[{"kind": kind.value, "rate": 1.0}] for kind in FaultKind if kind is not FaultKind.TLS_BAD]
    broken: list[dict[str, Any]] = [{"faults": fault} for fault in faults]
    try:
        for behaviour in (*broken, {"mode": "refuse"}, {"mode": "maintenance"}):
            behave(mock_process, **behaviour)
            ask_everything(gateway, asked, key, asked.mark(next(niks)))
    finally:
        behave(mock_process, mode="up")
    assert {200, 404, 405, 422, 401} < asked.answered
    assert asked.answered & {502, 503, 504}
    metrics = urllib.request.urlopen(f"{gateway.operator}/metrics", timeout=5).read()
    written = everything_written(gateway)
    assert gateway.stop() == 0
    written |= {f"{name} at rest": data for name, data in everything_written(gateway).items()}
    marks = asked.marks | {key[15:], other[15:], demo_password(SEED, "dukcapil_sampang")}
    for place, data in (*written.items(), ("metrics", metrics), ("refusals and headers", b"\n".join(asked.told))):
        for mark in marks:
            assert mark.encode() not in data, f"{mark} stands in {place}"
    assert len(marks) > PEOPLE
    assert written["log"].count(b"http.request.refused") > 20
