"""Writes against the mock centre on real sockets: what is told, what is known, and that limiter and breaker learn."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import socket
from typing import TYPE_CHECKING, Any

import pytest

from gateway.centre.write_replies import EventPage, Held, HeldRecording, Refused, SealingKey
from gateway.centre.writes import PIECE, CentreRecording
from gateway.contract.errors import CentreUnavailable, Denied, GatewayError, Overloaded
from gateway.contract.events import CircuitState
from gateway.contract.messages import CentreService
from gateway.mock_siak import MockSettings
from gateway.mock_siak.packets import seal
from tests.centre.writing import REFERENCE, births, trip, way
from tests.centre_client.far_end import http_reply
from tests.mock_siak.conftest import Rig
from tests.mock_siak.desk import VILLAGE, WRITER, ledger, sha256

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.centre.writing import Way


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A mock centre that answers at once."""
    made = Rig(MockSettings(population=400, accounts=(WRITER,)))
    yield made
    made.close()


def run(rig: Rig, act: Callable[[Way], Awaitable[Any]], **limits: Any) -> Any:
    """Do something on a way to the rig's centre."""

    async def main() -> Any:
        async with way(rig.addresses.url, **limits) as made:
            return await act(made)

    return asyncio.run(main())


async def failure(awaited: Awaitable[object]) -> tuple[str, str]:
    """Code of the error something ends with, and what is known of its execution."""
    with pytest.raises(GatewayError) as caught:
        await awaited
    return caught.value.code, caught.value.executed


def test_a_submission_is_handed_in_and_found(rig: Rig) -> None:
    """Held from the first answer on, the same when it is sent again, found with its documents."""

    async def act(made: Way) -> None:
        first = await made.writes.submit(trip(), births(rig))
        again = await made.writes.submit(trip(), births(rig))
        assert isinstance(first, Held)
        assert isinstance(again, Held)
        assert (first.state, first.receipt) == ("accepted", again.receipt)
        found = await made.writes.find(trip(), REFERENCE)
        assert found is not None
        assert (found.state, found.receipt) == ("issued", first.receipt)
        assert [document.kind for document in found.documents] == ["akta_kelahiran", "kk", "kia"]
        assert await made.writes.find(trip(), "not-handed-in") is None

    run(rig, act)
    assert [(entry["arrivals"], entry["effects"]) for entry in ledger(rig)["entries"]] == [(2, 1)]


def test_refusals_are_values(rig: Rig) -> None:
    """Wrong fields, a conflict and a missing blob are told, not raised: repeating them is no use."""

    async def act(made: Way) -> list[Any]:
        submit = made.writes.submit
        return [
            await submit(trip(), births(rig, form={})),
            await submit(trip(), births(rig, attachments=("0" * 64,))),
            await submit(trip(), births(rig)),
            await submit(trip(), births(rig, version=2)),
            await made.writes.events(trip(), 10_000),
        ]

    wrong, missing, taken, conflict, cursor = run(rig, act)
    assert isinstance(taken, Held)
    assert (wrong.code, {one.field for one in wrong.fields}) == ("form_invalid", {"/form/no_kk", "/form/child"})
    assert (missing.code, missing.fields[0].field) == ("blob_missing", "/attachments/0")
    assert (conflict.code, cursor.code) == ("reference_conflict", "cursor_unknown")


def test_a_regency_nobody_serves_is_an_error(rig: Rig) -> None:
    """A 404 that is not about a reference is none of the dialect's refusals."""
    assert run(rig, lambda made: failure(made.writes.blangko(trip(), "9999")))[0] == "centre_misanswered"


FAULTS = [
    ("timeout_after_commit", "centre_timeout", "unknown", True),
    ("reset_after_read", "centre_unreachable", "unknown", True),
    ("truncated_json", "centre_misanswered", "unknown", True),
    ("drip", "centre_timeout", "unknown", True),
    ("reset_before_read", "centre_unreachable", "unknown", False),
    ("error_500", "centre_misanswered", "unknown", False),
    ("html_502", "centre_misanswered", "unknown", False),
    ("tls_bad", "centre_misanswered", "unknown", False),
    ("quota_exhausted", "quota_exhausted", "no", False),
]


@pytest.mark.parametrize(("kind", "code", "executed", "there"), FAULTS)
def test_every_fault_says_what_is_known(rig: Rig, kind: str, code: str, executed: str, there: bool) -> None:  # noqa: FBT001
    """What may have been done is unknown; asking by the reference tells the truth, and a repeat doubles nothing."""
    rig.behave(faults=[{"kind": kind, "methods": ["submit"], "seconds": 0.2}])

    async def act(made: Way) -> None:
        assert await failure(made.writes.submit(trip(0.4), births(rig))) == (code, executed)
        found = await made.writes.find(trip(), REFERENCE)
        assert (found is not None) is there
        rig.behave()
        assert isinstance(await made.writes.submit(trip(), births(rig)), Held)

    run(rig, act)
    assert [entry["effects"] for entry in ledger(rig)["entries"]] == [1]


def test_a_second_answer_never_belongs_to_the_next_question(rig: Rig) -> None:
    """Where every answer comes twice each reference still gets its own."""
    rig.behave(faults=[{"kind": "duplicate_ack"}])

    async def act(made: Way) -> None:
        for number in range(6):
            held = await made.writes.submit(trip(), births(rig, reference=f"reference-{number}", version=number + 1))
            assert isinstance(held, Held)
            assert held.reference == f"reference-{number}"
            assert await made.writes.find(trip(), f"reference-{number + 1}") is None

    run(rig, act)


@pytest.mark.parametrize(
    ("mode", "code", "executed"),
    [
        ("refuse", "centre_unreachable", "no"),
        ("down", "centre_timeout", "no"),
        ("hang", "centre_timeout", "unknown"),
        ("maintenance", "maintenance", "unknown"),
    ],
)
def test_every_mode_says_what_is_known(rig: Rig, mode: str, code: str, executed: str) -> None:
    """What never got a connection was not done; silence and pages tell nothing, and *not there* is never guessed."""
    rig.behave(mode=mode)

    async def act(made: Way) -> None:
        assert await failure(made.writes.submit(trip(0.8), births(rig))) == (code, executed)
        assert (await failure(made.writes.find(trip(0.8), REFERENCE)))[0] == code

    run(rig, act)


def test_our_account_may_be_refused(rig: Rig) -> None:
    """A wrong password is the gateway's own trouble, nothing was done; a right without an account is denied."""

    async def act(made: Way) -> None:
        assert await failure(made.writes.submit(trip(right="wrong"), births(rig))) == ("centre_refused_us", "no")
        assert await failure(made.writes.put_blob(trip(right="wrong"), sha256(b"x"), 1, reader(b"x"))) == (
            "centre_refused_us",
            "no",
        )
        with pytest.raises(Denied):
            await made.writes.find(trip(right="stranger"), REFERENCE)

    run(rig, act)


def test_no_time_left_is_not_sent(rig: Rig) -> None:
    """A trip whose deadline has passed never reaches the centre."""

    async def act(made: Way) -> None:
        assert await failure(made.writes.submit(trip(-1), births(rig))) == ("overloaded", "no")

    run(rig, act)
    assert rig.mock.stats.arrived == 0


@pytest.mark.parametrize("reference", ["short", "../../etc", "a b c d e f g", "x" * 65, "12345678\r\n"])
def test_a_reference_cannot_change_the_address(rig: Rig, reference: str) -> None:
    """What is no reference is refused before anything is sent."""
    with pytest.raises(ValueError, match="not a part of an address"):
        run(rig, lambda made: made.writes.find(trip(), reference))


def reader(content: bytes) -> Callable[[int, int], Awaitable[bytes]]:
    """Reads a blob."""

    async def read(at: int, size: int) -> bytes:
        return content[at : at + size]

    return read


def test_a_blob_goes_on_where_it_was_cut(rig: Rig) -> None:
    """After a lost piece only the rest is sent; a complete one is not sent again; a false name is refused."""
    content = random.Random(5).randbytes(3 * PIECE + 7)
    name, asked = sha256(content), list[int]()

    async def cut(at: int, size: int) -> bytes:
        asked.append(at)
        if at == PIECE:
            rig.behave(faults=[{"kind": "reset_after_read", "methods": ["put_blob"]}])
        return content[at : at + size]

    async def act(made: Way) -> None:
        assert (await failure(made.writes.put_blob(trip(), name, len(content), cut)))[1] == "unknown"
        rig.behave()
        asked.clear()
        assert await made.writes.put_blob(trip(), name, len(content), cut_off) is None
        assert await made.writes.put_blob(trip(), name, len(content), cut_off) is None
        false = await made.writes.put_blob(trip(), "0" * 64, 5, reader(b"false"))
        assert isinstance(false, Refused)
        assert false.code == "blob_digest"

    async def cut_off(at: int, size: int) -> bytes:
        asked.append(at)
        return content[at : at + size]

    run(rig, act)
    assert asked == [2 * PIECE, 3 * PIECE]


def test_two_may_bring_the_same_blob(rig: Rig) -> None:
    """Whoever comes second goes on where the first is, until it is whole."""
    content = random.Random(6).randbytes(2 * PIECE)

    async def act(made: Way) -> None:
        both = (made.writes.put_blob(trip(), sha256(content), len(content), reader(content)) for _ in range(2))
        assert list(await asyncio.gather(*both)) == [None, None]

    run(rig, act)


def test_a_recording_is_sealed_and_handed_in(rig: Rig) -> None:
    """Key, packet as a blob, recording, its state."""

    async def act(made: Way) -> None:
        key = await made.writes.key(trip())
        assert isinstance(key, SealingKey)
        content = b'{"nik": "%b", "recorded_at": "2026-06-01T00:00:00Z"}' % rig.nik().encode()
        packet = seal(content, base64.b64decode(key.key), REFERENCE)
        assert await made.writes.put_blob(trip(), sha256(packet), len(packet), reader(packet)) is None
        held = await made.writes.record(trip(), CentreRecording(REFERENCE, VILLAGE, key.key_id, sha256(packet)))
        assert isinstance(held, HeldRecording)
        found = await made.writes.find_recording(trip(), REFERENCE)
        assert found is not None
        assert found.state == "PRINT_READY_RECORD"
        assert await made.writes.find_recording(trip(), "not-handed-in") is None

    run(rig, act)


def test_events_follow_the_cursor(rig: Rig) -> None:
    """Read page by page to the end, and nothing twice."""

    async def act(made: Way) -> None:
        for number in range(3):
            await made.writes.submit(trip(), births(rig, reference=f"reference-{number}", version=number + 1))
        after, kinds, more = 0, list[str](), True
        while more:
            page = await made.writes.events(trip(), after, 2)
            assert isinstance(page, EventPage)
            kinds += [event.kind for event in page.events]
            after, more = page.next, page.more
        assert sorted(kinds) == ["change", "issued", "rejected", "rejected"]
        blangko = await made.writes.blangko(trip(), "3527")
        assert not isinstance(blangko, Refused)
        assert blangko.left == 8000

    run(rig, act)


def test_failing_submissions_open_their_own_circuit(rig: Rig) -> None:
    """Five failures rest submissions only; news from the centre still comes."""
    rig.behave(faults=[{"kind": "error_500", "methods": ["submit"]}])

    async def act(made: Way) -> None:
        for _ in range(5):
            await failure(made.writes.submit(trip(), births(rig)))
        with pytest.raises(CentreUnavailable) as caught:
            await made.writes.submit(trip(), births(rig))
        assert (caught.value.executed, caught.value.retry_after is not None) == ("no", True)
        assert made.breaker.circuit(CentreService.SUBMISSION)[0] is CircuitState.OPEN
        assert isinstance(await made.writes.events(trip(), 0), EventPage)

    run(rig, act)
    assert rig.mock.stats.document()["by_method"]["SUBMIT"]["arrived"] == 5


def test_writes_keep_to_the_limit(rig: Rig) -> None:
    """No more at the centre than the limit lets, whatever is handed in at once; who must wait too long is told so."""
    rig.behave(mean_seconds=0.05, workers=64)

    async def act(made: Way) -> tuple[int, int]:
        each = [
            made.writes.submit(trip(1.5), births(rig, reference=f"reference-{number}", version=number + 1))
            for number in range(60)
        ]
        outcomes = await asyncio.gather(*each, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {Held, Overloaded}
        return sum(isinstance(outcome, Held) for outcome in outcomes), made.limiter.figures(CentreService.SUBMISSION)[1]

    taken, in_flight = run(rig, act, initial=2, maximum=2)
    assert taken < 30
    assert in_flight == 0


def test_nothing_personal_is_in_an_address_or_an_error(rig: Rig) -> None:
    """A far end that echoes what it was sent sees credentials in a header only, and errors carry none of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        async def act() -> None:
            async with way(url) as made:
                asked = asyncio.ensure_future(made.writes.submit(trip(1.0), births(rig)))
                peer, _ = await asyncio.to_thread(server.accept)
                with peer:
                    head = (await asyncio.to_thread(peer.recv, 65_536)).partition(b"\r\n\r\n")[0]
                    peer.sendall(b"HTTP/1.1 400 No\r\nContent-Length: 9\r\n\r\nSITI 3527")
                    with pytest.raises(GatewayError) as caught:
                        await asked
                assert b"3527" not in head.splitlines()[0]
                assert b"traceparent: 00-" in head
                assert "SITI" not in str(caught.value)

        asyncio.run(act())


async def answering(*answers: bytes) -> asyncio.Server:
    """A far end that gives these answers, one per request, whatever it is asked."""
    left = iter(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, StopIteration):
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                _, found, rest = head.partition(b"content-length:")
                await reader.readexactly(int(rest.split(b"\r\n")[0]) if found else 0)
                writer.write(next(left))
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


def on(act: Callable[[Way], Awaitable[None]], *answers: bytes) -> None:
    """Do something on a way to a far end that gives these answers."""

    async def main() -> None:
        async with await answering(*answers) as server:
            host, port = server.sockets[0].getsockname()
            async with way(f"http://{host}:{port}") as made:
                await act(made)

    asyncio.run(main())


def test_a_blob_that_does_not_grow_ends() -> None:
    """A centre that takes pieces and has never more of them is not fed for ever."""
    nothing = http_reply(b"", "Upload-Offset: 0")

    async def act(made: Way) -> None:
        told = await failure(made.writes.put_blob(trip(), sha256(b"x"), 1, reader(b"x")))
        assert told == ("centre_misanswered", "unknown")

    on(act, nothing, nothing)


def test_an_answer_about_another_ends_its_connection() -> None:
    """It is an error, what was done is unknown, and no connection open by then is used again."""
    other = b'{"reference": "%b", "receipt": "SK1", "state": "accepted", "accepted_at": "2026-06-01T00:00:00Z"}'

    async def act(made: Way) -> None:
        told = await failure(made.writes.find(trip(), REFERENCE))
        assert told == ("centre_misanswered", "unknown")
        assert await made.writes.find(trip(), REFERENCE) is not None

    on(act, http_reply(other % b"another-reference"), http_reply(other % REFERENCE.encode()))
