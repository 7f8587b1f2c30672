"""What may come over a socket instead of a request, on both server engines: refused or answered, never fatal.

The engines answer what is no HTTP by themselves, in their own words; all that reaches the application is refused in
the documented shape.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.http.rig import JSON, LOOKUP, first_answer, raw_request, read_to_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Rig

TYPE = b"Content-Type: application/json"
CHUNKED = b"Transfer-Encoding: chunked"
ANSWERED_TWICE = 2


@pytest.fixture(autouse=True)
def _stays_up(each_rig: Rig) -> Iterator[None]:
    """After every case the process still answers, and nothing failed inside it."""
    yield
    assert each_rig.get("/health/live").status == 200
    assert each_rig.log("http.request.failed") == []


def bearer(key: str) -> bytes:
    """The header line of a key."""
    return f"Authorization: Bearer {key}".encode()


def question(rig: Rig) -> bytes:
    """A good look-up's body."""
    return json.dumps({"nik": rig.nik(), "purpose": "pelayanan"}).encode()


JUNK = {
    "zeros": b"\x00" * 64,
    "line ends": b"\r\n" * 8,
    "high bytes": bytes(range(128, 256)) + b"\r\n\r\n",
    "half a line": b"GET /status",
    "no version": b"GET /status\r\n\r\n",
    "no path": b"GET\r\n\r\n",
    "version 9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + b"\x00" * 160,
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SIP": b"OPTIONS sip:x SIP/2.0\r\n\r\n",
    "blank before the colon": raw_request("GET", "/status", b"", b"X-A : 1"),
    "no colon": raw_request("GET", "/status", b"", b"X-A"),
    "nul in a header": raw_request("GET", "/status", b"", b"X-A: a\x00b"),
    "bare carriage return": raw_request("GET", "/status", b"", b"X-A: a\rb"),
    "two lengths": raw_request("POST", LOOKUP, b"{}", TYPE, b"Content-Length: 2", b"Content-Length: 4"),
    "negative length": raw_request("POST", LOOKUP, b"{}", TYPE, b"Content-Length: -2"),
    "signed length": raw_request("POST", LOOKUP, b"{}", TYPE, b"Content-Length: +2"),
    "length in hex": raw_request("POST", LOOKUP, b"{}", TYPE, b"Content-Length: 0x2"),
    "endless length": raw_request("POST", LOOKUP, b"{}", TYPE, b"Content-Length: " + b"9" * 30),
    "unknown coding": raw_request("POST", LOOKUP, b"{}", TYPE, b"Transfer-Encoding: xchunked"),
    "two codings": raw_request("POST", LOOKUP, b"{}", TYPE, b"Transfer-Encoding: gzip, chunked"),
}


@pytest.mark.parametrize("case", JUNK)
def test_junk_is_refused_or_dropped(each_rig: Rig, case: str) -> None:
    """What is no HTTP request is answered with a 4xx or a closed connection, never with a good answer."""
    with each_rig.connect() as sock:
        sock.sendall(JUNK[case])
        sock.shutdown(1)
        heard = read_to_end(sock)
    if heard:
        assert 400 <= first_answer(heard).status < 500


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "//status", 404, "not_found"),
        ("GET", "/docs/../etc/passwd", 404, "not_found"),
        ("GET", "/%2e%2e/%00%ff", 404, "not_found"),
        ("GET", "/v1/residents/lookup/", 404, "not_found"),
        ("GET", "/STATUS", 404, "not_found"),
        ("GET", "/metrics", 404, "not_found"),
        ("OPTIONS", "*", 404, "not_found"),
        ("GET", LOOKUP, 405, "method_not_allowed"),
        ("HEAD", LOOKUP, 405, "method_not_allowed"),
        ("DELETE", LOOKUP, 405, "method_not_allowed"),
        ("TRACE", "/status", 405, "method_not_allowed"),
        ("get", "/status", 405, "method_not_allowed"),
        ("FROBNICATE", "/status", 405, "method_not_allowed"),
    ],
)
def test_unknown_addresses_and_methods_are_refused(
    each_rig: Rig, method: str, path: str, status: int, code: str
) -> None:
    """No address is 404, another method 405 with the methods that are served in `Allow`."""
    heard = first_answer(each_rig.raw(raw_request(method, path)))
    if method == "HEAD":
        assert (heard.status, heard.body) == (status, b"")
        return
    each_rig.refused(heard, status, code)
    if status == 405:
        assert heard.headers["allow"] in {"POST", "GET, HEAD"}


@pytest.mark.parametrize("path", ["/status", "/health/live", "/openapi.json", "/docs"])
def test_head_has_the_headers_of_get_and_no_body(each_rig: Rig, path: str) -> None:
    """HEAD answers every GET address with the same length and type, without the body."""
    head, get = each_rig.request("HEAD", path), each_rig.get(path)
    assert (head.status, head.body) == (get.status, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


def test_large_headers_are_refused(each_rig: Rig) -> None:
    """Header fields over the limit, in one field or many, are a typed 413; under it they are read."""
    one = raw_request("GET", "/status", b"", b"X-Long: " + b"a" * 17_000)
    many = raw_request("GET", "/status", b"", *[b"X-%d: " % place + b"a" * 400 for place in range(50)])
    for request in (one, many):
        each_rig.refused(first_answer(each_rig.raw(request)), 413, "too_large")
    assert b" 200 " in each_rig.raw(raw_request("GET", "/status", b"", b"X-Long: " + b"a" * 16_000))[:20]


@pytest.mark.parametrize("count", [300, 5_000])
def test_too_many_headers_are_refused(each_rig: Rig, count: int) -> None:
    """Thousands of header fields are a 4xx, or more than the limit."""
    head = raw_request("GET", "/nowhere", b"", *[b"X-%05d: %s" % (place, b"a" * 60) for place in range(count)])
    heard = each_rig.raw(head)
    assert not heard or 400 <= first_answer(heard).status < 500


def test_chunks_over_the_limit_are_refused(each_rig: Rig, each_key: str) -> None:
    """A body that never says its length is 413 once it exceeds the limit; its sender gets to read so."""
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    request = raw_request("POST", LOOKUP, chunk * 160 + b"0\r\n\r\n", bearer(each_key), TYPE, CHUNKED)
    each_rig.refused(first_answer(each_rig.raw(request)), 413, "too_large")


def test_an_endless_body_is_cut_off(each_rig: Rig, each_key: str) -> None:
    """A sender that never stops is answered after a bounded number of bytes and then dropped."""
    chunk = b"80000\r\n" + b" " * 524_288 + b"\r\n"
    sent = 0
    with each_rig.connect() as sock:
        sock.sendall(raw_request("POST", LOOKUP, b"", bearer(each_key), TYPE, CHUNKED))
        try:
            while sent < 400:
                sock.sendall(chunk)
                sent += 1
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 400


def test_a_chunked_question_is_answered(each_rig: Rig, each_key: str) -> None:
    """A good body in chunks is as good as one with a length."""
    body = question(each_rig)
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, body[place : place + 1]) for place in range(len(body)))
    request = raw_request("POST", LOOKUP, chunks + b"0\r\n\r\n", bearer(each_key), TYPE, CHUNKED)
    assert first_answer(each_rig.raw(request)).json["resident"]["NIK"] == each_rig.nik()


def test_a_broken_chunk_is_the_callers_fault(each_rig: Rig, each_key: str) -> None:
    """A body that is no chunked body is a 4xx, not an error of ours."""
    request = raw_request("POST", LOOKUP, b"zz\r\n{}\r\n", bearer(each_key), TYPE, CHUNKED)
    assert 400 <= first_answer(each_rig.raw(request)).status < 500


@pytest.mark.parametrize(
    "end",
    [b"", b"zz\r\n", b"0\r\n", b"ff\r\n" + b" " * 60, b"fffffffffffffffff\r\n", b"-1\r\n", b"1\r\n    "],
    ids=["cut off", "no length", "half an end", "half a chunk", "huge length", "negative length", "long chunk"],
)
def test_chunks_that_do_not_end_are_not_a_body(each_rig: Rig, each_key: str, end: bytes) -> None:
    """A good question in a first chunk is not answered where the chunks behind it break off or are none."""
    body = question(each_rig)
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    with each_rig.connect() as sock:
        sock.sendall(raw_request("POST", LOOKUP, chunk + end, bearer(each_key), TYPE, CHUNKED))
        sock.shutdown(1)
        heard = read_to_end(sock)
    assert not heard or 400 <= first_answer(heard).status < 500


def test_a_length_given_twice_cannot_smuggle(each_rig: Rig, each_key: str) -> None:
    """With `Content-Length` and `Transfer-Encoding` together nothing behind the body is taken for a request."""
    hidden = b"0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n"
    head = b"POST %s HTTP/1.1\r\nHost: gateway\r\n" % LOOKUP.encode()
    lines = (bearer(each_key), TYPE, b"Content-Length: 5", CHUNKED, b"", b"")
    heard = each_rig.raw(head + b"\r\n".join(lines) + hidden)
    assert heard.count(b"HTTP/1.1 ") == 1
    assert first_answer(heard).status == 422


def test_pipelined_requests_are_answered_in_their_order(each_rig: Rig) -> None:
    """Two requests in one packet get two answers, each its own."""
    first = b"GET /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n"
    heard = each_rig.raw(first + raw_request("GET", "/nowhere"))
    assert heard.count(b"HTTP/1.1 ") == ANSWERED_TWICE
    assert heard.index(b" 200 ") < heard.index(b" 404 ")


def test_upgrades_are_not_followed(each_rig: Rig) -> None:
    """A request for a web socket or for HTTP/2 in clear is answered as the plain request it also is, or refused."""
    socket_wanted = (
        b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13"
    )  # fmt: skip
    for wanted in (socket_wanted, (b"Upgrade: h2c", b"HTTP2-Settings: AAA")):
        status = first_answer(each_rig.raw(raw_request("GET", "/status", b"", *wanted))).status
        assert status == 200 or 400 <= status < 500


@pytest.mark.parametrize("given", ["", "x", "a" * 65, "a b c d e f", "12345678901234567890", "<script>alert(1)"])
def test_a_request_id_that_is_no_token_is_replaced(each_rig: Rig, given: str) -> None:
    """Only a plain token without long numbers is taken up; anything else gives way to one of ours."""
    heard = each_rig.request("GET", "/nowhere", None, {"X-Request-Id": given})
    assert heard.headers["x-request-id"] != given
    assert len(each_rig.refused(heard, 404, "not_found")["request_id"]) == 20


def test_a_plain_request_id_is_kept(each_rig: Rig) -> None:
    """A caller's own token comes back and stands in the log."""
    heard = each_rig.request("GET", "/nowhere", None, {"X-Request-Id": "desk-7.case-1234"})
    assert heard.headers["x-request-id"] == "desk-7.case-1234"
    assert [line["code"] for line in each_rig.log("http.request.refused") if line["request_id"] == "desk-7.case-1234"]


def test_two_keys_are_no_key(each_rig: Rig, each_key: str) -> None:
    """`Authorization` given twice is unauthenticated, whichever comes last and even if both are the same."""
    wrong = b"authorization: Bearer sgw_0000000000_00000000000000000000000000"
    for first, second in ((wrong, bearer(each_key)), (bearer(each_key), wrong), (bearer(each_key), bearer(each_key))):
        heard = first_answer(each_rig.raw(raw_request("POST", LOOKUP, question(each_rig), first, second, TYPE)))
        each_rig.refused(heard, 401, "unauthenticated")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (b"Content-Type", (b"text/plain", b"application/json")),
        (b"Content-Encoding", (b"gzip", b"identity")),
        (b"X-Request-Deadline", (b"60", b"5")),
        (b"Idempotency-Key", (b"a", b"b")),
    ],
)
def test_a_field_of_one_value_given_twice_is_named(
    each_rig: Rig, each_key: str, name: bytes, values: tuple[bytes, bytes]
) -> None:
    """A field that has one value is a wrong field when it comes twice; none of the two counts in silence."""
    lines = [name + b": " + value for value in values]
    typed = () if name == b"Content-Type" else (TYPE,)
    request = raw_request("POST", LOOKUP, question(each_rig), bearer(each_key), *typed, *lines)
    problem = each_rig.refused(first_answer(each_rig.raw(request)), 422, "invalid")
    found = [(fault["field"], fault["code"]) for fault in problem["errors"]]
    assert found == [(f"header:{name.decode().lower()}", "repeated")]


def test_other_fields_may_come_twice(each_rig: Rig, each_key: str) -> None:
    """A field that nobody reads as one value may be repeated."""
    twice = (b"Accept: text/html", b"Accept: */*", b"Forwarded: for=a", b"Forwarded: for=b")
    request = raw_request("POST", LOOKUP, question(each_rig), bearer(each_key), TYPE, *twice)
    assert first_answer(each_rig.raw(request)).status == 200


@pytest.mark.parametrize(
    "given",
    [b"Authorization: Bearer sgw_\xff\xfe", b"Authorization: \xff", b"Authorization: Bearer", b"Authorization:"],
)
def test_a_key_of_odd_bytes_is_unauthenticated(each_rig: Rig, given: bytes) -> None:
    """Bytes that are no key are no key, whatever they are; the scheme wanted is named."""
    heard = first_answer(each_rig.raw(raw_request("POST", LOOKUP, question(each_rig), given, TYPE)))
    each_rig.refused(heard, 401, "unauthenticated")
    assert heard.headers["www-authenticate"].startswith("Bearer")


def test_a_caller_that_aborts_at_any_byte_harms_nobody(each_rig: Rig, each_key: str) -> None:
    """A request cut off after every possible number of bytes leaves a gateway that answers."""
    request = raw_request("POST", LOOKUP, question(each_rig), bearer(each_key), TYPE)
    for length in range(0, len(request), 3):
        with each_rig.connect() as sock:
            sock.sendall(request[:length])
    assert each_rig.request("POST", LOOKUP, question(each_rig), JSON, key=each_key).status == 200
