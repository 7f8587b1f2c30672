"""One transaction full of work, committed once.

Run plainly, the first piece of work that fails breaks the transaction; run carefully, each piece stands behind its own
savepoint and a failing one undoes only itself, which on PostgreSQL costs three times as much.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import exc

from gateway.database.errors import StorageFailed, StorageFault, fault_of, is_passing, translate
from gateway.database.transaction_guard import TransactionEnded, TransactionGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

    from gateway.contract.errors import Executed
    from gateway.database.copies import Copies
    from gateway.database.ticket import Ticket

_log = structlog.get_logger()

_UNCERTAIN = frozenset({StorageFault.GONE, StorageFault.INPUT_OUTPUT, StorageFault.TOO_SLOW})
"""Faults of a commit after which nobody here knows whether it took place."""


class BatchLost(Exception):
    """The transaction is gone before its commit was asked for; nothing of it was kept.

    Attributes:
        cause: What the database, or the work, said.
        culprit: The work that broke it; None if it was none of them.
    """

    def __init__(self, cause: Exception, culprit: Ticket[Any] | None = None) -> None:
        super().__init__()
        self.cause = cause
        self.culprit = culprit

    @property
    def worth_repeating(self) -> bool:
        """Whether the batch, or the rest of it, may pass if it is begun anew at once."""
        return self.culprit is not None or is_passing(self.cause)


def commit(engine: sa.Engine, tickets: Sequence[Ticket[Any]], copies: Copies, *, seconds: float, careful: bool) -> int:
    """Run work in one transaction and commit it.

    Errors of the commit go into the tickets, and if careful those of the work.

    Args:
        engine: For writing.
        tickets: The work, in order.
        copies: Asked how many copies hold it, which the tickets are told.
        seconds: After which no further work is begun.
        careful: Put each piece of work behind its own savepoint.

    Returns:
        How many tickets were run; the rest had no time.

    Raises:
        BatchLost: The transaction broke before the commit.
        TransactionEnded: Some work committed or rolled back: nobody knows what was stored.
    """
    run = _run_carefully if careful else _run_plainly
    try:
        with engine.connect() as connection:
            guard = TransactionGuard(connection)
            done = _run_until(connection, tickets, time.monotonic() + seconds, partial(run, guard))
            copies.before(connection)
            _commit_watched(connection, tickets[:done], copies)
            return done
    except (exc.SQLAlchemyError, StorageFailed) as error:
        raise BatchLost(error) from None


def _commit_watched(connection: sa.Connection, tickets: Sequence[Ticket[Any]], copies: Copies) -> None:
    """Commit, and tell the tickets how many copies hold it, or why it failed."""
    try:
        connection.commit()
    except exc.SQLAlchemyError as error:
        copies.gave_up()
        _fail_commit(tickets, error)
    except BaseException:
        copies.gave_up()
        raise
    else:
        held_by = copies.after(connection)
        for ticket in tickets:
            ticket.copies = held_by


def fail(tickets: Sequence[Ticket[Any]], make_error: Callable[[], Exception]) -> None:
    """Give each ticket that has not failed by itself an error of its own."""
    concerned = [ticket for ticket in tickets if ticket.error is None]
    for ticket in concerned:
        ticket.error = make_error()
    if concerned:
        error = concerned[0].error
        fault = error.fault if isinstance(error, StorageFailed) else None
        _log.error("database.batch.failed", works=len(concerned), error=type(error).__name__, fault=fault)


def _run_until(
    connection: sa.Connection,
    tickets: Sequence[Ticket[Any]],
    until: float,
    run: Callable[[sa.Connection, Ticket[Any]], None],
) -> int:
    for place, ticket in enumerate(tickets):
        if place and time.monotonic() > until:
            return place
        ticket.error = None
        run(connection, ticket)
    return len(tickets)


def _run_plainly(guard: TransactionGuard, connection: sa.Connection, ticket: Ticket[Any]) -> None:
    try:
        ticket.run(connection)
        guard.check()
    except TransactionEnded:
        raise
    except Exception as error:  # noqa: BLE001 # whatever the work raised belongs to its own caller
        raise BatchLost(error, None if is_passing(error) else ticket) from None


def _run_carefully(guard: TransactionGuard, connection: sa.Connection, ticket: Ticket[Any]) -> None:
    connection.exec_driver_sql("SAVEPOINT work")
    try:
        ticket.run(connection)
        guard.check()
        connection.exec_driver_sql("RELEASE SAVEPOINT work")
    except TransactionEnded:
        raise
    except Exception as error:  # noqa: BLE001 # whatever the work raised belongs to its own caller
        _undo(connection, ticket, error)


def _undo(connection: sa.Connection, ticket: Ticket[Any], error: Exception) -> None:
    if is_passing(error):
        raise BatchLost(error)
    try:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT work")
        connection.exec_driver_sql("RELEASE SAVEPOINT work")
    except exc.SQLAlchemyError:
        raise BatchLost(error, ticket) from None
    ticket.error = translate(error)


def _fail_commit(tickets: Sequence[Ticket[Any]], error: exc.SQLAlchemyError) -> None:
    if isinstance(error, exc.IntegrityError):
        fail(tickets, lambda: translate(error))
        return
    fault = fault_of(error) or StorageFault.INPUT_OUTPUT
    executed: Executed = "unknown" if fault in _UNCERTAIN else "no"
    fail(tickets, lambda: StorageFailed(fault, executed=executed))
