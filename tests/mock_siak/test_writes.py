"""The write half as a caller meets it: once per reference, everything wrong named, blobs in pieces."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from gateway.mock_siak.packets import seal
from tests.mock_siak.desk import CHILD, OTHER, WRITER, call, cards, events, hand_in, headers, ledger, sha256, submission

if TYPE_CHECKING:
    from gateway.mock_siak import Account
    from tests.mock_siak.conftest import Rig, Start

STRANGE: dict[str, dict[str, Any]] = {
    "user_inactive": {"user_active": False},
    "institution_inactive": {"institution_active": False},
    "ip_unknown": {"ips": ("10.0.0.1",)},
    "outside_hours": {"hours": ("03:00", "03:00")},
}


@pytest.fixture
def rig(start: Start) -> Rig:
    """A mock centre with two accounts that may write."""
    return start(accounts=(WRITER, OTHER))


def birth(rig: Rig, reference: str = "reference-1", **more: Any) -> dict[str, Any]:
    """A birth in the first family."""
    return submission("birth", {"no_kk": cards(rig)[0], "child": CHILD}, reference, **more)


def test_a_submission_is_taken_in_once(rig: Rig) -> None:
    """The first is 201, a repeat 200 with the same receipt, whatever the order of its keys; the ledger counts one."""
    body = birth(rig)
    first = call(rig, "POST", "submissions", body)
    again = call(rig, "POST", "submissions", dict(reversed(body.items())))
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["receipt"] == again[1]["receipt"]
    (entry,) = ledger(rig)["entries"]
    assert (entry["reference"], entry["arrivals"], entry["effects"]) == ("reference-1", 2, 1)
    assert entry["receipt"] == first[1]["receipt"]


def test_another_body_under_a_reference_is_a_conflict(rig: Rig) -> None:
    """409, nothing changes, and the ledger tells of the refusal; so for another account with the very same body."""
    body = birth(rig)
    call(rig, "POST", "submissions", body)
    status, told, _ = call(rig, "POST", "submissions", {**body, "version": 2})
    assert (status, told["error"]["code"]) == (409, "reference_conflict")
    assert call(rig, "POST", "submissions", body, account=OTHER)[0] == 409
    told = ledger(rig)
    assert [entry["effects"] for entry in told["entries"]] == [1]
    assert told["refused"] == [{"reference": "reference-1", "code": "reference_conflict", "arrivals": 2}]


def test_a_centre_that_forgets_references_shows_the_double(rig: Rig) -> None:
    """Without unique references a repeat takes effect again, and the ledger does not hide it."""
    rig.behave(unique_references=False)
    receipts = [call(rig, "POST", "submissions", birth(rig))[1]["receipt"] for _ in range(2)]
    (entry,) = ledger(rig)["entries"]
    assert (entry["arrivals"], entry["effects"], entry["receipt"]) == (2, 2, receipts[0])
    assert call(rig, "GET", "submissions/reference-1")[1]["receipt"] == receipts[0]


def test_what_is_not_there_is_said_with_its_reference(rig: Rig) -> None:
    """404 names the reference; what another account handed in is not there, nor is a submission among recordings."""
    call(rig, "POST", "submissions", birth(rig))
    for path, account in (("submissions/reference-2", WRITER), ("submissions/reference-1", OTHER)):
        status, told, _ = call(rig, "GET", path, account=account)
        assert (status, told["error"]["code"], told["reference"]) == (404, "reference_unknown", path.split("/")[1])
    assert call(rig, "GET", "recordings/reference-1")[0] == 404


def test_every_wrong_field_is_named_at_once(rig: Rig) -> None:
    """422 lists them all, those of the form beside those around it, and the refusal is in the ledger."""
    wrong = {**birth(rig), "village": "35", "version": True, "attachments": ["x"]}
    wrong["form"] = {"no_kk": "1", "child": {"name": " ", "sex": "X", "birth_date": "2026-02-30"}, "father": "nobody"}
    del wrong["subject"]
    status, told, _ = call(rig, "POST", "submissions", wrong)
    faults = {fault["field"]: fault["code"] for fault in told["error"]["fields"]}
    assert (status, told["error"]["code"]) == (422, "form_invalid")
    assert faults == {
        "/village": "format",
        "/version": "type",
        "/subject": "required",
        "/attachments/0": "format",
        "/form/no_kk": "format",
        "/form/child/name": "format",
        "/form/child/sex": "format",
        "/form/child/birth_date": "format",
        "/form/child/birth_place": "required",
        "/form/father": "type",
    }
    assert ledger(rig) == {
        "entries": [],
        "refused": [{"reference": "reference-1", "code": "form_invalid", "arrivals": 1}],
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reference": "short"}, "/reference"),
        ({"service": "wedding"}, "/service"),
        ({"filed_at": "yesterday"}, "/filed_at"),
        ({"filed_at": "2026-13-01T00:00:00Z"}, "/filed_at"),
        ({"filed_at": 5}, "/filed_at"),
        ({"form": []}, "/form"),
        ({"attachments": "x"}, "/attachments"),
        ({"attachments": ["0" * 64] * 33}, "/attachments"),
        ({"service": "biodata", "form": {"nik": "3527010101900001", "changes": {}}}, "/form/changes"),
        ({"service": "biodata", "form": {"nik": "3527010101900001", "changes": {"nik": "x"}}}, "/form/changes/nik"),
        ({"service": "move_out", "form": {"members": [], "destination": "x"}}, "/form/members"),
        ({"service": "move_out", "form": {"members": "x", "destination": "x"}}, "/form/members"),
        ({"service": "move_out", "form": {"members": [7], "destination": "x"}}, "/form/members/0"),
        ({"service": "death", "form": {"deceased": {"nik": "3527010101900001", "date": 5}}}, "/form/deceased/date"),
        ({"service": "kk_lost", "form": {"no_kk": 5}}, "/form/no_kk"),
    ],
)
def test_each_kind_of_wrong_value_is_found(rig: Rig, change: dict[str, Any], field: str) -> None:
    """The one wrong field is the one that is named."""
    told = call(rig, "POST", "submissions", {**birth(rig), **change})[1]
    assert [fault["field"] for fault in told["error"]["fields"]] == [field]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 10_000])
def test_what_is_no_object_is_unreadable(rig: Rig, body: bytes) -> None:
    """400, whatever nonsense it is."""
    assert call(rig, "POST", "submissions", body)[:2][0] == 400


@pytest.mark.parametrize(
    "line",
    ["X-No: 1", "Authorization: Basic %%%", "Authorization: Bearer x", "Authorization: Basic ZGluYXM6d3Jvbmc=",
     "Authorization: Basic /////w=="],
)  # fmt: skip
def test_who_is_not_known_gets_401(rig: Rig, line: str) -> None:
    """No credentials, junk, another scheme, a wrong password: all the same answer."""
    with rig.client() as client:
        client.send(b"GET /siak/key HTTP/1.1\r\n%b\r\n\r\n" % line.encode())
        status, _, body = client.answer()
    assert (status, json.loads(body)["error"]["code"]) == (401, "login_failed")


@pytest.mark.parametrize("code", STRANGE)
def test_an_account_may_be_refused(start: Start, code: str) -> None:
    """Inactive users and institutions, foreign addresses and closed hours are 403 with their code."""
    account: Account = replace(WRITER, **STRANGE[code])
    status, told, _ = call(start(accounts=(account,)), "GET", "key", account=account)
    assert (status, told["error"]["code"]) == (403, code)


def test_services_are_granted_one_by_one(rig: Rig) -> None:
    """An account hands in only what it may; an account that may write nothing is not known here."""
    told = call(rig, "POST", "submissions", submission("kk_lost", {"no_kk": cards(rig)[0]}), account=OTHER)
    assert (told[0], told[1]["error"]["code"]) == (403, "service_not_granted")
    reader = replace(OTHER, user_id="reader", writes=())
    assert call(rig, "GET", "key", account=reader)[0] == 401


def test_a_daily_password_is_good_here_too(start: Start) -> None:
    """Accounts whose password changes daily send today's."""
    rig = start(accounts=(replace(WRITER, daily_password=True),))
    assert call(rig, "GET", "key")[0] == 401
    today = rig.mock.directory.accounts[0].password_on("01012026")
    assert len(today) == 32


@pytest.mark.parametrize("path", ["", "submissions/", "submissions/a/b", "nothing", "submissions?x", "key/x"])
def test_other_addresses_are_not_there(rig: Rig, path: str) -> None:
    """404 of the framework, which is none of the dialect."""
    status, told, _ = call(rig, "GET", path)
    assert (status, told["error"]) == (404, "Not Found")


def test_a_blob_comes_in_pieces(rig: Rig) -> None:
    """Pieces add up, HEAD tells how far it is, the last one is 201, and what is whole is not read again."""
    content = bytes(range(256)) * 8
    name = sha256(content)
    assert call(rig, "HEAD", f"blobs/{name}")[0] == 404
    for at in (0, 1000):
        lines = (f"Upload-Offset: {at}", f"Upload-Length: {len(content)}")
        status, told, _ = call(rig, "PUT", f"blobs/{name}", content[at : at + (1000 if at == 0 else 2000)], *lines)
        assert (status, told["complete"]) == ((201, True) if at else (200, False))
    status, _, told = call(rig, "HEAD", f"blobs/{name}")
    assert (status, told["upload-offset"], told["upload-complete"]) == (200, "2048", "?1")
    assert call(rig, "PUT", f"blobs/{name}", b"other", "Upload-Offset: 0", "Upload-Length: 5")[0] == 200
    assert call(rig, "HEAD", f"blobs/{name}", account=OTHER)[0] == 404


def test_a_piece_must_fit(rig: Rig) -> None:
    """A gap, a repeat, another length or too much is 409 with the offset to go on from."""
    name = sha256(b"abcdef")
    call(rig, "PUT", f"blobs/{name}", b"abc", "Upload-Offset: 0", "Upload-Length: 6")
    for piece, at, length in ((b"abc", 0, 6), (b"f", 5, 6), (b"def", 3, 7), (b"defg", 3, 6), (b"", 3, 6)):
        status, told, lines = call(
            rig, "PUT", f"blobs/{name}", piece, f"Upload-Offset: {at}", f"Upload-Length: {length}"
        )
        assert (status, told["error"]["code"], lines["upload-offset"]) == (409, "blob_offset", "3")


def test_a_blob_that_is_not_its_name_is_thrown_away(rig: Rig) -> None:
    """422, and it begins anew."""
    name = sha256(b"abcdef")
    status, told, _ = call(rig, "PUT", f"blobs/{name}", b"abcdeX", "Upload-Offset: 0", "Upload-Length: 6")
    assert (status, told["error"]["code"]) == (422, "blob_digest")
    assert call(rig, "HEAD", f"blobs/{name}")[0] == 404


@pytest.mark.parametrize(
    ("name", "lines", "piece", "code"),
    [
        ("x", ("Upload-Offset: 0", "Upload-Length: 1"), b"x", "form_invalid"),
        ("0" * 64, ("Upload-Offset: 0", "Upload-Length: 0"), b"", "form_invalid"),
        ("0" * 64, ("Upload-Offset: -1", "Upload-Length: 1"), b"x", "form_invalid"),
        ("0" * 64, ("Upload-Length: 1",), b"x", "form_invalid"),
        ("0" * 64, ("Upload-Offset: 0", "Upload-Length: 16777217"), b"x", "too_large"),
        ("0" * 64, ("Upload-Offset: 0", "Upload-Length: 600000"), b"x" * 524_289, "too_large"),
    ],
)
def test_a_blob_has_its_bounds(rig: Rig, name: str, lines: tuple[str, ...], piece: bytes, code: str) -> None:
    """Names, numbers and sizes are checked."""
    assert call(rig, "PUT", f"blobs/{name}", piece, *lines)[1]["error"]["code"] == code


def test_attachments_must_be_there(rig: Rig) -> None:
    """A submission waits for its blobs: 422 names the missing ones, and the same reference is good afterwards."""
    body = birth(rig, attachments=[sha256(b"here"), sha256(b"gone")])
    call(rig, "PUT", f"blobs/{sha256(b'here')}", b"here", "Upload-Offset: 0", "Upload-Length: 4")
    told = call(rig, "POST", "submissions", body)[1]["error"]
    assert (told["code"], told["fields"]) == ("blob_missing", [{"field": "/attachments/1", "code": "unknown"}])
    call(rig, "PUT", f"blobs/{sha256(b'gone')}", b"gone", "Upload-Offset: 0", "Upload-Length: 4")
    assert call(rig, "POST", "submissions", body)[0] == 201


def packet(rig: Rig, nik: str, reference: str = "recording-1", **more: Any) -> tuple[dict[str, Any], bytes]:
    """A recording and its packet, handed in."""
    key = call(rig, "GET", "key")[1]
    content = json.dumps({"nik": nik, "recorded_at": "2026-06-01T00:00:00Z", **more}).encode()
    sealed = seal(content, base64.b64decode(key["key"]), reference)
    lines = ("Upload-Offset: 0", f"Upload-Length: {len(sealed)}")
    assert call(rig, "PUT", f"blobs/{sha256(sealed)}", sealed, *lines)[0] == 201
    body = {
        "reference": reference,
        "village": "3527012003",
        "key_id": key["key_id"],
        "packet": sha256(sealed),
    }
    return body, sealed


def test_a_recording_becomes_print_ready(rig: Rig) -> None:
    """It is taken in once, its state moves on, and its event tells; the resident's card state changes."""
    nik = rig.nik()
    body, _ = packet(rig, nik)
    first = call(rig, "POST", "recordings", body)
    assert (first[0], first[1]["state"]) == (201, "RECEIVED_AT_CENTRAL")
    assert call(rig, "POST", "recordings", body)[0] == 200
    held = call(rig, "GET", "recordings/recording-1")[1]
    assert held["state"] == "PRINT_READY_RECORD"
    told = {event["kind"]: event for event in events(rig)}
    assert (told["recording"]["nik"], told["recording"]["state"]) == (nik, "PRINT_READY_RECORD")
    assert "EKTP_STATUS" in told["change"]["elements"]


@pytest.mark.parametrize(
    ("code", "state"), [("duplicate_record", "DUPLICATE_RECORD"), ("enroll_failure", "ENROLL_FAILURE_AT_CENTRAL")]
)
def test_a_recording_may_fail(rig: Rig, code: str, state: str) -> None:
    """What the behaviour deals to recordings spares submissions; nobody's card state changes."""
    rig.behave(rejections=[{"code": code}])
    call(rig, "POST", "recordings", packet(rig, rig.nik())[0])
    assert call(rig, "GET", "recordings/recording-1")[1]["state"] == state
    assert [event["kind"] for event in events(rig)] == ["recording"]
    form = {"no_kk": cards(rig)[0], "child": CHILD}
    assert hand_in(rig, "birth", form, "submission-1")["state"] == "issued"


def test_a_packet_must_be_sealed_for_its_recording(rig: Rig) -> None:
    """A missing blob, another reference, another key, no JSON or nobody inside: refused, and nothing is taken in."""
    nik = rig.nik()
    body, _ = packet(rig, nik)
    empty, _ = packet(rig, "nobody", "recording-2")
    wrong = [
        ({**body, "packet": "0" * 64}, "blob_missing"),
        ({**body, "reference": "recording-9"}, "packet_unreadable"),
        ({**body, "key_id": "other"}, "packet_unreadable"),
        ({**body, "village": 5}, "form_invalid"),
        (empty, "packet_unreadable"),
    ]
    assert [call(rig, "POST", "recordings", each)[1]["error"]["code"] for each, _ in wrong] == [
        code for _, code in wrong
    ]
    assert ledger(rig)["entries"] == []


def test_blank_cards_are_counted(rig: Rig) -> None:
    """Each card printed takes one of its regency's; another regency is not served."""
    rig.behave(blangko=5)
    hand_in(rig, "ktp", {"nik": rig.nik()})
    assert call(rig, "GET", "blangko/3527")[1] == {"regency": "3527", "allocated": 5, "used": 1, "left": 4}
    assert call(rig, "GET", "blangko/3320")[1]["left"] == 5
    assert call(rig, "GET", "blangko/9999")[1]["error"]["code"] == "regency_unknown"


def test_events_are_read_by_cursor(rig: Rig) -> None:
    """In order, in pages, again at will; what is another's business is not told, what changed is told to all."""
    for number in range(3):
        hand_in(rig, "kk_change", {"no_kk": cards(rig)[0], "home": {"address": f"Jl. {number}"}}, f"reference-{number}")
    everything = events(rig)
    seen: list[Any] = []
    after, more = 0, True
    while more:
        page = call(rig, "GET", f"events?after={after}&limit=2")[1]
        seen += page["events"]
        after, more = page["next"], page["more"]
    assert seen == everything
    assert [event["reference"] for event in seen if event["kind"] == "issued"] == [
        f"reference-{number}" for number in range(3)
    ]
    others = call(rig, "GET", "events?limit=1000", account=OTHER)[1]["events"]
    assert {event["kind"] for event in others} == {"change"}
    assert call(rig, "GET", f"events?after={after}")[1] == {"events": [], "next": after, "more": False}
    assert call(rig, "GET", f"events?after={after + 1}")[1]["error"]["code"] == "cursor_unknown"
    for query in ("after=x", "limit=0", "limit=1001", "after=-1"):
        assert call(rig, "GET", f"events?{query}")[1]["error"]["code"] == "form_invalid"


def test_the_office_takes_its_time(start: Start) -> None:
    """Nothing is decided before its moment; then all of it, before anybody looks, in the order it fell due."""
    now = [1_780_000_000.0]
    rig = start(accounts=(WRITER,), clock=lambda: now[0])
    rig.behave(office_seconds=3600)
    for number in range(5):
        call(rig, "POST", "submissions", birth(rig, f"reference-{number}", version=number + 1))
    assert call(rig, "GET", "submissions/reference-0")[1]["state"] == "accepted"
    assert events(rig) == []
    now[0] += 100_000
    times = [event["at"] for event in events(rig) if event["kind"] in ("issued", "rejected")]
    assert len(times) == 5
    assert times == sorted(times)
    assert len(set(times)) == 5


def test_rejections_are_dealt_and_can_be_chosen(rig: Rig) -> None:
    """A share is rejected, the same for the same reference; one undecided thing can be rejected by hand, once."""
    rig.behave(rejections=[{"code": "signature_missing", "rate": 0.5, "services": ["birth"]}], office_seconds=60)
    for number in range(20):
        call(rig, "POST", "submissions", birth(rig, f"reference-{number}", version=number + 1))
    wish = {"reference": "reference-3", "rejection": "data_mismatch"}
    assert rig.control("POST", "/_mock/office", wish)[0] == 200
    assert rig.control("POST", "/_mock/office", wish)[0] == 409
    assert rig.control("POST", "/_mock/office", {"reference": "reference-3", "rejection": []})[0] == 422
    assert rig.control("POST", "/_mock/office", [])[0] == 422
    assert rig.control("POST", "/_mock/office")[0] == 200
    codes = [event["rejection"]["code"] for event in events(rig) if event["kind"] == "rejected"]
    assert codes[0] == "data_mismatch"
    assert 5 <= codes.count("signature_missing") <= 15
    rejected = call(rig, "GET", "submissions/reference-3")[1]
    assert rejected["rejection"] == {
        "code": "data_mismatch",
        "text": "Isian tidak sesuai dengan data kependudukan",
    }


def test_a_reset_forgets_what_was_handed_in(rig: Rig) -> None:
    """Ledger and register are as at the start; cursors of before stay good."""
    no_kk, members = cards(rig)
    hand_in(rig, "death", {"deceased": {"nik": members[0], "date": "2026-06-01"}})
    last = events(rig)[-1]["seq"]
    rig.control("POST", "/_mock/reset")
    assert ledger(rig) == {"entries": [], "refused": []}
    assert rig.ask(members[0])["content"][0]["NIK"] == int(members[0])
    assert call(rig, "GET", f"events?after={last}")[1]["events"] == []
    hand_in(rig, "kk_lost", {"no_kk": no_kk})
    assert events(rig, last)[0]["seq"] > last


def test_stats_and_capacity_count_writes(rig: Rig) -> None:
    """Writes wait for workers as reads do and are counted by name."""
    rig.behave(mean_seconds=0.01)
    hand_in(rig, "birth", {"no_kk": cards(rig)[0], "child": CHILD})
    told = rig.control("GET", "/_mock/stats")[1]["by_method"]
    assert told["SUBMIT"] == told["FIND"] == {"arrived": 1, "served": 1}
    assert headers()[0].startswith("Authorization")
