"""The thread that keeps the second copy, and what the writer asks it after each commit.

```
            base complete                    device slow, full, gone
catching_up ─────────────► in_step ◄──────────────────────────────► away
      ▲                       what was missed is in the journal: copied
      └────────────────────── away for longer, or something could not be followed: a new base
```

`covers` is the writer's question: is all that was committed durable in the copy? One `fdatasync` answers it for a whole
group. The answer is bounded in time and no while the copy is not `in_step`; the copier then goes on by itself.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import structlog

from gateway.database.second_copy.base import Base
from gateway.database.second_copy.log import Follows, Log, bytes_of_base, epochs, forget_before
from gateway.database.second_copy.place import (
    CopyFault,
    CopyPlace,
    CopyRefused,
    Memo,
    fault_of,
    memo_file,
    read_memo,
    write_whole,
)
from gateway.database.second_copy.tail import ContinuityLost, Tail
from gateway.database.second_copy.wal import WalUnreadable

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.database.second_copy.wal import Pages

__all__ = ["Bounds", "CopyPlace", "SecondCopy", "State"]

State = Literal["in_step", "catching_up", "away"]

TICK: Final = 1.0
"""Seconds after which it is looked what other processes committed."""

LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries, at most."""

BASE_AGAIN_AFTER: Final = 600.0
"""Seconds after which a base that could not be made is tried again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """When what is done for the copy is done anew.

    Attributes:
        frames: Frames of the journal after which it is brought into the database file, as SQLite does by itself.
        large: Bytes of a log after which a new base is made, unless the base is larger.
        let_go: Seconds without a copy after which the journal is not kept back for it; then a new base is made.
        piece: Frames of the journal that are copied at once, where much was missed; so much is held in memory.
    """

    frames: int = 1000
    large: int = 64 * 1024 * 1024
    let_go: float = 60.0
    piece: int = 2048


_FAULTS = (OSError, sqlite3.Error, CopyRefused, WalUnreadable, ContinuityLost)
_log = structlog.get_logger("gateway.database")


class SecondCopy:
    """Keeps the copy of one SQLite database.

    Args:
        database: Its file, migrated.
        place: Where the copy goes.
        bounds: When things are done anew.

    Attributes:
        database: Its file.
        place: Where the copy goes.
    """

    def __init__(self, database: Path, place: CopyPlace, bounds: Bounds | None = None) -> None:
        self.database = database
        self.place = place
        self._bounds = bounds or Bounds()
        self._changed = threading.Condition()
        self._state: State = "catching_up"
        self._fault = ""
        memo = read_memo(database)
        self._folder = "" if memo is None else memo.folder
        self._asked = self._done = 0
        self._scrubs = self._scrubbing = self._scrubbed = 0
        self._base_not_before = 0.0
        self._closing = False
        self._forced = False
        self._tail: Tail | None = None
        self._log: Log | None = None
        self._base: Base | None = None
        self._whole = False
        self._away_since: float | None = None
        self._round_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="second-copy", daemon=True)

    def start(self) -> None:
        """Begin to copy."""
        self._remember()
        self._thread.start()

    @property
    def state(self) -> State:
        """How the copy is."""
        return self._state

    @property
    def fault(self) -> str:
        """Why there is none; empty while there is."""
        return self._fault

    def covers(self) -> bool:
        """Whether all that is committed by now is durable in the copy; blocks until that is known, or too slow."""
        with self._changed:
            self._asked += 1
            mine = self._asked
            self._changed.notify_all()
            until = time.monotonic() + self.place.patience
            while self._state == "in_step" and self._done < mine and not self._closing:
                left = until - time.monotonic()
                if left <= 0:
                    self._set("away", CopyFault.TOO_SLOW)
                    break
                self._changed.wait(left)
            in_step = self._state == "in_step" and self._done >= mine
        if not in_step:
            self._free_journal()
        return in_step

    def scrub(self) -> None:
        """Have the journal emptied and a new base made, so that nothing deleted stays in the copy."""
        with self._changed:
            self._scrubs += 1
            self._changed.notify_all()

    def wait_until(self, state: State, within: float) -> bool:
        """Wait until the copy is in a state; False if it was not in that many seconds. For tests and commands."""
        with self._changed:
            return self._changed.wait_for(lambda: self._state == state, within)

    def wait_scrubbed(self, within: float) -> bool:
        """Wait until all that `scrub` asked for is done."""
        with self._changed:
            return self._changed.wait_for(lambda: self._scrubbed == self._scrubs, within)

    def close(self, within: float) -> bool:
        """Copy what is left and end; only after all other connections of this process to the database. Blocks.

        Returns:
            Whether it ended in time; its files stay open if not.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is None:
            return True
        self._thread.join(within)
        if self._thread.is_alive():
            return False
        if self._tail is not None:
            self._tail.close()
            self._tail = None
        self._remember("stopped")
        return True

    def _run(self) -> None:
        pause = TICK
        while not self._closing:
            try:
                self._follow()
            except _FAULTS as error:
                pause = TICK if self._whole else min(LONGEST_PAUSE, pause * 2)
                self._lost(error)
            finally:
                self._leave()
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._forced, pause)
                self._forced = False

    def _follow(self) -> None:
        """Make a base and follow the journal until something cannot be followed, or it ends."""
        folder = self.place.enter(self.database)
        self._folder = str(self.place.folder)
        tail = self._tail = self._tail or Tail(self.database, self._bounds.frames, self._bounds.piece)
        self._begin(folder, tail.begin(), None)
        while True:
            asked, closing = self._next()
            self._attempt(tail)
            if tail.is_long:
                with contextlib.suppress(sqlite3.OperationalError):  # somebody else writes: another time
                    tail.renew()
            self._answer(asked)
            if closing:
                return
            self._look_after(tail, folder)

    def _next(self) -> tuple[int, bool]:
        """Wait for a question, for work, or a tick; what is asked by now, and whether to end."""

        def wanted() -> bool:
            return self._closing or self._asked > self._done or (self._base is not None and self._base.ended)

        with self._changed:
            self._changed.wait_for(wanted, TICK)
            return self._asked, self._closing

    def _attempt(self, tail: Tail) -> None:
        """Copy what was committed since the last round; tried again for a while where the device fails."""
        pause = 0.05
        while True:
            try:
                self._copy_news(tail)
            except FileNotFoundError:
                raise
            except OSError as error:
                self._lost(error)
                with self._changed:
                    if self._closing or self._forced or self._away_for() > self._bounds.let_go:
                        raise
                    self._changed.wait_for(lambda: self._closing, pause)
                pause = min(TICK, pause * 2)
            else:
                return
            finally:
                self._round_since = None

    def _copy_news(self, tail: Tail) -> None:
        """Copy all that was committed, piece by piece."""
        more = True
        while more:
            self._round_since = time.monotonic()
            pages, end, more = tail.news()
            if self._forced:  # SQLite may have written over what was read
                raise ContinuityLost
            self._append(pages)
            tail.took(end)

    def _append(self, pages: Pages | None) -> Log:
        log = self._log
        if log is None:
            raise ContinuityLost
        if pages is None:
            log.check()
        else:
            log.append(pages, round(time.time() * 1000))
        return log

    def _answer(self, asked: int) -> None:
        with self._changed:
            if self._forced:
                raise ContinuityLost
            self._done = asked
            if self._whole:
                self._set("in_step", "")
            self._changed.notify_all()

    def _look_after(self, tail: Tail, folder: Path) -> None:
        """What need not be done before anybody is told: bases, and deleting what came before them."""
        if self._base is not None:
            if self._base.ended:
                self._finish_base(self._base, folder)
            return
        if time.monotonic() < self._base_not_before:
            return
        log, wanted = self._log, self._scrubs
        if wanted > self._scrubbed:
            self._base_not_before = time.monotonic() + TICK
            emptied, news = tail.truncate()
            self._append(news.pages)
            tail.took(news.end)
            if emptied and self._begin_anew(tail, folder):
                self._scrubbing = wanted
        elif log is not None and log.bytes > max(self._bounds.large, bytes_of_base(folder, log.epoch)):
            self._begin_anew(tail, folder)

    def _begin(self, folder: Path, source: sqlite3.Connection, follows: Follows | None) -> None:
        """Begin a log, and make its base of a connection that sees the database as it is at its beginning."""
        there = epochs(folder)
        epoch = max(there["base"] | there["log"], default=0) + 1
        try:
            log = Log(folder, epoch, follows)
        except BaseException:
            source.close()
            raise
        if self._log is not None:
            self._log.close()
        self._log = log
        self._base = Base(source, folder, epoch, self._wake)

    def _begin_anew(self, tail: Tail, folder: Path) -> bool:
        """Begin a log that continues the one there is, so that the copy stays in step; False if not in this round."""
        found = tail.cut()
        if found is None:
            return False
        news, source = found
        try:
            log = self._append(news.pages)
        except BaseException:
            source.close()
            raise
        tail.took(news.end)
        self._begin(folder, source, Follows(log.epoch, log.records))
        return True

    def _finish_base(self, base: Base, folder: Path) -> None:
        self._base = None
        log = self._log
        if base.error is not None or log is None:
            if base.error is None or not self._whole:
                raise base.error or ContinuityLost
            self._base_not_before = time.monotonic() + BASE_AGAIN_AFTER  # base and logs of before still lead here
            _log.error("database.copy.base_failed", database=self.database.name, fault=fault_of(base.error))
            return
        forget_before(folder, log.epoch)
        self._whole = True
        with self._changed:
            self._scrubbed = max(self._scrubbed, self._scrubbing)
        self._answer(self._done)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _lost(self, error: Exception) -> None:
        with self._changed:
            self._set("away", fault_of(error))

    def _leave(self) -> None:
        """Let go of the journal and of what was begun; the copy that is there stays."""
        if self._base is not None:
            self._base.stop(TICK)
            self._base = None
        if self._log is not None:
            self._log.close()
            self._log = None
        self._whole = False
        if self._tail is not None:
            self._tail.let_go()

    def _free_journal(self) -> None:
        """Where a device hangs: let SQLite use its journal anew, rather than have it grow for ever."""
        since, tail = self._round_since, self._tail
        if since is None or tail is None or time.monotonic() - since < self._bounds.let_go or self._forced:
            return
        with self._changed:
            self._forced = True
        tail.let_go()
        _log.error("database.copy.stuck")

    def _set(self, state: State, fault: str) -> None:
        """Change the state, with the lock held; told once, not for each try."""
        if state == self._state and fault == self._fault:
            return
        self._state, self._fault = state, fault
        if state == "in_step":
            self._away_since = None
            _log.info("database.copy.in_step", database=self.database.name)
        else:
            self._away_since = self._away_since or time.monotonic()
            _log.error("database.copy.lost", database=self.database.name, fault=fault)
        self._remember()
        self._changed.notify_all()

    def _away_for(self) -> float:
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    def _remember(self, state: Literal["stopped"] | None = None) -> None:
        """Tell `doctor`, and the next start."""
        memo = Memo(self._folder, state or self._state, self._fault, time.time())
        with contextlib.suppress(OSError):
            write_whole(memo_file(self.database), msgspec.json.encode(memo))
