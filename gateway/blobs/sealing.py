"""What is written instead of a file: frames, each sealed under the blob's own key and bound to its place.

The key is made with the blob and stored wrapped under the month's key, bound to the blob's id: deleting the row that
holds it shreds the blob. Each frame has a random nonce of its own (`gateway.vault.objects`): after a crash no counter
could say which nonces were used up by frames that were written and never told of. A frame's context is the blob's id
and where the frame begins, so frames cannot change places or blobs, nor can one be left out; where the blob ends, its
row says. A blob is found by a keyed hash of caller and SHA-256: whoever has a scan and the database cannot tell from a
plain SHA-256 that it was handed in.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, NamedTuple

from gateway.blobs.blobs import FRAME, Damaged
from gateway.vault.errors import VaultError
from gateway.vault.keys import derive
from gateway.vault.objects import ObjectKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.blobs.blobs import Blob
    from gateway.vault.keys import Keyring


class Frame(NamedTuple):
    """A sealed part of a blob.

    Attributes:
        at: Where it begins in the blob.
        sealed: Its bytes, sealed.
    """

    at: int
    sealed: bytes


class BlobSealer:
    """Seals, opens and marks; may be shared by threads.

    Args:
        keyring: The gateway's keys.
        now: Unix seconds, for the month of the wrapping key.

    Attributes:
        master: Number of the master that seals.
    """

    def __init__(self, keyring: Keyring, now: Callable[[], float]) -> None:
        self.master = keyring.current
        self._keys = ObjectKeys(keyring, clock=now)
        self._mark_key = derive(keyring.index, "blobs", "marks")

    def new(self) -> tuple[str, bytes]:
        """A new blob's id and wrapped key."""
        id_ = secrets.token_hex(16)
        return id_, self.renewed(id_)

    def renewed(self, id_: str) -> bytes:
        """Another wrapped key for a blob that was emptied."""
        return self._keys.new_object_key(context=_owner(id_))[1]

    def rewrap(self, id_: str, wrapped: bytes) -> bytes | None:
        """The wrapped key of a blob under the present master; None if it cannot be opened."""
        try:
            return self._keys.rewrap(wrapped, context=_owner(id_))
        except VaultError:
            return None

    def mark(self, caller: str, sha256: str) -> bytes:
        """What a caller's blob is found by."""
        return hmac.digest(self._mark_key, caller.encode() + b"\0" + sha256.encode(), "sha256")

    def seal(self, blob: Blob, data: bytes) -> list[Frame]:
        """Frames of what follows in a blob.

        Raises:
            Damaged: Its key cannot be opened.
        """
        try:
            key = self._keys.unwrap(blob.wrapped_key, context=_owner(blob.id))
        except VaultError:
            raise Damaged from None
        view = memoryview(data)
        return [
            Frame(blob.offset + at, key.seal(bytes(view[at : at + FRAME]), context=_place(blob, blob.offset + at)))
            for at in range(0, len(data), FRAME)
        ]

    def open_(self, blob: Blob, frames: Iterable[Frame], at: int, size: int) -> bytes:
        """The bytes from `at` on, out of the frames that hold them.

        Raises:
            Damaged: The frames are not those that were written, or do not hold all of it.
        """
        try:
            key = self._keys.unwrap(blob.wrapped_key, context=_owner(blob.id))
            opened = [(frame.at, key.open_(frame.sealed, context=_place(blob, frame.at))) for frame in frames]
        except VaultError:
            raise Damaged from None
        parts, end = [], at
        for begins, text in opened:
            if begins > end:
                raise Damaged
            parts.append(text[end - begins : at + size - begins])
            end += len(parts[-1])
        if end != at + size:
            raise Damaged
        return b"".join(parts)


def _owner(id_: str) -> bytes:
    return b"blob\0" + id_.encode()


def _place(blob: Blob, at: int) -> bytes:
    return b"frame\0" + blob.id.encode() + at.to_bytes(8)
