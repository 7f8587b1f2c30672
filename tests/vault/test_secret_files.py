"""Secrets on disk: made once, whole, for the owner only; refused when open to others or damaged."""

import contextlib
import multiprocessing
import os
import stat
import tempfile
from collections.abc import Iterator
from multiprocessing.pool import Pool
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.errors import KeyMissingError, KeyUnreadableError, KeyUnwritableError
from gateway.vault.keys import Keyring, create_secrets, rotate
from gateway.vault.secret_files import parse_secret, read_folder, read_secret, write_secret


def mode_of(path: Path) -> int:
    """Return the permission bits of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A secrets folder just made."""
    create_secrets(tmp_path / "var" / "secrets")
    return tmp_path / "var" / "secrets"


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Four fresh processes."""
    processes = multiprocessing.get_context("spawn").Pool(4)
    yield processes
    processes.close()  # not terminated: they end by themselves and keep their coverage
    processes.join()


def test_secrets_are_for_the_owner_only(folder: Path) -> None:
    """The folder is 700 and each file 600, whatever the umask; nothing half-made stays behind."""
    assert mode_of(folder) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == [
        "index.key",
        "ledger.key",
        "master-1.key",
        "pepper.key",
        "signing.key",
    ]
    assert {mode_of(path) for path in folder.iterdir()} == {0o600}


def test_creating_again_replaces_nothing(folder: Path) -> None:
    """A second call makes nothing and leaves every byte; a missing secret alone is made."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert create_secrets(folder) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "pepper.key").unlink()
    assert create_secrets(folder) == ["pepper"]


def test_a_retired_first_master_is_not_made_anew(folder: Path) -> None:
    """After a rotation the old master may be deleted, and creating does not bring another one in its place."""
    rotate(folder)
    (folder / "master-1.key").unlink()
    assert create_secrets(folder) == []
    assert Keyring.load(folder).masters.keys() == {2}


def test_secrets_differ_from_each_other(folder: Path) -> None:
    """No two secrets are alike, within a folder and between folders."""
    other = folder.parent / "other"
    create_secrets(other)
    assert len({*read_folder(folder).values(), *read_folder(other).values()}) == 10


def test_of_many_processes_each_secret_is_made_by_one(tmp_path: Path, pool: Pool) -> None:
    """Eight calls in four processes at once make three secrets in all, and every process loads the same ones."""
    folder = tmp_path / "secrets"
    made = [name for names in pool.map(create_secrets, [folder] * 8, chunksize=1) for name in names]
    assert sorted(made) == ["index", "ledger", "master-1", "pepper", "signing"]
    rings = pool.map(read_folder, [folder] * 4, chunksize=1)
    assert all(ring == rings[0] for ring in rings)
    assert not list(folder.glob(".new-*"))


def test_rotations_at_once_add_one_master_each(folder: Path, pool: Pool) -> None:
    """Six rotations in four processes give six masters, each named once."""
    names = pool.map(rotate, [folder] * 6, chunksize=1)
    assert sorted(names) == [f"master-{number}" for number in range(2, 8)]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o777])
def test_a_file_open_to_others_is_refused(folder: Path, mode: int) -> None:
    """Any permission for group or others on a secret stops the start and names file and cure."""
    (folder / "index.key").chmod(mode)
    with pytest.raises(KeyUnreadableError, match=r"index\.key.*chmod 600"):
        Keyring.load(folder)


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_open_to_others_is_refused(folder: Path, mode: int) -> None:
    """A folder that others may enter is refused for reading and for making."""
    folder.chmod(mode)
    with pytest.raises(KeyUnreadableError, match="chmod 700"):
        Keyring.load(folder)
    with pytest.raises(KeyUnreadableError, match="chmod 700"):
        create_secrets(folder)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"ab" * 31, b"ab" * 33, b"zz" * 32, b"\xff" * 64, b"a b" * 21 + b"a", b"ab" * 4000]
)
def test_a_damaged_file_is_refused_without_showing_it(folder: Path, content: bytes) -> None:
    """Anything but 64 hexadecimal digits is no secret, and the error quotes none of it."""
    path = folder / "pepper.key"
    path.write_bytes(content)
    with pytest.raises(KeyUnreadableError) as caught:
        read_secret(path)
    assert "pepper.key" in str(caught.value)
    assert len(content) < 31 or content[:31].decode("latin-1") not in str(caught.value)


def test_pipes_and_folders_are_no_secrets(folder: Path) -> None:
    """What is no regular file is refused at once, without waiting for a writer."""
    os.mkfifo(folder / "pipe.key", 0o600)
    (folder / "folder.key").mkdir(mode=0o700)
    for name in ("pipe.key", "folder.key"):
        with pytest.raises(KeyUnreadableError, match="not a regular file"):
            read_secret(folder / name)


def test_loops_of_links_are_unreadable(folder: Path) -> None:
    """An error of the file system becomes the vault's own error with its reason."""
    (folder / "loop.key").symlink_to("loop.key")
    with pytest.raises(KeyUnreadableError, match=r"loop\.key"):
        read_secret(folder / "loop.key")
    (folder.parent / "loop").symlink_to("loop")
    with pytest.raises(KeyUnreadableError, match="loop"):
        read_folder(folder.parent / "loop")


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    """No folder, no file: the error says which."""
    with pytest.raises(KeyMissingError, match="nowhere"):
        Keyring.load(tmp_path / "nowhere")
    with pytest.raises(KeyMissingError, match=r"index\.key"):
        read_secret(tmp_path / "index.key")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """Neither reading nor making takes a file for the folder, and making below a file fails with a reason."""
    blocker = tmp_path / "secrets"
    blocker.write_text("", encoding="utf-8")
    for use in (read_folder, create_secrets):
        with pytest.raises(KeyUnreadableError, match="not a folder"):
            use(blocker)
    with pytest.raises(KeyUnwritableError, match="secrets"):
        write_secret(blocker / "below", "index")


def test_a_full_name_table_leaves_nothing_behind(folder: Path) -> None:
    """When the final name cannot be made, the error is typed and the half-made file is gone."""
    with pytest.raises(KeyUnwritableError):
        write_secret(folder, "x" * 300)
    assert not list(folder.glob(".new-*"))


@given(st.binary(min_size=32, max_size=32))
def test_a_secret_is_read_as_written(secret: bytes) -> None:
    """Hexadecimal digits of either case, with blanks around them, give the bytes back."""
    assert parse_secret(f" {secret.hex().upper()}\r\n".encode(), origin="here") == secret


@given(st.binary(max_size=200))
def test_no_content_makes_reading_fail_otherwise(content: bytes) -> None:
    """Whatever a file holds, reading gives a secret or the vault's own error."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with contextlib.suppress(KeyUnreadableError):
            assert len(read_secret(Path(file.name))) == 32
