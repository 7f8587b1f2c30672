"""The format of sealed drafts, made and read here by another library; the browser's tests read the same vectors."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

VECTORS = json.loads((Path(__file__).parent / "draft_vectors.json").read_text(encoding="utf-8"))
SOURCE = Path(__file__).resolve().parents[2] / "gateway/pages/assets/drafts_sealing.js"
ENOUGH = 600_000
"""Rounds that OWASP asks for with PBKDF2-HMAC-SHA-256."""


def key_of(vector: dict[str, Any]) -> AESGCM:
    """The key of a vector's passphrase."""
    derive = PBKDF2HMAC(SHA256(), 32, base64.b64decode(vector["salt"]), vector["iterations"])
    return AESGCM(derive.derive(vector["passphrase"].encode()))


def opened(vector: dict[str, Any]) -> bytes:
    """What a vector holds."""
    place = f"siak-draft/1|{vector['account']}|{vector['what']}".encode()
    record = vector["record"]
    return key_of(vector).decrypt(base64.b64decode(record["nonce"]), base64.b64decode(record["sealed"]), place)


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: str(vector["name"]))
def test_a_good_record_opens(vector: dict[str, Any]) -> None:
    """Passphrase, account and place together give the text."""
    assert opened(vector) == vector["text"].encode()
    assert vector["record"]["v"] == 1


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: str(vector["name"]))
def test_what_was_changed_or_moved_does_not_open(vector: dict[str, Any]) -> None:
    """Another passphrase, account or place, or a changed byte."""
    with pytest.raises(InvalidTag):
        opened(vector)


def test_the_browser_uses_enough_rounds() -> None:
    """Fewer would make a stolen browser's passphrases cheap to guess."""
    assert f"ITERATIONS = {ENOUGH};" in SOURCE.read_text(encoding="utf-8")
