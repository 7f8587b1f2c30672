"""How many copies hold what a group of writes committed; asked once for each group, in the writer's thread.

| | a second copy is |
| --- | --- |
| SQLite | `second_copy`: the pages of the commit, synced on another device |
| PostgreSQL | a synchronous standby that has flushed it: the server waits for it before it answers the commit |

A wrong *two* is never given; a wrong *one* may be, where nobody knows.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog
from sqlalchemy import exc

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from gateway.database.second_copy import SecondCopy

ASKED_EVERY: Final = 1.0
"""Seconds for which a server without a synchronous standby is taken to have none."""

AGAIN_AFTER: Final = 10.0
"""Seconds for which nothing waits for a standby that did not answer."""

_log = structlog.get_logger("gateway.database")
_IN_FORCE: Final = (
    "SELECT current_setting('synchronous_standby_names') <> ''"
    " AND current_setting('synchronous_commit') IN ('on', 'remote_apply')"
)


class Copies(Protocol):
    """Counts copies around one commit."""

    def before(self, connection: sa.Connection) -> None:
        """Look, in the transaction; errors as of any statement."""

    def after(self, connection: sa.Connection) -> int:
        """How many copies hold what was just committed; raises nothing."""

    def gave_up(self) -> None:
        """There was no commit after `before`, or it failed; raises nothing."""


class OneCopy:
    """Nothing keeps a second copy."""

    def before(self, connection: sa.Connection) -> None:
        """Nothing to look at."""

    def after(self, connection: sa.Connection) -> int:
        """One."""
        del connection
        return 1

    def gave_up(self) -> None:
        """Nothing was begun."""


class FileCopies:
    """A SQLite database and its second copy."""

    def __init__(self, copy: SecondCopy) -> None:
        self._copy = copy

    def before(self, connection: sa.Connection) -> None:
        """Nothing to look at."""

    def after(self, connection: sa.Connection) -> int:
        """Two, once the copy holds it."""
        del connection
        return 2 if self._copy.covers() else 1

    def gave_up(self) -> None:
        """Nothing was begun."""


class StandbyCopies:
    """A PostgreSQL server and its synchronous standby.

    A commit waits for a standby that is away for as long as it takes. After `patience` the wait is cancelled: then the
    commit holds here only, which the server tells by a warning; for a while nothing waits for the standby.

    Args:
        patience: Seconds to wait for the standby.
    """

    def __init__(self, patience: float = 2.0) -> None:
        self._patience = patience
        self._none_until = self._away_until = 0.0
        self._in_force = False
        self._warned = False
        self._watch: _Watch | None = None

    def before(self, connection: sa.Connection) -> None:
        """Whether the server waits for a standby; not for longer than it may."""
        self.gave_up()
        self._warned = False
        if time.monotonic() < self._none_until:
            return
        self._in_force = bool(connection.exec_driver_sql(_IN_FORCE).scalar_one())
        if not self._in_force:
            self._none_until = time.monotonic() + ASKED_EVERY
        elif time.monotonic() < self._away_until:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = local")
            self._in_force = False
        else:
            self._watch = _Watch(_driver(connection), self._told, self._patience)

    def after(self, connection: sa.Connection) -> int:
        """Two if it waited to the end, and still does."""
        if not self._in_force:
            return 1
        self.gave_up()
        try:
            still = bool(connection.exec_driver_sql(_IN_FORCE).scalar_one())
            connection.rollback()
        except exc.SQLAlchemyError:
            still = False
        if self._warned:
            self._away_until = time.monotonic() + AGAIN_AFTER
            _log.error("database.standby.lost", pause=AGAIN_AFTER)
        return 2 if still and not self._warned else 1

    def gave_up(self) -> None:
        """Watch no longer: what the connection does next is nobody's wait for a standby."""
        self._in_force = False
        if self._watch is not None:
            self._watch.end()
            self._watch = None

    def _told(self, notice: Any) -> None:
        self._warned = self._warned or notice.severity_nonlocalized == "WARNING"


class _Watch:
    """One commit that may wait for the standby for so long; `end` returns once nothing of it can cancel anything."""

    def __init__(self, driver: Any, told: Callable[[Any], None], patience: float) -> None:
        self._driver = driver
        self._told = told
        self._turn = threading.Lock()
        self._over = False
        driver.add_notice_handler(told)
        self._timer = threading.Timer(patience, self._cancel)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        self._timer.cancel()
        with self._turn:
            self._over = True
        self._driver.remove_notice_handler(self._told)

    def _cancel(self) -> None:
        with self._turn, contextlib.suppress(Exception):  # whatever it says: the commit ends, or the connection is gone
            if not self._over:
                self._driver.cancel_safe(timeout=1.0)


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection
