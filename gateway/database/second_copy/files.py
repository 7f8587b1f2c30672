"""Second copies of files beside the database, such as sealed attachments: whole and synced, or not there.

```
<folder>/blobs/ab/ab12…     beside the database's own copy; a copy has the size and the time of change of its original
```

`KeptFiles` writes them while the gateway runs, for as long as the database's copy is in step: what is kept before a
receipt may be counted in it. `fill` copies whole folders, for backups and the way back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from gateway.database.second_copy.place import CopyRefused, fault_of
from gateway.durable import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gateway.database.second_copy.copier import SecondCopy

T = TypeVar("T")
PART: Final = ".part"
"""What names of copies in the making end with."""

_FAULTS: Final = (OSError, CopyRefused)  # a timeout is an OSError
_log = structlog.get_logger("gateway.database")


class KeptFiles:
    """The copies of one folder's files; none is written, looked at or deleted unless the database's copy is in step.

    A device that hangs holds up one thread, which nobody waits for longer than the copy's patience.

    Args:
        copy: The copy of the database that speaks of these files.
        source: Folder of the originals.
        name: Of their folder in the copy.
    """

    def __init__(self, copy: SecondCopy, source: Path, name: str) -> None:
        self._copy = copy
        self._source = source
        self._target = copy.place.folder / name
        self._turn = threading.Lock()
        self._lost = False

    @property
    def in_step(self) -> bool:
        """Whether copies may be written."""
        return self._copy.state == "in_step"

    async def keep(self, files: Sequence[Path]) -> bool:
        """Have files copied; whether all are there now, durably, as they are here. Raises nothing."""

        def work() -> bool:
            for file in files:
                keep(file, self._source, self._target)
            return True

        return await self._run(work) or False

    async def missing(self, files: Sequence[Path]) -> list[Path] | None:
        """Those of some files whose copies are not there as they are; None if nobody knows."""

        def work() -> list[Path]:
            return [file for file in files if file.exists() and not is_same(file, self._copied(file))]

        return await self._run(work)

    async def names(self) -> list[str] | None:
        """The names of all copies; None if nobody knows."""
        return await self._run(lambda: [file.name for file in _files(self._target, PART)])

    async def forget(self, files: Sequence[Path]) -> None:
        """Delete the copies of files."""

        def work() -> None:
            for file in files:
                self._copied(file).unlink(missing_ok=True)

        await self._run(work)

    def _copied(self, file: Path) -> Path:
        return self._target / file.relative_to(self._source)

    async def _run(self, work: Callable[[], T]) -> T | None:
        """The result of work in a thread of its own, one at a time; None if it failed or took too long."""
        if not self.in_step:
            return None
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()  # nobody who left takes it back: it ends by itself
        threading.Thread(target=self._work, args=(work, done), name="second-copy-files", daemon=True).start()
        try:
            async with asyncio.timeout(self._copy.place.patience):
                result = await asyncio.wrap_future(done)
        except _FAULTS as error:
            if not self._lost:
                _log.warning("database.copy.files_missing", fault=fault_of(error))
            self._lost = True
            return None
        self._lost = False
        return result

    def _work(self, work: Callable[[], T], done: Future[T]) -> None:
        try:
            if not self._turn.acquire(timeout=self._copy.place.patience):
                raise TimeoutError  # noqa: TRY301 # told to who waits, like all others
            try:
                self._copy.place.check(self._copy.database.parent)
                if self._source.exists():
                    self._copy.place.check(self._source)
                result = work()
            finally:
                self._turn.release()
        except BaseException as error:  # noqa: BLE001 # told to who waits
            done.set_exception(error)
        else:
            done.set_result(result)


def keep(file: Path, source: Path, target: Path) -> None:
    """Copy one file to the same place below another folder, unless it is there as it is; durable when this returns.

    Args:
        file: Below `source`; if it is changed meanwhile the copy is of neither state, and not the same afterwards.
        source: Folder of the originals.
        target: Folder of the copies; made where it is not there.

    Raises:
        OSError: It cannot be read or written.
    """
    copy = target / file.relative_to(source)
    if is_same(file, copy):
        sync_folder(copy.parent)  # who wrote it may have been killed before
        return
    for folder in reversed([copy.parent, *copy.parent.parents]):
        if folder.is_relative_to(target) and not folder.exists():
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)
    part = copy.with_name(copy.name + PART)
    try:
        with file.open("rb") as origin, open(part, "wb", opener=_private) as made:  # Path takes no opener
            facts = os.fstat(origin.fileno())
            shutil.copyfileobj(origin, made, 1 << 20)
            made.flush()
            os.utime(made.fileno(), ns=(facts.st_atime_ns, facts.st_mtime_ns))
            os.fsync(made.fileno())
        part.rename(copy)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(copy.parent)


def fill(source: Path, target: Path) -> int:
    """Copy every file that is not there yet; how many. Errors as of `keep`; a missing source has none.

    A file that is deleted meanwhile is left out.
    """
    count = 0
    for file in _files(source):
        if (target / file.relative_to(source)).exists():
            continue
        try:
            keep(file, source, target)
        except FileNotFoundError:
            if file.exists():
                raise
        else:
            count += 1
    return count


def is_same(file: Path, copy: Path) -> bool:
    """Whether a copy is of its original as it is now, told by size and time of change; False where there is none."""
    try:
        there = copy.stat()
    except FileNotFoundError:
        return False
    here = file.stat()
    return (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns)


def _files(folder: Path, *also: str) -> Iterator[Path]:
    if folder.is_dir():
        wanted = (file for file in sorted(folder.rglob("*")) if file.is_file())
        yield from (file for file in wanted if file.suffix != PART or PART in also)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
