"""What a question costs at the centre: one call for all who ask it, none for what is known, none without quota."""

from __future__ import annotations

import asyncio
import json
import resource
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from gateway.settings import load
from gateway.wiring.offline import with_callers
from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.stage import ask, demo_right
from tests.acceptance.test_callers_that_leave import request_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.people.callers import Callers
    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

ASKERS = 1_000
FEW = 3
HAMMER = 831
"""Repeats of one refused question that a real client was seen to send in a burst."""

RIGHTS = (
    demo_right("dukcapil_sampang", "sampang")
    + demo_right("dpmptsp", "licences")
    + demo_right("uji_beban", "frugal", allowance=FEW)
    + demo_right("kuota_habis", "scarce")
)


TEN = {f"caller-{n}": ("sampang", "licences")[n % 2] for n in range(10)}
CALLERS = {"wide": "sampang", "narrow": "licences", "frugal": "frugal", "scarce": "scarce", **TEN}
"""Every caller, and the right it asks under."""


@pytest.fixture(scope="module")
def gateway(nursery: Nursery, centre: Centre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The gateway of this module, with four rights; the mock allows the last one three answers a day."""
    centre.behave()
    with ForkedGateway(nursery, tmp_path_factory.mktemp("cost"), centre.url, rights=RIGHTS) as running:
        yield running


@pytest.fixture(scope="module")
def keys(gateway: GatewayProcess) -> dict[str, str]:
    """The key of each caller."""
    settings = load(gateway.config_file, gateway.environ)

    async def add_all(callers: Callers) -> dict[str, str]:
        return {name: (await callers.add(name, right=right))[1] for name, right in CALLERS.items()}

    made = with_callers(settings, gateway.environ, add_all)
    eventually(lambda: gateway.get("/v1/services", key=list(made.values())[-1])[0] == 200, 5.0, "the keys are known")
    return made


@pytest.fixture(autouse=True)
def _well(centre: Centre) -> None:
    """Each test begins with a centre that answers at once."""
    centre.behave()


async def _answer(address: tuple[str, int], request: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        return int(head[9:12]), await reader.readexactly(int(fields[b"content-length"]))
    finally:
        writer.transport.abort()


def ask_at_once(gateway: GatewayProcess, nik: str, keys: Sequence[str]) -> list[tuple[int, str]]:
    """Status and NIK of each answer, when all these keys ask about one resident at once."""
    place = urlsplit(gateway.url)
    address = (place.hostname or "", place.port or 0)

    async def everybody() -> list[tuple[int, bytes]]:
        return await asyncio.gather(*(_answer(address, request_of(nik, key)) for key in keys))

    return [(status, json.loads(body)["resident"]["NIK"]) for status, body in asyncio.run(everybody())]


def test_a_thousand_askers_cost_one_call(gateway: GatewayProcess, centre: Centre, keys: dict[str, str]) -> None:
    """1,000 callers that ask about one resident at once cause one call, and all are answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * ASKERS)), hard))
    nik = centre.niks(1)[0]
    centre.slow(1.0)
    with centre.counting() as counted:
        assert ask_at_once(gateway, nik, [keys["wide"]] * ASKERS) == [(200, nik)] * ASKERS
    assert counted.calls == 1


def test_ten_callers_of_two_rights_cost_two_calls(
    gateway: GatewayProcess, centre: Centre, keys: dict[str, str]
) -> None:
    """Ten callers, five under each of two rights, that ask about one resident at once cause two calls."""
    nik = centre.niks(2)[1]
    centre.slow(0.5)
    with centre.counting() as counted:
        assert ask_at_once(gateway, nik, [keys[name] for name in TEN]) == [(200, nik)] * 10
    assert counted.calls == 2


def test_what_is_known_costs_no_allowance(gateway: GatewayProcess, centre: Centre, keys: dict[str, str]) -> None:
    """A right with three calls a day answers what it knows for ever; the fourth new question is refused unsent."""
    key = keys["frugal"]
    *known, fourth = centre.niks(FEW + 1)
    with centre.counting() as counted:
        for nik in known:
            assert [ask(gateway, key, nik).status for _ in range(20)] == [200] * 20
        refused = ask(gateway, key, fourth)
        assert [ask(gateway, key, nik).body["source"] for nik in known] == ["cache"] * FEW
    assert counted.calls == FEW
    assert (refused.status, refused.code, refused.body["executed"]) == (429, "quota_exhausted", "no")
    assert 1 <= int(refused.headers["retry-after"]) <= 86_400 + 60


def test_what_one_right_knows_stays_with_it(gateway: GatewayProcess, centre: Centre, keys: dict[str, str]) -> None:
    """An answer fetched under one right is never served under another.

    It costs its own call and shows its own fields, and with the centre away it does not stand in.
    """
    wide, narrow = keys["wide"], keys["narrow"]
    shared, private = centre.niks(10)[8:]
    assert all("AGAMA" in ask(gateway, wide, nik).body["resident"] for nik in (shared, private))
    with centre.counting() as counted:
        answer = ask(gateway, narrow, shared)
    assert (counted.calls, answer.body["source"]) == (1, "centre")
    assert "AGAMA" not in answer.body["resident"]
    centre.behave(mode="refuse")
    assert ask(gateway, narrow, private).code == "centre_unreachable"
    assert ask(gateway, wide, private).body["source"] == "cache"
    centre.behave()
    eventually(lambda: ask(gateway, narrow, private).status == 200, 5.0, "fresh answers resume")


def test_a_refused_question_may_be_repeated_without_a_call(
    gateway: GatewayProcess, centre: Centre, keys: dict[str, str]
) -> None:
    """Once the centre says its quota is used up, 831 repeats of one question reach it not once; what is known stays."""
    key = keys["scarce"]
    *known, refused = centre.niks(FEW + 1)
    assert [ask(gateway, key, nik).status for nik in known] == [200] * FEW
    with centre.counting() as first:
        assert ask(gateway, key, refused).code == "quota_exhausted"
    assert first.calls == 1
    with centre.counting() as repeated:
        codes = {(answer.status, answer.code) for answer in (ask(gateway, key, refused) for _ in range(HAMMER))}
    assert (codes, repeated.calls) == ({(429, "quota_exhausted")}, 0)
    assert [ask(gateway, key, nik).body["source"] for nik in known] == ["cache"] * FEW
