"""Statements on the table of sessions, each a piece of work for `Database.write` or `Database.read`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from gateway.people.account_tables import PEOPLE, SESSIONS
from gateway.people.session_policy import StoredSession

if TYPE_CHECKING:
    from sqlalchemy.engine import RowMapping

    from gateway.people.session_policy import SessionLimits

_COLUMNS = tuple(SESSIONS.c[name] for name in StoredSession.__annotations__)


class Found(NamedTuple):
    """A session and whose it is.

    Attributes:
        session: As stored.
        account: The row of the account.
    """

    session: StoredSession
    account: RowMapping


def find(connection: sa.Connection, shown: bytes) -> Found | None:
    """The session that one of its hashes belongs to, and its account, if both still stand for one another."""
    for column in (SESSIONS.c.hash, SESSIONS.c.hash_next, SESSIONS.c.hash_before):
        row = connection.execute(sa.select(*_COLUMNS).where(column == shown).limit(1)).one_or_none()
        if row is not None:
            session = StoredSession(*row)
            living = sa.select(PEOPLE).where(
                PEOPLE.c.id == session.person,
                PEOPLE.c.generation == session.generation,
                PEOPLE.c.suspended_at.is_(None),
            )
            account = connection.execute(living).mappings().one_or_none()
            return None if account is None else Found(session, account)
    return None


def insert(connection: sa.Connection, session: StoredSession) -> None:
    """Store a new session."""
    connection.execute(sa.insert(SESSIONS).values({name: getattr(session, name) for name in _names()}))


def end(connection: sa.Connection, shown: bytes) -> None:
    """End the session that one of its hashes belongs to, if there is one."""
    mine = sa.or_(SESSIONS.c.hash == shown, SESSIONS.c.hash_next == shown, SESSIONS.c.hash_before == shown)
    connection.execute(sa.delete(SESSIONS).where(mine))


def end_named(connection: sa.Connection, id_: str) -> None:
    """End a session by its name."""
    connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.id == id_))


def offer(connection: sa.Connection, session: StoredSession, offered: bytes, now: float) -> bool:
    """Offer another token, unless another request did; whether it was offered."""
    same = (SESSIONS.c.id == session.id, SESSIONS.c.hash == session.hash, SESSIONS.c.renewed_at == session.renewed_at)
    change = sa.update(SESSIONS).where(*same).values(hash_next=offered, renewed_at=now, seen_at=now)
    return bool(connection.execute(change).rowcount)


def take(connection: sa.Connection, session: StoredSession, shown: bytes, now: float) -> None:
    """The token that was offered was shown: it is the token from now on."""
    offered = (SESSIONS.c.id == session.id, SESSIONS.c.hash_next == shown)
    values = {
        "hash": shown, "hash_next": None, "hash_before": session.hash, "taken_at": now, "seen_at": now,
        "renewed_at": now,
    }  # fmt: skip
    connection.execute(sa.update(SESSIONS).where(*offered).values(values))


def touch(connection: sa.Connection, session: StoredSession, now: float) -> None:
    """Note that somebody is there."""
    connection.execute(sa.update(SESSIONS).where(SESSIONS.c.id == session.id).values(seen_at=now))
    connection.execute(sa.update(PEOPLE).where(PEOPLE.c.id == session.person).values(seen_at=now))


def of_person(connection: sa.Connection, person: str) -> list[StoredSession]:
    """All sessions of an account, newest first."""
    mine = sa.select(*_COLUMNS).where(SESSIONS.c.person == person).order_by(SESSIONS.c.started_at.desc())
    return [StoredSession(*row) for row in connection.execute(mine)]


def sweep(connection: sa.Connection, now: float, limits: SessionLimits) -> int:
    """Delete sessions that are over; how many."""
    over = sa.or_(SESSIONS.c.started_at <= now - limits.lasts, SESSIONS.c.seen_at <= now - limits.idle)
    return connection.execute(sa.delete(SESSIONS).where(over)).rowcount


def _names() -> list[str]:
    return [column.name for column in _COLUMNS]
