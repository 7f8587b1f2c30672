"""The key ring: loaded whole from a folder or an environment, rotated by adding, derived by HKDF, silent."""

import hashlib
import hmac
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.errors import (
    KeyMissingError,
    KeyUnreadableError,
    KeyUnwritableError,
    TamperedError,
    VaultError,
)
from gateway.vault.keys import LAST_MASTER, KeyId, Keyring, create_secrets, derive, environment_of, rotate

SECRET = bytes(range(32))


def hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 as RFC 5869 writes it, from the standard library alone."""
    key = hmac.digest(salt, secret, "sha256")
    block, out = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes((counter,)), hashlib.sha256)
        out += block
    return out[:length]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A secrets folder just made."""
    create_secrets(tmp_path / "secrets")
    return tmp_path / "secrets"


def test_a_rotation_adds_and_keeps(folder: Path) -> None:
    """After a rotation the new master is current, the old one is still there, and the other secrets are untouched."""
    before = Keyring.load(folder)
    assert rotate(folder) == "master-2"
    after = Keyring.load(folder)
    assert (before.current, after.current) == (1, 2)
    assert after.master(1) == before.master(1) != after.master(2)
    assert (after.index, after.pepper) == (before.index, before.pepper)


def test_there_is_nothing_to_rotate_before_creation(tmp_path: Path) -> None:
    """A folder without a master is not rotated, so that a wrong path does not get a lonely key."""
    with pytest.raises(KeyMissingError, match="create the secrets first"):
        rotate(tmp_path)


def test_the_numbers_of_masters_end(folder: Path) -> None:
    """The last number a header can name is not passed."""
    (folder / "master-1.key").rename(folder / f"master-{LAST_MASTER}.key")
    assert Keyring.load(folder).current == LAST_MASTER
    with pytest.raises(KeyUnreadableError, match="used up"):
        rotate(folder)


@pytest.mark.parametrize("name", ["index", "pepper", "master-1"])
def test_a_missing_secret_is_named(folder: Path, name: str) -> None:
    """The ring does not load without each of its secrets, and says which is missing."""
    (folder / f"{name}.key").unlink()
    with pytest.raises(KeyMissingError, match=name.split("-", maxsplit=1)[0]):
        Keyring.load(folder)


def test_an_unknown_master_is_missing(folder: Path) -> None:
    """Asking for a master that is not there names it."""
    with pytest.raises(KeyMissingError, match="master-7"):
        Keyring.load(folder).master(7)


def test_a_child_process_reads_the_same_ring(folder: Path) -> None:
    """The environment made from a folder loads the same secrets, several masters included."""
    rotate(folder)
    environment = environment_of(folder)
    assert sorted(environment) == [
        "SIAK_GATEWAY_SECRET_INDEX_FILE",
        "SIAK_GATEWAY_SECRET_LEDGER_FILE",
        "SIAK_GATEWAY_SECRET_MASTER_1_FILE",
        "SIAK_GATEWAY_SECRET_MASTER_2_FILE",
        "SIAK_GATEWAY_SECRET_PEPPER_FILE",
        "SIAK_GATEWAY_SECRET_SIGNING_FILE",
    ]
    assert Keyring.from_environ(environment | {"PATH": "/bin"}) == Keyring.load(folder)


def test_values_in_the_environment_work_and_strangers_are_left_alone() -> None:
    """Secrets may stand in the environment itself; other names with the same prefix belong to others."""
    environment = {
        "SIAK_GATEWAY_SECRET_MASTER_3": SECRET.hex(),
        "SIAK_GATEWAY_SECRET_INDEX": SECRET.hex(),
        "SIAK_GATEWAY_SECRET_PEPPER": f"{SECRET.hex()}\n",
        "SIAK_GATEWAY_SECRET_CENTRE_PASSWORD": "rahasia",
        "SIAK_GATEWAY_SECRET_MASTER": "not numbered",
        "SIAK_GATEWAY_SECRET_": "",
    }
    assert Keyring.from_environ(environment).current == 3


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"SIAK_GATEWAY_SECRET_INDEX": SECRET.hex()}, KeyUnreadableError, "keep one"),
        ({"SIAK_GATEWAY_SECRET_MASTER_2": "short"}, KeyUnreadableError, "MASTER_2: expected 64"),
        ({"SIAK_GATEWAY_SECRET_MASTER_2": "\udcff"}, KeyUnreadableError, "MASTER_2: expected 64"),
        ({"SIAK_GATEWAY_SECRET_MASTER_70000": SECRET.hex()}, KeyUnreadableError, "number"),
        ({"SIAK_GATEWAY_SECRET_PEPPER_FILE": "/nowhere/pepper.key"}, KeyMissingError, "nowhere"),
    ],
)
def test_a_wrong_environment_is_refused(
    folder: Path, change: dict[str, str], error: type[VaultError], says: str
) -> None:
    """Doubled, damaged, misnumbered and missing secrets each get their error, which shows no secret."""
    with pytest.raises(error, match=says) as caught:
        Keyring.from_environ(environment_of(folder) | change)
    assert SECRET.hex() not in str(caught.value)


def test_a_mounted_secret_may_be_readable_for_its_group(folder: Path) -> None:
    """Containers mount secrets as 440: named in the environment that passes, while readable for all does not."""
    (folder / "index.key").chmod(0o440)
    assert Keyring.from_environ(environment_of(folder)).current == 1
    (folder / "index.key").chmod(0o444)
    with pytest.raises(KeyUnreadableError, match=r"index\.key"):
        Keyring.from_environ(environment_of(folder))


def test_the_ring_refuses_secrets_of_another_length() -> None:
    """A short secret is no secret, also when it comes from a program."""
    with pytest.raises(KeyUnreadableError, match="32 bytes"):
        Keyring(masters={1: SECRET}, index=SECRET[:16], pepper=SECRET)


def test_the_ring_is_silent_and_immutable() -> None:
    """Neither `repr` nor a later change of the mapping given reveals or alters a secret."""
    masters = {1: SECRET}
    ring = Keyring(masters=masters, index=SECRET, pepper=SECRET)
    masters.clear()
    assert ring.current == 1
    assert repr(ring) == "Keyring()"
    assert isinstance(ring.masters, MappingProxyType)


def test_the_reference_hkdf_meets_rfc_5869() -> None:
    """The reference these tests compare with gives the RFC's first test case."""
    okm = hkdf(bytes(range(13)), b"\x0b" * 22, bytes(range(0xF0, 0xFA)), 42)
    assert okm.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"


@given(st.binary(min_size=32, max_size=32), st.lists(st.text(max_size=8), max_size=3))
def test_derived_keys_are_hkdf_over_the_label(secret: bytes, label: list[str]) -> None:
    """A derived key equals RFC 5869 over the length-prefixed parts of its label."""
    try:
        info = b"".join(len(part.encode()).to_bytes(2) + part.encode() for part in label)
    except UnicodeEncodeError:
        return
    assert derive(secret, *label) == hkdf(b"siak-gateway/vault/1", secret, info, 32)


def test_labels_cannot_be_shifted_into_each_other() -> None:
    """The same letters split differently give unrelated keys."""
    assert len({derive(SECRET, "ab", "c"), derive(SECRET, "a", "bc"), derive(SECRET, "abc"), derive(SECRET)}) == 4


def test_a_key_id_reads_as_master_and_month() -> None:
    """What is stored beside sealed data names the master and the month."""
    assert str(KeyId(master=2, month="2026-11")) == "2/2026-11"


@pytest.mark.parametrize("leaf", [VaultError, KeyMissingError, KeyUnreadableError, KeyUnwritableError, TamperedError])
def test_every_error_says_what_it_is(leaf: type[VaultError]) -> None:
    """The first line of an error's docstring is its message, a detail follows, and its code is stable."""
    summary = (leaf.__doc__ or "").splitlines()[0]
    assert str(leaf()) == summary
    assert str(leaf("var/secrets")) == f"{summary} var/secrets"
    assert (
        leaf.code
        == {
            VaultError: "vault",
            KeyMissingError: "key_missing",
            KeyUnreadableError: "key_unreadable",
            KeyUnwritableError: "key_unwritable",
            TamperedError: "tampered",
        }[leaf]
    )
