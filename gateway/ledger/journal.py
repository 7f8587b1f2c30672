"""Pages that are durable already and on their way into the ledger's SQLite file.

A commit of SQLite costs three times what it costs to write a few kilobytes into a file laid out beforehand. So a page
is written here first, and all pages of half a second are moved into the database together.

```
file    two halves; the one is written to while the pages of the other are moved
half    frames, one after the other, from the beginning each time it is written to anew
frame   length (4 bytes)  CRC-32 (4 bytes)  page, end and mark as MessagePack
```

What is torn, or was left behind by an earlier use of the half, is told apart without a mark: a torn frame does not fit
its CRC and was never answered for; an old one does not continue the chain. Whoever writes holds the file's lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from binascii import crc32
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.database import StorageFailed, StorageFault
from gateway.durable import sync_folder
from gateway.ledger.lines import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HALF: Final = 2 * 1024 * 1024
"""Bytes of a half."""

_HEAD: Final = 8
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Kept).decode


class Journal:
    """One journal file, locked and open; blocks, and is used by one thread at a time.

    Args:
        path: The file; made, mode 600, where it is missing.
        half: Bytes of a half.

    Attributes:
        half: Bytes of a half.
        room: Bytes left in the half that is written to.

    Raises:
        StorageFailed: It cannot be made or laid out, or another process writes to it (`LOCKED`).
    """

    def __init__(self, path: Path, half: int = HALF) -> None:
        self.half = half
        self._start = 0
        self.room = half
        with _as_storage_failure("no"):
            self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with _as_storage_failure("no"):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._lay_out(path)
        except BaseException:
            os.close(self._file)
            raise

    def pages(self) -> list[Kept]:
        """All whole pages found in either half, those left behind by an earlier use included."""
        found: list[Kept] = []
        with _as_storage_failure("no"):
            size = os.fstat(self._file).st_size
            for start in range(0, size, self.half):
                found += _frames(os.pread(self._file, self.half, start))
        return found

    def put(self, page: Kept) -> None:
        """Write a page; it is durable when this returns.

        Raises:
            StorageFailed: It may have been written or not (`executed` is `unknown`); the journal must not be used on.
        """
        frame = framed(page)
        if len(frame) > self.room:
            raise StorageFailed(StorageFault.EXHAUSTED)
        with _as_storage_failure("unknown"):
            if os.pwrite(self._file, frame, self._start + self.half - self.room) != len(frame):
                raise StorageFailed(StorageFault.INPUT_OUTPUT, executed="unknown")
            os.fdatasync(self._file)
        self.room -= len(frame)

    def turn(self) -> None:
        """Write to the other half from now on, from its beginning; its pages must have been moved."""
        self._start = self.half - self._start
        self.room = self.half

    def close(self) -> None:
        """Release the file; what is in it stays."""
        os.close(self._file)

    def _lay_out(self, path: Path) -> None:
        """Give every byte its place on the disk, so that a write changes nothing but the bytes."""
        missing = 2 * self.half - os.fstat(self._file).st_size
        if missing <= 0:
            return
        os.lseek(self._file, 0, os.SEEK_END)
        while missing > 0:
            missing -= os.write(self._file, bytes(min(missing, HALF)))
        os.fsync(self._file)
        sync_folder(path.parent)


def framed(page: Kept) -> bytes:
    """A page as it stands in the journal."""
    body = _encode(page)
    return len(body).to_bytes(4) + crc32(body).to_bytes(4) + body


def _frames(half: bytes) -> Iterator[Kept]:
    """The whole pages of a half, from its beginning up to the first that is torn or none."""
    at = 0
    while at + _HEAD <= len(half):
        length, check = int.from_bytes(half[at : at + 4]), int.from_bytes(half[at + 4 : at + _HEAD])
        body = half[at + _HEAD : at + _HEAD + length]
        if not body or len(body) < length or crc32(body) != check:
            return
        try:
            yield _decode(body)
        except msgspec.MsgspecError:
            return
        at += _HEAD + length


@contextlib.contextmanager
def _as_storage_failure(executed: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fault = _FAULTS.get(error.errno or 0, StorageFault.INPUT_OUTPUT)
        raise StorageFailed(fault, executed="unknown" if executed == "unknown" else "no") from None


_FAULTS = {
    errno.EWOULDBLOCK: StorageFault.LOCKED,
    errno.ENOSPC: StorageFault.DISK_FULL,
    errno.EDQUOT: StorageFault.DISK_FULL,
    errno.EROFS: StorageFault.READ_ONLY,
    errno.EACCES: StorageFault.READ_ONLY,
    errno.ENOENT: StorageFault.GONE,
    errno.ELOOP: StorageFault.GONE,
}
