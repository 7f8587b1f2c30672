"""Replies of the write half without a centre: each rule of the dialect, and anything at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.transport import Incoming
from gateway.centre.wire import AnotherSubject
from gateway.centre.write_replies import (
    EventPage,
    Held,
    Refused,
    SealingKey,
    events,
    found,
    held,
    offset,
    plain,
    progress,
)
from gateway.contract.errors import CentreMisanswered, GatewayError

REFERENCE = "reference-1"
HELD = {"reference": REFERENCE, "receipt": "SK1", "state": "accepted", "accepted_at": "2026-06-01T00:00:00Z"}
AT = {"at": "2026-06-01T00:00:00Z"}
NIK = "3527010101900001"
OF_THE_DIALECT = ("centre_refused_us", "outside_hours", "quota_exhausted")


def incoming(body: Any = None, status: int = 200, *headers: tuple[bytes, bytes]) -> Incoming:
    """A reply."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Incoming(status, "application/json", raw, headers)


def refusal(code: str, status: int, **more: Any) -> Incoming:
    """A refusal of the dialect."""
    return incoming({"error": {"code": code, "text": "x"}, **more}, status)


def event(seq: int, kind: str = "change", **more: Any) -> dict[str, Any]:
    """A change of a resident unless told otherwise."""
    return {"seq": seq, "kind": kind, **AT, "nik": NIK, "no_kk": NIK, **more}


def test_only_its_own_word_means_not_there() -> None:
    """A 404 with the code and this reference; any other 404, also from a proxy, says nothing."""
    assert found(Held, REFERENCE, refusal("reference_unknown", 404, reference=REFERENCE)) is None
    with pytest.raises(AnotherSubject):
        found(Held, REFERENCE, refusal("reference_unknown", 404, reference="reference-2"))
    with pytest.raises(AnotherSubject):
        found(Held, REFERENCE, refusal("reference_unknown", 404))
    for strange in (
        refusal("not_found", 404, reference=REFERENCE),
        refusal("reference_unknown", 410, reference=REFERENCE),
        incoming(b"<html>404</html>", 404),
        incoming({"status": 404, "error": "Not Found"}, 404),
        incoming(b"", 204),
        incoming(HELD, 302),
    ):
        with pytest.raises(CentreMisanswered) as caught:
            found(Held, REFERENCE, strange)
        assert caught.value.executed == "unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"receipt": ""},
        {"receipt": None},
        {"receipt": "x" * 65},
        {"state": "done"},
        {"accepted_at": "2026-06-01T00:00:00"},
        {"accepted_at": 5},
        {"documents": [{"kind": "kk", "number": "1", "receipt": "1", "nik": "12"}]},
        {"documents": [{"kind": "KK!", "number": "1", "receipt": "1"}]},
        {"documents": [{"kind": "kk", "number": "1", "receipt": "1"}] * 101},
        {"rejection": "no"},
    ],
)
def test_a_strange_value_is_no_receipt(change: dict[str, Any]) -> None:
    """What the gateway would store or show is checked; it may have been done all the same."""
    for read in (held, found):
        with pytest.raises(CentreMisanswered) as caught:
            read(Held, REFERENCE, incoming({**HELD, **change}))
        assert caught.value.executed == "unknown"


def test_a_receipt_of_another_is_not_ours() -> None:
    """The connection that mixes up its replies is recognised; unknown keys are ignored."""
    for read in (held, found):
        with pytest.raises(AnotherSubject) as caught:
            read(Held, "reference-2", incoming(HELD))
        assert caught.value.executed == "unknown"
    assert isinstance(held(Held, REFERENCE, incoming({**HELD, "new": [1]}, 201)), Held)


@pytest.mark.parametrize(
    ("status", "code", "error", "executed"),
    [
        (401, "login_failed", "centre_refused_us", "no"),
        (403, "ip_unknown", "centre_refused_us", "no"),
        (403, "user_inactive", "centre_refused_us", "no"),
        (403, "institution_inactive", "centre_refused_us", "no"),
        (403, "outside_hours", "outside_hours", "no"),
        (429, "quota_exhausted", "quota_exhausted", "no"),
        (401, "something_else", "centre_misanswered", "unknown"),
        (404, "reference_unknown", "centre_misanswered", "unknown"),
        (500, "login_failed", "centre_misanswered", "unknown"),
        (503, "login_failed", "maintenance", "unknown"),
        (200, "login_failed", "centre_misanswered", "unknown"),
    ],
)
def test_what_each_refusal_means(status: int, code: str, error: str, executed: str) -> None:
    """Only statuses 4xx of the dialect say that nothing was done."""
    with pytest.raises(GatewayError) as caught:
        held(Held, REFERENCE, refusal(code, status))
    assert (caught.value.code, caught.value.executed) == (error, executed)


@pytest.mark.parametrize("status", [400, 403, 409, 413, 422])
def test_a_refusal_is_kept_with_its_fields(status: int) -> None:
    """Code and wrong fields, nothing else."""
    body = {"error": {"code": "form_invalid", "text": "SITI", "fields": [{"field": "/form/nik", "code": "format"}]}}
    refused = held(Held, REFERENCE, incoming(body, status))
    assert isinstance(refused, Refused)
    assert [(one.field, one.code) for one in refused.fields] == [("/form/nik", "format")]
    assert "SITI" not in repr(refused)


@pytest.mark.parametrize(
    ("page", "seqs", "upto", "skipped"),
    [
        ({"events": [], "next": 5, "more": False}, [], 5, []),
        ({"events": [event(6), event(9)], "next": 9, "more": True}, [6, 9], 9, []),
        ({"events": [event(6), event(9)], "next": 12, "more": True}, [6, 9], 12, []),
        ({"events": [event(6, "something_new", nik=None)], "next": 6, "more": False}, [6], 6, []),
        ({"events": [], "next": 4, "more": False}, [], 5, []),
        ({"events": [event(5)], "next": 5, "more": False}, [], 5, [(5, "backwards")]),
        ({"events": [event(7), event(6)], "next": 7, "more": False}, [7], 7, [(6, "backwards")]),
        ({"events": [event(6), event(7)], "next": 6, "more": False}, [6, 7], 7, []),
        ({"events": [event(6)], "next": "x", "more": True}, [6], 6, []),
        ({"events": [event(6)], "next": 10**16, "more": True}, [6], 6, []),
        ({"events": [event(6, nik=None), event(8)], "next": 8, "more": False}, [8], 8, [(6, "incomplete")]),
        ({"events": [event(6, "issued")], "next": 6, "more": False}, [], 6, [(6, "incomplete")]),
        ({"events": [event(6, "rejected", reference="r", receipt="x")], "next": 6, "more": False}, [], 6,
         [(6, "incomplete")]),
        ({"events": [event(6, "recording", reference="r", receipt="x")], "next": 6, "more": False}, [], 6,
         [(6, "incomplete")]),
        ({"events": [event(6, nik="1"), event(7)], "next": 7, "more": False}, [7], 7, [(6, "unreadable")]),
        ({"events": [{"seq": 6}, "junk", None, event(7)], "next": 7, "more": False}, [7], 7,
         [(6, "unreadable"), (None, "unreadable"), (None, "unreadable")]),
        ({"events": [event(10**16), event(6)], "next": 6, "more": False}, [6], 6, [(None, "unreadable")]),
        ({"events": [event(seq) for seq in range(6, 1_100)], "next": 1_099, "more": False}, list(range(6, 1_006)),
         1_005, []),
    ],
)  # fmt: skip
def test_events_follow_the_cursor_and_junk_among_them_is_named(
    page: dict[str, Any], seqs: list[int], upto: int, skipped: list[tuple[int | None, str]]
) -> None:
    """What is in order and whole is read, whatever stands beside it, and the cursor never goes back."""
    read = events(5, incoming(page))
    assert isinstance(read, EventPage)
    assert ([one.seq for one in read.events], read.next) == (seqs, upto)
    assert [(one.seq, one.reason) for one in read.skipped] == skipped


@pytest.mark.parametrize(
    "page",
    [
        {"events": [], "next": 5, "more": True},
        {"events": ["junk"], "next": 3, "more": True},
        {"events": {}, "next": 5, "more": False},
        {"next": 5, "more": False},
    ],
)
def test_a_page_that_leads_nowhere_is_no_answer(page: dict[str, Any]) -> None:
    """Promising more without getting further, or no page at all: a follower would loop, so it rests."""
    with pytest.raises(CentreMisanswered):
        events(5, incoming(page))


def test_how_much_of_a_blob_is_there() -> None:
    """Told by a header, never more than the whole; a refusal without a body is left to the first piece."""
    header = (b"Upload-Offset", b"7")
    assert offset(9, incoming(b"", 200, header)) == progress(9, incoming(b"", 201, header)) == 7
    assert offset(9, incoming(b"", 404)) == offset(9, incoming(b"", 401)) == 0
    assert progress(9, Incoming(409, "", refusal("blob_offset", 409).body, (header,))) == 7
    for reply in (incoming(b"", 200), incoming(b"", 200, (b"upload-offset", b"10")), incoming(b"", 200, (b"x", b"7"))):
        with pytest.raises(CentreMisanswered):
            offset(9, reply)
    with pytest.raises(GatewayError):
        offset(9, incoming(b"", 503))


@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5)),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["error", "code", "reference", "receipt", "events", "next", "fields"]), inner
                )
            ),
            max_leaves=12,
        ),
    ),
    status=st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503]),
)
def test_anything_at_all_is_read_or_refused(body: Any, status: int) -> None:
    """No reply raises anything but the contract's errors, and none without the dialect counts as *not done*."""
    reply = incoming(body, status)
    for read in (
        lambda: held(Held, REFERENCE, reply),
        lambda: found(Held, REFERENCE, reply),
        lambda: events(0, reply),
        lambda: plain(SealingKey, reply),
        lambda: offset(5, reply),
        lambda: progress(5, reply),
    ):
        told: GatewayError | None = None
        try:
            read()
        except GatewayError as error:
            told = error
        assert told is None or told.executed == "unknown" or told.code in OF_THE_DIALECT


@pytest.mark.parametrize("depth", [50_000])
def test_a_deep_reply_is_unreadable(depth: int) -> None:
    """Nesting beyond what a parser bears is an error of the dialect."""
    with pytest.raises(CentreMisanswered):
        held(Held, REFERENCE, incoming(b'{"x":' + b"[" * depth + b"]" * depth + b"}"))
