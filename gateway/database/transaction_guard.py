"""Notices work that broke the rules of a shared transaction, before others are told that theirs was stored.

PostgreSQL answers a commit of a failed transaction with a silent rollback; a work that swallowed its statement's error
would take all others with it. And work that commits or rolls back by itself ends what is not its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.database.errors import StatementRefused

if TYPE_CHECKING:
    import sqlalchemy as sa

_IDLE, _FAILED = 0, 3
"""`PQTRANS_IDLE` and `PQTRANS_INERROR` of libpq."""


class TransactionEnded(RuntimeError):
    """Work may neither commit nor roll back."""


class TransactionGuard:
    """Watches one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._transaction = connection.begin()
        self._raw: Any = connection.connection.dbapi_connection
        self._sqlite = connection.dialect.name == "sqlite"
        self._was_idle = True

    def check(self) -> None:
        """Look at the transaction after a piece of work.

        Raises:
            StatementRefused: The work went on after one of its statements had failed.
            TransactionEnded: The work committed or rolled back; what others did may be lost or stored.
        """
        if not self._transaction.is_active:
            raise TransactionEnded
        if self._sqlite:
            if not self._raw.in_transaction:
                raise TransactionEnded
        else:
            self._check_postgres(self._raw.pgconn.transaction_status)

    def _check_postgres(self, status: int) -> None:
        """The driver begins with the first statement: a transaction without any is idle."""
        if status == _FAILED:
            raise StatementRefused("the work went on after one of its statements had failed")
        if status == _IDLE and not self._was_idle:
            raise TransactionEnded
        self._was_idle = status == _IDLE
