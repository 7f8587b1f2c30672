"""What stands in the outbox instead of personal data.

The content of a submission is sealed under a key of its own, wrapped under the month's key; subject, Idempotency-Key
and `origin_id` are stored as keyed hashes, for callers put anything into them. `content` tells whether two hand-ins
are the same; it too is keyed, for a form with a NIK in it could be found by trying.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from gateway.catalogue.receipts import TAIL
from gateway.contract.submissions import IssuedDocument, Submission
from gateway.vault.blind import BlindIndex
from gateway.vault.errors import VaultError
from gateway.vault.keys import derive
from gateway.vault.objects import ObjectKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.submissions import Subject
    from gateway.outbox.outbox import NewSubmission
    from gateway.vault.keys import Keyring

_CONTENT, _OUTCOME = b"submission", b"outcome"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Submission).decode
_decode_documents = msgspec.json.Decoder(tuple[IssuedDocument, ...]).decode


@dataclass(frozen=True, slots=True)
class Marks:
    """Keyed hashes of a hand-in.

    Attributes:
        key: Of the Idempotency-Key.
        origin: Of the `origin_id`; None if there is none.
        content: Of everything that was handed in, but for the key.
        subject: Blind index of the subject.
    """

    key: bytes
    origin: bytes | None
    content: bytes
    subject: bytes


class Sealer:
    """Seals, opens and marks; may be shared by threads.

    Args:
        keyring: The gateway's keys.
        now: Unix seconds, for the month of the wrapping key.

    Attributes:
        master: Number of the master that seals.
    """

    def __init__(self, keyring: Keyring, now: Callable[[], float]) -> None:
        self._keys = ObjectKeys(keyring, clock=now)
        self.master = keyring.current
        self._blind = BlindIndex(keyring, purpose="submissions")
        self._mark_key = derive(keyring.index, "submissions", "marks")

    def seal(self, id_: str, submission: Submission) -> tuple[bytes, bytes]:
        """The wrapped key and the sealed content of a submission."""
        key, wrapped = self._keys.new_object_key(context=id_.encode())
        return wrapped, key.seal(_encode(submission), context=_CONTENT)

    def open_(self, id_: str, wrapped: bytes, sealed: bytes) -> Submission | None:
        """What was sealed; None if it cannot be opened: other keys, or changed bytes."""
        try:
            key = self._keys.unwrap(wrapped, context=id_.encode())
            return _decode(key.open_(sealed, context=_CONTENT))
        except (VaultError, msgspec.DecodeError):
            return None

    def rewrap(self, id_: str, wrapped: bytes) -> bytes | None:
        """The wrapped key of a content under the present master; None if it cannot be opened."""
        return self._rewrapped(wrapped, id_.encode())

    def rewrap_outcome(self, id_: str, wrapped: bytes) -> bytes | None:
        """The wrapped key of a list of documents under the present master; None if it cannot be opened."""
        return self._rewrapped(wrapped, _of_outcome(id_))

    def seal_documents(self, id_: str, documents: tuple[IssuedDocument, ...]) -> tuple[bytes, bytes]:
        """The wrapped key and the sealed list of what the centre issued of a submission."""
        key, wrapped = self._keys.new_object_key(context=_of_outcome(id_))
        return wrapped, key.seal(_encode(documents), context=_OUTCOME)

    def open_documents(self, id_: str, wrapped: bytes, sealed: bytes) -> tuple[IssuedDocument, ...]:
        """What was sealed; nothing if it cannot be opened."""
        try:
            key = self._keys.unwrap(wrapped, context=_of_outcome(id_))
            return _decode_documents(key.open_(sealed, context=_OUTCOME))
        except (VaultError, msgspec.DecodeError):
            return ()

    def marks(self, new: NewSubmission) -> Marks:
        """The marks of a hand-in."""
        submission = new.submission
        origin = None if submission.origin_id is None else self._mark("origin", submission.origin_id.encode())
        content = self._mark("content", _encode((new.adapter, submission)))
        return Marks(self._mark("key", new.key.encode()), origin, content, self.subject(submission.subject))

    def tail(self, caller: str, key: str, origin_id: str | None) -> int:
        """The tail of a hand-in's id: the same for its repetitions, and for nothing else.

        Args:
            caller: Who hands it in.
            key: The Idempotency-Key; counts where there is no `origin_id`.
            origin_id: Made on the device; counts across callers.
        """
        told = f"origin\0{origin_id}" if origin_id is not None else f"key\0{caller}\0{key}"
        return int.from_bytes(self._mark("tail", told.encode())[:8]) >> (64 - TAIL)

    def subject(self, subject: Subject) -> bytes:
        """The blind index of a subject.

        Raises:
            ValueError: It is not made of digits.
        """
        return self._blind.of("nik" if subject.no_kk is None else "no_kk", subject.number)

    def _rewrapped(self, wrapped: bytes, context: bytes) -> bytes | None:
        try:
            return self._keys.rewrap(wrapped, context=context)
        except VaultError:
            return None

    def _mark(self, kind: str, content: bytes) -> bytes:
        return hmac.digest(self._mark_key, kind.encode() + b"\0" + content, "sha256")


def _of_outcome(id_: str) -> bytes:
    return b"outcome:" + id_.encode()
