"""All that this room holds of people, as one value: made once at start, shared by all generations of the config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from gateway.people import account_rows
from gateway.people.account_tables import PEOPLE
from gateway.people.accounts import Accounts
from gateway.people.guesses import Guesses
from gateway.people.passwords import Passwords
from gateway.people.second_step import SecondStep
from gateway.people.sessions import Sessions
from gateway.people.tokens import Tokens

if TYPE_CHECKING:
    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.people.passwords import Hashing
    from gateway.people.session_policy import SessionLimits
    from gateway.vault.keys import Keyring


@dataclass(frozen=True, slots=True)
class People:
    """People's accounts and what belongs to them.

    Attributes:
        accounts: Who there is.
        sessions: Who is signed in.
        second_step: Codes of devices.
        passwords: Hashes.
        guesses: Wrong ones, counted.
        tokens: What travels in cookies and forms.
    """

    accounts: Accounts
    sessions: Sessions
    second_step: SecondStep
    passwords: Passwords
    guesses: Guesses
    tokens: Tokens
    _database: Database
    _clock: Clock

    @classmethod
    def open(
        cls,
        database: Database,
        clock: Clock,
        keyring: Keyring,
        *,
        hashing: Hashing,
        limits: SessionLimits,
        code_lasts: float,
    ) -> Self:
        """The people of a database; nothing is read yet.

        Args:
            database: Holds them.
            clock: The gateway's clock.
            keyring: The gateway's keys.
            hashing: Cost of a hash.
            limits: How long sessions last.
            code_lasts: Seconds a set-up code is good.
        """
        tokens = Tokens(keyring)
        accounts = Accounts(database, clock, keyring, tokens, code_lasts)
        return cls(
            accounts,
            Sessions(database, clock, tokens, accounts, limits),
            SecondStep(database, clock, accounts, tokens),
            Passwords(hashing, keyring),
            Guesses(database, clock),
            tokens,
            database,
            clock,
        )

    async def sweep(self) -> None:
        """Delete what is over: sessions, codes, counts; wrap keys under an older master anew. For a job.

        Raises:
            StorageUnavailable: Some of it stays until next time.
        """
        await self.sessions.sweep()
        await self.guesses.sweep()
        now = self._clock.now()
        await self._database.write(lambda connection: account_rows.sweep(connection, now))
        if await self.accounts.rewrap():
            await self._database.scrub((PEOPLE.name,))

    def close(self) -> None:
        """Hash nothing more."""
        self.passwords.pool.close()
