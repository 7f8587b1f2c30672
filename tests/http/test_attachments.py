"""The native API's attachments over the wire: resumable to the byte, one caller's alone, checked, delivered."""

from __future__ import annotations

import hashlib
import random
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.submissions import SubmissionState
from gateway.http.submissions import PATH
from gateway.outbox.outbox import Ending
from tests.http.rig import VILLAGE, Rig, first_answer, raw_request, read_to_end
from tests.http.test_submissions import act, effects, hand_in, until
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Heard

WITHIN = 15.0
LIMITS = "[blobs]\nmax_bytes = 1_000_000\nwaiting_bytes = 8_000_000\nreserve_bytes = 0\n"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that takes files up to a million bytes."""
    with Rig(tmp_path_factory.mktemp("attachments"), config=LIMITS) as made:
        made.behave(mode="up", workers=8, mean_seconds=0.0)
        yield made


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def either(request: pytest.FixtureRequest, rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The same on each server engine."""
    if request.param == "granian":
        yield rig
        return
    server = f'{LIMITS}[server]\nport = 0\noperator_port = 0\nengine = "{request.param}"\n'
    with Rig(tmp_path_factory.mktemp(request.param), config=server) as made:
        yield made


def paper(size: int = 30_000, seed: int = 0, magic: bytes = b"\xff\xd8\xff\xe0") -> bytes:
    """A synthetic scan, another one for each seed."""
    return (magic + random.Random(f"{seed}{size}").randbytes(size))[:size]


def place(content: bytes) -> str:
    """Where a file is uploaded to."""
    return f"/v1/attachments/{hashlib.sha256(content).hexdigest()}"


def put(rig: Rig, key: str, content: bytes, at: int = 0, to: int | None = None, **headers: str) -> Heard:
    """Upload a part of a file."""
    fields = {"Upload-Offset": str(at), "Upload-Length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return rig.request("PUT", place(content), content[at:to], fields, key=key)


def offset(rig: Rig, key: str, content: bytes) -> int | None:
    """How much of a file is there, by HEAD; None if nothing is known of it."""
    heard = rig.request("HEAD", place(content), key=key)
    assert heard.body == b""
    return int(heard.headers["upload-offset"]) if heard.status == 200 else None


def lost_card(rig: Rig, place_: int, papers: list[bytes]) -> dict[str, Any]:
    """A lost family card, which needs a police letter."""
    no_kk = rig.no_kk(place_)
    refs = [{"sha256": hashlib.sha256(one).hexdigest(), "kind": "police_letter"} for one in papers]
    return {
        "service": "kk_lost",
        "version": 1,
        "village": VILLAGE,
        "subject": {"no_kk": no_kk},
        "form": {"no_kk": no_kk, "loss": 1},
        "attachments": refs,
    }


def test_a_service_that_needs_papers_works_from_end_to_end(rig: Rig, key: str) -> None:
    """Uploaded, named by a submission, brought to the centre before it; the centre decides on both."""
    content = paper(600_000)
    heard = put(rig, key, content)
    assert (heard.status, heard.json["complete"], heard.json["media"]) == (201, True, "image/jpeg")
    assert heard.headers["upload-complete"] == "?1"
    body = lost_card(rig, 0, [content])
    receipt = hand_in(rig, key, body, "papers").json
    answer = until(rig, key, receipt["id"], lambda one: one["state"] == "delivered")
    assert [move["after"] for move in answer["moves"]] == ["queued", "sending", "delivered"]
    assert effects(rig, receipt["id"]) == [1]
    again = put(rig, key, content)
    assert (again.status, again.json["offset"]) == (201, len(content))


def test_an_upload_goes_on_where_it_ended(either: Rig) -> None:
    """On both engines: HEAD tells how much is there, a piece that begins elsewhere is told where to begin."""
    key = either.add_client("an app that goes on")
    content = paper(200_000)
    assert offset(either, key, content) is None
    first = put(either, key, content, 0, 70_000)
    assert (first.status, first.json["offset"], first.headers["upload-complete"]) == (200, 70_000, "?0")
    assert offset(either, key, content) == 70_000
    for wrong in (0, 69_999, 70_001):
        refused = put(either, key, content, wrong, wrong + 10)
        either.refused(refused, 409, "conflict")
        assert (refused.headers["upload-offset"], refused.headers["upload-length"]) == ("70000", "200000")
    rest = either.request(
        "PUT", place(content), content[70_000:], {"Upload-Offset": "70000"}, key=key
    )  # without Upload-Length the body is the rest
    assert (rest.status, rest.json["offset"], rest.json["complete"]) == (201, 200_000, True)
    shown = either.get(place(content), key=key)
    assert shown.json == rest.json


def test_a_body_of_unknown_length_is_taken(either: Rig) -> None:
    """In chunks, with the length of the file told; without it the upload is refused."""
    key = either.add_client("an app that sends chunks")
    content = paper(90_000, seed=1)
    chunks = (
        b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (content[:50_000], content[50_000:])) + b"0\r\n\r\n"
    )
    head = (b"Transfer-Encoding: chunked", b"Authorization: Bearer " + key.encode())
    refused = first_answer(either.raw(raw_request("PUT", place(content), chunks, *head)))
    either.refused(refused, 422, "invalid")
    told = (*head, b"Upload-Length: 90000")
    assert first_answer(either.raw(raw_request("PUT", place(content), chunks, *told))).status == 201


def test_a_line_cut_at_every_byte_loses_no_byte(rig: Rig, key: str) -> None:
    """Wherever a small upload is cut, what came is there and the rest completes it; under eight bytes are not kept."""
    size = 24
    for cut in range(size):
        content = paper(size, seed=cut)
        head = (b"Authorization: Bearer " + key.encode(), b"Content-Length: %d" % size)
        with rig.connect() as sock:
            sock.sendall(raw_request("PUT", place(content), content[:cut], *head))
            if cut % 2:  # a reset, else an orderly end
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if not cut % 2:  # a reset may overtake what was sent
            eventually(lambda cut=cut, content=content: (offset(rig, key, content) or 0) == cut * (cut >= 8))  # type: ignore[misc]
        eventually(lambda content=content: put(rig, key, content, offset(rig, key, content) or 0).status == 201)  # type: ignore[misc]


def test_a_sender_that_stalls_is_ended_and_keeps_what_came(either: Rig) -> None:
    """On both engines: at its deadline the request is refused; nothing that came need be sent again."""
    key = either.add_client("an app that stalls")
    content = paper(100_000, seed=60)
    head = (b"Authorization: Bearer " + key.encode(), b"Content-Length: 100000", b"X-Request-Deadline: 0.6")
    with either.connect() as sock:
        sock.sendall(raw_request("PUT", place(content), content[:60_000], *head))
        either.refused(first_answer(read_to_end(sock)), 422, "invalid")
    assert offset(either, key, content) == 60_000
    assert put(either, key, content, 60_000).status == 201


def test_a_file_is_its_callers_alone(rig: Rig, key: str) -> None:
    """Another caller neither sees nor names it; its own upload of the same bytes begins at nought."""
    content = paper(5_000, seed=2)
    assert put(rig, key, content).status == 201
    stranger = rig.add_client("a curious app")
    rig.refused(rig.get(place(content), key=stranger), 404, "not_found")
    problem = rig.refused(hand_in(rig, stranger, lost_card(rig, 1, [content]), "theirs"), 422, "invalid")
    faults = [(fault["field"], fault["code"]) for fault in problem["errors"]]
    assert faults == [("/attachments/0/sha256", "unknown_attachment")]
    assert put(rig, stranger, content, 100).headers["upload-offset"] == "0"
    assert put(rig, stranger, content, 0, 2_000).json["offset"] == 2_000
    assert hand_in(rig, stranger, lost_card(rig, 1, [content]), "half").status == 422
    rig.refused(rig.request("PUT", place(content), content), 401, "unauthenticated")


def test_every_missing_paper_is_named_with_everything_else(rig: Rig, key: str) -> None:
    """Wrong fields and files that are not here come in one answer; nothing is stored."""
    here, absent = paper(4_000, seed=3), paper(4_000, seed=4)
    assert put(rig, key, here).status == 201
    before = len(rig.get(PATH, key=key).json["submissions"])
    body = lost_card(rig, 2, [here, absent])
    body["form"]["loss"] = 99
    problem = rig.refused(hand_in(rig, key, body, "several"), 422, "invalid")
    assert {fault["field"] for fault in problem["errors"]} == {"/form/loss", "/attachments/1/sha256"}
    assert len(rig.get(PATH, key=key).json["submissions"]) == before


def test_a_repetition_gets_its_receipt_when_its_files_are_gone(rig: Rig, key: str) -> None:
    """The Idempotency-Key outlives the content: who did not see the answer gets it, though nothing else is here."""
    content = paper(4_000, seed=5)
    put(rig, key, content)
    body = lost_card(rig, 3, [content])
    first = hand_in(rig, key, body, "long ago").json
    until(rig, key, first["id"], lambda one: one["state"] == "delivered")
    rig.run(_issue(rig, first["id"]))
    assert rig.run(rig.gateway.handing_in.outbox.shred(rig.clock.now() + 1.0)) >= 1
    assert offset(rig, key, content) is None
    assert hand_in(rig, key, body, "long ago").json["id"] == first["id"]
    rig.refused(hand_in(rig, key, body, "anew"), 422, "invalid")


async def _issue(rig: Rig, id_: str) -> None:
    await rig.gateway.handing_in.outbox.decide(id_, Ending(SubmissionState.ISSUED), "centre")


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, b"GIF89a, not taken here", 415, "unsupported"),
        ({"Content-Encoding": "gzip"}, b"\xff\xd8\xff" + b"x" * 20, 415, "unsupported"),
        ({}, b"\xff\xd8\xff" + b"x" * 20, 422, "invalid"),
        ({}, b"", 422, "invalid"),
        ({"Upload-Offset": "-1"}, b"x", 422, "invalid"),
        ({"Upload-Offset": "1e3"}, b"x", 422, "invalid"),
        ({"Upload-Offset": "9" * 13}, b"x", 422, "invalid"),
        ({"Upload-Length": "x"}, b"x", 422, "invalid"),
        ({"Upload-Offset": "9", "Upload-Length": "8"}, b"x", 422, "invalid"),
        ({"Upload-Length": "10"}, b"\xff\xd8\xff" + b"x" * 20, 422, "invalid"),
        ({"Upload-Length": "1000001"}, b"\xff\xd8\xff" + b"x" * 20, 413, "too_large"),
        ({"Upload-Offset": "5"}, b"x" * 20, 409, "conflict"),
    ],
)
def test_what_is_not_taken_is_refused_and_not_kept(
    rig: Rig, key: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    """Another kind, another content than the name says, odd numbers, too much: refused by name, nothing stays."""
    address = "/v1/attachments/" + hashlib.sha256(repr((headers, body)).encode()).hexdigest()
    problem = rig.refused(rig.request("PUT", address, body, headers, key=key), status, code)
    assert "SITI" not in repr(problem)
    heard = rig.get(address, key=key)
    assert heard.status == 404 or (heard.json["offset"], heard.json["complete"]) == (0, False), heard


@pytest.mark.parametrize("name", ["x", "A" * 64, "0" * 63, "0" * 65])
def test_an_address_that_names_no_file_is_refused(rig: Rig, key: str, name: str) -> None:
    """The fault names the part of the address."""
    for method in ("GET", "PUT"):
        heard = rig.request(method, f"/v1/attachments/{name}", b"x" if method == "PUT" else None, key=key)
        problem = rig.refused(heard, 422, "invalid")
        assert problem["errors"][0]["field"] == "path:sha256"


def test_who_may_hand_nothing_in_may_upload_nothing(rig: Rig) -> None:
    """A key without a right is refused before its body is read."""
    nobody = rig.add_client("a reader", right=None)
    rig.refused(put(rig, nobody, paper(100)), 403, "denied")


def test_of_two_senders_one_wins(rig: Rig, key: str) -> None:
    """Both send the same file at once: it is whole once, and who came second is told where to go on."""
    content = paper(900_000, seed=6)
    heard: list[Heard] = []
    threads = [threading.Thread(target=lambda: heard.append(put(rig, key, content))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN)
    assert {one.status for one in heard} <= {201, 409}
    assert sum(one.status == 201 for one in heard) >= 1
    assert offset(rig, key, content) == len(content)
    shown = rig.get(place(content), key=key).json
    assert shown["complete"]


def test_a_callers_share_is_bounded(rig: Rig) -> None:
    """What waits unused under a key counts; beyond its share it is told to wait, and other keys go on."""
    hoarder = rig.add_client("a hoarder")
    said = [put(rig, hoarder, paper(1_000_000, seed=10 + number), 0, 1_000).status for number in range(9)]
    assert said == [200] * 8 + [429]
    other = rig.add_client("a moderate app")
    assert put(rig, other, paper(1_000_000, seed=20), 0, 1_000).status == 200


def test_a_damaged_file_needs_a_person_and_the_others_flow(rig: Rig, key: str) -> None:
    """A bit that changed on disk, a file that is gone: `attention` with the reason, nothing of it at the centre.

    Uploaded anew and retried it is delivered.
    """
    rig.behave(mode="refuse")
    ids = []
    for number, harm in enumerate(("damaged", "missing", None)):
        content = paper(70_000, seed=30 + number)
        put(rig, key, content)
        ids.append(hand_in(rig, key, lost_card(rig, 10 + number, [content]), f"harm {harm}").json["id"])
        found = rig.run(rig.gateway.handing_in.blobs.find(_caller(rig, ids[-1]), hashlib.sha256(content).hexdigest()))
        path = rig.gateway.settings.blobs_folder / found.id[:2] / found.id
        text = bytearray(path.read_bytes())
        text[40_000] ^= harm == "damaged"
        path.write_bytes(text)
        if harm == "missing":
            path.unlink()
    rig.behave(office_seconds=3600.0, mode="up", workers=8, mean_seconds=0.0)
    answers = [until(rig, key, id_, lambda one: one["state"] in ("attention", "delivered")) for id_ in ids]
    assert [one["reason"] for one in answers] == ["attachment_damaged", "attachment_damaged", ""]
    assert [effects(rig, id_) for id_ in ids] == [[], [], [1]]
    for number, id_ in enumerate(ids[:2]):  # sent anew by its caller, and tried again by an operator
        assert put(rig, key, paper(70_000, seed=30 + number)).status == 201
        assert act(rig, id_, "retry", {"operator": "ani"}).status == 200
        until(rig, key, id_, lambda one: one["state"] == "delivered")
        assert effects(rig, id_) == [1]


def _caller(rig: Rig, id_: str) -> str:
    return str(rig.run(rig.gateway.handing_in.outbox.find(id_)).caller)


def test_files_reach_the_centre_over_a_bad_line(rig: Rig, key: str) -> None:
    """Half of the pieces meet a reset, also after the centre took them: delivered, with one effect."""
    rig.behave(
        mode="up",
        workers=8,
        mean_seconds=0.0,
        faults=[
            {"kind": "reset_after_read", "rate": 0.3, "methods": ["PUT_BLOB"]},
            {"kind": "reset_before_read", "rate": 0.2, "methods": ["PUT_BLOB"]},
        ],
    )
    content = paper(900_000, seed=40)
    assert put(rig, key, content).status == 201
    id_ = hand_in(rig, key, lost_card(rig, 20, [content]), "a bad line").json["id"]
    answer = until(rig, key, id_, lambda one: one["state"] in ("attention", "delivered"))
    rig.behave(office_seconds=3600.0, mode="up", workers=8, mean_seconds=0.0)
    assert answer["state"] == "delivered"
    assert effects(rig, id_) == [1]


def test_a_body_that_is_not_read_does_not_break_the_connection(rig: Rig, key: str) -> None:
    """The next request on the same connection is answered, whatever the refused body was."""
    content = paper(300_000, seed=50)
    put(rig, key, content)
    head = (b"Authorization: Bearer " + key.encode(),)
    first = raw_request("PUT", place(content), content, *head).replace(b"Connection: close\r\n", b"")
    with rig.connect() as sock:
        sock.sendall(first + raw_request("GET", place(content), b"", *head))
        answers = read_to_end(sock)
    assert answers.count(b"HTTP/1.1 20") == 2
