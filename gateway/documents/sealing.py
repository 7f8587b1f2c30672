"""What stands in the database instead of personal data: sealed facts, and keyed hashes of numbers, keys and codes.

A code is found by a keyed hash of it: whoever copies the database can neither print a paper that is called genuine nor
tell which papers there are.
"""

from __future__ import annotations

import hmac
import itertools
from typing import TYPE_CHECKING

import msgspec

from gateway.catalogue.receipts import new_number
from gateway.documents.documents import Secrets
from gateway.signing.faults import Fault, PaperRefused
from gateway.vault.blind import BlindIndex
from gateway.vault.errors import VaultError
from gateway.vault.keys import derive
from gateway.vault.objects import ObjectKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.documents.documents import Document
    from gateway.vault.keys import Keyring

_PART = b"document"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Secrets).decode


class DocumentSealer:
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
        self._blind = BlindIndex(keyring, purpose="documents")
        self._mark_key = derive(keyring.index, "documents", "marks")

    def seal(self, id_: str, secrets: Secrets) -> tuple[bytes, bytes]:
        """A new wrapped key and what is sealed under it."""
        key, wrapped = self._keys.new_object_key(context=_owner(id_))
        return wrapped, key.seal(_encode(secrets), context=_PART)

    def open_(self, document: Document) -> Secrets:
        """What was sealed.

        Raises:
            PaperRefused: It cannot be opened: other keys, or changed bytes.
        """
        try:
            key = self._keys.unwrap(document.wrapped_key, context=_owner(document.id))
            return _decode(key.open_(document.sealed, context=_PART))
        except (VaultError, msgspec.DecodeError):
            raise PaperRefused(Fault.DAMAGED) from None

    def rewrap(self, id_: str, wrapped: bytes) -> bytes | None:
        """The wrapped key of a document under the present master; None if it cannot be opened."""
        try:
            return self._keys.rewrap(wrapped, context=_owner(id_))
        except VaultError:
            return None

    def family(self, no_kk: str) -> bytes:
        """The mark of a family card's number."""
        return self._blind.of("no_kk", no_kk)

    def resident(self, nik: str) -> bytes:
        """The mark of a resident's number."""
        return self._blind.of("nik", nik)

    def key_mark(self, caller: str, key: str, use: str) -> bytes:
        """The mark of a caller's Idempotency-Key for one use of it."""
        return self._mark("key", caller, use, key)

    def code_mark(self, code: str) -> bytes:
        """The mark of a code in its one spelling."""
        return self._mark("code", code)

    def code_of(self, kind: str, of: str) -> str:
        """A code that only this installation can tell, always the same one of the same thing."""
        count = itertools.count()
        return new_number(lambda bits: int.from_bytes(self._mark("draw", kind, of, str(next(count)))) >> (256 - bits))

    def _mark(self, *parts: str) -> bytes:
        return hmac.digest(self._mark_key, "\0".join(parts).encode(), "sha256")


def _owner(id_: str) -> bytes:
    return b"document\0" + id_.encode()
