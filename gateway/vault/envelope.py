"""Seals bytes under a monthly key: AES-256-GCM (NIST SP 800-38D) with a header that names the key.

```
offset  0         1            3           5          17
        version 1 master u16   month u16   nonce 96   ciphertext and 128-bit tag
```

`month` is years times 12 plus month, less one, in UTC. The header's first five bytes and the caller's context are
authenticated with the text (the length of the header is fixed, so the two cannot be confused): sealed bytes open only
under the same purpose and context, so a value copied into another row is refused.

Bounds of GCM with random 96-bit nonces: at most 2**32 messages a key, for a chance of one repeated nonce below
2**-33. A key serves one purpose under one master for one month, so an instance group may seal 1,600 messages a second
without a pause, far above what it is built for. One message may have at most 2**31 - 1 bytes here.
"""

import os
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.vault.errors import TamperedError
from gateway.vault.keys import KeyId, Keyring, derive

OVERHEAD: Final = 33
"""Bytes that sealing adds: header 5, nonce 12, tag 16."""

_VERSION: Final = 1
_KEY_END: Final = 5
_NONCE_END: Final = 17
_KEPT_CIPHERS: Final = 64
_MONTHS: Final = 12


class Envelope:
    """Seals and opens for one purpose; may be shared by threads.

    Args:
        keyring: Where the keys come from.
        purpose: What is sealed (`cache`, `object-keys`); keys of different purposes are unrelated.
        clock: Seconds since 1970, for the month; only sealing asks it.
    """

    def __init__(self, keyring: Keyring, *, purpose: str, clock: Callable[[], float] = time.time) -> None:
        self._keyring = keyring
        self._purpose = purpose
        self._clock = clock
        # Derived keys stay for as long as they are in use; hostile headers only push each other out.
        self._cipher = lru_cache(maxsize=_KEPT_CIPHERS)(self._derive)
        self._day = -1
        self._header = b""

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt and authenticate.

        Args:
            plaintext: Any bytes.
            context: What the bytes belong to (table, row, column); must be given again to open.

        Returns:
            The sealed bytes, `OVERHEAD` longer.

        Raises:
            KeyMissingError: Never in practice: the sealing master is in the ring.
        """
        header = self._current_header()
        nonce = os.urandom(12)
        return header + nonce + self._cipher(header).encrypt(nonce, plaintext, header + context)

    def open_(self, sealed: bytes, *, context: bytes) -> bytes:
        """Check and decrypt.

        Args:
            sealed: What `seal` returned, here or on another instance with the same secrets.
            context: The context it was sealed for.

        Returns:
            The plaintext.

        Raises:
            TamperedError: The bytes were changed or cut, or belong to another purpose or context.
            KeyMissingError: The header names a master that is not in the ring; it may be forged.
        """
        if len(sealed) < OVERHEAD:
            raise TamperedError("too short")
        header = sealed[:_KEY_END]
        try:
            return self._cipher(header).decrypt(sealed[_KEY_END:_NONCE_END], sealed[_NONCE_END:], header + context)
        except InvalidTag:
            raise TamperedError(self._purpose) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the sealing master made these bytes; if not they should be sealed again after a rotation.

        Raises:
            TamperedError: They are no sealed bytes.
        """
        return key_id(sealed).master == self._keyring.current

    def _current_header(self) -> bytes:
        day = int(self._clock() // 86_400)
        if day != self._day:
            today = time.gmtime(day * 86_400)
            month = today.tm_year * _MONTHS + today.tm_mon - 1
            self._header = header_of(self._keyring.current) + month.to_bytes(2)
            self._day = day
        return self._header

    def _derive(self, header: bytes) -> AESGCM:
        key = key_id(header)
        return AESGCM(derive(self._keyring.master(key.master), "envelope", self._purpose, key.month))


def header_of(master: int) -> bytes:
    """What everything sealed under a master begins with, so that it can be looked for: three bytes."""
    return bytes((_VERSION,)) + master.to_bytes(2)


def key_id(sealed: bytes) -> KeyId:
    """Return the name of the key that sealed these bytes, as their header says; not authenticated.

    Raises:
        TamperedError: They are no sealed bytes.
    """
    if len(sealed) < _KEY_END or sealed[0] != _VERSION:
        raise TamperedError("unknown format")
    year, month = divmod(int.from_bytes(sealed[3:5]), _MONTHS)
    return KeyId(master=int.from_bytes(sealed[1:3]), month=f"{year:04d}-{month + 1:02d}")
