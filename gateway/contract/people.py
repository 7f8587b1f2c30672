"""People who sign in: clerks, verifiers, admins; what a route that demands one is given.

```
account ─► roles       what may be done        admin · operator · verifier · auditor
        ─► villages    for whom                3527032001 a village, 352703 its district, 3527 its regency, * all
        ─► adapters    in which programmes     ektp …, * all
```

What is not named is not allowed. What lies outside a person's territory does not exist for that person: `NotFound`,
never `Denied`, so that nobody learns what there is elsewhere.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec

from gateway.contract.errors import NotFound

EVERYWHERE: Final = "*"
"""Stands for every village, or every adapter."""

Language = Literal["id", "en"]
"""Language of pages; Indonesian is the first."""


class Role(StrEnum):
    """What a person may do; a person may have several."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VERIFIER = "verifier"
    AUDITOR = "auditor"


def covers(territory: str, code: str) -> bool:
    """Whether a territory holds a region: itself, or one below it.

    Args:
        territory: `EVERYWHERE`, or digits of a province (2), regency (4), district (6) or village (10).
        code: The same of the region asked about.
    """
    if EVERYWHERE in {territory, code}:
        return territory == EVERYWHERE
    return bool(territory) and code.startswith(territory)


class Person(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """Who is signed in, as of this request.

    Attributes:
        id: Names the account for good; what a draft or a deed is bound to. Not personal.
        user_name: Name typed at sign-in.
        name: Name shown on pages; personal data.
        roles: What the person may do.
        villages: Territories served, as in `covers`.
        adapters: Adapters served; `EVERYWHERE` for all.
        language: Language of the person's pages.
        csrf: Token that a page puts into each of its forms as `csrf`, or into `X-CSRF-Token`; another one each time.
        session: Names the session, not a secret: another sign-in, by whomever, has another one.
        generation: Grows whenever all of the person's sessions are ended; what was made under an older one is stale.
    """

    id: str
    user_name: str
    name: str
    roles: frozenset[Role]
    villages: tuple[str, ...]
    adapters: tuple[str, ...]
    language: Language
    csrf: str
    session: str
    generation: int

    def __repr__(self) -> str:
        return f"Person({self.id})"

    def has(self, *roles: Role) -> bool:
        """Whether the person has one of these roles; any person does where none is named."""
        return not roles or not self.roles.isdisjoint(roles)

    def uses(self, adapter: str) -> bool:
        """Whether the person serves an adapter."""
        return adapter in self.adapters or EVERYWHERE in self.adapters

    def serves(self, region: str) -> bool:
        """Whether a village, district or regency (undotted code) lies in the person's territory."""
        return any(covers(territory, region) for territory in self.villages)

    def must_serve(self, region: str) -> None:
        """Pass where the person serves a region.

        Raises:
            NotFound: It lies elsewhere; the refusal is the one for what is not there at all.
        """
        if not self.serves(region):
            raise NotFound
