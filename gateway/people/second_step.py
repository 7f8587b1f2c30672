"""The second step of a sign-in: codes of a device (TOTP, RFC 6238), each good once; recovery codes beside them.

```
offer ─► secret, as text and QR ─► confirm(code) ─► enrolled: recovery codes, shown once
check(code) ─► of the device: its time step, and all before, are used up · else a recovery code: used up
```

The secret is sealed under the account's own key. Of two requests that show the same code one is refused, whichever
instance they reach.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import pyotp
import segno

from gateway.contract.errors import Conflict, NotFound, WrongCredentials
from gateway.people import account_rows
from gateway.people.tokens import new_recovery_code

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.people.account_rows import SecondStepRow
    from gateway.people.accounts import Accounts
    from gateway.people.tokens import Tokens

STEP: Final = 30
"""Seconds of a time step."""

RECOVERY: Final = "recovery"
"""Kind of the codes that stand in for a lost device."""

RECOVERY_CODES: Final = 10
_NEVER: Final = 1e15
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
_LOOK_AROUND: Final = (0, -1, 1)
_ISSUER: Final = "Gerbang SIAK"


class Offer(NamedTuple):
    """What a person's device is to be given.

    Attributes:
        secret: In base32, to type.
        uri: The same as `otpauth:` address.
        qr: The same as SVG.
    """

    secret: str
    uri: str
    qr: str

    def __repr__(self) -> str:
        return "Offer()"


class SecondStep:
    """Second steps of one installation's accounts.

    Args:
        database: Holds them.
        clock: The gateway's clock.
        accounts: Whose they are.
        tokens: Hashes recovery codes.
    """

    def __init__(self, database: Database, clock: Clock, accounts: Accounts, tokens: Tokens) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._tokens = tokens

    async def offer(self, id_: str, user_name: str) -> Offer:
        """Begin an enrolment, or show the one that was begun: a page loaded again shows the same secret.

        Raises:
            Conflict: There is a second step already.
            NotFound: There is no such account.
        """
        row = await self._row(id_)
        if row.secret is not None:
            raise Conflict("There is a second step already; have it taken away first.")
        secret = pyotp.random_base32() if row.offered is None else self._opened(id_, row.wrapped_key, row.offered)
        if row.offered is None:
            sealed = self._sealed(id_, row.wrapped_key, secret)
            await self._database.write(lambda connection: account_rows.change(connection, id_, sealed_totp_new=sealed))
        uri = pyotp.TOTP(secret).provisioning_uri(name=user_name, issuer_name=_ISSUER)
        return Offer(secret, uri, segno.make(uri, error="m").svg_inline(scale=4, omitsize=True))

    async def confirm(self, id_: str, code: str) -> tuple[str, ...]:
        """Enrol the device that shows this code.

        Returns:
            Recovery codes: the only time they are shown.

        Raises:
            WrongCredentials: It is not the code of the secret that was offered.
            Conflict: Nothing was offered, or another request enrolled it.
        """
        row = await self._row(id_)
        if row.offered is None or row.secret is not None:
            raise Conflict("Begin the enrolment again.")
        step = self._step(self._opened(id_, row.wrapped_key, row.offered), code)
        if step is None:
            raise WrongCredentials
        codes, offered = tuple(new_recovery_code() for _ in range(RECOVERY_CODES)), row.offered
        hashes = [self._tokens.hash_of_code(id_, RECOVERY, one) for one in codes]

        def store(connection: sa.Connection) -> bool:
            now = account_rows.second_step(connection, id_)
            if now is None or now.offered != offered:
                return False
            account_rows.change(connection, id_, sealed_totp=offered, sealed_totp_new=None, totp_step=step)
            account_rows.replace_codes(connection, id_, RECOVERY, hashes, _NEVER)
            return True

        if not await self._database.write(store):
            raise Conflict("Begin the enrolment again.")
        return codes

    async def check(self, id_: str, code: str) -> None:
        """Use up a code of the device, or a recovery code.

        Raises:
            WrongCredentials: It is neither, or was used before.
        """
        row = await self._row(id_)
        if row.secret is None:
            raise WrongCredentials
        plain = code.replace(" ", "")
        step = self._step(self._opened(id_, row.wrapped_key, row.secret), plain)
        if step is not None:
            is_fresh = await self._database.write(lambda connection: account_rows.use_step(connection, id_, step))
        elif _CODE.fullmatch(plain):
            is_fresh = False
        else:
            now, hash_ = self._clock.now(), self._tokens.hash_of_code(id_, RECOVERY, code)
            is_fresh = await self._database.write(
                lambda connection: account_rows.use_code(connection, id_, RECOVERY, hash_, now)
            )
        if not is_fresh:
            raise WrongCredentials

    async def recovery_codes_left(self, id_: str) -> int:
        """How many recovery codes an account has left."""
        now = self._clock.now()
        return await self._database.read(lambda connection: account_rows.codes_left(connection, id_, RECOVERY, now))

    async def _row(self, id_: str) -> SecondStepRow:
        row = await self._database.read(lambda connection: account_rows.second_step(connection, id_))
        if row is None:
            raise NotFound
        return row

    def _step(self, secret: str, code: str) -> int | None:
        """The time step whose code this is: the present one, or the one before or after, for clocks that differ."""
        now = int(self._clock.now()) // STEP
        steps = (now + shift for shift in _LOOK_AROUND)
        return first_match(code, ((step, code_of(secret, step)) for step in steps))

    def _sealed(self, id_: str, wrapped: bytes, secret: str) -> bytes:
        return self._accounts.keys.unwrap(wrapped, context=id_.encode()).seal(secret.encode(), context=b"totp")

    def _opened(self, id_: str, wrapped: bytes, sealed: bytes) -> str:
        return self._accounts.keys.unwrap(wrapped, context=id_.encode()).open_(sealed, context=b"totp").decode()


def code_of(secret: str, step: int) -> str:
    """The code of a secret (base32) in a time step."""
    return pyotp.TOTP(secret).generate_otp(step)


def first_match(code: str, steps: Iterable[tuple[int, str]]) -> int | None:
    """The first step whose code this is; all are compared, so that the time taken tells nothing."""
    given = code.replace(" ", "").encode("utf-8", "replace")
    found = [step for step, right in steps if hmac.compare_digest(given, right.encode())]
    return found[0] if found else None
