"""Statements on the tables of callers, each a piece of work for `Database.write` or `Database.read`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from gateway.contract.errors import Conflict, NotFound
from gateway.contract.messages import Caller, Priority
from gateway.people.tables import CALLER_CHANGES, CALLER_KEYS, CALLERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import RowMapping

_LIVE_KEYS_AT_MOST = 4


class KeyFacts(msgspec.Struct, frozen=True):
    """One key of a caller, without anything secret.

    Attributes:
        number: Counted from 1 within the caller.
        created_at: Unix seconds.
        expires_at: Unix seconds; from then on it is refused.
        last_used_at: Unix seconds to within some minutes; None if it was never used.
    """

    number: int
    created_at: float
    expires_at: float
    last_used_at: float | None


class CallerFacts(msgspec.Struct, frozen=True):
    """A caller as admins see it.

    Attributes:
        caller: What it may do.
        created_at: Unix seconds.
        revoked_at: Unix seconds; None while it is not revoked.
        keys: Its keys, oldest first.
    """

    caller: Caller
    created_at: float
    revoked_at: float | None
    keys: tuple[KeyFacts, ...]


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key of a caller who is not revoked, as the hot path needs it.

    Attributes:
        caller: Whose key.
        number: Which of its keys.
        secret_hash: Hash of its secret.
        expires_at: Unix seconds.
    """

    caller: Caller
    number: int
    secret_hash: bytes
    expires_at: float


def version(connection: sa.Connection) -> int:
    """The version of all callers and keys; another number means something changed."""
    return int(connection.execute(sa.select(CALLER_CHANGES.c.version)).scalar_one())


def live_keys(connection: sa.Connection, now: float) -> tuple[int, list[StoredKey]]:
    """The version, read first, and all keys that are neither expired nor revoked."""
    at = version(connection)
    living = sa.select(CALLERS).where(CALLERS.c.revoked_at.is_(None))
    callers = {row["id"]: _caller(row) for row in connection.execute(living).mappings()}
    keys = sa.select(CALLER_KEYS).where(CALLER_KEYS.c.expires_at > now)
    found = [
        StoredKey(callers[row.caller], row.number, row.secret_hash, row.expires_at)
        for row in connection.execute(keys)
        if row.caller in callers
    ]
    return at, found


def every_caller(connection: sa.Connection) -> tuple[CallerFacts, ...]:
    """All callers by name, the revoked ones too."""
    keys: dict[str, list[KeyFacts]] = {}
    for row in connection.execute(sa.select(CALLER_KEYS).order_by(CALLER_KEYS.c.number)):
        facts = KeyFacts(row.number, row.created_at, row.expires_at, row.last_used_at)
        keys.setdefault(row.caller, []).append(facts)
    rows = connection.execute(sa.select(CALLERS).order_by(CALLERS.c.name, CALLERS.c.created_at)).mappings()
    return tuple(
        CallerFacts(_caller(row), row["created_at"], row["revoked_at"], tuple(keys.get(row["id"], ()))) for row in rows
    )


def insert(connection: sa.Connection, caller: Caller, secret_hash: bytes, *, now: float, expires_at: float) -> None:
    """Store a new caller and its first key.

    Raises:
        IntegrityError: Its name or id is there already.
    """
    row = {
        "id": caller.id,
        "name": caller.name,
        "right_name": caller.right,
        "village": caller.village,
        "adapter": caller.adapter,
        "purposes": _as_text(caller.purposes),
        "fields": _as_text(caller.fields),
        "priority": int(caller.priority),
        "may_skip_cache": caller.may_skip_cache,
        "created_at": now,
    }
    connection.execute(sa.insert(CALLERS).values(row))
    add_key(connection, caller.id, secret_hash, now=now, expires_at=expires_at)


def find_living(connection: sa.Connection, id_or_name: str) -> str:
    """The id of a caller who is not revoked, found by its id or else by its name; its row is locked.

    Raises:
        NotFound: There is none.
    """
    for column in (CALLERS.c.id, CALLERS.c.name):
        wanted = sa.select(CALLERS.c.id).where(column == id_or_name, CALLERS.c.revoked_at.is_(None))
        found = connection.execute(wanted.with_for_update()).scalar_one_or_none()
        if found is not None:
            return str(found)
    raise NotFound("there is no such caller, or it is revoked")


def add_key(connection: sa.Connection, caller: str, secret_hash: bytes, *, now: float, expires_at: float) -> None:
    """Give a caller another key.

    Raises:
        Conflict: It has as many live keys as a caller may have.
    """
    own = CALLER_KEYS.c.caller == caller
    live = connection.execute(sa.select(sa.func.count()).where(own, CALLER_KEYS.c.expires_at > now)).scalar_one()
    if live >= _LIVE_KEYS_AT_MOST:
        raise Conflict(f"this caller has {live} live keys; wait until one expires or rotate without overlap")
    last = connection.execute(sa.select(sa.func.max(CALLER_KEYS.c.number)).where(own)).scalar_one()
    row = {
        "caller": caller,
        "number": (last or 0) + 1,
        "secret_hash": secret_hash,
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(sa.insert(CALLER_KEYS).values(row))


def end_keys(connection: sa.Connection, caller: str, *, at: float) -> None:
    """Let all keys of a caller expire at that time, if they do not expire earlier."""
    ending = sa.update(CALLER_KEYS).where(CALLER_KEYS.c.caller == caller, CALLER_KEYS.c.expires_at > at)
    connection.execute(ending.values(expires_at=at))


def mark_revoked(connection: sa.Connection, caller: str, *, now: float) -> None:
    """Revoke a caller."""
    connection.execute(sa.update(CALLERS).where(CALLERS.c.id == caller).values(revoked_at=now))


def note_use(connection: sa.Connection, used: Mapping[tuple[str, int], float]) -> None:
    """Store when keys (caller, number) were last used; does not count as a change."""
    for (caller, number), at in used.items():
        this = sa.update(CALLER_KEYS).where(CALLER_KEYS.c.caller == caller, CALLER_KEYS.c.number == number)
        connection.execute(this.values(last_used_at=at))


def count_change(connection: sa.Connection) -> None:
    """Tell all processes that callers or keys changed; part of the change's own transaction."""
    connection.execute(sa.update(CALLER_CHANGES).values(version=CALLER_CHANGES.c.version + 1))


def _caller(row: RowMapping) -> Caller:
    return Caller(
        id=row["id"],
        name=row["name"],
        right=row["right_name"],
        village=row["village"],
        adapter=row["adapter"],
        purposes=_as_set(row["purposes"]),
        fields=_as_set(row["fields"]),
        priority=Priority(row["priority"]),
        may_skip_cache=row["may_skip_cache"],
    )


def _as_text(values: frozenset[str] | None) -> str | None:
    return None if values is None else msgspec.json.encode(sorted(values)).decode()


def _as_set(text: str | None) -> frozenset[str] | None:
    return None if text is None else msgspec.json.decode(text, type=frozenset[str])
