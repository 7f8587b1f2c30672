"""Signing in and out, step by step; what a browser shows goes in, what it is to be given comes out.

```
name, password ─► line free? ─► guesses left? ─► hash ─► right ─┬─► open
                                                                ├─► code   ─► right code ─► open
                                                                └─► enrol  ─► enrolled   ─► open
```

A refusal never tells whether a name is known: unknown, suspended and not yet set up cost and read the same. Each step
begins a session anew and ends the one the browser had, whosever it was: that is how two operators share a PC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import structlog

from gateway.contract.errors import Invalid, NotFound, SignInNeeded, TooManyGuesses, WrongCredentials
from gateway.contract.people import Role
from gateway.people.account import user_name_of
from gateway.people.guesses import GuessKey, network_of
from gateway.people.weak_passwords import faults_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.people.account import Account
    from gateway.people.people import People
    from gateway.people.second_step import Offer
    from gateway.people.session_policy import Stage
    from gateway.people.sessions import Session

_log = structlog.get_logger("gateway.people")


class Browser(NamedTuple):
    """What a browser shows of itself.

    Attributes:
        session: Token of its session; empty for none.
        device: Token that says it signed in before; empty for none.
        address: Where it connects from.
    """

    session: str
    device: str
    address: str

    def __repr__(self) -> str:
        return "Browser()"


class Entered(NamedTuple):
    """What a step came to.

    Attributes:
        session: The new session, with its token.
        device: Token for the browser to keep; empty where there is none to give.
        recovery_codes: Shown this once, after an enrolment.
    """

    session: Session
    device: str = ""
    recovery_codes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Entered({self.session.id})"


class SigningIn:
    """The ways in and out.

    Args:
        people: Accounts, sessions, passwords, second steps, guesses.
        everyone: Whether everybody needs a second step, not admins only.
        shortest: Characters of a password, at least.
    """

    def __init__(self, people: People, *, everyone: bool, shortest: int) -> None:
        self._people = people
        self._everyone = everyone
        self._shortest = shortest

    async def sign_in(self, user_name: str, password: str, browser: Browser) -> Entered:
        """The first step.

        Raises:
            WrongCredentials: Name or password is wrong, the account is suspended or not set up.
            TooManyGuesses: Wait for `retry_after`; nothing was looked at.
            Overloaded: Too many sign in; nothing was counted.
            StorageUnavailable: Nobody can sign in now.
        """
        people, meant = self._people, user_name_of(user_name)
        is_known = bool(meant) and people.tokens.is_device(browser.device, meant)
        people.passwords.pool.refuse_if_full(known=is_known)
        keys = self._keys(meant or user_name[:100], browser, is_known=is_known)
        await self._count(keys)
        row = await people.accounts.row(meant) if meant else None
        stored = None if row is None or row["suspended_at"] is not None else row["password"]
        if not await people.passwords.check(password, stored, known=is_known) or row is None or stored is None:
            _log.info("people.sign_in.refused", step="password")
            raise WrongCredentials
        await people.guesses.forgive(keys)
        if people.passwords.is_dated(stored):
            await people.accounts.renew_hash(row["id"], stored, await people.passwords.hash(password))
        account = people.accounts.account(row)
        return await self._enter(account, self._stage_after_password(account), browser)

    def _stage_after_password(self, account: Account) -> Stage:
        if account.has_second_step:
            return "code"
        return "enrol" if self._everyone or Role.ADMIN in account.roles else "open"

    async def give_code(self, code: str, browser: Browser) -> Entered:
        """The second step: a code of the device, or a recovery code.

        Raises:
            SignInNeeded: The first step was not done, or too long ago.
            WrongCredentials: It is not the code, or was used before.
            TooManyGuesses: Wait for `retry_after`.
        """
        session = await self._people.sessions.find(browser.session)
        if session.stage != "code":
            raise SignInNeeded
        account = session.account
        is_known = self._people.tokens.is_device(browser.device, account.user_name)
        keys = self._keys(account.user_name, browser, is_known=is_known)[:1] if is_known else self._code_keys(account)
        await self._count(keys)
        try:
            await self._people.second_step.check(account.id, code)
        except WrongCredentials:
            _log.info("people.sign_in.refused", step="code", owner=account.id)
            raise
        await self._people.guesses.forgive(keys)
        return await self._enter(account, "open", browser)

    async def offer_second_step(self, session: Session) -> Offer:
        """Begin to enrol a device for who signs in, or is signed in.

        Raises:
            SignInNeeded: A code of the device that is enrolled already is asked for first.
            Conflict: There is one already.
        """
        if session.stage == "code":
            raise SignInNeeded
        return await self._people.second_step.offer(session.account.id, session.account.user_name)

    async def enrol(self, session: Session, code: str, browser: Browser) -> Entered:
        """Enrol the device that shows this code, and go on.

        Raises:
            SignInNeeded, Conflict: As of `offer_second_step`.
            WrongCredentials: It is not the code.
            TooManyGuesses: Wait for `retry_after`.
        """
        if session.stage == "code":
            raise SignInNeeded
        keys = self._code_keys(session.account)
        await self._count(keys)
        codes = await self._people.second_step.confirm(session.account.id, code)
        await self._people.guesses.forgive(keys)
        entered = await self._enter(session.account, "open", browser)
        return entered._replace(recovery_codes=codes)

    async def choose_password(self, user_name: str, code: str, password: str, browser: Browser) -> None:
        """Choose a password by a set-up code; who did signs in with it afterwards.

        Raises:
            WrongCredentials: Name or code is wrong, was used, or has expired.
            Invalid: The password is weak.
            TooManyGuesses: Wait for `retry_after`.
        """
        meant = user_name_of(user_name)
        keys = self._keys(meant or user_name[:100], browser, is_known=False)
        await self._count(keys)
        try:
            account = await self._people.accounts.named(meant)
        except NotFound:
            raise WrongCredentials from None
        await self._people.accounts.check_set_up_code(account.id, code)
        self._refuse_weak(password, account)
        await self._people.accounts.use_set_up_code(account.id, code, await self._people.passwords.hash(password))
        await self._people.guesses.forgive(keys)
        _log.info("people.password.chosen", owner=account.id)

    async def change_password(self, session: Session, old: str, new: str, browser: Browser) -> Entered:
        """Change the own password; all sessions end, this browser's begins anew.

        Raises:
            WrongCredentials: The old one is wrong.
            Invalid: The new one is weak.
            TooManyGuesses: Wait for `retry_after`.
        """
        people, account = self._people, session.account
        if session.stage != "open":
            raise SignInNeeded
        keys = self._keys(account.user_name, browser, is_known=True)[:1]
        await self._count(keys)
        row = await people.accounts.row(account.user_name)
        if row is None or not await people.passwords.check(old, row["password"], known=True):
            raise WrongCredentials
        await people.guesses.forgive(keys)
        self._refuse_weak(new, account)
        await people.accounts.set_password(account.id, await people.passwords.hash(new))
        _log.info("people.password.chosen", owner=account.id)
        return await self._enter(await people.accounts.of(account.id), "open", browser)

    async def sign_out(self, browser: Browser, *, everywhere: bool = False) -> None:
        """End the browser's session, or all of the person's."""
        if everywhere:
            session = await self._people.sessions.find(browser.session)
            if session.stage == "open":
                await self._people.accounts.end_sessions(session.account.id)
        await self._people.sessions.end(browser.session)

    async def _enter(self, account: Account, stage: Stage, browser: Browser) -> Entered:
        session = await self._people.sessions.begin(account, stage, instead_of=browser.session)
        _log.info("people.sign_in.finished", stage=stage, owner=account.id)
        return Entered(session, self._people.tokens.device(account.user_name) if stage == "open" else "")

    def _refuse_weak(self, password: str, account: Account) -> None:
        if faults := tuple(faults_of(password, self._shortest, (account.user_name, account.name))):
            raise Invalid(faults=faults)

    def _keys(self, user_name: str, browser: Browser, *, is_known: bool) -> tuple[GuessKey, ...]:
        key = self._people.tokens.guess_key
        if is_known:
            return (GuessKey("browser", key("browser", user_name, browser.device)),)
        network = network_of(browser.address)
        origin = GuessKey("origin", key("origin", user_name, network))
        return (origin, GuessKey("network", key("network", network), is_forgiven=False))

    def _code_keys(self, account: Account) -> tuple[GuessKey, ...]:
        return (GuessKey("code", self._people.tokens.guess_key("code", account.id)),)

    async def _count(self, keys: Sequence[GuessKey]) -> None:
        if seconds := await self._people.guesses.take(keys):
            _log.info("people.sign_in.slowed", kind=keys[0].kind, wait=round(seconds, 3))
            raise TooManyGuesses(retry_after=seconds)
