"""Secrets that travel in cookies, forms and links: made here, stored as keyed hashes only.

```
session    43 characters, 256 bits      cookie          stored: HMAC
form       nonce and HMAC of it with    form, header    stored: nothing; another one in each page, for a compressed
           the session's id                             page that repeats one secret could be made to tell it
device     nonce, HMAC with the name    cookie          stored: nothing; proves an earlier sign-in of that account here
code       16 characters, 80 bits       by hand         stored: HMAC; Crockford base32, read aloud without mistakes
```

Each kind has a key of its own, derived from the pepper: none can be taken for another.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Final

from gateway.vault.api_keys import ALPHABET
from gateway.vault.keys import derive

if TYPE_CHECKING:
    from gateway.vault.keys import Keyring

_NONCE: Final = 22
_MAC: Final = 16
_CODE: Final = 16
_RECOVERY: Final = 10
_ID: Final = 13
_GROUP: Final = 4
_READ_AS: Final = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


class Tokens:
    """Makes and checks tokens; may be shared by threads.

    Args:
        keyring: Holds the pepper.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keys = {
            kind: derive(keyring.pepper, "people", kind) for kind in ("session", "form", "device", "code", "guess")
        }

    def hash_of(self, token: str) -> bytes:
        """What is stored of a session's token; 32 bytes."""
        return self._mac("session", token)

    def hash_of_code(self, person: str, kind: str, code: str) -> bytes:
        """What is stored of a one-time code of a person; 32 bytes. It may be typed in any case, with any dashes."""
        return self._mac("code", person, kind, code[:64].lower().translate(_READ_AS))

    def guess_key(self, kind: str, *parts: str) -> bytes:
        """Under what guesses are counted: tells nobody who reads the table whose they are; 16 bytes."""
        return self._mac("guess", kind, *parts)[:_MAC]

    def form(self, bound_to: str) -> str:
        """A token for the forms of one session, or of one browser that has none yet."""
        nonce = secrets.token_urlsafe(16)
        return nonce + _text(self._mac("form", bound_to, nonce)[:_MAC])

    def is_form(self, token: str, bound_to: str) -> bool:
        """Whether a token was made for that session or browser."""
        nonce, mac = token[:_NONCE], token[_NONCE:]
        return bool(bound_to) and _same(mac, _text(self._mac("form", bound_to, nonce)[:_MAC]))

    def device(self, person: str) -> str:
        """A token that says that this browser has signed in as that person before."""
        nonce = secrets.token_urlsafe(16)
        return nonce + _text(self._mac("device", person, nonce)[:_MAC])

    def is_device(self, token: str, person: str) -> bool:
        """Whether a token says so of that person."""
        nonce, mac = token[:_NONCE], token[_NONCE:]
        return _same(mac, _text(self._mac("device", person, nonce)[:_MAC]))

    def _mac(self, kind: str, *parts: str) -> bytes:
        text = b"".join(len(part).to_bytes(4) + part for part in (one.encode("utf-8", "replace") for one in parts))
        return hmac.digest(self._keys[kind], text, "sha256")


def new_token() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """A random name of an account or a session, 65 bits; letters and digits, never long enough to pass for a NIK."""
    return "p" + _random(_ID - 1)


def new_code() -> str:
    """A set-up code, 80 bits: `7k2m-9xwq-4hbt-zd03`."""
    return _grouped(_random(_CODE))


def new_recovery_code() -> str:
    """A recovery code, 50 bits: `7k2m9-xwq4h`."""
    text = _random(_RECOVERY)
    return f"{text[:5]}-{text[5:]}"


def _grouped(text: str) -> str:
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _text(mac: bytes) -> str:
    return urlsafe_b64encode(mac).rstrip(b"=").decode()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())
