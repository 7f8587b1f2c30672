"""Who is signed in: sessions behind random tokens of which only hashes are stored; see `session_policy`.

Each request reads the session and its account, so that a suspension, a changed role or a sign-out everywhere holds
from the next request on, in every instance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from gateway.contract.errors import SignInNeeded
from gateway.people import session_rows
from gateway.people.session_policy import StoredSession, Worth, worth
from gateway.people.tokens import new_id, new_token

if TYPE_CHECKING:
    import sqlalchemy as sa

    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.people.account import Account
    from gateway.people.accounts import Accounts
    from gateway.people.session_policy import SessionLimits, Stage
    from gateway.people.session_rows import Found
    from gateway.people.tokens import Tokens

NOTED_EVERY: Final = 60.0
"""Seconds between two notes of when somebody was last there."""

_log = structlog.get_logger("gateway.people")


class Session(NamedTuple):
    """Who is signed in, how far, and what the browser is to be given.

    Attributes:
        id: Names the session.
        account: Whose it is.
        stage: How far the sign-in is.
        token: A new token for the cookie; empty where the browser keeps the one it has.
    """

    id: str
    account: Account
    stage: Stage
    token: str = ""

    def __repr__(self) -> str:
        return f"Session({self.id})"


class Sessions:
    """The sessions of one installation.

    Args:
        database: Holds them.
        clock: The gateway's clock.
        tokens: Hashes tokens.
        accounts: Whose they are.
        limits: How long they last; replaced on a reload.
    """

    def __init__(
        self, database: Database, clock: Clock, tokens: Tokens, accounts: Accounts, limits: SessionLimits
    ) -> None:
        self._database = database
        self._clock = clock
        self._tokens = tokens
        self._accounts = accounts
        self.limits = limits

    async def begin(self, account: Account, stage: Stage, *, instead_of: str = "") -> Session:
        """Begin a session; the one this browser had, whosever it was, ends in the same transaction.

        Args:
            account: Whose.
            stage: How far the sign-in is.
            instead_of: Token the browser showed; empty for none.

        Raises:
            StorageUnavailable: Nothing was stored.
        """
        now, token, id_ = self._clock.now(), new_token(), new_id()
        hash_ = self._tokens.hash_of(token)
        before = self._tokens.hash_of(instead_of) if instead_of else None
        session = StoredSession(id_, account.id, account.generation, stage, hash_, None, None, now, now, now, now)

        def store(connection: sa.Connection) -> None:
            if before is not None:
                session_rows.end(connection, before)
            session_rows.insert(connection, session)
            if stage == "open":
                session_rows.touch(connection, session, now)

        await self._database.write(store)
        return Session(id_, account, stage, token)

    async def find(self, token: str, *, renew: bool = True) -> Session:
        """Who shows a token.

        Args:
            token: From the cookie.
            renew: Whether the answer can give the browser another one; not where it gives one of its own.

        Raises:
            SignInNeeded: There is no such session, or it has ended.
            StorageUnavailable: Nobody knows.
        """
        if not token:
            raise SignInNeeded
        shown = self._tokens.hash_of(token)
        found = await self._database.read(lambda connection: session_rows.find(connection, shown))
        if found is None:
            raise SignInNeeded
        now = self._clock.now()
        verdict = worth(found.session, shown, now, self.limits)
        if verdict in {Worth.OVER, Worth.COPIED}:
            await self._end(found, verdict)
            raise SignInNeeded
        if verdict is Worth.RENEW and not renew:
            verdict = Worth.GOOD
        return await self._admit(found, verdict, shown, now)

    async def _admit(self, found: Found, verdict: Worth, shown: bytes, now: float) -> Session:
        session, account = found.session, self._accounts.account(found.account)
        if verdict is Worth.RENEW:
            token = new_token()
            offered = self._tokens.hash_of(token)
            is_ours = await self._database.write(
                lambda connection: session_rows.offer(connection, session, offered, now)
            )
            return Session(session.id, account, session.stage, token if is_ours else "")
        if verdict is Worth.TAKE:
            await self._database.write(lambda connection: session_rows.take(connection, session, shown, now))
        elif now - session.seen_at >= NOTED_EVERY:
            await self._database.write(lambda connection: session_rows.touch(connection, session, now))
        return Session(session.id, account, session.stage)

    async def _end(self, found: Found, verdict: Worth) -> None:
        id_ = found.session.id
        if verdict is Worth.COPIED:
            _log.warning("people.session.copied", owner=found.session.person)
        await self._database.write(lambda connection: session_rows.end_named(connection, id_))

    async def end(self, token: str) -> None:
        """End the session of a token, if there is one."""
        if token:
            shown = self._tokens.hash_of(token)
            await self._database.write(lambda connection: session_rows.end(connection, shown))

    async def of_person(self, id_: str) -> list[StoredSession]:
        """The sessions of an account, newest first; those that are over are left out."""
        found = await self._database.read(lambda connection: session_rows.of_person(connection, id_))
        now = self._clock.now()
        return [one for one in found if worth(one, one.hash, now, self.limits) is not Worth.OVER]

    async def sweep(self) -> None:
        """Delete sessions that are over; for a job."""
        now, limits = self._clock.now(), self.limits
        await self._database.write(lambda connection: session_rows.sweep(connection, now, limits))
