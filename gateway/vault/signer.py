"""Signs what is to be proven later, and checks it: Ed25519 (RFC 8032).

Beside it *marks*, keyed hashes at a twentieth of the cost, for what only the holder of the secret has to know again.

The private key is derived from the `ledger` secret, so that it is made, kept and restored with the other secrets. The
public key may be given to anybody; keep a copy of it away from this machine.
"""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.vault.errors import KeyMissingError
from gateway.vault.keys import derive

if TYPE_CHECKING:
    from gateway.vault.keys import Keyring

SIGNATURE_BYTES: Final = 64
"""Length of a signature."""

MARK_BYTES: Final = 32
"""Length of a mark."""


class Signer:
    """Signs under the key of an installation; may be shared by threads.

    Args:
        keyring: Holds the `ledger` secret.

    Attributes:
        public: The public key, 64 hexadecimal digits.

    Raises:
        KeyMissingError: The ring has no such secret.
    """

    def __init__(self, keyring: Keyring) -> None:
        if keyring.ledger is None:
            raise KeyMissingError(
                "ledger; cure: siak-gateway keys make, then name it by SIAK_GATEWAY_SECRET_LEDGER_FILE"
            )
        self._private = Ed25519PrivateKey.from_private_bytes(derive(keyring.ledger, "signing"))
        self.public = self._private.public_key().public_bytes_raw().hex()
        self._mark = blake2b(key=derive(keyring.ledger, "marking"), digest_size=MARK_BYTES)

    def __repr__(self) -> str:
        return f"Signer({self.public})"

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, `SIGNATURE_BYTES` bytes."""
        return self._private.sign(message)

    def mark(self, message: bytes) -> bytes:
        """The mark of a message, `MARK_BYTES` bytes."""
        mark = self._mark.copy()
        mark.update(message)
        return mark.digest()

    def is_marked(self, message: bytes, mark: bytes) -> bool:
        """Whether a holder of the same secret marked a message."""
        return compare_digest(self.mark(message), mark)


def is_signed(public: str, message: bytes, signature: bytes) -> bool:
    """Whether the holder of a key signed a message.

    Args:
        public: The public key, 64 hexadecimal digits; anything else has signed nothing.
        message: What should have been signed.
        signature: What should be its signature.
    """
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, message)
    except (ValueError, InvalidSignature):
        return False
    return True
