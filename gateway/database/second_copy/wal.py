"""Reads committed pages out of SQLite's write-ahead log, by the formats SQLite documents (sqlite.org/walformat.html).

The WAL-index (`-shm`) says which frame is the last committed one: SQLite writes that only after the frames are synced.
Its header stands there twice; both are compared, as SQLite's own readers do.

SQLite's locks are POSIX locks on the `-shm` file, and a process that closes *any* descriptor of a file loses all its
locks on it. So a `Wal` is closed only after every connection of this process to that database.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INDEX: Final = struct.Struct("=IIIBBHII8s8s8s")
_WAL_HEADER: Final = 32
_FRAME: Final = struct.Struct(">II8s8s")
_TRIES: Final = 1000
_LARGEST_PAGE: Final = 65_536
_WORD: Final = 2**32


class WalUnreadable(Exception):
    """The write-ahead log is not as SQLite leaves it; nothing can be copied from it."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the log ends.

    Attributes:
        salt: Which use of the file it is: eight bytes, others each time it is begun anew.
        frame: Number of the last committed frame; 0 for none.
        page_size: Bytes of a page.
        changes: Counts the commits, whatever the use of the file; wraps.
    """

    salt: bytes
    frame: int
    page_size: int
    changes: int

    def commits_since(self, other: End) -> int:
        """How many commits lie between the two."""
        return (self.changes - other.changes) % _WORD


@dataclass(frozen=True, slots=True)
class Pages:
    """What some commits changed, the last state of each page.

    Attributes:
        size: Bytes of a page.
        total: Pages of the database after them.
        pages: Content by number of the page.
        commits: How many commits they are of.
    """

    size: int
    total: int
    pages: dict[int, bytes]
    commits: int = 1


class Wal:
    """The log of one database, open as long as the process has connections to it."""

    def __init__(self, database: Path) -> None:
        self._index = os.open(f"{database}-shm", os.O_RDONLY | os.O_CLOEXEC)
        self._frames = os.open(f"{database}-wal", os.O_RDONLY | os.O_CLOEXEC)

    def end(self) -> End:
        """Where it ends now.

        Raises:
            WalUnreadable: SQLite has not made it, or it is of another version.
        """
        for _ in range(_TRIES):
            both = os.pread(self._index, 2 * _INDEX.size, 0)
            first, second = both[: _INDEX.size], both[_INDEX.size :]
            if len(second) == _INDEX.size and first == second:
                break
        else:
            raise WalUnreadable("the index keeps changing, or is cut")
        _, _, changes, made, _, size, frame, _, _, salt, _ = _INDEX.unpack(first)
        if not made:
            raise WalUnreadable("the index is not made")
        return End(salt, frame, _LARGEST_PAGE if size == 1 else size, changes)

    def commits(self, after: int, end: End) -> int:
        """How many commits stand behind one frame, up to an end; args and errors as of `read`."""
        return sum(total > 0 for _, total, _ in self._frames_of(after, end, with_pages=False))

    def read(self, after: int, end: End, most: int) -> tuple[Pages, int]:
        """What was committed behind one frame, up to an end, or the first of it.

        Args:
            after: Number of the last frame that is known; 0 for none.
            end: Not beyond it; lies behind `after`.
            most: Frames after which the first commit that ends is the last one read: memory is bounded by so many, and
                one commit.

        Returns:
            What changed, and the number of the last frame that was read.

        Raises:
            WalUnreadable: What stands there is not what the index says.
        """
        pages: dict[int, bytes] = {}
        commits = total = 0
        for frame, (number, total, page) in enumerate(self._frames_of(after, end, with_pages=True), after + 1):
            pages[number] = page
            commits += total > 0
            if total and frame - after >= most:
                return Pages(end.page_size, total, pages, commits), frame
        return Pages(end.page_size, total, pages, commits), end.frame

    def close(self) -> None:
        """Close its files; only after all connections of this process."""
        os.close(self._index)
        os.close(self._frames)

    def _frames_of(self, after: int, end: End, *, with_pages: bool) -> Iterator[tuple[int, int, bytes]]:
        """Number of the page, pages of the database after it (0 within a commit), and the page of each frame."""
        step, total = _FRAME.size + end.page_size, 0
        length = step if with_pages else _FRAME.size
        for frame in range(after, end.frame):
            raw = self._pread(length, _WAL_HEADER + frame * step)
            number, total, salt, _ = _FRAME.unpack_from(raw)
            if salt != end.salt:
                raise WalUnreadable("a frame of another use of the file")
            yield number, total, raw[_FRAME.size :]
        if total == 0:
            raise WalUnreadable("it does not end with a commit")

    def _pread(self, length: int, offset: int) -> bytes:
        parts, got = [], 0
        while got < length:
            part = os.pread(self._frames, length - got, offset + got)
            if not part:
                raise WalUnreadable("it is shorter than the index says")
            parts.append(part)
            got += len(part)
        return b"".join(parts)
