"""Blobs, handed in piece by piece under the SHA-256 they will have."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gateway.mock_siak import forms
from gateway.mock_siak.book import Blob
from gateway.mock_siak.saying import Refusal, Said, say

if TYPE_CHECKING:
    from gateway.mock_siak.book import Book
    from gateway.mock_siak.http1 import Request

MAX_PIECE = 524_288
"""Bytes of one piece."""

MAX_BLOB = 16_777_216
"""Bytes of a whole blob."""

_LONGEST_NUMBER = 12


class BlobDesk:
    """Takes pieces in and tells how far a blob is."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def told(self, account: str, sha256: str) -> Said:
        """How much is there: headers only."""
        blob = self._book.blob(account, sha256)
        return Said(404, b"") if blob is None else Said(200, b"", _progress(blob))

    def add(self, account: str, sha256: str, request: Request) -> Said:
        """Add a piece; the last one makes the blob complete, if it is what its name says."""
        piece, offset, length = request.body, _header(request, "upload-offset"), _header(request, "upload-length")
        if forms.digest(sha256, "") or not length:
            raise Refusal(422, "form_invalid", [forms.wrong("/sha256" if length else "/upload-length", "format")])
        if len(piece) > MAX_PIECE or length > MAX_BLOB:
            raise Refusal(413, "too_large")
        blob = self._book.blob(account, sha256) or Blob(length, 0)
        if blob.complete:
            return _progressed(200, sha256, blob)
        if (offset, length) != (blob.got, blob.length) or not 1 <= len(piece) <= length - offset:
            raise Refusal(409, "blob_offset", headers=_progress(blob))
        return self._added(account, sha256, piece, blob)

    def _added(self, account: str, sha256: str, piece: bytes, blob: Blob) -> Said:
        if blob.got + len(piece) < blob.length:
            return _progressed(200, sha256, self._book.add_piece(account, sha256, piece, blob))
        if hashlib.sha256(self._book.content(account, sha256) + piece).hexdigest() != sha256:
            self._book.drop_blob(account, sha256)
            raise Refusal(422, "blob_digest")
        return _progressed(201, sha256, self._book.add_piece(account, sha256, piece, blob))


def _progressed(status: int, sha256: str, blob: Blob) -> Said:
    document = {"sha256": sha256, "offset": blob.got, "length": blob.length, "complete": blob.complete}
    return say(status, document, _progress(blob))


def _progress(blob: Blob) -> bytes:
    line = b"Upload-Offset: %d\r\nUpload-Length: %d\r\nUpload-Complete: ?%d\r\n"
    return line % (blob.got, blob.length, blob.complete)


def _header(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise Refusal(422, "form_invalid", [forms.wrong(f"/{name}", "format" if text else "required")])
    return int(text)
