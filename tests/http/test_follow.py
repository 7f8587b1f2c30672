"""What the centre decides comes back to the caller: documents, reasons, streams; and caches forget."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from gateway.flows.feed import OF_ONE_CALLER
from gateway.http.events import MOST
from gateway.http.events import PATH as EVENTS
from gateway.http.submissions import PATH
from gateway.outbox.notice_rows import BEGINNING
from gateway.outbox.tables import NOTICES
from gateway.testing.processes import demo_rights
from tests.http.rig import JSON, LOOKUP, VILLAGE, Rig
from tests.measuring import seconds_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHIN = 15.0
QUICK = "[follow]\nevery = 0.05\n"


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that looks at the centre's events often, under each server; it gives what runs 20 s at an end."""
    config = f'{QUICK}[server]\nport = 0\noperator_port = 0\ndrain = 20\nengine = "{request.param}"\n'
    with Rig(tmp_path_factory.mktemp("follow"), config=config, rights=demo_rights()) as made:
        yield made


@pytest.fixture
def key(rig: Rig, request: pytest.FixtureRequest) -> str:
    """A client of this test."""
    name = request.node.name.replace("[", "-").replace("]", "").replace("_", "-")[-30:].strip("-")
    return rig.add_client(name)


@pytest.fixture(autouse=True)
def well(rig: Rig) -> None:
    """The centre is there, and its office decides at once."""
    rig.behave(mode="up", workers=8, mean_seconds=0.0, office_seconds=0.0)


def hand_in(rig: Rig, key: str, place: int = 0) -> str:
    """A request for an identity card."""
    nik = rig.nik(place=place)
    body = {"service": "ktp", "version": 1, "village": VILLAGE, "subject": {"nik": nik}, "form": {"nik": nik}}
    heard = rig.post(PATH, body, {"Idempotency-Key": f"{key[-8:]}-{place}"}, key=key)
    assert heard.status == 202, heard
    return str(heard.json["id"])


def until(rig: Rig, key: str, id_: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Where a submission stands once something is so."""

    def answer() -> dict[str, Any] | None:
        found: dict[str, Any] = rig.get(f"{PATH}/{id_}", key=key).json
        return found if reached(found) else None

    return eventually(answer) or {}


class Stream:
    """An event stream as a client reads it."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.answer = answer

    def event(self) -> dict[str, Any]:
        """The next event; signs of life are passed over."""
        fields: dict[str, Any] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if not line and "data" in fields:
                return {**fields, "data": json.loads(fields["data"])}
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value


@contextmanager
def streaming(rig: Rig, key: str, last: str | None = None) -> Iterator[Stream]:
    """A stream that has begun."""
    place = urlsplit(rig.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=WITHIN)
    headers = {"Authorization": f"Bearer {key}"} | ({} if last is None else {"Last-Event-ID": last})
    connection.request("GET", EVENTS, headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
    assert answer.getheader("cache-control") == "private, no-store"
    assert answer.readline() == b"retry: 3000\n"
    try:
        yield Stream(answer)
    finally:
        answer.close()
        connection.close()


def test_what_was_issued_is_listed_with_the_submission(rig: Rig, key: str) -> None:
    """Issued once its documents exist, each listed in words; a resident's number is left to a look-up."""
    id_ = hand_in(rig, key, 1)
    answer = until(rig, key, id_, lambda one: one["state"] == "issued")
    (document,) = answer["documents"]
    assert (document["kind"], document["title"]) == ("ktp", {"id": "KTP-el", "en": "Identity card"})
    assert (document["number"], bool(document["receipt"])) == ("", True)
    assert [move["after"] for move in answer["moves"]] == ["queued", "sending", "delivered", "issued"]
    assert (answer["eta"], answer["rejection"], answer["class"]) == (None, None, "counter")
    assert rig.nik(place=1) not in repr(answer)


def test_a_rejection_says_why_and_what_to_do(rig: Rig, key: str) -> None:
    """The centre's code is kept; people read words in both languages."""
    rig.behave(
        mode="up", workers=8, mean_seconds=0.0, office_seconds=0.0,
        rejections=[{"code": "signature_missing", "rate": 1.0, "services": ["ktp"]}],
    )  # fmt: skip
    answer = until(rig, key, hand_in(rig, key, 2), lambda one: one["state"] == "rejected")
    assert answer["reason"] == "signature_missing"
    assert answer["rejection"]["id"].startswith("Tanda tangan atau cap tidak ada.")
    assert answer["rejection"]["en"].endswith("file anew.")


def test_what_changed_at_the_centre_is_asked_anew(rig: Rig, key: str) -> None:
    """A remembered answer is forgotten once the centre tells of a change; nobody has to wait for it to grow old."""
    nik = rig.nik(place=3)
    body = {"nik": nik, "purpose": "pelayanan"}
    assert rig.post(LOOKUP, body, key=key).json["source"] == "centre"
    assert rig.post(LOOKUP, body, key=key).json["source"] == "cache"
    rig.run(_happen(rig, {"service": "biodata", "form": {"nik": nik, "changes": {"job": "PETANI"}}}))
    eventually(lambda: rig.post(LOOKUP, body, key=key).json["source"] == "centre")
    assert "PETANI" in repr(rig.post(LOOKUP, body, key=key).json)


async def _happen(rig: Rig, happening: dict[str, Any]) -> None:
    rig.mock.office.happen(happening["service"], happening["form"])


def test_a_stream_tells_each_move_of_ones_own_and_goes_on_where_it_was(rig: Rig, key: str) -> None:
    """In order, with ids; another caller's are not in it; behind the last id seen nothing is lost or told twice."""
    other = rig.add_client(f"other-{key[-6:].lower().strip('_-')}")
    with streaming(rig, key) as stream:
        hand_in(rig, other, 4)
        id_ = hand_in(rig, key, 5)
        first = stream.event()
        assert (first["event"], first["data"]["submission"], first["data"]["state"]) == ("moved", id_, "delivered")
        assert rig.nik(place=5) not in repr(first)
    with streaming(rig, key, first["id"]) as stream:
        second = stream.event()
    assert (second["data"]["submission"], second["data"]["state"]) == (id_, "issued")
    assert second["data"]["sequence"] == first["data"]["sequence"] + 1
    with streaming(rig, key, "9999999.9999999.1") as stream:
        assert stream.event()["event"] == "gap"
    rig.refused(rig.request("GET", EVENTS, headers={"Last-Event-ID": "mine"}, key=key), 422, "invalid")


def test_streams_of_one_caller_are_bounded(rig: Rig, key: str) -> None:
    """One more than it may have is refused; one that left makes room, though nothing was sent on it meanwhile."""
    streams = [streaming(rig, key) for _ in range(OF_ONE_CALLER)]
    for stream in streams:
        stream.__enter__()
    heard = rig.get(EVENTS, key=key)
    rig.refused(heard, 429, "too_many_requests")
    for stream in streams:
        stream.__exit__(None, None, None)
    eventually(lambda: not rig.gateway.generation.feed._streams)
    with streaming(rig, key):
        pass


def test_a_reload_ends_streams_and_takes_them_again(rig: Rig, key: str) -> None:
    """The stream ends by itself, nobody waits for it, and its caller comes back under the new config."""
    with streaming(rig, key) as stream:
        assert seconds_of(lambda: rig.run(rig.gateway.reload(rig.settings()))) < 10.0
        assert stream.answer.read() in {b"", b"\n"}
    with streaming(rig, key):
        pass


def test_a_stream_ends_with_its_key(rig: Rig, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the key is revoked nothing more is told under it, not even that the stream lives."""
    monkeypatch.setattr(rig.gateway.generation.feed, "_heartbeat", 0.05)
    with streaming(rig, key) as stream:
        rig.run(rig.gateway.callers.revoke(key.split("_")[1]))
        assert set(stream.answer.read().split()) <= {b":", b"alive"}


def test_a_reader_that_does_not_read_is_let_go_and_misses_nothing(rig: Rig, key: str) -> None:
    """Little is held for it, whatever there is to tell; what it had not heard by then it hears when it comes back."""
    caller, many = key.split("_")[1], 1_000
    about = {"caller": caller, "service": "ktp", "village": VILLAGE, "before": "sending", "after": "delivered"}
    rows = [
        {"submission": f"{number:036}", "number": 3, "reason": "x" * 200, "at": time.time(), **about}
        for number in range(many)
    ]
    write, insert = rig.gateway.database.write, sa.insert(NOTICES).inline()
    rig.run(write(lambda connection: connection.execute(insert, rows).rowcount))
    (first,) = rig.run(rig.gateway.handing_in.notifying.feed(caller, BEGINNING, 1))
    with streaming(rig, key, f"{first.place.epoch}.{first.place.seq}.{int(first.at)}") as stream:
        deadline = time.monotonic() + WITHIN
        while caller in rig.gateway.generation.feed._streams:
            assert time.monotonic() < deadline
        whole = stream.answer.read()
    assert MOST <= len(whole) < MOST + 2_000
    assert whole.endswith(b"retry: 100\n\n")
    ids = [line.removeprefix("id: ") for line in whole.decode().splitlines() if line.startswith("id: ")]
    with streaming(rig, key, ids[-1]) as stream:
        again = stream.event()
    assert int(again["data"]["submission"]) == len(ids) + 1


def test_the_head_of_a_stream_has_no_end_to_wait_for(rig: Rig, key: str) -> None:
    """HEAD is answered at once and holds no place."""
    place = urlsplit(rig.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=WITHIN)
    connection.request("HEAD", EVENTS, headers={"Authorization": f"Bearer {key}", **JSON})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    connection.close()
    assert key.split("_")[1] not in rig.gateway.generation.feed._streams
