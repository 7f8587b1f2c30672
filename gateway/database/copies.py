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


class OneCopy:
    """Nothing keeps a second copy."""

    def before(self, connection: sa.Connection) -> None:
        """Nothing to look at."""

    def after(self, connection: sa.Connection) -> int:
        """One."""
        del connection
        return 1


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
        self._timer: threading.Timer | None = None

    def before(self, connection: sa.Connection) -> None:
        """Whether the server waits for a standby; not for longer than it may."""
        self._warned = False
        if self._timer is not None:
            self._timer.cancel()
        if time.monotonic() < self._none_until:
            return
        self._in_force = bool(connection.exec_driver_sql(_IN_FORCE).scalar_one())
        if not self._in_force:
            self._none_until = time.monotonic() + ASKED_EVERY
        elif time.monotonic() < self._away_until:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = local")
            self._in_force = False
        else:
            self._watch(_driver(connection))

    def after(self, connection: sa.Connection) -> int:
        """Two if it waited to the end, and still does."""
        if not self._in_force:
            return 1
        self._in_force = False
        if self._timer is not None:
            self._timer.cancel()
        try:
            _driver(connection).remove_notice_handler(self._told)
            still = bool(connection.exec_driver_sql(_IN_FORCE).scalar_one())
            connection.rollback()
        except (exc.SQLAlchemyError, ValueError):
            still = False
        if self._warned:
            self._away_until = time.monotonic() + AGAIN_AFTER
            _log.error("database.standby.lost", pause=AGAIN_AFTER)
        return 2 if still and not self._warned else 1

    def _watch(self, driver: Any) -> None:
        with contextlib.suppress(ValueError):  # it stays where a commit failed
            driver.remove_notice_handler(self._told)
        driver.add_notice_handler(self._told)
        self._timer = threading.Timer(self._patience, _cancel, (driver,))
        self._timer.daemon = True
        self._timer.start()

    def _told(self, notice: Any) -> None:
        self._warned = self._warned or notice.severity_nonlocalized == "WARNING"


def _cancel(driver: Any) -> None:
    with contextlib.suppress(Exception):  # whatever it says: the commit ends, or the connection is gone
        driver.cancel_safe(timeout=1.0)


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection
