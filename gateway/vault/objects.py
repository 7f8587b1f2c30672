"""A key of its own for each object (a submission, a blob), so that one object can be shredded.

The key is made here, given out wrapped, and stored wrapped beside the object: whoever deletes the wrapped key has
deleted the object in every copy and backup of its payload. The wrapped key is an `envelope` of the purpose
`object-keys`; the object's own bytes are AES-256-GCM under the object key:

```
offset  0          1          13
        version    nonce 96   ciphertext and 128-bit tag
```

An object key seals a handful of parts, far below the bound of 2**32 messages.
"""

import os
import time
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.vault.envelope import Envelope
from gateway.vault.errors import TamperedError
from gateway.vault.keys import Keyring

OVERHEAD: Final = 29
"""Bytes that sealing under an object key adds: version 1, nonce 12, tag 16."""

_VERSION: Final = b"\x81"  # apart from an envelope's, so that neither is ever taken for the other
_NONCE_END: Final = 13


class ObjectKey:
    """Seals and opens the parts of one object; holds a secret, so it is silent in `repr` and never stored."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "ObjectKey()"

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt and authenticate one part of the object.

        Args:
            plaintext: Any bytes.
            context: Which part it is; must be given again to open.

        Returns:
            The sealed bytes, `OVERHEAD` longer.
        """
        nonce = os.urandom(12)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plaintext, _VERSION + context)

    def open_(self, sealed: bytes, *, context: bytes) -> bytes:
        """Check and decrypt one part of the object.

        Args:
            sealed: What `seal` returned.
            context: The context it was sealed for.

        Returns:
            The plaintext.

        Raises:
            TamperedError: The bytes were changed or cut, or belong to another object or context.
        """
        if len(sealed) < OVERHEAD or sealed[:1] != _VERSION:
            raise TamperedError("object: unknown format")
        try:
            return self._cipher.decrypt(sealed[1:_NONCE_END], sealed[_NONCE_END:], _VERSION + context)
        except InvalidTag:
            raise TamperedError("object") from None


class ObjectKeys:
    """Makes, wraps and unwraps object keys; may be shared by threads.

    Args:
        keyring: Where the wrapping keys come from.
        clock: Seconds since 1970, for the month of the wrapping key.
    """

    def __init__(self, keyring: Keyring, *, clock: Callable[[], float] = time.time) -> None:
        self._envelope = Envelope(keyring, purpose="object-keys", clock=clock)

    def new_object_key(self, *, context: bytes) -> tuple[ObjectKey, bytes]:
        """Make the key of a new object.

        Args:
            context: Which object it is (its id); must be given again to unwrap.

        Returns:
            The key, and its wrapped form to store beside the object; deleting that shreds the object.
        """
        key = AESGCM.generate_key(bit_length=256)
        return ObjectKey(key), self._envelope.seal(key, context=context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> ObjectKey:
        """Return the key of a stored object.

        Args:
            wrapped: As stored.
            context: Which object it is.

        Returns:
            The key.

        Raises:
            TamperedError: It was changed, or belongs to another object.
            KeyMissingError: It was wrapped under a master that is not in the ring.
        """
        return ObjectKey(self._envelope.open_(wrapped, context=context))

    def rewrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Wrap an object key again under the sealing master; the object's own bytes stay as they are.

        Args:
            wrapped: As stored.
            context: Which object it is.

        Returns:
            What to store instead; the same bytes when they are under the sealing master already.

        Raises:
            TamperedError: It was changed, or belongs to another object.
            KeyMissingError: It was wrapped under a master that is not in the ring.
        """
        key = self._envelope.open_(wrapped, context=context)
        return wrapped if self._envelope.is_current(wrapped) else self._envelope.seal(key, context=context)
