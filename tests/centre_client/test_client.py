"""The client as a link: one question, one answer, within the deadline."""

from __future__ import annotations

import asyncio
import time

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.centre.client import CentreClient
from gateway.contract.errors import CentreMisanswered, CentreRefusedUs, CentreTimeout, Denied, GatewayError
from gateway.contract.messages import Answer
from gateway.settings.centre import CentreSettings
from tests.centre_client.far_end import (
    ACCOUNT,
    FAMILY,
    NIK,
    SECRETS,
    FarEnd,
    Peer,
    always,
    biodata,
    call,
    client,
    http_reply,
    page,
)
from tests.measuring import quick_once


class HandClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return 1_000_000.0 + self.seconds

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return self.seconds


def test_an_answer_has_the_bytes_and_the_time() -> None:
    """Kept to the byte, from the centre, new, stamped by the injected clock; headers carry no more than they must."""
    requests: list[bytes] = []

    async def script(peer: Peer) -> None:
        requests.append(await peer.request())
        peer.writer.write(http_reply(biodata(), "Set-Cookie: a=b"))
        requests.append(await peer.request())
        peer.writer.write(http_reply(biodata()))

    async def main() -> Answer:
        async with FarEnd(script) as far:
            clock = HandClock()
            centre = CentreClient(CentreSettings(url=far.url), {"dinas": ACCOUNT}, clock)
            asked = call()
            for _ in range(2):
                answer = await centre.ask(asked)
            await centre.close()
            return answer

    answer = asyncio.run(main())
    assert (answer.reply.raw, answer.reply.quota_left) == (biodata(), 7)
    assert (answer.as_of, answer.source, answer.age_seconds) == (1_000_000.0, "centre", 0.0)
    names = {line.split(b":")[0].lower() for line in requests[1].split(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
    assert names == {b"host", b"content-type", b"accept", b"accept-encoding", b"content-length"}


def test_the_older_service_answers_by_get() -> None:
    """A `ws` account asks with a query and no body."""
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        peer.writer.write(http_reply(b'{"content":{"RESPON":"Data Tidak Ditemukan"}}'))

    async def main() -> Answer:
        async with FarEnd(script) as far:
            centre = client(far.url)
            answer = await centre.ask(call(right="lama"))
            await centre.close()
            return answer

    assert asyncio.run(main()).reply.found is False
    assert seen[0].startswith(b"GET /ws_server/get_json/rsud/nik?NIK=")


def test_a_deadline_that_has_passed_costs_no_call() -> None:
    """By the injected clock: too late is a timeout that was not sent."""

    async def main() -> int:
        async with FarEnd(always(http_reply(biodata()))) as far:
            clock = HandClock()
            centre = CentreClient(CentreSettings(url=far.url), {"dinas": ACCOUNT}, clock)
            asked = call(seconds=10)
            clock.seconds = asked.deadline
            with pytest.raises(CentreTimeout) as failed:
                await centre.ask(asked)
            assert failed.value.executed == "no"
            await centre.close()
            return far.connections

    assert asyncio.run(main()) == 0


def test_silence_ends_at_the_deadline() -> None:
    """A far end that accepts and never replies costs the deadline and no more."""

    async def main() -> float:
        async with FarEnd(Peer.until_gone) as far:
            centre = client(far.url)
            started = time.monotonic()
            with pytest.raises(CentreTimeout) as failed:
                await centre.ask(call(seconds=0.3))
            assert failed.value.executed == "unknown"
            await centre.close()
            return time.monotonic() - started

    assert quick_once(lambda: asyncio.run(main()), 1.0) >= 0.29


def test_a_right_without_an_account_for_the_service_is_denied() -> None:
    """Neither an unknown right nor one without that service reaches the centre."""

    async def main() -> None:
        centre = client("http://127.0.0.1:1")
        for asked in (call(right="nobody"), call(FAMILY, right="lama")):
            with pytest.raises(Denied):
                await centre.ask(asked)
        await centre.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "event", "error"),
    [
        (b"{}", "centre.reply.unreadable", CentreMisanswered),
        (page({"RESPON": "Login Gagal"}), "centre.account.refused", CentreRefusedUs),
        (page({"RESPON": "Data Tidak Ditemukan, NIK tidak sesuai format Dukcapil"}), None, GatewayError),
    ],
)
def test_what_somebody_must_look_at_is_logged_without_what_it_said(
    body: bytes, event: str | None, error: type[GatewayError]
) -> None:
    """Unreadable replies and refused accounts; the entry names service, right and request, no number, no secret."""

    async def main() -> list[object]:
        async with FarEnd(always(http_reply(body))) as far:
            centre = client(far.url)
            with structlog.testing.capture_logs() as logged, pytest.raises(error):
                await centre.ask(call())
            await centre.close()
            return list(logged)

    logged = asyncio.run(main())
    assert [entry["event"] for entry in logged if isinstance(entry, dict)] == ([event] if event else [])
    assert not any(secret in str(logged) for secret in (*SECRETS, NIK))


@settings(max_examples=150, deadline=None)
@given(junk=st.binary(max_size=300), framed=st.sampled_from(["raw", "head", "body"]))
def test_no_bytes_of_the_far_end_raise_anything_but_our_errors(junk: bytes, framed: str) -> None:
    """Whatever is sent instead of a reply: an error of the contract, soon, with nothing of it inside."""
    reply = {
        "raw": junk,
        "head": b"HTTP/1.1 200 OK\r\n" + junk + b"\r\n\r\n" + biodata(),
        "body": http_reply(junk),
    }[framed]

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(reply)
        await peer.writer.drain()
        peer.writer.close()

    async def main() -> None:
        async with FarEnd(script) as far:
            centre = client(far.url)
            (found,) = await asyncio.gather(centre.ask(call(seconds=3)), return_exceptions=True)
            if isinstance(found, Answer):
                assert framed == "head"
                assert NIK.encode() in found.reply.raw
            else:
                assert isinstance(found, GatewayError)
                assert found.__context__ is None
            await centre.close()

    asyncio.run(main())
