"""The native API's attachments: files that submissions name, uploaded so that a cut line costs nothing but the rest.

`Upload-Offset`, `Upload-Length` and `Upload-Complete` mean what they mean in the IETF's draft on resumable uploads
(draft-ietf-httpbis-resumable-upload); the address is the file's own SHA-256, so nothing has to be asked for first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from gateway.contract import errors
from gateway.contract.errors import FieldFault, Invalid, Unsupported
from gateway.contract.messages import CentreService
from gateway.contract.web import CALLER, Parameter, Response, Route, Rule, Who

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.blobs.blobs import Blob
    from gateway.contract.web import Request
    from gateway.flows.attach import Attacher

PATH: Final = "/v1/attachments/{sha256}"
CREATED: Final = 201
MARGIN: Final = 0.5
"""Seconds before the deadline at which no more is read, so that the sender is told how far it came."""

_COUNT: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_NAME = Parameter("sha256", "path", "SHA-256 of the file, lower-case hexadecimal.", "^[0-9a-f]{64}$", required=True)
_OFFSET = Parameter(
    "Upload-Offset", "header", "Where the body begins in the file; 0 if left out.", f"^{_COUNT.pattern}$"
)
_LENGTH = Parameter(
    "Upload-Length", "header", "Bytes of the whole file; if left out, the body is the rest of it.",
    f"^{_COUNT.pattern}$",
)  # fmt: skip


class AttachmentAnswer(msgspec.Struct, frozen=True):
    """How much of a file is there; the same stands in `Upload-Offset`, `Upload-Length` and `Upload-Complete`.

    Attributes:
        sha256: Its name.
        offset: Bytes that are there, durably; the next body begins here.
        length: Bytes of the whole file.
        complete: Whether it is whole, checked, and may be named by a submission.
        media: Its media type by its first bytes; null before they are there.
    """

    sha256: str
    offset: Annotated[int, Meta(ge=0)]
    length: Annotated[int, Meta(ge=1)]
    complete: bool
    media: str | None


class Attachments:
    """Handlers of attachments.

    Args:
        attacher: Takes them in.
    """

    def __init__(self, attacher: Attacher) -> None:
        self._attacher = attacher

    def routes(self) -> tuple[Route, ...]:
        """Asking, and going on."""
        uploads = Rule(Who.CALLER, CentreService.SUBMISSION)
        return (
            Route(
                "GET", PATH, CALLER, self.progress, "How much of a file is there; HEAD tells it without a body",
                "Seberapa banyak berkas yang sudah diterima; HEAD memberi tahu tanpa isi",
                answer=AttachmentAnswer, errors=(errors.NotFound, errors.Invalid, errors.StorageUnavailable),
                parameters=(_NAME,),
            ),
            Route(
                "PUT", PATH, uploads, self.put, "Upload a file, or go on where an upload ended; 201 once it is whole",
                "Unggah berkas, atau lanjutkan unggahan; 201 setelah lengkap",
                answer=AttachmentAnswer,
                errors=(errors.Conflict, errors.Unsupported, errors.Invalid, errors.StorageUnavailable),
                parameters=(_NAME, _OFFSET, _LENGTH), stream=True,
            ),
        )  # fmt: skip

    async def progress(self, request: Request) -> Response:
        """How much is there."""
        name = request.path["sha256"]
        return self._told(name, await self._attacher.progress(request.known_caller(), name))

    async def put(self, request: Request) -> Response:
        """Take in what follows."""
        name, headers = request.path["sha256"], request.headers
        if headers.get("content-encoding", "identity") != "identity":
            raise Unsupported("Send the file's own bytes, without a content encoding.")
        offset, length = _extent(headers)
        until = request.deadline - MARGIN
        blob = await self._attacher.put(request.known_caller(), name, offset, length, request.body, until)
        return self._told(name, blob, CREATED if blob.complete else 200)

    def _told(self, name: str, blob: Blob, status: int = 200) -> Response:
        answer = AttachmentAnswer(name, blob.offset, blob.length, blob.complete, blob.media or None)
        headers = (
            ("upload-offset", str(blob.offset)),
            ("upload-length", str(blob.length)),
            ("upload-complete", "?1" if blob.complete else "?0"),
            ("upload-limit", f"max-size={self._attacher.terms.largest}"),
        )
        return Response.json(answer, status=status, headers=headers)


def _extent(headers: Mapping[str, str]) -> tuple[int, int]:
    """Where the body begins, and how long the whole file is.

    Raises:
        Invalid: One of them is no number, or the length is not told.
    """
    given = {name: headers.get(name) for name in ("upload-offset", "upload-length", "content-length")}
    faults = [_no_count(name) for name, text in given.items() if text is not None and not _COUNT.fullmatch(text)]
    if faults:
        raise Invalid(faults=tuple(faults))
    offset = int(given["upload-offset"] or 0)
    if given["upload-length"] is not None:
        length = int(given["upload-length"])
    elif given["content-length"] is not None:
        length = offset + int(given["content-length"])
    else:
        raise Invalid(faults=(_NO_LENGTH,))
    if not 0 <= offset <= length or not length:
        raise Invalid(faults=(_no_count("upload-length"),))
    return offset, length


def _no_count(name: str) -> FieldFault:
    title = name.title()
    text = f"{title} must be a number of bytes that fits the file."
    return FieldFault(f"header:{name}", "pattern", text, f"{title} harus jumlah bita yang sesuai dengan berkas.")


_NO_LENGTH = FieldFault(
    "header:upload-length",
    "required",
    "Upload-Length is needed where the body's own length is not told.",
    "Upload-Length diperlukan bila panjang isi tidak disebutkan.",
)
