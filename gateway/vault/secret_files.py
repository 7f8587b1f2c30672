"""Makes and reads the secrets on disk.

A secret is 32 random bytes, written as 64 hexadecimal digits and a newline into `<name>.key`, mode 600, in a folder
of mode 700. Names: `master-1`, `master-2`, … (data keys), `index` (blind index), `pepper` (callers' keys),
`ledger` (signatures of the ledger), `signing` (the local test authority).

A file is written beside its name, synced, then linked to it: it appears whole or not at all, and what is there
already is never replaced, also with several processes at once. The folder should lie on another disk than the data.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.durable import sync_folder
from gateway.vault.errors import KeyMissingError, KeyUnreadableError, KeyUnwritableError

SECRET_BYTES: Final = 32
"""Length of every secret."""

SUFFIX: Final = ".key"
"""How the names of secret files end."""

OWNER_ONLY: Final = 0o077
"""Permission bits that a file in the secrets folder must not have."""

MOUNTED: Final = 0o037
"""The same for a file named in the environment: containers mount secrets readable for a group."""

_LONGEST_FILE: Final = 1024


def write_secret(folder: Path, name: str) -> bool:
    """Make a new secret and store it durably, unless one of that name exists.

    Args:
        folder: The secrets folder; made with mode 700 when it is not there.
        name: Name without suffix.

    Returns:
        Whether this call made it.

    Raises:
        KeyUnwritableError: The folder or file cannot be written.
        KeyUnreadableError: The folder is there, but others may read or change it.
    """
    try:
        _make_folder(folder)
        if (folder / f"{name}{SUFFIX}").exists():
            return False  # without writing: the folder may be mounted read-only
        with _new_file(folder, f"{secrets.token_hex(SECRET_BYTES)}\n".encode()) as written:
            made = _link(written, folder / f"{name}{SUFFIX}")
        sync_folder(folder)
    except OSError as error:
        raise KeyUnwritableError(f"{folder}: {error.strerror}") from error
    return made


def read_secret(path: Path, *, forbidden: int = OWNER_ONLY) -> bytes:
    """Read one secret.

    Args:
        path: The file.
        forbidden: Permission bits it must not have.

    Returns:
        The secret, `SECRET_BYTES` long.

    Raises:
        KeyMissingError: There is no such file.
        KeyUnreadableError: It cannot be read, is open to others, or holds no secret.
    """
    try:
        text = _read_checked(path, forbidden)
    except FileNotFoundError as error:
        raise KeyMissingError(f"{path}: no such file") from error
    except OSError as error:
        raise KeyUnreadableError(f"{path}: {error.strerror}") from error
    return parse_secret(text, origin=str(path))


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read every secret in a folder.

    Args:
        folder: The secrets folder.

    Returns:
        Secrets by name without suffix; empty when the folder holds none.

    Raises:
        KeyMissingError: There is no such folder.
        KeyUnreadableError: The folder or a file in it is open to others or cannot be used.
    """
    _check_folder(folder)
    return {path.name.removesuffix(SUFFIX): read_secret(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}


def secret_names(folder: Path) -> frozenset[str]:
    """Return the names of the secrets in a folder without reading them; empty when there is no such folder."""
    return frozenset(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))


def secret_path(folder: Path, name: str) -> Path:
    """Where a secret of a folder is."""
    return folder / f"{name}{SUFFIX}"


def erase_secret(folder: Path, name: str) -> None:
    """Overwrite a secret and delete its file; what a disk keeps of overwritten blocks is the disk's.

    Raises:
        KeyUnwritableError: The folder or the file cannot be written.
    """
    path = secret_path(folder, name)
    try:
        with path.open("r+b") as file:
            file.write(b"0" * path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(folder)
    except OSError as error:
        raise KeyUnwritableError(f"{path}: {error.strerror}") from error


def parse_secret(text: bytes, *, origin: str) -> bytes:
    """Turn 64 hexadecimal digits into a secret; blanks around them are ignored.

    Args:
        text: What the file or the environment holds.
        origin: Where it stands, for the error.

    Returns:
        The secret, `SECRET_BYTES` long.

    Raises:
        KeyUnreadableError: It is anything else; the message holds none of it.
    """
    digits = text.strip()
    expected = f"{origin}: expected {2 * SECRET_BYTES} hexadecimal digits"
    if len(digits) != 2 * SECRET_BYTES:
        raise KeyUnreadableError(expected)
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        raise KeyUnreadableError(expected) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        _check_folder(folder)
    else:
        sync_folder(folder.parent)


def _check_folder(folder: Path) -> None:
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError as error:
        raise KeyMissingError(f"{folder}: no such folder") from error
    except OSError as error:
        raise KeyUnreadableError(f"{folder}: {error.strerror}") from error
    if not stat.S_ISDIR(mode):
        raise KeyUnreadableError(f"{folder}: not a folder")
    if mode & OWNER_ONLY:
        raise KeyUnreadableError(f"{folder}: others may use this folder; cure: chmod 700")


def _read_checked(path: Path, forbidden: int) -> bytes:
    # Checked on the open file, so that it cannot be exchanged in between; without waiting, should it be a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check_mode(path, os.fstat(descriptor).st_mode, forbidden)
        return os.read(descriptor, _LONGEST_FILE)
    finally:
        os.close(descriptor)


def _check_mode(path: Path, mode: int, forbidden: int) -> None:
    if not stat.S_ISREG(mode):
        raise KeyUnreadableError(f"{path}: not a regular file")
    if mode & forbidden:
        raise KeyUnreadableError(f"{path}: others may read or change this file; cure: chmod 600")


@contextmanager
def _new_file(folder: Path, content: bytes) -> Iterator[Path]:
    path = folder / f".new-{secrets.token_hex(8)}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        yield path
    finally:
        path.unlink()


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    return True
