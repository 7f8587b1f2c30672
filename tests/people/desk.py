"""People over one real database: accounts, browsers that sign in, codes of devices, at a time the test decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.contract.people import Role
from gateway.database import Database
from gateway.flows.sign_in import Browser, SigningIn
from gateway.flows.staff import Actor, Staff
from gateway.people.account import Grants
from gateway.people.passwords import Hashing
from gateway.people.people import People
from gateway.people.second_step import STEP, code_of
from gateway.people.session_policy import SessionLimits
from gateway.vault.keys import Keyring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.contract.people import Person
    from gateway.flows.sign_in import Entered
    from gateway.ledger.exchange import DeedRecorder
    from gateway.people.account import Account
    from tests.people.world import World

KEYRING = Keyring({1: b"m" * 32}, b"i" * 32, b"p" * 32)
CHEAP = Hashing(memory_kib=8, passes=1)
LIMITS = SessionLimits(idle=1_800.0, lasts=43_200.0, renew_every=900.0)
GOOD = "kopi tubruk pukul sebelas"
OTHER = "becak lewat jembatan tua"
ROOT = Actor.at_the_machine("ani")
REGENCY = "3527"
DISTRICT = "352703"
VILLAGE = "3527032001"
NEIGHBOUR = "352704"


def grants(*roles: Role, villages: Iterable[str] = (), adapters: Iterable[str] = ()) -> Grants:
    """What an account may do."""
    return Grants(frozenset(roles), tuple(villages), tuple(adapters))


@dataclass
class Desk:
    """One process of the gateway, as far as people go.

    Attributes:
        world: The database and its clock.
        keyring: The gateway's keys.
        everyone: Whether everybody needs a second step.
        ledger: Takes down what is done; None for none.
    """

    world: World
    keyring: Keyring = KEYRING
    everyone: bool = False
    hashing: Hashing = CHEAP
    ledger: DeedRecorder | None = None
    people: People = field(init=False)

    def __post_init__(self) -> None:
        """Open the database once more, as another process would."""
        self.database = Database.open(self.world.url)
        self.world._opened.append(self.database)
        self.people = People.open(
            self.database,
            self.world.clock,
            self.keyring,
            hashing=self.hashing,
            limits=LIMITS,
            code_lasts=3_600.0,
        )
        self.staff = Staff(self.people.accounts, self.ledger)
        self.signing_in = SigningIn(self.people, everyone=self.everyone, shortest=12)

    async def add(
        self, user_name: str, *roles: Role, villages: Iterable[str] = (VILLAGE,), adapters: Iterable[str] = ()
    ) -> Account:
        """An account with the password `GOOD`, and no second step."""
        wanted = grants(*(roles or (Role.OPERATOR,)), villages=villages, adapters=adapters)
        account, code = await self.staff.add(ROOT, user_name, f"Nama {user_name}", wanted, reason="trial")
        await self.signing_in.choose_password(user_name, code, GOOD, Visitor("198.51.100.200").browser)
        return account

    async def person(self, user_name: str, *roles: Role, villages: Iterable[str]) -> Person:
        """Who is signed in under a new account."""
        account = await self.add(user_name, *roles, villages=villages)
        return account.person(session="s", csrf="c")


@dataclass
class Visitor:
    """A browser.

    Attributes:
        address: Where it is.
        session: Cookie of its session.
        device: Cookie that says it signed in before.
    """

    address: str = "192.0.2.7"
    session: str = ""
    device: str = ""

    @property
    def browser(self) -> Browser:
        """What it shows."""
        return Browser(self.session, self.device, self.address)

    def keep(self, entered: Entered) -> Entered:
        """Keep the cookies it is given."""
        self.session = entered.session.token or self.session
        self.device = entered.device or self.device
        return entered

    async def sign_in(self, desk: Desk, user_name: str, password: str = GOOD) -> Entered:
        """The first step."""
        return self.keep(await desk.signing_in.sign_in(user_name, password, self.browser))


def device_code(desk: Desk, secret: str, *, ahead: int = 0) -> str:
    """What a device with that secret shows now, or so many steps later."""
    return code_of(secret, int(desk.world.clock.at) // STEP + ahead)
