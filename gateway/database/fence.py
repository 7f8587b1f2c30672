"""Keep the revisions of an extension to its own tables, whatever statements they run.

| | how |
| --- | --- |
| SQLite | the authorizer: each statement is asked about before it runs, and refused |
| PostgreSQL | definitions of all relations, and the transaction's counts of changed rows, compared before and after |
| both | nobody ends the transaction; no triggers and no rules, which would write elsewhere later |

What is refused is undone with the rest of the transaction. This guards against mistakes: a revision is Python code
that could open the database by itself.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Owns = Callable[[str], bool]

_ENDS = re.compile(r"\s*(?:commit|abort|end|rollback(?!\s+(?:\w+\s+)?to\b)|prepare\s+transaction)\b", re.IGNORECASE)
_TEMPORARY = "_alembic_tmp_"
"""What Alembic's batch mode puts before a table's name while it copies it."""

_NAMED_FIRST = frozenset({
    sqlite3.SQLITE_ANALYZE,
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_CREATE_VTABLE,
    sqlite3.SQLITE_DELETE,
    sqlite3.SQLITE_DROP_TABLE,
    sqlite3.SQLITE_DROP_VIEW,
    sqlite3.SQLITE_DROP_VTABLE,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
})  # fmt: skip
_NAMED_SECOND = frozenset({sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_DROP_INDEX})
_HARMLESS = frozenset({
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_SAVEPOINT,
    sqlite3.SQLITE_SELECT,
})  # fmt: skip
_LOOKS = frozenset({
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
})  # fmt: skip

_DEFINITIONS = """
SELECT n.nspname, c.relname, 'relation',
       concat_ws(' ', c.oid, c.relfilenode, c.relkind, c.relowner, c.relacl, c.relrowsecurity)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind NOT IN ('i', 'I', 'S')
UNION ALL
SELECT n.nspname, c.relname, 'column',
       concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attisdropped,
                 pg_get_expr(d.adbin, d.adrelid))
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind NOT IN ('i', 'I', 'S') AND a.attnum > 0
UNION ALL
SELECT n.nspname, c.relname, 'constraint', concat_ws(' ', x.conname, pg_get_constraintdef(x.oid))
  FROM pg_constraint x JOIN pg_class c ON c.oid = x.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT n.nspname, c.relname, 'index', pg_get_indexdef(i.indexrelid)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT n.nspname, c.relname, 'policy', concat_ws(' ', p.oid, p.polname)
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT schemaname, relname, 'rows', concat_ws(' ', n_tup_ins, n_tup_upd, n_tup_del) FROM pg_stat_xact_user_tables
 WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""
_TRIGGERS = """
SELECT 'trigger ' || t.tgname, concat_ws(' ', t.oid, t.tgenabled) FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT 'rule ' || r.rulename, concat_ws(' ', r.oid, r.ev_enabled) FROM pg_rewrite r WHERE r.rulename <> '_RETURN'
"""


@contextmanager
def fenced(connection: sa.Connection, owns: Owns) -> Iterator[set[str]]:
    """Run revisions that may touch their own tables only.

    Args:
        connection: In the transaction of the revisions.
        owns: Whether a table, by its name, is theirs.

    Yields:
        What they touched, or tried to, that is not theirs; complete after the block, also where the block raises.
    """
    trespasses: set[str] = set()
    guard = _asked_before if connection.dialect.name == "sqlite" else _compared

    def ended(_connection: sa.Connection) -> None:
        trespasses.add("the transaction")
        raise sa.exc.InvalidRequestError("the transaction is not the revision's")

    event.listen(connection, "commit", ended)
    event.listen(connection, "rollback", ended)
    try:
        with guard(connection, owns, trespasses):
            yield trespasses
    finally:
        event.remove(connection, "commit", ended)
        event.remove(connection, "rollback", ended)


@contextmanager
def _asked_before(connection: sa.Connection, owns: Owns, trespasses: set[str]) -> Iterator[None]:
    def decide(action: int, first: str | None, second: str | None, schema: str | None, _cause: str | None) -> int:
        if _allowed(action, first or "", second or "", schema, owns):
            return sqlite3.SQLITE_OK
        trespasses.add(_touched(action, first, second))
        return sqlite3.SQLITE_DENY

    driver: Any = connection.connection.driver_connection
    driver.set_authorizer(decide)
    try:
        yield
    finally:
        driver.set_authorizer(None)


def _allowed(action: int, first: str, second: str, schema: str | None, owns: Owns) -> bool:
    if action in _HARMLESS:
        return True
    if action == sqlite3.SQLITE_PRAGMA:
        return first.lower() in _LOOKS
    if action == sqlite3.SQLITE_READ:
        # Without a column it is asked about names of subqueries too; nothing is read then but how many rows there are.
        return not second or _is_own(first, owns) or first.startswith("pragma_")
    if action in _NAMED_FIRST:
        return _is_own(first, owns) and (schema != "temp" or first.startswith("sqlite_"))
    return action in _NAMED_SECOND and _is_own(second, owns)


def _is_own(table: str, owns: Owns) -> bool:
    """Its own, or SQLite's books, which only definitions of tables write (`writable_schema` is not allowed)."""
    return owns(table.removeprefix(_TEMPORARY)) or table.startswith("sqlite_")


def _touched(action: int, first: str | None, second: str | None) -> str:
    if action == sqlite3.SQLITE_TRANSACTION:
        return "the transaction"
    if action in {sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_TRIGGER, sqlite3.SQLITE_DROP_TRIGGER}:
        return f"trigger {first}"
    return (second if action in _NAMED_SECOND else first) or "something else"


@contextmanager
def _compared(connection: sa.Connection, owns: Owns, trespasses: set[str]) -> Iterator[None]:
    def refuse_end(
        _connection: object, _cursor: object, statement: str, _given: object, _context: object, _many: object
    ) -> None:
        if any(_ENDS.match(each) for each in statement.split(";")):
            trespasses.add("the transaction")
            raise sa.exc.InvalidRequestError("the transaction is not the revision's")

    before = _state(connection, owns)
    event.listen(connection, "before_cursor_execute", refuse_end)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", refuse_end)
    trespasses |= {name for name, _ in before ^ _state(connection, owns)}


def _state(connection: sa.Connection, owns: Owns) -> set[tuple[str, str]]:
    """Everything that is not theirs, and all triggers and rules: name, and what it is like."""
    here = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    found = {
        (table if schema == here else f"{schema}.{table}", f"{what} {like}")
        for schema, table, what, like in connection.exec_driver_sql(_DEFINITIONS)
        if schema != here or not owns(table)
    }
    return found | {(name, like) for name, like in connection.exec_driver_sql(_TRIGGERS)}
