"""Keys of remembered answers: keyed hashes, so that no NIK, KK number or name stands in memory or on disk.

```
key = H(subject)[16] + H(right, account, service)[16]                     look-ups; a card by a member its own
      H(subject)[16] + H(right, account, service, subject, threshold, elements)[16]   verifications
```

All keys of a subject share their first half, so that everything about a subject can be forgotten at once. Right
and service are part of every key: an answer is never found under another right.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.messages import Call

HALF = 16
"""Bytes of each half of a key."""

KEPT = 4096
"""Plain second halves kept ready; there are as many as rights times services."""


class CacheKeys:
    """Makes keys under one secret.

    Args:
        secret: 16 to 64 random bytes; another secret makes everything remembered unfindable.
        account_of: Names the account that speaks for a right at the centre; what one account was told is not found
            by another that took over the right's name.
    """

    def __init__(self, secret: bytes, account_of: Callable[[str], str] = str) -> None:
        if not HALF <= len(secret) <= blake2b.MAX_KEY_SIZE:
            raise ValueError("the cache's secret must have 16 to 64 bytes")
        self._subject = blake2b(key=secret, digest_size=HALF, person=b"cache.subject")
        self._detail = blake2b(key=secret, digest_size=HALF, person=b"cache.detail")
        self._account_of = account_of
        self._plain: dict[tuple[str, str, str], bytes] = {}
        self._last: tuple[Call, bytes] | None = None

    def of(self, call: Call) -> bytes:
        """The key of a call: equal for calls that may share an answer, 32 bytes."""
        if self._last is not None and self._last[0] is call:  # the next link asks for the same
            return self._last[1]
        question = call.question
        account = self._account_of(call.right)
        service = f"{question.service} by nik" if question.by_nik else question.service
        subject = self._subject.copy()
        subject.update(question.subject.encode())
        if question.elements or question.threshold is not None:
            detail = self._hashed(
                call.right, account, service, question.subject, str(question.threshold),
                *_flat(question.elements),
            )  # fmt: skip
        else:
            parts = (call.right, account, service)
            detail = self._plain.get(parts) or self._plain_half(*parts)
        key = subject.digest() + detail
        self._last = (call, key)
        return key

    def subject(self, digits: str) -> bytes:
        """What all keys of a NIK or KK number begin with, 16 bytes."""
        subject = self._subject.copy()
        subject.update(digits.encode())
        return subject.digest()

    def _plain_half(self, right: str, account: str, service: str) -> bytes:
        if len(self._plain) >= KEPT:
            self._plain.clear()
        half = self._plain[right, account, service] = self._hashed(right, account, service)
        return half

    def _hashed(self, *parts: str) -> bytes:
        """Each part with its length before it, so that no two lists of parts look alike."""
        detail = self._detail.copy()
        for part in parts:
            text = part.encode()
            detail.update(len(text).to_bytes(4) + text)
        return detail.digest()


def _flat(elements: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(text for pair in elements for text in pair)
