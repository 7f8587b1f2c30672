"""Signatures: only by the key, only over the message."""

from __future__ import annotations

import pytest

from gateway.vault.errors import KeyMissingError
from gateway.vault.keys import Keyring
from gateway.vault.signer import MARK_BYTES, SIGNATURE_BYTES, Signer, is_signed


def ring(ledger: bytes | None) -> Keyring:
    """A ring with that secret."""
    return Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32, ledger=ledger)


def test_a_signature_holds_for_its_message_and_key_only() -> None:
    """Another message, key, signature, or no key at all: not signed. The private key shows nowhere."""
    signer, other = Signer(ring(b"l" * 32)), Signer(ring(b"x" * 32))
    signature = signer.sign(b"message")
    assert len(signature) == SIGNATURE_BYTES
    assert is_signed(signer.public, b"message", signature)
    assert not is_signed(signer.public, b"massage", signature)
    assert not is_signed(other.public, b"message", signature)
    assert not is_signed(signer.public, b"message", signature[:-1])
    assert not is_signed("no key", b"message", signature)
    assert repr(signer) == f"Signer({signer.public})"


def test_a_mark_holds_for_its_message_and_secret_only() -> None:
    """Whoever has not the secret can make none."""
    signer, other = Signer(ring(b"l" * 32)), Signer(ring(b"x" * 32))
    mark = signer.mark(b"message")
    assert len(mark) == MARK_BYTES
    assert signer.is_marked(b"message", mark)
    assert not signer.is_marked(b"massage", mark)
    assert not other.is_marked(b"message", mark)
    assert not signer.is_marked(b"message", b"")


def test_without_the_secret_there_is_no_signer() -> None:
    """The error names the cure."""
    with pytest.raises(KeyMissingError, match="keys make"):
        Signer(ring(None))
