"""Wrong bodies over a real socket: every wrong field is named at once, in both languages, and the process stays up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.http.rig import CARD, JSON, LOOKUP, VERIFY, raw_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Rig

NIK = "3527012904900001"
NO_KK = "3527012904150001"


@pytest.fixture(autouse=True)
def _stays_up(rig: Rig) -> Iterator[None]:
    """After every case the process still answers, and nothing failed inside it."""
    yield
    assert rig.get("/health/live").status == 200
    assert rig.log("http.request.failed") == []


def lookup(**fields: Any) -> bytes:
    """A look-up's body with some fields changed; None leaves one out."""
    given = {"nik": NIK, "purpose": "pelayanan", **fields}
    return json.dumps({name: value for name, value in given.items() if value is not ...}).encode()


def verify(**fields: Any) -> bytes:
    """A verify's body with some fields changed."""
    return json.dumps({"nik": NIK, "purpose": "pelayanan", "elements": {"AGAMA": "ISLAM"}, **fields}).encode()


DEEP = b'{"nik":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

CASES: dict[str, tuple[str, bytes, set[tuple[str, str]]]] = {
    "empty": (LOOKUP, b"", {("", "json")}),
    "blank": (LOOKUP, b"  \n", {("", "json")}),
    "truncated": (LOOKUP, lookup()[:-3], {("", "json")}),
    "two documents": (LOOKUP, lookup() * 2, {("", "json")}),
    "trailing comma": (LOOKUP, b'{"nik":"' + NIK.encode() + b'",}', {("", "json")}),
    "byte order mark": (LOOKUP, b"\xef\xbb\xbf" + lookup(), {("", "json")}),
    "utf-16": (LOOKUP, lookup().decode().encode("utf-16"), {("", "json")}),
    "wrong utf-8": (LOOKUP, b'{"nik":"\xff\xfe","purpose":"pelayanan"}', {("", "json")}),
    "NaN": (LOOKUP, b'{"nik":NaN,"purpose":"pelayanan"}', {("", "json")}),
    "nul bytes": (LOOKUP, b"\x00" * 40, {("", "json")}),
    "deep": (LOOKUP, DEEP, {("", "depth")}),
    "a list": (LOOKUP, b"[]", {("", "type")}),
    "a text": (LOOKUP, b'"nik"', {("", "type")}),
    "null": (LOOKUP, b"null", {("", "type")}),
    "nothing in it": (LOOKUP, b"{}", {("/nik", "required"), ("/purpose", "required")}),
    "number": (LOOKUP, lookup(nik=int(NIK)), {("/nik", "type")}),
    "float": (LOOKUP, lookup(nik=3.527012904900001e15), {("/nik", "type")}),
    "a field twice": (LOOKUP, b'{"nik":7,"nik":"' + NIK.encode() + b'","purpose":"pelayanan"}', {("", "json")}),
    "huge exponent": (LOOKUP, b'{"nik":1e999,"purpose":"pelayanan"}', {("", "json")}),
    "huge integer": (LOOKUP, b'{"nik":' + b"9" * 5000 + b',"purpose":"pelayanan"}', {("", "json")}),
    "true": (LOOKUP, lookup(nik=True), {("/nik", "type")}),
    "an object": (LOOKUP, lookup(nik={"$gt": ""}), {("/nik", "type")}),
    "blanks around": (LOOKUP, lookup(nik=f" {NIK}\u200b"), {("/nik", "pattern")}),
    "dots between": (LOOKUP, lookup(nik="3527.0129.0490.0001"), {("/nik", "not_digits"), ("/nik", "wrong_length")}),
    "empty number": (LOOKUP, lookup(nik=""), {("/nik", "empty")}),
    "short": (LOOKUP, lookup(nik=NIK[:-1]), {("/nik", "wrong_length")}),
    "letters": (LOOKUP, lookup(nik=NIK[:-1] + "O"), {("/nik", "not_digits")}),
    "other digits": (LOOKUP, lookup(nik="٣" * 16), {("/nik", "not_digits")}),
    "line end behind": (LOOKUP, lookup(nik=NIK + "\n"), {("/nik", "pattern")}),
    "line end behind a card": (
        CARD,
        json.dumps({"no_kk": NO_KK + "\n", "purpose": "x\n"}).encode(),
        {("/no_kk", "pattern"), ("/purpose", "pattern")},
    ),
    "line end behind a date": (
        VERIFY,
        verify(elements={"TGL_LHR": "1990-04-29\n"}),
        {("/elements/TGL_LHR", "pattern")},
    ),
    "day 32": (LOOKUP, lookup(nik="3527013204900001"), {("/nik", "not_a_date"), ("/nik", "day_out_of_range")}),
    "30 February": (LOOKUP, lookup(nik="3527013002900001"), {("/nik", "not_a_date")}),
    "serial 0000": (LOOKUP, lookup(nik="3527012904900000"), {("/nik", "serial_zero")}),
    "purpose in capitals": (LOOKUP, lookup(purpose="PELAYANAN"), {("/purpose", "pattern")}),
    "unknown purpose": (LOOKUP, lookup(purpose="iseng"), {("/purpose", "unknown_purpose")}),
    "village of letters": (LOOKUP, lookup(village="desa"), {("/village", "pattern")}),
    "unknown field": (LOOKUP, lookup(nama="x"), {("", "unknown")}),
    "everything wrong": (
        LOOKUP,
        lookup(nik=1.5, purpose=7, village=[], extra=1),
        {("/nik", "type"), ("/purpose", "type"), ("/village", "type"), ("", "unknown")},
    ),
    "threshold": (VERIFY, verify(threshold=0), {("/threshold", "minimum")}),
    "threshold above": (VERIFY, verify(threshold=101), {("/threshold", "maximum")}),
    "threshold as text": (VERIFY, verify(threshold="90"), {("/threshold", "type")}),
    "threshold beyond 64 bits": (VERIFY, verify(threshold=2**70), {("/threshold", "maximum")}),
    "unknown element": (VERIFY, verify(elements={"NIP": "1"}), {("/elements", "unknown")}),
    "wrong elements": (
        VERIFY,
        verify(elements={"TGL_LHR": "29-04-1990", "NO_RT": "x", "NAMA_LGKP": "", "NO_KK": "1", "ALAMAT": "x" * 201}),
        {
            ("/elements/TGL_LHR", "pattern"),
            ("/elements/NO_RT", "pattern"),
            ("/elements/NAMA_LGKP", "minLength"),
            ("/elements/NO_KK", "pattern"),
            ("/elements/ALAMAT", "maxLength"),
        },
    ),
    "no elements": (VERIFY, verify(elements={}), {("/elements", "minProperties")}),
    "elements as a list": (VERIFY, verify(elements=["AGAMA"]), {("/elements", "type")}),
    "card of letters": (
        CARD,
        json.dumps({"no_kk": "K" * 16, "purpose": "pelayanan"}).encode(),
        {("/no_kk", "not_digits")},
    ),
    "lone surrogate": (LOOKUP, b'{"nik":"\\ud800","purpose":"pelayanan"}', {("", "json")}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_wrong_field_is_named(rig: Rig, key: str, case: str) -> None:
    """A body with faults is 422 and names each of them once, without the value that was sent."""
    path, body, expected = CASES[case]
    heard = rig.post(path, body, key=key)
    problem = rig.refused(heard, 422, "invalid")
    found = {(fault["field"], fault["code"]) for fault in problem["errors"]}
    assert found
    assert found <= expected if case == "day 32" else found == expected
    assert problem["executed"] == "no"
    assert NIK.encode() not in heard.body


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json,Accept: application/json"},
        {"Content-Type": "application/json\u00e9"},
        {**JSON, "Content-Encoding": "gzip"},
        {**JSON, "Content-Encoding": "br, gzip"},
    ],
)
def test_other_types_and_encodings_are_unsupported(rig: Rig, key: str, given: dict[str, str]) -> None:
    """Only plain JSON in UTF-8 is read; anything else is 415 before the body is looked at."""
    heard = rig.request("POST", LOOKUP, lookup(), given, key=key)
    rig.refused(heard, 415, "unsupported")


def test_json_with_its_charset_is_read(rig: Rig, key: str) -> None:
    """`application/json; charset=UTF-8` means the same as without the parameter."""
    body = json.dumps({"nik": rig.nik(), "purpose": "pelayanan"}).encode()
    given = {"Content-Type": "application/json; charset=UTF-8", "Content-Encoding": "identity"}
    assert rig.request("POST", LOOKUP, body, given, key=key).status == 200


@pytest.mark.parametrize(
    "seconds", ["", "0", "0.0", "-1", "nan", "inf", "1e400", "1_0", "abc", "5 s", "1,5", "9" * 400, "\u00b2"]
)
def test_an_absurd_deadline_is_named(rig: Rig, key: str, seconds: str) -> None:
    """A deadline that is no positive number of seconds is a wrong field of the header."""
    problem = rig.refused(rig.post(LOOKUP, lookup(), {"X-Request-Deadline": seconds}, key=key), 422, "invalid")
    assert [fault["field"] for fault in problem["errors"]] == ["header:x-request-deadline"]


@pytest.mark.parametrize(
    ("path", "body", "told", "told_id"),
    [
        (LOOKUP, lookup(village="35.27.03.2001"), "form, such as 3527012001.", "contohnya 3527012001."),
        (LOOKUP, lookup(village=3527012001), "village must be string.", "village harus teks."),
        (LOOKUP, lookup(vilage="3527012001"), "here; is village meant?", "maksudnya village?"),
        (LOOKUP, lookup(NIK=NIK), "here; is nik meant?", "maksudnya nik?"),
        (LOOKUP, lookup(nama="x"), "not known here.", "tidak dikenal."),
        (LOOKUP, lookup(**{"village" * 10: "x"}), "not known here.", "tidak dikenal."),
        (VERIFY, verify(elements={"NAMA_LENGKAP": "x"}), "is NAMA_LGKP meant?", "maksudnya NAMA_LGKP?"),
    ],
)
def test_a_fault_says_what_would_be_right(rig: Rig, key: str, path: str, body: bytes, told: str, told_id: str) -> None:
    """A wrong form is told with an example, an unknown field with the known one near it, in both languages."""
    [fault] = rig.refused(rig.post(path, body, key=key), 422, "invalid")["errors"]
    assert fault["message"].endswith(told)
    assert fault["message_id"].endswith(told_id)


@pytest.mark.parametrize(
    ("levels", "found"),
    [(200, ("/nik", "type")), (254, None), (255, None), (300, None), (900, None), (1000, None), (5000, None)],
)
@pytest.mark.parametrize("inner", [b"[", b'{"a":'])
def test_every_depth_of_json_is_a_wrong_field(
    rig: Rig, key: str, levels: int, found: tuple[str, str] | None, inner: bytes
) -> None:
    """However deep the JSON: a wrong type where it can still be read, else too deep; never an error of ours."""
    end = (b"]" if inner == b"[" else b"}") * levels
    nested = inner * levels + (b"" if inner == b"[" else b"1") + end
    problem = rig.refused(rig.post(LOOKUP, b'{"nik":' + nested + b',"purpose":"pelayanan"}', key=key), 422, "invalid")
    named = [(fault["field"], fault["code"]) for fault in problem["errors"]]
    assert named == [found] if found else named in ([("/nik", "type")], [("", "depth")])


@pytest.mark.parametrize("seconds", ["1", "0.9", "60", "999999999"])
def test_a_long_deadline_is_cut_to_the_longest(rig: Rig, key: str, seconds: str) -> None:
    """A deadline beyond the config's longest is taken as that; a request with it is served."""
    body = json.dumps({"nik": rig.nik(), "purpose": "pelayanan"}).encode()
    assert rig.post(LOOKUP, body, {"X-Request-Deadline": seconds}, key=key).status == 200


def test_a_query_with_too_many_parameters_is_refused(rig: Rig) -> None:
    """More parameters than any route could mean are a wrong field; a long but sane query is ignored."""
    many = "&".join(f"a{place}=1" for place in range(200))
    assert rig.refused(rig.get(f"/health/live?{many}"), 422, "invalid")["errors"][0]["field"] == "query:"
    assert rig.get("/health/live?a=%ff&b=&&c").status == 200


def test_no_fault_repeats_the_callers_text(rig: Rig, key: str) -> None:
    """An unknown field's name and a wrong value are the caller's text: neither comes back nor is logged."""
    body = lookup(nik="RAHASIA-1", purpose="RAHASIA-2", village="RAHASIA-3", **{"RAHASIA-4": "RAHASIA-5"})
    heard = rig.post(LOOKUP, body, key=key)
    assert len(rig.refused(heard, 422, "invalid")["errors"]) >= 4
    assert b"RAHASIA" not in heard.body
    assert b"RAHASIA" not in rig.logged.getvalue()


def test_ten_megabytes_are_refused_before_they_are_kept(rig: Rig, key: str) -> None:
    """A body over the limit is 413, and a caller that goes on sending still gets to read so."""
    heard = rig.post(LOOKUP, b" " * 10_000_000, key=key)
    rig.refused(heard, 413, "too_large")
    rig.refused(rig.post(LOOKUP, b" " * 10_000_000), 401, "unauthenticated")
    rig.refused(rig.request("GET", "/status", b" " * 10_000_000), 413, "too_large")


def test_a_body_at_the_limit_is_read(rig: Rig, key: str) -> None:
    """A body of exactly the limit is read; one byte more is not."""
    limit = rig.gateway.settings.server.max_body_bytes
    body = json.dumps({"nik": rig.nik(), "purpose": "pelayanan"}).encode()
    assert rig.post(LOOKUP, body + b" " * (limit - len(body)), key=key).status == 200
    rig.refused(rig.post(LOOKUP, body + b" " * (limit - len(body) + 1), key=key), 413, "too_large")


def test_who_waits_for_a_go_ahead_gets_the_refusal_instead(rig: Rig) -> None:
    """With `Expect: 100-continue` a request that is refused anyway is never asked for its body."""
    head = raw_request("POST", LOOKUP, b"", b"Content-Length: 5000000", b"Expect: 100-continue")
    data = rig.raw(head)
    assert data.startswith(b"HTTP/1.1 401")
    assert b"100 Continue" not in data
