"""The blind index: the same number is found, and nothing else can be told from it."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.blind import INDEX_BYTES, BlindIndex
from gateway.vault.keys import Keyring, derive

DIGITS = st.text(alphabet="0123456789", min_size=16, max_size=16)


def index(*masters: int, purpose: str = "cache", secret: bytes = b"i" * 32) -> BlindIndex:
    """A blind index over fixed secrets."""
    return BlindIndex(
        Keyring(masters={number: bytes((number,)) * 32 for number in masters or (1,)}, index=secret, pepper=b"p" * 32),
        purpose=purpose,
    )


@given(DIGITS, DIGITS)
def test_equal_numbers_meet_and_others_do_not(first: str, second: str) -> None:
    """The index of a number is always the same, and differs from every other's."""
    assert (index().of("nik", first) == index().of("nik", second)) == (first == second)
    assert len(index().of("nik", first)) == INDEX_BYTES


@given(DIGITS)
def test_tables_cannot_be_joined(digits: str) -> None:
    """Another kind, another purpose and another installation give the same digits another index."""
    every = {
        index().of("nik", digits),
        index().of("no_kk", digits),
        index(purpose="ledger").of("nik", digits),
        index(secret=b"j" * 32).of("nik", digits),
    }
    assert len(every) == 4


def test_rotating_masters_changes_no_index() -> None:
    """The index depends on its own secret only, so what was stored before a rotation is found after it."""
    assert index(1).of("nik", "3527014101900001") == index(1, 2).of("nik", "3527014101900001")


def test_the_index_is_the_documented_hash() -> None:
    """HMAC-SHA256 under the derived key, cut to 128 bits, computed without our code."""
    key = derive(b"i" * 32, "blind", "cache", "nik")
    assert index().of("nik", "3527014101900001") == hmac.digest(key, b"3527014101900001", "sha256")[:16]


@pytest.mark.parametrize("junk", ["", "3527 0141", "٣٥", "NIK", "-1", "\ud800"])
def test_only_digits_are_indexed(junk: str) -> None:
    """Anything unchecked is refused, since it would never be found again; the error does not quote it."""
    with pytest.raises(ValueError, match="checked digits only") as caught:
        index().of("nik", junk)
    assert not junk or junk not in str(caught.value)
