"""Object keys: one object, one key; without its wrapped key the object is gone."""

from calendar import timegm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.envelope import Envelope, key_id
from gateway.vault.errors import KeyMissingError, TamperedError, VaultError
from gateway.vault.keys import Keyring
from gateway.vault.objects import OVERHEAD, ObjectKeys

NOVEMBER = timegm((2026, 11, 21, 12, 0, 0))


def ring(*masters: int) -> Keyring:
    """A ring of fixed secrets with these masters."""
    return Keyring(masters={number: bytes((number,)) * 32 for number in masters}, index=b"i" * 32, pepper=b"p" * 32)


def keys(*masters: int) -> ObjectKeys:
    """Object keys wrapped under these masters, on a clock that stands still."""
    return ObjectKeys(ring(*masters), clock=lambda: NOVEMBER)


@given(st.binary(max_size=4096), st.binary(max_size=32), st.binary(max_size=32))
def test_a_stored_object_comes_back(plaintext: bytes, which: bytes, part: bytes) -> None:
    """Sealed under a new key and opened under the unwrapped one, the bytes are the same."""
    key, wrapped = keys(1).new_object_key(context=which)
    sealed = key.seal(plaintext, context=part)
    assert len(sealed) == len(plaintext) + OVERHEAD
    assert keys(1).unwrap(wrapped, context=which).open_(sealed, context=part) == plaintext


def test_every_changed_bit_is_refused() -> None:
    """No bit of the sealed part or of the wrapped key can be flipped."""
    key, wrapped = keys(1).new_object_key(context=b"7")
    sealed = key.seal(b"formulir", context=b"form")
    for position in range(len(sealed) * 8):
        with pytest.raises(TamperedError):
            key.open_(flipped(sealed, position), context=b"form")
    for position in range(len(wrapped) * 8):
        with pytest.raises(VaultError):
            keys(1).unwrap(flipped(wrapped, position), context=b"7")


def flipped(whole: bytes, position: int) -> bytes:
    """Return the bytes with one bit changed."""
    forged = bytearray(whole)
    forged[position // 8] ^= 1 << position % 8
    return bytes(forged)


def test_every_cut_is_refused() -> None:
    """A sealed part opens at its full length only."""
    key, _ = keys(1).new_object_key(context=b"7")
    sealed = key.seal(b"formulir", context=b"form")
    for length in range(len(sealed)):
        with pytest.raises(TamperedError):
            key.open_(sealed[:length], context=b"form")


def test_objects_do_not_open_each_other() -> None:
    """Neither another object's key, nor another part's name, nor another object's id opens anything."""
    ours, wrapped = keys(1).new_object_key(context=b"7")
    theirs, _ = keys(1).new_object_key(context=b"7")
    sealed = ours.seal(b"formulir", context=b"form")
    with pytest.raises(TamperedError):
        theirs.open_(sealed, context=b"form")
    with pytest.raises(TamperedError):
        ours.open_(sealed, context=b"receipt")
    with pytest.raises(TamperedError):
        keys(1).unwrap(wrapped, context=b"8")


def test_shredding_is_deleting_the_wrapped_key() -> None:
    """With every master at hand, an object whose wrapped key is gone does not open: its key is in none of them."""
    key, _ = keys(1).new_object_key(context=b"7")
    sealed = key.seal(b"formulir", context=b"form")
    for purpose in ("object-keys", "cache"):
        with pytest.raises(TamperedError):
            Envelope(ring(1), purpose=purpose).open_(sealed, context=b"form")


def test_a_rotation_rewraps_the_key_and_leaves_the_object() -> None:
    """A re-wrapped key opens the same bytes without the old master; done again it changes nothing."""
    key, wrapped = keys(1).new_object_key(context=b"7")
    sealed = key.seal(b"formulir", context=b"form")
    again = keys(1, 2).rewrap(wrapped, context=b"7")
    assert (key_id(wrapped).master, key_id(again).master) == (1, 2)
    assert keys(2).unwrap(again, context=b"7").open_(sealed, context=b"form") == b"formulir"
    assert keys(1, 2).rewrap(again, context=b"7") == again
    with pytest.raises(KeyMissingError):
        keys(2).unwrap(wrapped, context=b"7")


def test_a_key_does_not_show_itself() -> None:
    """`repr` of an object key holds nothing of it, and it cannot be given attributes."""
    key, _ = keys(1).new_object_key(context=b"7")
    assert repr(key) == "ObjectKey()"
    assert not hasattr(key, "__dict__")
