"""SHA-256 of received PDFs: what pins them, apart from `pades` so that who only compares loads no PDF library."""

from __future__ import annotations

import hashlib
import hmac


def digest_of(pdf: bytes) -> str:
    """What pins a received PDF, lower-case hexadecimal."""
    return hashlib.sha256(pdf).hexdigest()


def is_itself(pdf: bytes, digest: str) -> bool:
    """Whether these are the very bytes that were received."""
    return hmac.compare_digest(digest_of(pdf), digest)
