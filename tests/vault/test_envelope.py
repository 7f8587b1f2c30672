"""Envelopes: what is sealed opens only whole, only in its place, only with its key, also after rotations."""

from calendar import timegm
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.envelope import OVERHEAD, Envelope, key_id
from gateway.vault.errors import KeyMissingError, TamperedError, VaultError
from gateway.vault.keys import KeyId, Keyring, derive

NOVEMBER = timegm((2026, 11, 21, 12, 0, 0))
DECEMBER = timegm((2026, 12, 1, 0, 0, 0))


def ring(*masters: int) -> Keyring:
    """A ring of fixed secrets with these masters."""
    return Keyring(masters={number: bytes((number,)) * 32 for number in masters}, index=b"i" * 32, pepper=b"p" * 32)


def envelope(*masters: int, purpose: str = "cache", at: float = NOVEMBER) -> Envelope:
    """An envelope whose clock stands still."""
    return Envelope(ring(*masters), purpose=purpose, clock=lambda: at)


ENVELOPE = envelope(1)


@given(st.binary(max_size=4096), st.binary(max_size=64))
def test_what_is_sealed_opens(plaintext: bytes, context: bytes) -> None:
    """Any bytes for any context come back, and cost exactly the overhead."""
    sealed = ENVELOPE.seal(plaintext, context=context)
    assert len(sealed) == len(plaintext) + OVERHEAD
    assert ENVELOPE.open_(sealed, context=context) == plaintext


def test_every_changed_bit_is_refused() -> None:
    """No single bit of the sealed bytes can be flipped: header, nonce, text and tag are all guarded."""
    sealed = ENVELOPE.seal(b"biodata", context=b"row 1")
    for position in range(len(sealed) * 8):
        forged = bytearray(sealed)
        forged[position // 8] ^= 1 << position % 8
        with pytest.raises(VaultError):
            ENVELOPE.open_(bytes(forged), context=b"row 1")


def test_every_cut_and_every_addition_is_refused() -> None:
    """Sealed bytes open at their full length only."""
    sealed = ENVELOPE.seal(b"biodata", context=b"row 1")
    for shown in (*(sealed[:length] for length in range(len(sealed))), sealed + b"\0", b"\0" + sealed):
        with pytest.raises(TamperedError):
            ENVELOPE.open_(shown, context=b"row 1")


@given(st.binary(max_size=200))
def test_junk_is_refused(junk: bytes) -> None:
    """Bytes that were never sealed give the vault's own error and nothing else."""
    for shown in (junk, b"\x01\x00\x01" + junk):
        with pytest.raises((TamperedError, KeyMissingError)):
            ENVELOPE.open_(shown, context=b"")
    with pytest.raises(TamperedError):
        key_id(b"\x00" + junk)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_bytes_do_not_open_in_another_place(context: bytes, other: bytes) -> None:
    """A value copied into another row is refused, also when one context begins with the other."""
    sealed = ENVELOPE.seal(b"biodata", context=context)
    for wrong in {other, context + b"\0", b"\0" + context} - {context}:
        with pytest.raises(TamperedError):
            ENVELOPE.open_(sealed, context=wrong)


def test_purposes_do_not_open_each_other() -> None:
    """What was sealed for the cache is nothing to another purpose of the same ring."""
    sealed = ENVELOPE.seal(b"biodata", context=b"")
    with pytest.raises(TamperedError, match="object-keys"):
        envelope(1, purpose="object-keys").open_(sealed, context=b"")


def test_another_installation_opens_nothing() -> None:
    """Equal key ids of different secrets do not help."""
    strangers = Keyring(masters={1: b"x" * 32}, index=b"i" * 32, pepper=b"p" * 32)
    with pytest.raises(TamperedError):
        Envelope(strangers, purpose="cache").open_(ENVELOPE.seal(b"biodata", context=b""), context=b"")


def test_a_rotation_reads_old_and_writes_new() -> None:
    """With a second master the old bytes still open and are known as old; new bytes name the new master."""
    old, both = envelope(1), envelope(1, 2)
    sealed = old.seal(b"biodata", context=b"")
    assert both.open_(sealed, context=b"") == b"biodata"
    assert old.is_current(sealed)
    assert not both.is_current(sealed)
    assert key_id(both.seal(b"", context=b"")) == KeyId(master=2, month="2026-11")


def test_a_deleted_master_is_missing_not_tampered() -> None:
    """When the master is gone the error says which, so that its file can be put back."""
    with pytest.raises(KeyMissingError, match="master-1"):
        envelope(2).open_(ENVELOPE.seal(b"", context=b""), context=b"")


def test_a_new_month_has_a_new_key() -> None:
    """The key follows the clock, forward and back, and every month's bytes open at any time."""
    now = [float(NOVEMBER)]
    turning = Envelope(ring(1), purpose="cache", clock=lambda: now[0])
    sealed = []
    for moment in (NOVEMBER, DECEMBER - 1, DECEMBER, NOVEMBER):
        now[0] = float(moment)
        sealed.append(turning.seal(b"biodata", context=b""))
    assert [key_id(each).month for each in sealed] == ["2026-11", "2026-11", "2026-12", "2026-11"]
    assert {turning.open_(each, context=b"") for each in sealed} == {b"biodata"}


def test_threads_share_an_envelope() -> None:
    """Eight threads seal and open with one envelope over a turn of the month, and every value comes back."""
    moments = iter([float(NOVEMBER), float(DECEMBER)] * 2000)
    shared = Envelope(ring(1), purpose="cache", clock=lambda: next(moments))

    def round_trip(number: int) -> bytes:
        text = str(number).encode()
        return shared.open_(shared.seal(text, context=text), context=text)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(round_trip, range(2000))) == [str(number).encode() for number in range(2000)]


def test_nonces_do_not_repeat() -> None:
    """Equal texts for equal contexts never look alike."""
    sealed = {ENVELOPE.seal(b"biodata", context=b"") for _ in range(2000)}
    assert len({each[5:17] for each in sealed}) == 2000


def test_the_format_is_the_documented_one() -> None:
    """AES-256-GCM over the documented header, nonce and context opens what was sealed, without our code."""
    sealed = ENVELOPE.seal(b"biodata", context=b"row 1")
    assert sealed[:5] == bytes((1, 0, 1)) + (2026 * 12 + 10).to_bytes(2)
    key = derive(b"\x01" * 32, "envelope", "cache", "2026-11")
    assert AESGCM(key).decrypt(sealed[5:17], sealed[17:], sealed[:5] + b"row 1") == b"biodata"


def test_bytes_of_the_first_release_stay_readable() -> None:
    """Bytes sealed once and kept here open for ever, so that the format cannot change unnoticed."""
    kept = bytes.fromhex("0100015f0210f43dd86148cb74f5f63b6b9c0c62fa1c44e7a50396ee32ab85429bc678696ce22e13")
    assert ENVELOPE.open_(kept, context=b"row 1") == b"biodata"


def test_the_cipher_meets_the_standard() -> None:
    """The library's AES-256-GCM gives test case 16 of the GCM specification, so its parameters mean what we think."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = AESGCM(key).encrypt(nonce, plaintext, bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"))
    assert sealed.hex() == (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
