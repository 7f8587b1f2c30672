"""A small HTTP/1.1 reader of our own, without sockets: bytes in, requests out.

It is forgiving where real callers are sloppy (several media types in one header, 3 kB of `Accept-Charset`, a JSON
copy in a header, no body at all) and strict where a server must be (framing and sizes).
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import unquote

import msgspec

MAX_HEAD = 64 * 1024
"""Bytes a request line and its headers may take."""

MAX_BODY = 1024 * 1024
"""Bytes a body may take, chunked or not."""

_REQUEST_LINE_PARTS = 3
_MAX_CHUNK_LINE = 1024


class BadRequest(Exception):
    """What was sent is not a request that can be read; the connection ends after the answer."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Request(msgspec.Struct, frozen=True):
    """One complete request; header names in lower case, the path unquoted, the query as it came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class Reader:
    """Cuts a byte stream into requests; pipelined ones wait inside until they are asked for."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._expectation_told = False

    def feed(self, data: bytes) -> None:
        """Take what the socket gave."""
        self._buffer += data

    @property
    def buffered(self) -> int:
        """Bytes not yet handed out as requests."""
        return len(self._buffer)

    def begins_like_tls(self) -> bool:
        """Whether a TLS handshake was sent where a request line belongs."""
        return self._buffer[:1] == b"\x16"

    def awaits_continue(self) -> bool:
        """Whether the sender holds its body back until told to continue; true once per request."""
        end = self._buffer.find(b"\r\n\r\n")
        if self._expectation_told or end < 0:
            return False
        self._expectation_told = b"\r\nexpect: 100-continue" in self._buffer[:end].lower()
        return self._expectation_told

    def next_request(self) -> Request | None:
        """The next complete request, None while bytes are missing.

        Raises:
            BadRequest: Framing is broken or a limit is passed.
        """
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEAD or (end < 0 and len(self._buffer) > MAX_HEAD):
            raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if end < 0:
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = _headers(lines)
        taken = _body(self._buffer, end + 4, headers)
        if taken is None:
            return None
        body, after = taken
        del self._buffer[:after]
        self._expectation_told = False
        return _request(lines[0], headers, body)


def _request(line: str, headers: dict[str, str], body: bytes) -> Request:
    parts = line.split(" ")
    if len(parts) != _REQUEST_LINE_PARTS or not parts[2].startswith("HTTP/1."):
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    path, _, query = parts[1].partition("?")
    wish = headers.get("connection", "").lower()
    keep_alive = "close" not in wish if parts[2] == "HTTP/1.1" else "keep-alive" in wish
    return Request(parts[0], unquote(path) if "%" in path else path, query, headers, body, keep_alive)


def _headers(lines: list[str]) -> dict[str, str]:
    """Headers by lower-case name; a repeated one keeps its last value, a repeated length must agree."""
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name[-1] in " \t":
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        name, value = name.lower(), value.strip()
        if name == "content-length" and headers.get(name, value) != value:
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        headers[name] = value
    return headers


def _body(buffer: bytearray, start: int, headers: dict[str, str]) -> tuple[bytes, int] | None:
    """The body and where it ends in `buffer`, None while incomplete."""
    if "transfer-encoding" in headers:
        if "content-length" in headers or headers["transfer-encoding"].lower() != "chunked":
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        return _chunks(buffer, start)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    size = int(length[:20])
    if size > MAX_BODY:
        raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if len(buffer) - start < size:
        return None
    return bytes(buffer[start : start + size]), start + size


def _chunks(buffer: bytearray, at: int) -> tuple[bytes, int] | None:
    """A chunked body; extensions are ignored, trailers read over."""
    body = bytearray()
    while True:
        line_end = buffer.find(b"\r\n", at)
        if line_end < 0:
            _limit(len(buffer) - at, _MAX_CHUNK_LINE)
            return None
        size = _chunk_size(bytes(buffer[at:line_end]))
        _limit(len(body) + size, MAX_BODY)
        if size == 0:
            return _trailers(buffer, line_end, bytes(body))
        at = line_end + 2
        if len(buffer) < at + size + 2:
            return None
        body += buffer[at : at + size]
        if buffer[at + size : at + size + 2] != b"\r\n":
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        at += size + 2


def _trailers(buffer: bytearray, last_line_end: int, body: bytes) -> tuple[bytes, int] | None:
    end = buffer.find(b"\r\n\r\n", last_line_end)
    if end < 0:
        _limit(len(buffer) - last_line_end, MAX_HEAD)
        return None
    return body, end + 4


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    return int(digits, 16)


def _limit(size: int, limit: int) -> None:
    if size > limit:
        raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def response(
    status: int,
    body: bytes,
    *,
    content_type: bytes = b"application/json;charset=UTF-8",
    headers: bytes = b"",
    keep_alive: bool = True,
) -> bytes:
    """A complete response; `headers` are ready lines, each ending in CRLF."""
    return b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\n%bConnection: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        _PHRASES[status],
        content_type,
        headers,
        b"keep-alive" if keep_alive else b"close",
        len(body),
        body,
    )


_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
