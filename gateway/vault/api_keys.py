"""The keys of callers: `sgw_<id>_<secret>`, shown once, stored as a hash.

The id (50 bits) finds the row and may be logged; the secret (130 bits) proves the caller. Both are written in
lower-case Crockford base32, which has no letters that are read as digits; the prefix lets scanners find leaked keys.

The stored hash is HMAC-SHA256 under a pepper. A slow password hash protects secrets that people choose; 130 random
bits cannot be guessed at any speed, and a slow hash in front of every request would let anybody overload the gateway.
The pepper makes a stolen table useless for writing rows that match a key of the thief's own. Changing the pepper
invalidates every key.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from gateway.vault.keys import Keyring, derive

PREFIX: Final = "sgw"
"""What every key begins with."""

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford base32, lower case: 5 bits a character."""

_ID_LENGTH: Final = 10
_SECRET_LENGTH: Final = 26
_KEY: Final = re.compile(rf"{PREFIX}_([{ALPHABET}]{{{_ID_LENGTH}}})_([{ALPHABET}]{{{_SECRET_LENGTH}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; the only moment its secret exists here.

    Attributes:
        id: Finds the key; no secret.
        secret: Proves the caller; store only `hash_secret` of it.
        text: What the caller is given, `sgw_<id>_<secret>`.
    """

    id: str
    secret: str = field(repr=False)
    text: str = field(repr=False)


def new_key() -> NewKey:
    """Make a key from the system's random source."""
    key_id, secret = _random(_ID_LENGTH), _random(_SECRET_LENGTH)
    return NewKey(id=key_id, secret=secret, text=f"{PREFIX}_{key_id}_{secret}")


def parse(text: str) -> tuple[str, str] | None:
    """Split a key into id and secret; `None` for anything that is no key."""
    match = _KEY.fullmatch(text)
    return (match[1], match[2]) if match else None


def pepper_of(keyring: Keyring) -> bytes:
    """Return the key under which the secrets of callers are hashed; 32 bytes."""
    return derive(keyring.pepper, "api-keys")


def hash_secret(secret: str, pepper: bytes) -> bytes:
    """Return what to store of a secret: HMAC-SHA256 under the pepper, 32 bytes."""
    return hmac.digest(pepper, secret.encode("utf-8", "surrogatepass"), "sha256")


def verify(secret: str, hashed: bytes, pepper: bytes) -> bool:
    """Whether a secret is the one that was hashed; the time taken tells nothing about how much of it is right."""
    return hmac.compare_digest(hash_secret(secret, pepper), hashed)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
