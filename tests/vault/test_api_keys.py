"""Callers' keys: strong, readable, stored as a keyed hash, and told apart from junk without raising."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.api_keys import ALPHABET, hash_secret, new_key, parse, pepper_of, verify
from gateway.vault.keys import Keyring

PEPPER = b"p" * 32


def test_a_key_has_enough_randomness_and_the_documented_shape() -> None:
    """`sgw_<id>_<secret>` with 50 bits of id and 130 bits of secret, 5 bits a character."""
    key = new_key()
    assert key.text == f"sgw_{key.id}_{key.secret}"
    assert (len(ALPHABET), len(set(ALPHABET))) == (32, 32)
    assert (5 * len(key.id), 5 * len(key.secret)) == (50, 130)


def test_keys_do_not_repeat_and_use_the_whole_alphabet() -> None:
    """A thousand keys differ in id and secret, and every character occurs."""
    made = [new_key() for _ in range(1000)]
    assert len({key.id for key in made}) == len({key.secret for key in made}) == 1000
    assert set("".join(key.secret for key in made)) == set(ALPHABET)


def test_a_key_is_parsed_and_verified() -> None:
    """What a caller was given leads back to id and secret, and the secret matches its hash and no other's."""
    key, other = new_key(), new_key()
    assert parse(key.text) == (key.id, key.secret)
    hashed = hash_secret(key.secret, PEPPER)
    assert verify(key.secret, hashed, PEPPER)
    assert not verify(other.secret, hashed, PEPPER)
    assert not verify(key.secret, hashed, b"q" * 32)
    assert not verify(key.secret, hashed[:-1], PEPPER)


def test_no_secret_shows_in_a_repr() -> None:
    """A new key that ends up in a log shows its id only."""
    key = new_key()
    assert key.id in repr(key)
    assert key.secret not in repr(key)


@given(st.text())
def test_junk_is_no_key(text: str) -> None:
    """No text makes parsing or verifying raise; nothing but the exact shape is a key."""
    assert parse(text) is None
    assert not verify(text, bytes(32), PEPPER)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.upper(),
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace("sgw", "sgv"),
        lambda text: text.replace("_", "-"),
        lambda text: text[:-1] + "u",
        lambda text: text[:-1] + "\u0660",
    ],
    ids=["case", "short", "long", "newline", "blank", "prefix", "separator", "letter", "foreign digit"],
)
def test_nearly_a_key_is_no_key(change: Callable[[str], str]) -> None:
    """One change in shape, length or alphabet, and it is refused before any look-up."""
    assert parse(change(new_key().text)) is None


def test_the_hash_meets_rfc_4231() -> None:
    """The stored hash is HMAC-SHA256: test case 2 of the RFC."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hash_secret("what do ya want for nothing?", b"Jefe").hex() == digest


def test_the_pepper_is_derived_from_its_own_secret() -> None:
    """Neither the stored secret itself nor any other of the ring is the hash key."""
    ring = Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=PEPPER)
    assert len(pepper_of(ring)) == 32
    assert pepper_of(ring) not in {PEPPER, ring.index, ring.master(1)}
