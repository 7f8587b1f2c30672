"""Packets of recordings, sealed to the centre's public key: HPKE (RFC 9180), base mode.

X25519 with HKDF-SHA256, AES-256-GCM; `info` ends in the reference, so that a packet cannot be handed in under another
one. The key belongs to the mock's seed: a restarted mock opens what was sealed before. It protects nobody.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SUITE = "DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM"
"""Name of the one suite that is used."""

_suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class PacketKey:
    """The centre's key pair."""

    def __init__(self, seed: int) -> None:
        self._private = X25519PrivateKey.from_private_bytes(
            hashlib.sha256(f"mock-siak-packets:{seed}".encode()).digest()
        )
        self._public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(self._public).hexdigest()[:16]

    def document(self) -> dict[str, str]:
        """The public half, as JSON-ready data."""
        return {"key_id": self.key_id, "suite": SUITE, "key": base64.b64encode(self._public).decode()}

    def open(self, packet: bytes, reference: str) -> dict[str, Any] | None:
        """The content of a packet; None if it was not sealed for this key and reference, or is no JSON object."""
        try:
            content = msgspec.json.decode(_suite.decrypt(packet, self._private, info=_info(reference)))
        except (InvalidTag, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


def seal(content: bytes, public: bytes, reference: str) -> bytes:
    """A packet for the centre with the public key `public` (32 bytes)."""
    return _suite.encrypt(content, X25519PublicKey.from_public_bytes(public), info=_info(reference))


def _info(reference: str) -> bytes:
    return b"siak recording 1 " + reference.encode()
