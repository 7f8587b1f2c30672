"""Accounts of people: added, changed, suspended, set up anew.

```
add ──► no password ──set-up code──► active ◄──resume── suspended
            ▲                          │  └──suspend──────▲
            └──────── set up anew ─────┘
```

Whoever is suspended or set up anew has no session any more, from the next request on. Who may do it is `flows.staff`'s
to ask; nothing here does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gateway.contract.errors import Conflict, Invalid, NotFound, WrongCredentials
from gateway.contract.people import Role
from gateway.database import AlreadyThere
from gateway.database.wrapped_keys import wrap_anew
from gateway.people import account_rows
from gateway.people.account import Account, faults_of_names, user_name_of
from gateway.people.account_tables import PERSON_KEYS
from gateway.people.tokens import new_code, new_id
from gateway.vault.errors import TamperedError
from gateway.vault.objects import ObjectKeys

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine import RowMapping

    from gateway.contract.host import Clock
    from gateway.contract.people import Language
    from gateway.database import Database
    from gateway.people.account import Grants
    from gateway.people.tokens import Tokens
    from gateway.vault.keys import Keyring

SET_UP: Final = "set-up"
"""Kind of the code that lets a person choose a password."""


class Accounts:
    """The accounts of one installation.

    Args:
        database: Holds them.
        clock: The gateway's clock.
        keyring: Seals names and second steps.
        tokens: Hashes one-time codes.
        code_lasts: Seconds a set-up code is good.
    """

    def __init__(self, database: Database, clock: Clock, keyring: Keyring, tokens: Tokens, code_lasts: float) -> None:
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._tokens = tokens
        self._code_lasts = code_lasts
        self.keys = ObjectKeys(keyring, clock=clock.now)

    async def add(
        self, user_name: str, name: str, grants: Grants, *, by: str, language: Language = "id"
    ) -> tuple[Account, str]:
        """Make an account without a password.

        Args:
            user_name: Typed at sign-in; unique for good.
            name: Shown on pages.
            grants: What it may do.
            by: Who makes it.
            language: Of its pages.

        Returns:
            The account, and its set-up code: the only time it is shown.

        Raises:
            Invalid: Each wrong argument is named.
            Conflict: The user name is taken.
            StorageUnavailable: Nothing was stored.
        """
        grants = grants.tidy()
        if faults := tuple(faults_of_names(user_name, name)):
            raise Invalid(faults=faults)
        id_, code = new_id(), new_code()
        row = self._new_row(id_, user_name_of(user_name), name.strip(), grants, by, language)

        def store(connection: sa.Connection) -> None:
            account_rows.insert(connection, row)
            self._put_code(connection, id_, code)

        try:
            await self._database.write(store)
        except AlreadyThere:
            raise Conflict("This user name is taken.") from None
        return await self.of(id_), code

    def _new_row(
        self, id_: str, user_name: str, name: str, grants: Grants, by: str, language: Language
    ) -> dict[str, object]:
        key, wrapped = self.keys.new_object_key(context=id_.encode())
        return {
            "id": id_,
            "user_name": user_name,
            "created_at": self._clock.now(),
            "created_by": by,
            "language": language,
            "generation": 1,
            "wrapped_key": wrapped,
            "sealed_name": key.seal(name.encode(), context=b"name"),
            **_granted(grants),
        }

    async def list(self) -> tuple[Account, ...]:
        """All accounts by user name."""
        return tuple(map(self.account, await self._database.read(account_rows.every)))

    async def of(self, id_: str) -> Account:
        """The account of an id.

        Raises:
            NotFound: There is none.
        """
        row = await self._database.read(lambda connection: account_rows.by_id(connection, id_))
        if row is None:
            raise NotFound
        return self.account(row)

    async def named(self, user_name: str) -> Account:
        """The account of a user name; errors as of `of`."""
        row = await self.row(user_name)
        if row is None:
            raise NotFound("There is no such account.")
        return self.account(row)

    async def row(self, user_name: str) -> RowMapping | None:
        """The stored account of a user name, with the hash of its password; None where there is none."""
        return await self._database.read(lambda connection: account_rows.by_user_name(connection, user_name))

    def account(self, row: RowMapping) -> Account:
        """What is stored, without what is secret.

        Raises:
            TamperedError, KeyMissingError: Its name cannot be opened.
        """
        key = self.keys.unwrap(row["wrapped_key"], context=row["id"].encode())
        return Account(
            id=row["id"],
            user_name=row["user_name"],
            name=key.open_(row["sealed_name"], context=b"name").decode(),
            roles=frozenset(map(Role, _words(row["roles"]))),
            villages=tuple(_words(row["villages"])),
            adapters=tuple(_words(row["adapters"])),
            language=row["language"],
            created_at=row["created_at"],
            created_by=row["created_by"],
            seen_at=row["seen_at"],
            suspended_at=row["suspended_at"],
            has_password=row["password"] is not None,
            has_second_step=row["sealed_totp"] is not None,
            generation=row["generation"],
        )

    async def grant(self, id_: str, grants: Grants) -> Account:
        """Change what an account may do, from its next request on; its sessions get other tokens.

        Raises:
            Invalid: As of `add`.
            NotFound: There is no such account.
        """
        values = _granted(grants.tidy())

        def store(connection: sa.Connection) -> None:
            account_rows.change(connection, id_, **values)
            account_rows.renew_sessions(connection, id_)

        await self._database.write(store)
        return await self.of(id_)

    async def speak(self, id_: str, language: Language) -> None:
        """Change the language of an account's pages; errors as of `of`."""
        await self._database.write(lambda connection: account_rows.change(connection, id_, language=language))

    async def suspend(self, id_: str) -> None:
        """Let an account sign in no more, and end its sessions; errors as of `of`."""
        now = self._clock.now()

        def store(connection: sa.Connection) -> None:
            account_rows.end_sessions(connection, id_)
            account_rows.change(connection, id_, suspended_at=now)

        await self._database.write(store)

    async def resume(self, id_: str) -> None:
        """Let it sign in again; errors as of `of`."""
        await self._database.write(lambda connection: account_rows.change(connection, id_, suspended_at=None))

    async def end_sessions(self, id_: str) -> None:
        """Sign it out everywhere; errors as of `of`."""
        await self._database.write(lambda connection: account_rows.end_sessions(connection, id_))

    async def set_up_anew(self, id_: str, *, second_step: bool = False) -> str:
        """Take an account's password and sessions, and give it a set-up code.

        Args:
            id_: Whose.
            second_step: Take its second step too, for a device that was lost.

        Returns:
            The code: the only time it is shown.

        Raises:
            NotFound: There is no such account.
        """
        code = new_code()

        def store(connection: sa.Connection) -> None:
            account_rows.end_sessions(connection, id_)
            account_rows.change(connection, id_, password=None)
            if second_step:
                account_rows.change(connection, id_, sealed_totp=None, sealed_totp_new=None)
                account_rows.replace_codes(connection, id_, "recovery", (), 0.0)
            self._put_code(connection, id_, code)

        await self._database.write(store)
        return code

    async def set_password(self, id_: str, hashed: str) -> None:
        """Store the hash of a person's new password, and end all sessions; errors as of `of`."""

        def store(connection: sa.Connection) -> None:
            account_rows.end_sessions(connection, id_)
            account_rows.change(connection, id_, password=hashed)
            account_rows.replace_codes(connection, id_, SET_UP, (), 0.0)

        await self._database.write(store)

    async def check_set_up_code(self, id_: str, code: str) -> None:
        """Pass where a set-up code is good; nothing is used up.

        Raises:
            WrongCredentials: As of `use_set_up_code`, which decides.
        """
        now, hash_ = self._clock.now(), self._tokens.hash_of_code(id_, SET_UP, code)
        if not await self._database.read(lambda connection: account_rows.has_code(connection, id_, hash_, now)):
            raise WrongCredentials

    async def use_set_up_code(self, id_: str, code: str, hashed: str) -> None:
        """Use up a set-up code and store the hash of the password chosen by it; sessions end.

        Raises:
            WrongCredentials: It is not the code, was used, has expired, or the account is suspended.
        """
        now, hash_ = self._clock.now(), self._tokens.hash_of_code(id_, SET_UP, code)

        def store(connection: sa.Connection) -> bool:
            row = account_rows.by_id(connection, id_)
            if row is None or row["suspended_at"] is not None:
                return False
            if not account_rows.use_code(connection, id_, SET_UP, hash_, now):
                return False
            account_rows.end_sessions(connection, id_)
            account_rows.change(connection, id_, password=hashed)
            return True

        if not await self._database.write(store):
            raise WrongCredentials

    async def renew_hash(self, id_: str, before: str, hashed: str) -> None:
        """Put a hash of today's cost in place of an older one of the same password, if that still stands."""

        def store(connection: sa.Connection) -> None:
            row = account_rows.by_id(connection, id_)
            if row is not None and row["password"] == before:
                account_rows.change(connection, id_, password=hashed)

        await self._database.write(store)

    async def rewrap(self) -> int:
        """Wrap keys under an older master anew; how many."""
        return await wrap_anew(self._database, PERSON_KEYS, self._keyring.current, self._rewrapped)

    def _rewrapped(self, id_: str, wrapped: bytes) -> bytes | None:
        try:
            return self.keys.rewrap(wrapped, context=id_.encode())
        except TamperedError:
            return None

    def _put_code(self, connection: sa.Connection, id_: str, code: str) -> None:
        hashed = self._tokens.hash_of_code(id_, SET_UP, code)
        account_rows.replace_codes(connection, id_, SET_UP, (hashed,), self._clock.now() + self._code_lasts)


def _granted(grants: Grants) -> dict[str, object]:
    return {
        "roles": _text(sorted(grants.roles)),
        "villages": _text(grants.villages),
        "adapters": _text(grants.adapters),
    }


def _text(words: object) -> str:
    return msgspec.json.encode(words).decode()


def _words(text: str) -> list[str]:
    return msgspec.json.decode(text, type=list[str])
