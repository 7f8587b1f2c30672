"""The HTTP reader: requests out of bytes, however they are cut, and refusals for what cannot be read."""

from __future__ import annotations

import contextlib
import itertools
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mock_siak.http1 import MAX_BODY, MAX_HEAD, BadRequest, Reader, Request, response

PLAIN = b"POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
BARE = b"GET /c HTTP/1.0\r\n\r\n"


def read(*pieces: bytes) -> list[Request]:
    """Every request in the pieces, read as they come."""
    reader = Reader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (request := reader.next_request()) is not None:
            found.append(request)
    return found


def refused(data: bytes) -> HTTPStatus:
    """The status `data` is refused with."""
    with pytest.raises(BadRequest) as fault:
        read(data)
    return fault.value.status


def test_a_plain_request() -> None:
    """Path unquoted, query raw, header names in lower case, body by length."""
    assert read(PLAIN) == [
        Request("POST", "/a b", "x=1", {"host": "h", "content-length": "5"}, b"hello", keep_alive=True)
    ]


@given(st.lists(st.integers(0, len(PLAIN + CHUNKED + BARE)), max_size=6))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    """Three pipelined requests are the same wherever the stream is cut, chunked bodies and trailers included."""
    stream = PLAIN + CHUNKED + BARE
    edges = [0, *sorted(cuts), len(stream)]
    found = read(*(stream[start:end] for start, end in itertools.pairwise(edges)))
    assert [(request.method, request.body) for request in found] == [
        ("POST", b"hello"),
        ("POST", b"hello"),
        ("GET", b""),
    ]


@given(st.binary(max_size=300))
def test_junk_never_breaks_the_reader(data: bytes) -> None:
    """Whatever comes is a request, a refusal, or the beginning of something."""
    with contextlib.suppress(BadRequest):
        assert all(isinstance(request, Request) for request in read(data, b"\r\n\r\n"))


@pytest.mark.parametrize(
    ("head", "keep"),
    [
        ("HTTP/1.1\r\n", True),
        ("HTTP/1.1\r\nConnection: Close\r\n", False),
        ("HTTP/1.0\r\n", False),
        ("HTTP/1.0\r\nConnection: Keep-Alive\r\n", True),
    ],
)
def test_keep_alive(head: str, keep: bool) -> None:  # noqa: FBT001 a case of the table
    """1.1 stays unless told to close, 1.0 closes unless told to stay."""
    assert read(f"GET / {head}\r\n".encode())[0].keep_alive is keep


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nName : x\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    ],
)
def test_broken_framing_is_refused(data: bytes) -> None:
    """What cannot be framed safely is a 400."""
    assert refused(data) is HTTPStatus.BAD_REQUEST


def test_sizes_are_limited() -> None:
    """Heads beyond 64 kB, bodies beyond 1 MB and endless chunk lines or trailers are refused, not collected."""
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert refused(b"GET / HTTP/1.1\r\nA: " + b"a" * MAX_HEAD) is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    assert (
        refused(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1))
        is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    )
    assert refused(chunked + b"%x\r\n" % (MAX_BODY + 1)) is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert refused(chunked + b"1" * 2_000) is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert refused(chunked + b"0\r\n" + b"t" * (MAX_HEAD + 1)) is HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_blank_lines_before_a_request_are_skipped() -> None:
    """Some clients end a body with a line break of their own; the next request is read all the same."""
    assert len(read(PLAIN + b"\r\n\r\n" + BARE + b"\r\n")) == 2


def test_a_response_is_complete() -> None:
    """Status line, type, length and the wish to close are all there."""
    told = response(503, b"x", content_type=b"text/html", headers=b"A: b\r\n", keep_alive=False)
    assert told == (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nA: b\r\nConnection: close\r\n"
        b"Content-Length: 1\r\n\r\nx"
    )
