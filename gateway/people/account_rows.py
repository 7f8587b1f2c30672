"""Statements on the table of people, each a piece of work for `Database.write` or `Database.read`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from gateway.contract.errors import NotFound
from gateway.people.account_tables import CODES, PEOPLE, SESSIONS
from gateway.people.tokens import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import RowMapping


class SecondStepRow(NamedTuple):
    """What an account's second step needs.

    Attributes:
        wrapped_key: Key of the account, wrapped.
        secret: Its secret, sealed; None without a second step.
        offered: The secret of an enrolment that was begun, sealed; None without one.
    """

    wrapped_key: bytes
    secret: bytes | None
    offered: bytes | None


def every(connection: sa.Connection) -> Sequence[RowMapping]:
    """All accounts by user name."""
    return connection.execute(sa.select(PEOPLE).order_by(PEOPLE.c.user_name)).mappings().all()


def by_id(connection: sa.Connection, id_: str) -> RowMapping | None:
    """The account of that id."""
    return connection.execute(sa.select(PEOPLE).where(PEOPLE.c.id == id_)).mappings().one_or_none()


def by_user_name(connection: sa.Connection, user_name: str) -> RowMapping | None:
    """The account of that user name."""
    return connection.execute(sa.select(PEOPLE).where(PEOPLE.c.user_name == user_name)).mappings().one_or_none()


def insert(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Store a new account.

    Raises:
        IntegrityError: Its user name is there already.
    """
    connection.execute(sa.insert(PEOPLE).values(**row))


def change(connection: sa.Connection, id_: str, **values: object) -> None:
    """Change columns of an account.

    Raises:
        NotFound: There is none.
    """
    if not connection.execute(sa.update(PEOPLE).where(PEOPLE.c.id == id_).values(**values)).rowcount:
        raise NotFound


def end_sessions(connection: sa.Connection, id_: str) -> None:
    """End all sessions of an account, those too that another transaction is about to make.

    Raises:
        NotFound: There is no such account.
    """
    change(connection, id_, generation=PEOPLE.c.generation + 1)
    connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.person == id_))


def renew_sessions(connection: sa.Connection, id_: str) -> None:
    """Have each session of an account get another name and another token before it does anything else."""
    for (session,) in connection.execute(sa.select(SESSIONS.c.id).where(SESSIONS.c.person == id_)).all():
        anew = {"id": new_id(), "renewed_at": 0.0, "hash_next": None, "hash_before": None}
        connection.execute(sa.update(SESSIONS).where(SESSIONS.c.id == session).values(**anew))


def replace_codes(connection: sa.Connection, id_: str, kind: str, hashes: Sequence[bytes], until: float) -> None:
    """Put one-time codes of one kind in place of all earlier ones."""
    connection.execute(sa.delete(CODES).where(CODES.c.person == id_, CODES.c.kind == kind))
    if hashes:
        rows = [{"hash": one, "person": id_, "kind": kind, "until": until} for one in hashes]
        connection.execute(sa.insert(CODES), rows)


def use_code(connection: sa.Connection, id_: str, kind: str, hash_: bytes, now: float) -> bool:
    """Use up a one-time code; whether there was one."""
    mine = (CODES.c.hash == hash_, CODES.c.person == id_, CODES.c.kind == kind, CODES.c.until > now)
    return bool(connection.execute(sa.delete(CODES).where(*mine)).rowcount)


def has_code(connection: sa.Connection, id_: str, hash_: bytes, now: float) -> bool:
    """Whether an account has this one-time code."""
    mine = (CODES.c.hash == hash_, CODES.c.person == id_, CODES.c.until > now)
    return connection.execute(sa.select(CODES.c.kind).where(*mine)).first() is not None


def codes_left(connection: sa.Connection, id_: str, kind: str, now: float) -> int:
    """How many one-time codes of a kind an account has."""
    mine = (CODES.c.person == id_, CODES.c.kind == kind, CODES.c.until > now)
    return int(connection.execute(sa.select(sa.func.count()).select_from(CODES).where(*mine)).scalar_one())


def second_step(connection: sa.Connection, id_: str) -> SecondStepRow | None:
    """What an account's second step needs; None where there is no such account."""
    columns = (PEOPLE.c.wrapped_key, PEOPLE.c.sealed_totp, PEOPLE.c.sealed_totp_new)
    row = connection.execute(sa.select(*columns).where(PEOPLE.c.id == id_)).one_or_none()
    return None if row is None else SecondStepRow(*row)


def use_step(connection: sa.Connection, id_: str, step: int) -> bool:
    """Use up a time step and all before it; False where it, or a later one, was used already."""
    fresh = sa.or_(PEOPLE.c.totp_step.is_(None), PEOPLE.c.totp_step < step)
    used = sa.update(PEOPLE).where(PEOPLE.c.id == id_, fresh).values(totp_step=step)
    return bool(connection.execute(used).rowcount)


def sweep(connection: sa.Connection, now: float) -> int:
    """Delete one-time codes that have expired; how many."""
    return connection.execute(sa.delete(CODES).where(CODES.c.until <= now)).rowcount
