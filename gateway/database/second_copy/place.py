"""Where a second copy is kept, and whether it may be written there.

```
<folder>/second-copy.json        whose copy it is
<folder>/gateway.db/00000007.*   one folder for each database (`log`)
<folder>/blobs/ab/ab12…          files that belong to submissions (`files`)
<data>/gateway.db.copy.json      where the copy is, and how it is: for `doctor`, and to notice a folder that was emptied
```

A copy on the same disk burns with it, and the empty folder of a device that is not mounted looks like one: both are
refused, and so is the copy of another installation, which may be all that is left of it. A new device in place of one
that held the copy is told by an empty file `second-copy.new` on it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from gateway.durable import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

MARKER: Final = "second-copy.json"
"""Name of the file that says whose copy a folder holds."""

CONSENT: Final = "second-copy.new"
"""Name of the file by which an admin says that an empty folder is to hold the copy from now on."""


class CopyFault(StrEnum):
    """Why there is no second copy now."""

    SAME_DEVICE = "same_device"
    EMPTIED = "emptied"
    FOREIGN = "foreign"
    NOT_THERE = "not_there"
    READ_ONLY = "read_only"
    DISK_FULL = "disk_full"
    TOO_SLOW = "too_slow"
    INPUT_OUTPUT = "input_output"
    JOURNAL = "journal"


_ERRNOS: Final = {
    errno.ENOENT: CopyFault.NOT_THERE,
    errno.ENOTDIR: CopyFault.NOT_THERE,
    errno.ENODEV: CopyFault.NOT_THERE,
    errno.ENXIO: CopyFault.NOT_THERE,
    errno.EROFS: CopyFault.READ_ONLY,
    errno.EACCES: CopyFault.READ_ONLY,
    errno.EPERM: CopyFault.READ_ONLY,
    errno.ENOSPC: CopyFault.DISK_FULL,
    errno.EDQUOT: CopyFault.DISK_FULL,
    errno.EFBIG: CopyFault.DISK_FULL,
}


class CopyRefused(Exception):
    """The copy may not be written there."""

    def __init__(self, fault: CopyFault) -> None:
        super().__init__(fault)
        self.fault = fault


class Marker(msgspec.Struct, frozen=True):
    """Whose copy a folder holds."""

    owner: str
    format: int = 1


class Memo(msgspec.Struct, frozen=True):
    """What is remembered of a copy beside its database.

    Attributes:
        folder: Where the copy is; empty before its first time.
        state: How it is, as of the last change.
        fault: Why there is none; empty if there is.
        since: Unix seconds of that change.
    """

    folder: str
    state: Literal["in_step", "catching_up", "away", "stopped"]
    fault: str
    since: float


@dataclass(frozen=True, slots=True)
class CopyPlace:
    """Where the second copy of an installation is kept.

    Attributes:
        folder: On another device; it must be there.
        owner: Which installation this is.
        same_device: Whether a folder on the database's own device will do, as on a machine for trying out.
        patience: Seconds the writer waits for the copy before it gives the lesser receipt.
    """

    folder: Path
    owner: str
    same_device: bool = False
    patience: float = 2.0

    def of(self, database: Path) -> Path:
        """Folder of one database's copy."""
        return self.folder / database.name

    def check(self, beside: Path) -> None:
        """Look whether the folder is still the one that was entered, and apart from what lies in another.

        Raises:
            CopyRefused: It is not.
            OSError: It cannot be looked at.
        """
        if not self.same_device and self.folder.stat().st_dev == beside.stat().st_dev:
            raise CopyRefused(CopyFault.SAME_DEVICE)
        if not is_of(self.folder / MARKER, self.owner):
            raise CopyRefused(CopyFault.FOREIGN)

    def enter(self, database: Path) -> Path:
        """Folder of one database's copy, made where it is not there and may be.

        Raises:
            CopyRefused: The copy may not be written there.
            OSError: It cannot be.
        """
        if not self.same_device and self.folder.stat().st_dev == database.parent.stat().st_dev:
            raise CopyRefused(CopyFault.SAME_DEVICE)
        marker = self.folder / MARKER
        if marker.exists():
            if not is_of(marker, self.owner):
                raise CopyRefused(CopyFault.FOREIGN)
        else:
            memo, consent = read_memo(database), self.folder / CONSENT
            if memo is not None and memo.folder == str(self.folder) and not consent.exists():
                raise CopyRefused(CopyFault.EMPTIED)
            write_whole(marker, msgspec.json.encode(Marker(self.owner)))
            consent.unlink(missing_ok=True)
        own = self.of(database)
        own.mkdir(mode=0o700, exist_ok=True)
        sync_folder(self.folder)
        return own


def memo_file(database: Path) -> Path:
    """Where the memo of a database's copy is."""
    return database.with_name(database.name + ".copy.json")


def read_memo(database: Path) -> Memo | None:
    """The memo of a database's copy; None if there is none, or it cannot be read."""
    try:
        return msgspec.json.decode(memo_file(database).read_bytes(), type=Memo)
    except (OSError, msgspec.MsgspecError):
        return None


def is_of(marker: Path, owner: str) -> bool:
    """Whether a folder's marker names an installation; one that cannot be read names none."""
    try:
        return msgspec.json.decode(marker.read_bytes(), type=Marker).owner == owner
    except msgspec.MsgspecError:
        return False


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all, mode 600."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(path)
    sync_folder(path.parent)


def fault_of(error: Exception) -> CopyFault:
    """Why there is no second copy, by what was raised."""
    if isinstance(error, CopyRefused):
        return error.fault
    if isinstance(error, TimeoutError):
        return CopyFault.TOO_SLOW
    if isinstance(error, OSError):
        return _ERRNOS.get(error.errno or 0, CopyFault.INPUT_OUTPUT)
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return CopyFault.DISK_FULL
    return CopyFault.JOURNAL
