"""A disk that loses power: what was written and not synced is kept, lost or spoilt, sector by sector.

```
xWrite ─► current, the sector is dirty ─► xSync ─► durable
                                     └─► cut ─► each dirty sector for itself: old, new or neither
```

Every operation may be the one during which the power goes; from then on all of them fail, until `cut` gives the disk as
the next start finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    import random

SECTOR = 512


@dataclass
class File:
    """A file: what programs see, what is safe, and which sectors differ."""

    current: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    dirty: set[int] = field(default_factory=set)

    def write(self, content: bytes, offset: int) -> None:
        """Write; a hole before it is zeros."""
        end = offset + len(content)
        if len(self.current) < end:
            self.current.extend(bytes(end - len(self.current)))
        self.current[offset:end] = content
        self.dirty.update(range(offset // SECTOR, -(-end // SECTOR)))

    def sync(self) -> None:
        """Make everything safe."""
        self.durable[:] = self.current
        self.dirty.clear()

    def cut(self, rng: random.Random) -> bytes:
        """What is left of it."""
        length = rng.choice((len(self.durable), len(self.current)))
        left = self.durable[:length].ljust(length, b"\0")
        for sector in self.dirty:
            place = slice(sector * SECTOR, min(length, (sector + 1) * SECTOR))
            size = max(0, place.stop - place.start)
            fate = rng.random()
            if fate < 0.5:
                left[place] = self.current[place].ljust(size, b"\0")
            elif fate < 0.6:
                left[place] = rng.randbytes(size)
        return bytes(left)


class Disk(apsw.VFS):
    """The disk, as a file system of SQLite's.

    Args:
        name: Name of the file system.
        files: What is on it.
        lives: Operations until the power goes.
    """

    def __init__(self, name: str, files: dict[str, bytes], lives: int) -> None:
        super().__init__(name, "")
        self.name = name
        self.files = {path: File(bytearray(content), bytearray(content)) for path, content in files.items()}
        self.lives = lives

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        """What the next start finds."""
        return {path: file.cut(rng) for path, file in self.files.items()}

    def spend(self) -> None:
        """Live through one more operation."""
        self.lives -= 1
        if self.lives < 0:
            raise apsw.IOError

    def xOpen(  # type: ignore[override] # noqa: N802 # APSW's name; it only has to look like one
        self, name: apsw.URIFilename | str | None, flags: list[int]
    ) -> OpenFile:
        """Open, and make it where it is not there."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        flags[1] = flags[0]
        return OpenFile(self, self.files.setdefault(path, File()))

    def xAccess(self, path: str, flags: int) -> bool:  # noqa: N802, ARG002 # APSW's name
        """Whether it is there."""
        return path in self.files

    def xDelete(self, path: str, sync: bool) -> None:  # noqa: N802, ARG002, FBT001 # APSW's name
        """Delete."""
        self.spend()
        self.files.pop(path, None)

    def xFullPathname(self, name: str) -> str:  # noqa: N802 # APSW's name
        """Names are whole."""
        return name

    def xSleep(self, microseconds: int) -> int:  # noqa: N802 # APSW's name
        """Nobody waits here."""
        return microseconds

    def xCurrentTime(self) -> float:  # noqa: N802 # APSW's name
        """A day like any other."""
        return 2_461_000.5

    def xRandomness(self, count: int) -> bytes:  # noqa: N802 # APSW's name
        """Salts."""
        return apsw.randomness(count) if count else b""

    def excepthook(self, *_error: object) -> bool:
        """What happens without power is told by the error code."""
        return True


class OpenFile:
    """One open file of the disk; nobody else has it."""

    def __init__(self, disk: Disk, file: File) -> None:
        self._disk = disk
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 # APSW's name
        """Read."""
        return bytes(self._file.current[offset : offset + amount])

    def xWrite(self, content: bytes, offset: int) -> None:  # noqa: N802 # APSW's name
        """Write; without power not, or in part."""
        if self._disk.lives == 0:
            self._file.write(content[: len(content) // 2], offset)
        self._disk.spend()
        self._file.write(content, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002 # APSW's name
        """Make it safe."""
        self._disk.spend()
        self._file.sync()

    def xTruncate(self, size: int) -> None:  # noqa: N802 # APSW's name
        """Cut it off."""
        self._disk.spend()
        del self._file.current[size:]

    def xFileSize(self) -> int:  # noqa: N802 # APSW's name
        """Its length."""
        return len(self._file.current)

    def xLock(self, level: int) -> None:  # noqa: N802 # APSW's name
        """Nobody else is there."""

    def xUnlock(self, level: int) -> None:  # noqa: N802 # APSW's name
        """The same."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802 # APSW's name
        """The same."""
        return False

    def xFileControl(self, operation: int, pointer: int) -> bool:  # noqa: N802, ARG002 # APSW's name
        """None is known."""
        return False

    def xSectorSize(self) -> int:  # noqa: N802 # APSW's name
        """Bytes written whole, if at all."""
        return SECTOR

    def xDeviceCharacteristics(self) -> int:  # noqa: N802 # APSW's name
        """Nothing is promised."""
        return 0

    def xClose(self) -> None:  # noqa: N802 # APSW's name
        """Close."""

    def excepthook(self, *_error: object) -> None:
        """What happens without power is told by the error code."""
