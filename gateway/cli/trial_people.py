"""Demo people of a trial: an admin with a second step, and a clerk of one village; as with the demo keys, made once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from gateway.contract.errors import NotFound
from gateway.contract.people import EVERYWHERE, Role
from gateway.flows.staff import Actor
from gateway.people.account import Grants
from gateway.people.second_step import STEP, code_of
from gateway.people.tokens import new_code
from gateway.wiring.clock import SystemClock
from gateway.wiring.offline import with_people

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.flows.staff import Staff
    from gateway.people.account import Account
    from gateway.people.people import People
    from gateway.settings import Settings

_ACTOR: Final = Actor.at_the_machine("trial")
_REASON: Final = "demo"


def demo_people(settings: Settings, environ: Mapping[str, str], file: Path, village: str) -> list[dict[str, Any]]:
    """Each demo person with a password that works; made anew only where it does not.

    Args:
        settings: The gateway's config.
        environ: Where its secrets are found.
        file: What the trial before wrote down.
        village: Where the clerk works.

    Returns:
        User name, password, and the admin's TOTP secret with its `otpauth:` address.
    """
    known = _read(file)
    wanted = {
        "demo-admin": ("Admin Demo", Grants(frozenset(Role), (EVERYWHERE,), (EVERYWHERE,))),
        "demo-desa": ("Petugas Desa Demo", Grants(frozenset({Role.OPERATOR}), (village,), (EVERYWHERE,))),
    }

    async def work(staff: Staff, people: People) -> list[dict[str, Any]]:
        return [
            await _ensure(staff, people, known.get(user_name), user_name, name, grants)
            for user_name, (name, grants) in wanted.items()
        ]

    return with_people(settings, environ, work)


async def _ensure(
    staff: Staff, people: People, known: dict[str, Any] | None, user_name: str, name: str, grants: Grants
) -> dict[str, Any]:
    row = await people.accounts.row(user_name)
    if (
        known is not None
        and row is not None
        and await people.passwords.check(known["password"], row["password"], known=True)
    ):
        return known
    try:
        account = await people.accounts.named(user_name)
        await staff.set_up_anew(_ACTOR, account.id, reason=_REASON, second_step=True)
    except NotFound:
        account, _code = await staff.add(_ACTOR, user_name, name, grants, reason=_REASON)
    password = new_code()
    await people.accounts.set_password(account.id, await people.passwords.hash(password))
    made: dict[str, Any] = {"user_name": user_name, "password": password}
    return made | (await _enrolled(people, account) if Role.ADMIN in grants.roles else {})


async def _enrolled(people: People, account: Account) -> dict[str, str]:
    """A device for the account: its secret, to be put into an authenticator app."""
    offer = await people.second_step.offer(account.id, account.user_name)
    step = int(SystemClock.now()) // STEP
    await people.second_step.confirm(
        account.id, code_of(offer.secret, step - 1)
    )  # this step's code stays for a sign-in
    return {"totp_secret": offer.secret, "otpauth": offer.uri}


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        return {one["user_name"]: one for one in json.loads(file.read_text())["people"] if "password" in one}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # no trial before, or a file that is not ours
