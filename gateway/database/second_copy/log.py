"""The files of a second copy, in a folder of the database's own.

```
00000007.base   a snapshot, renamed into place once it is whole and synced
00000007.log    what was committed since: a line that says what it follows, then records
00000008.log    goes on where 7 ended; once 00000008.base is there, all of 7 is deleted
```

A record holds what one group of commits changed:

```
offset 0      4         12     20        24      28           28 + n (4 + size)
       magic  number 64 at 64  pages 32  size 32 n 32  n × (page number 32, page)  BLAKE2b-128 of all before
```

It is appended and synced as a whole, so only the last one may be torn, and then nobody was told of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.database.second_copy.wal import Pages
from gateway.durable import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_MAGIC: Final = b"SGWC"
_RECORD: Final = struct.Struct(">4sQQIII")
_NUMBER: Final = struct.Struct(">I")
_SUM: Final = 16
_LONGEST_HEAD: Final = 4096
_NAME: Final = re.compile(r"([0-9]{8})\.(base|log)", re.ASCII)


class Follows(msgspec.Struct, frozen=True):
    """The log that this one continues.

    Attributes:
        epoch: Its number.
        records: How many records it had then.
    """

    epoch: int
    records: int


class Head(msgspec.Struct, frozen=True):
    """First line of a log.

    Attributes:
        epoch: Its number.
        follows: What it continues; None if only its own base leads to it.
        format: Version of this format.
    """

    epoch: int
    follows: Follows | None
    format: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One group of commits.

    Attributes:
        number: Counted from 1 within the log.
        at_ms: When it was copied, Unix milliseconds.
        pages: What it changed.
    """

    number: int
    at_ms: int
    pages: Pages


def base_file(folder: Path, epoch: int) -> Path:
    """Where a snapshot is."""
    return folder / f"{epoch:08d}.base"


def log_file(folder: Path, epoch: int) -> Path:
    """Where a log is."""
    return folder / f"{epoch:08d}.log"


def epochs(folder: Path) -> dict[str, set[int]]:
    """Numbers of the bases and logs that are there; empty where there is no folder."""
    found: dict[str, set[int]] = {"base": set(), "log": set()}
    with contextlib.suppress(FileNotFoundError):
        for file in folder.iterdir():
            if match := _NAME.fullmatch(file.name):
                found[match[2]].add(int(match[1]))
    return found


def forget_before(folder: Path, epoch: int) -> None:
    """Delete what came before a base."""
    there = epochs(folder)
    for old in sorted(there["base"] | there["log"]):
        if old < epoch:
            log_file(folder, old).unlink(missing_ok=True)
            base_file(folder, old).unlink(missing_ok=True)
    for part in folder.glob("*.part"):
        part.unlink(missing_ok=True)


def bytes_of_base(folder: Path, epoch: int) -> int:
    """How large a base is; 0 where there is none yet."""
    with contextlib.suppress(FileNotFoundError):
        return base_file(folder, epoch).stat().st_size
    return 0


class Log:
    """A log that is being written.

    Attributes:
        records: Records in it.
        bytes: Its length.
    """

    def __init__(self, folder: Path, epoch: int, follows: Follows | None) -> None:
        self.epoch = epoch
        self.records = 0
        self._path = log_file(folder, epoch)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.bytes = 0
        self._add(msgspec.json.encode(Head(epoch, follows)) + b"\n")
        sync_folder(folder)

    def append(self, pages: Pages, at_ms: int) -> None:
        """Add a record; it is durable when this returns.

        Raises:
            OSError: It could not be written, or the file is not there any more; it may be tried again.
        """
        head = _RECORD.pack(_MAGIC, self.records + 1, at_ms, pages.total, pages.size, len(pages.pages))
        parts = [head]
        for number, page in pages.pages.items():
            parts += (_NUMBER.pack(number), page)
        body = b"".join(parts)
        self._add(body + hashlib.blake2b(body, digest_size=_SUM).digest())
        self.records += 1

    def check(self) -> None:
        """See that the file is still the one that is found under its name.

        Raises:
            OSError: It was deleted or replaced.
        """
        here, named = os.fstat(self._file), os.stat(self._path)  # noqa: PTH116 # once for every commit
        if (here.st_dev, here.st_ino) != (named.st_dev, named.st_ino):
            raise FileNotFoundError(2, "replaced", str(self._path))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _add(self, content: bytes) -> None:
        """Append from the last durable byte on, whatever an attempt that failed left behind it."""
        os.ftruncate(self._file, self.bytes)
        done = 0
        while done < len(content):
            done += os.pwrite(self._file, content[done:], self.bytes + done)
        os.fdatasync(self._file)
        self.check()
        self.bytes += len(content)


def read_head(file: BinaryIO) -> Head | None:
    """The first line of a log; None if there is none, or of a version this one does not know."""
    try:
        head = msgspec.json.decode(file.readline(_LONGEST_HEAD), type=Head)
    except msgspec.MsgspecError:
        return None
    return head if head.format == 1 else None


def read_records(file: BinaryIO) -> Iterator[Record]:
    """The records behind the first line, up to the first one that is torn or damaged."""
    number = 0
    while len(raw := file.read(_RECORD.size)) == _RECORD.size:
        magic, count, at_ms, total, size, pages = _RECORD.unpack(raw)
        length = pages * (_NUMBER.size + size)
        number += 1
        if magic != _MAGIC or count != number or length > _left(file):
            return
        body = file.read(length)
        if file.read(_SUM) != hashlib.blake2b(raw + body, digest_size=_SUM).digest():
            return
        step = _NUMBER.size + size
        found = {_NUMBER.unpack_from(body, at)[0]: body[at + _NUMBER.size : at + step] for at in range(0, length, step)}
        yield Record(count, at_ms, Pages(size, total, found))


def _left(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size - file.tell()
