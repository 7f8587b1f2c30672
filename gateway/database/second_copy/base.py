"""Makes the snapshot a log begins with, on a thread of its own while the log goes on."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, Final

from gateway.database.second_copy.log import base_file
from gateway.durable import sync_file, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_STEP: Final = 2048
"""Pages copied before it looks whether to stop."""


class Stopped(Exception):
    """The snapshot is not wanted any more."""


def write_snapshot(source: sqlite3.Connection, target: Path, tell: Callable[[int, int], None]) -> None:
    """Copy a database, page by page, into a new file of mode 600, and sync it.

    Args:
        source: In a read transaction, so that it stays as it is.
        target: Replaced if it is there.
        tell: Told pages left and pages in all; may raise to end it.

    Raises:
        sqlite3.Error, OSError: It could not be copied.
    """
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=OFF").close()
        copy.execute("PRAGMA synchronous=OFF").close()
        source.backup(copy, pages=_STEP, progress=lambda _status, left, whole: tell(left, whole))
    sync_file(target)


class Base:
    """A snapshot in the making.

    Args:
        source: What it is made of; closed when it is done.
        folder: Where the copy is.
        epoch: Its number.
        done: Called in its thread once it has ended.

    Attributes:
        ended: Whether it has ended.
        error: Why it is not there; None if it is.
    """

    def __init__(self, source: sqlite3.Connection, folder: Path, epoch: int, done: Callable[[], None]) -> None:
        self.ended = False
        self.error: Exception | None = None
        self._source = source
        self._folder = folder
        self._epoch = epoch
        self._done = done
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="second-copy-base", daemon=True)
        self._thread.start()

    def stop(self, within: float) -> None:
        """Give it up, and wait so long for it to end."""
        self._stopping = True
        self._thread.join(within)

    def _run(self) -> None:
        part = base_file(self._folder, self._epoch).with_suffix(".part")
        try:
            with contextlib.closing(self._source):
                write_snapshot(self._source, part, self._look)
            part.rename(base_file(self._folder, self._epoch))
            sync_folder(self._folder)
        except (OSError, sqlite3.Error, Stopped) as error:
            self.error = error
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        self.ended = True
        self._done()

    def _look(self, _left: int, _whole: int) -> None:
        if self._stopping:
            raise Stopped
