"""What is done about people's accounts, by whom, and why: asked first, written into the ledger, then done.

Whoever may not do it is told what somebody is told who asks for an account that is not there.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.contract.errors import Conflict, FieldFault, Invalid, NotFound, RoleMissing
from gateway.contract.people import Role
from gateway.flows.deeds import written
from gateway.ledger.exchange import Deed
from gateway.people.account import may_administer, may_set_up_anew, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.contract.people import Language, Person
    from gateway.ledger.exchange import DeedRecorder
    from gateway.ledger.records import Verb
    from gateway.people.account import Account, Grants
    from gateway.people.accounts import Accounts

_LONGEST: Final = 200
_NUMBER: Final = re.compile(r"\d(?:[ ._-]?\d){12}", re.ASCII)


class Actor(NamedTuple):
    """Who acts.

    Attributes:
        name: As the ledger has it: `person:<id>`, or `operator:<name>` for who has the machine itself.
        person: Who is signed in; None for who has the machine itself, and may do everything.
    """

    name: str
    person: Person | None

    @classmethod
    def signed_in(cls, person: Person) -> Actor:
        """A person who is signed in."""
        return cls(f"person:{person.id}", person)

    @classmethod
    def at_the_machine(cls, name: str) -> Actor:
        """Who runs commands on the gateway's own machine."""
        return cls(f"operator:{name}", None)


class Staff:
    """Looks after accounts.

    Args:
        accounts: The accounts.
        ledger: Takes down what is done; None where it is switched off.
    """

    def __init__(self, accounts: Accounts, ledger: DeedRecorder | None) -> None:
        self._accounts = accounts
        self._ledger = ledger

    async def list(self, actor: Actor) -> tuple[Account, ...]:
        """The accounts that an actor may look after, by user name."""
        found = await self._accounts.list()
        person = actor.person
        if person is None:
            return found
        return tuple(one for one in found if may_administer(person, one) or may_set_up_anew(person, one))

    async def add(
        self, actor: Actor, user_name: str, name: str, grants: Grants, *, reason: str, language: Language = "id"
    ) -> tuple[Account, str]:
        """Make an account; the account and its set-up code, which is shown this once.

        Raises:
            RoleMissing: The actor is no admin.
            Invalid: Each wrong argument is named; so is what lies beyond the actor's own territory and programmes.
            Conflict: The user name is taken.
            StorageUnavailable: Nothing was done.
        """
        grants = grants.tidy()
        if actor.person is not None and not actor.person.has(Role.ADMIN):
            raise RoleMissing
        _refuse_beyond(actor, grants)
        _check_reason(reason)
        async with self._deed("person_add", actor, f"user:{user_name[:40]}", reason):
            return await self._accounts.add(user_name, name, grants, by=actor.name, language=language)

    async def grant(self, actor: Actor, id_: str, grants: Grants, *, reason: str) -> Account:
        """Change what an account may do.

        Raises:
            NotFound: There is no such account, or the actor may not administer it.
            Conflict: It is the actor's own.
            Invalid, StorageUnavailable: As of `add`.
        """
        grants = grants.tidy()
        async with self._on(actor, id_, "person_grant", reason, grants):
            return await self._accounts.grant(id_, grants)

    async def suspend(self, actor: Actor, id_: str, *, reason: str) -> None:
        """Let an account sign in no more; errors as of `grant`."""
        async with self._on(actor, id_, "person_suspend", reason):
            await self._accounts.suspend(id_)

    async def resume(self, actor: Actor, id_: str, *, reason: str) -> None:
        """Let it sign in again; errors as of `grant`."""
        async with self._on(actor, id_, "person_resume", reason):
            await self._accounts.resume(id_)

    async def sign_out(self, actor: Actor, id_: str, *, reason: str) -> None:
        """End all sessions of an account; errors as of `grant`."""
        async with self._on(actor, id_, "person_sign_out", reason):
            await self._accounts.end_sessions(id_)

    async def set_up_anew(self, actor: Actor, id_: str, *, reason: str, second_step: bool = False) -> str:
        """Take an account's password and sessions, and give it a set-up code, which is shown this once.

        Also an operator of the district or regency above may: see `gateway.people.account`.

        Raises:
            NotFound: There is no such account, or the actor may not do this.
            Invalid: There is no reason.
            StorageUnavailable: Nothing was done.
        """
        account = await self._accounts.of(id_)
        if actor.person is not None and not may_set_up_anew(actor.person, account):
            raise NotFound
        _check_reason(reason)
        async with self._deed("person_set_up", actor, f"person:{id_}", reason):
            return await self._accounts.set_up_anew(id_, second_step=second_step)

    @asynccontextmanager
    async def _on(
        self, actor: Actor, id_: str, verb: Verb, reason: str, grants: Grants | None = None
    ) -> AsyncIterator[None]:
        account = await self._accounts.of(id_)
        if actor.person is not None:
            if not may_administer(actor.person, account):
                raise NotFound
            if actor.person.id == id_:
                raise Conflict("Nobody does this to the own account; ask another admin.")
        if grants is not None:
            _refuse_beyond(actor, grants)
        _check_reason(reason)
        async with self._deed(verb, actor, f"person:{id_}", reason):
            yield

    @asynccontextmanager
    async def _deed(self, verb: Verb, actor: Actor, target: str, reason: str) -> AsyncIterator[None]:
        async with written(self._ledger, Deed(verb, actor.name, target, reason=reason.strip())):
            yield


def _refuse_beyond(actor: Actor, grants: Grants) -> None:
    if actor.person is not None and not within(actor.person, grants):
        text = "You cannot give territory or programmes that are not your own."
        text_id = "Anda tidak dapat memberikan wilayah atau aplikasi di luar wewenang Anda."
        raise Invalid(faults=(FieldFault("/villages", "beyond", text, text_id),))


def _check_reason(reason: str) -> None:
    text = reason.strip()
    if not text or not text.isprintable() or len(text) > _LONGEST or _NUMBER.search(text):
        raise Invalid(
            faults=(
                FieldFault(
                    "/reason",
                    "pattern",
                    "Say why, in 1 to 200 characters, without numbers such as a NIK.",
                    "Sebutkan alasannya, 1 sampai 200 karakter, tanpa nomor seperti NIK.",
                ),
            )
        )
