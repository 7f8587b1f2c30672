"""What an account is, what is wrong with a wanted one, and who may look after whom (pure).

```
admin      looks after everybody whose territory and programmes lie within the admin's own
operator   of a district or above: may set up anew who serves a place *below* (a village of the district, not a
           colleague beside), has no role but operator or verifier, and no programme that is not the operator's too
others     nobody
```
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from gateway.catalogue import regions
from gateway.contract.errors import FieldFault, Invalid
from gateway.contract.people import EVERYWHERE, Language, Person, Role, covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}", re.ASCII)
"""Shape of the name typed at sign-in."""

_ADAPTER: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_DIGITS: Final = re.compile(r"\d{10}", re.ASCII)
_LONGEST: Final = 80
_MOST: Final = 200
_VILLAGE: Final = 10
_BELOW: Final = frozenset({Role.OPERATOR, Role.VERIFIER})

State = Literal["active", "suspended", "no_password"]
"""How an account stands: `no_password` until its set-up code was used."""


class Account(msgspec.Struct, frozen=True):
    """An account, without anything secret.

    Attributes:
        id: Names it for good.
        user_name: Typed at sign-in.
        name: Shown on pages; personal data.
        roles: What may be done.
        villages: Territories, as in `covers`.
        adapters: Programmes; `*` for all.
        language: Of its pages.
        created_at: Unix seconds.
        created_by: Who made it: `person:<id>` or `operator:<name>`.
        seen_at: Unix seconds, to within a minute; None if never.
        suspended_at: Unix seconds; None while it is not.
        has_password: Whether it was set up.
        has_second_step: Whether a code of its device is asked for.
        generation: Number of its sessions' generation.
    """

    id: str
    user_name: str
    name: str
    roles: frozenset[Role]
    villages: tuple[str, ...]
    adapters: tuple[str, ...]
    language: Language
    created_at: float
    created_by: str
    seen_at: float | None
    suspended_at: float | None
    has_password: bool
    has_second_step: bool
    generation: int

    def __repr__(self) -> str:
        return f"Account({self.id})"

    @property
    def state(self) -> State:
        """How it stands."""
        if self.suspended_at is not None:
            return "suspended"
        return "active" if self.has_password else "no_password"

    def person(self, *, session: str, csrf: str) -> Person:
        """Who is signed in under it."""
        return Person(
            self.id, self.user_name, self.name, self.roles, self.villages, self.adapters, self.language, csrf, session,
            self.generation,
        )  # fmt: skip


class Grants(msgspec.Struct, frozen=True):
    """What an account may do.

    Attributes:
        roles: At least one.
        villages: Territories: digits of 2, 4, 6 or 10, dotted or not, or `*`.
        adapters: Names, or `*`.
    """

    roles: frozenset[Role]
    villages: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()

    def tidy(self) -> Grants:
        """The same, codes without dots, each once, in order.

        Raises:
            Invalid: A code is no region's, a name no adapter's, there is no role, or there are too many of them.
        """
        villages = tuple(sorted({_code(one) for one in self.villages}))
        adapters = tuple(sorted(set(self.adapters)))
        if faults := tuple(_faults(self.roles, villages, adapters)):
            raise Invalid(faults=faults)
        return Grants(self.roles, villages, adapters)


def _code(text: str) -> str:
    return text if text == EVERYWHERE else (regions.normalise(text) or "").replace(".", "")


def _faults(roles: Iterable[Role], villages: tuple[str, ...], adapters: tuple[str, ...]) -> Iterator[FieldFault]:
    if not roles:
        yield FieldFault("/roles", "minItems", "At least one role is needed.", "Diperlukan sedikitnya satu peran.")
    if "" in villages or len(villages) > _MOST:
        yield FieldFault(
            "/villages", "pattern", "Codes have 2, 4, 6 or 10 digits, or are *; 200 at most.",
            "Kode wilayah 2, 4, 6, atau 10 angka, atau *; paling banyak 200.",
        )  # fmt: skip
    if len(adapters) > _MOST or not all(one == EVERYWHERE or _ADAPTER.fullmatch(one) for one in adapters):
        yield FieldFault(
            "/adapters", "pattern", "Names of adapters are expected, or *.", "Diharapkan nama adaptor, atau *."
        )


def user_name_of(typed: str) -> str:
    """The user name meant by what was typed; empty if it can be none."""
    name = typed[:100].strip().lower()
    return name if USER_NAME.fullmatch(name) and not _DIGITS.search(name) else ""


def faults_of_names(user_name: str, name: str) -> Iterator[FieldFault]:
    """What is wrong with the names of a new account."""
    if not user_name_of(user_name):
        yield FieldFault(
            "/user_name",
            "pattern",
            "A user name has 2 to 40 small letters, digits, dots, dashes; not a number such as a NIK.",
            "Nama pengguna 2 sampai 40 huruf kecil, angka, titik, atau tanda hubung; bukan nomor seperti NIK.",
        )
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST or _DIGITS.search(name):
        yield FieldFault(
            "/name",
            "pattern",
            "A name has 1 to 80 printable characters and is no number.",
            "Nama terdiri atas 1 sampai 80 karakter yang dapat dicetak dan bukan nomor.",
        )


def within(outer: Person, inner: Account | Grants) -> bool:
    """Whether all territory and all programmes of an account lie within a person's own."""
    return all(outer.serves(code) for code in inner.villages) and all(outer.uses(name) for name in inner.adapters)


def may_administer(actor: Person, target: Account) -> bool:
    """Whether an actor may change an account: roles, territory, suspension."""
    return actor.has(Role.ADMIN) and within(actor, target)


def may_set_up_anew(actor: Person, target: Account) -> bool:
    """Whether an actor may give an account a new set-up code; nobody for the own one, which has its password page."""
    if actor.id == target.id:
        return False
    if may_administer(actor, target):
        return True
    is_below = target.roles <= _BELOW and bool(target.villages) and within(actor, target)
    return is_below and actor.has(Role.OPERATOR) and all(_above(actor, code) for code in target.villages)


def _above(actor: Person, code: str) -> bool:
    """Whether a territory of the actor lies strictly above a region."""
    levels = (one for one in actor.villages if one == EVERYWHERE or len(one) < min(len(code), _VILLAGE))
    return any(one != code and covers(one, code) for one in levels)
