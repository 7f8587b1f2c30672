"""The verb *attach*: a file is taken in piece by piece, wherever its sender was cut off the last time.

```
name ─► right ─► offset, length ─► size, share ─► first bytes ─► sealed, durable ─► all there: digest ─► complete
                                                      every 256 kB, and what came before a cut
```
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from gateway.blobs.blobs import Moved
from gateway.blobs.kinds import HEAD, media_of
from gateway.contract.errors import Conflict, Denied, FieldFault, GatewayError, Invalid, NotFound, TooLarge, Unsupported

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.blobs.blobs import Blob, Blobs
    from gateway.contract.host import Clock
    from gateway.contract.messages import Caller
    from gateway.flows.rights import Rights

_log = structlog.get_logger("gateway.attach")

GROUP: Final = 262_144
"""Bytes that are made durable together while more come."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be uploaded.

    Attributes:
        largest: Bytes of one file.
        waiting: Bytes that may wait under one caller without belonging to a submission.
        kinds: Kinds of files, by the names of `gateway.blobs.kinds.KINDS`.
    """

    largest: int
    waiting: int
    kinds: frozenset[str]


class Attacher:
    """Takes files in on behalf of callers.

    Args:
        blobs: Where they are kept.
        rights: The core's checks.
        terms: What may be uploaded.
        clock: The gateway's clock.
    """

    def __init__(self, blobs: Blobs, rights: Rights, terms: Terms, clock: Clock) -> None:
        self.terms = terms
        self._blobs = blobs
        self._rights = rights
        self._clock = clock

    async def progress(self, caller: Caller, sha256: str) -> Blob:
        """How much of a caller's file is there.

        Raises:
            Invalid: That is no name of a file.
            NotFound: Nothing of it is, or it is another caller's.
        """
        _check_name(sha256)
        blob = await self._blobs.find(caller.id, sha256)
        if blob is None:
            raise NotFound
        return blob

    async def put(
        self, caller: Caller, sha256: str, offset: int, length: int, pieces: AsyncIterator[bytes], until: float
    ) -> Blob:
        """Take in what follows of a file; whatever raises, what came before it is kept.

        Args:
            caller: Whose.
            sha256: Its name.
            offset: Where the pieces begin.
            length: Bytes of the whole file, the same every time.
            pieces: The bytes; reading them may raise.
            until: Monotonic seconds after which no more is read.

        Returns:
            How much is there now, durably.

        Raises:
            Invalid: The name is none, the file is not what it says and was thrown away, or more came than its length.
            Denied: The key's right may not hand anything in.
            Conflict: The pieces do not begin where the file ends, or it has another length; `Upload-Offset` and
                `Upload-Length` say what is so.
            TooLarge, Unsupported: Its size or kind is not taken.
            TooManyRequests: Too much waits under this caller.
            StorageUnavailable: It could not be kept.
        """
        _check_name(sha256)
        self._check_right(caller)
        blob = await self._ready(caller, sha256, offset, length)
        try:
            if blob.complete and not offset:  # sent anew: the way to mend a file that was damaged since
                blob = await self._blobs.mend(blob, sha256)
            if blob.complete:
                return blob
            blob = await self._taken(blob, pieces, until)
        except Moved:
            raise _elsewhere(await self._blobs.find(caller.id, sha256)) from None
        return blob if blob.offset < blob.length else await self._finished(blob, sha256)

    def _check_right(self, caller: Caller) -> None:
        right = self._rights.of(caller)
        if right is None or not right.submissions:
            raise Denied("This key carries no right to hand anything in to the centre.")

    async def _finished(self, blob: Blob, sha256: str) -> Blob:
        """The blob whose last byte came, if it is the file it says."""
        whole = await self._blobs.finish(blob, sha256)
        if whole is None:
            raise Invalid(faults=(_ANOTHER,))
        return whole

    async def _ready(self, caller: Caller, sha256: str, offset: int, length: int) -> Blob:
        """The blob the pieces go on with."""
        known = await self._blobs.find(caller.id, sha256)
        if known is None:
            if length > self.terms.largest:
                raise TooLarge(f"A file may have at most {self.terms.largest} bytes.")
            if offset:
                raise _elsewhere(None)
            known = await self._blobs.begin(caller.id, sha256, length, self.terms.waiting)
        if length != known.length or (offset != known.offset and not known.complete):
            raise _elsewhere(known)
        return known

    async def _taken(self, blob: Blob, pieces: AsyncIterator[bytes], until: float) -> Blob:
        waiting = bytearray()
        try:
            async for piece in pieces:
                waiting += piece
                _check_end(blob, waiting)
                if len(waiting) >= GROUP:
                    some = bytes(waiting)
                    waiting.clear()
                    blob = await self._kept(blob, some)
                if self._clock.monotonic() >= until:
                    break
        except BaseException:  # the sender is gone, or too slow: what came of it need not come again
            if waiting:
                await self._kept_of_a_cut(blob, bytes(waiting))
            raise
        return await self._kept(blob, bytes(waiting)) if waiting else blob

    async def _kept(self, blob: Blob, data: bytes) -> Blob:
        media = blob.media
        if not blob.offset:
            if len(data) < min(HEAD, blob.length):
                return blob
            found = media_of(data[:HEAD], self.terms.kinds)
            if found is None:
                await self._blobs.drop(blob)
                raise Unsupported(f"The file is none of {', '.join(sorted(self.terms.kinds))}.")
            media = found
        return await self._blobs.add(blob, data, media)

    async def _kept_of_a_cut(self, blob: Blob, data: bytes) -> None:
        """Nobody waits for the answer any more: an error is told to the log only."""
        try:
            await asyncio.shield(self._kept(blob, data))
        except GatewayError as error:
            _log.info("attach.cut.not_kept", code=error.code)


def _check_name(sha256: str) -> None:
    if not _SHA256.fullmatch(sha256):
        raise Invalid(faults=(_NO_NAME,))


def _check_end(blob: Blob, waiting: bytearray) -> None:
    if blob.offset + len(waiting) > blob.length:
        waiting.clear()
        raise Invalid(faults=(_TOO_MUCH,))


def _elsewhere(blob: Blob | None) -> Conflict:
    """The refusal that says where an upload ends."""
    headers = [("upload-offset", str(blob.offset if blob else 0))]
    if blob is not None:
        headers.append(("upload-length", str(blob.length)))
    return Conflict("Go on where the upload ends: Upload-Offset and Upload-Length say so.", headers=tuple(headers))


_NO_NAME = FieldFault(
    "path:sha256",
    "pattern",
    "The address ends with the file's SHA-256: 64 hexadecimal digits in lower case.",
    "Alamat berakhir dengan SHA-256 berkas: 64 angka heksadesimal huruf kecil.",
)
_ANOTHER = FieldFault(
    "path:sha256",
    "digest",
    "The file is not the one of this SHA-256; it was thrown away. Send it again from the beginning.",
    "Isi berkas tidak sesuai SHA-256 ini; berkas dibuang. Kirim ulang dari awal.",
)
_TOO_MUCH = FieldFault(
    "header:upload-length",
    "too_long",
    "More bytes came than the file has.",
    "Data yang dikirim melebihi panjang berkas.",
)
