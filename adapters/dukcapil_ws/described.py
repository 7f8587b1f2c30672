"""What calls and answers look like, for `/openapi/dukcapil_ws.json` alone: calls are read far more leniently."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.contract.web import Parameter


class DukcapilCall(msgspec.Struct):
    """A call; names in any case, values as text or number, in the body, the query or, as ASCII, a header.

    Attributes:
        user_id: Also `userId` or `userid`.
        password: As the centre's account has it.
        ip_user: The IP it declares; also `ip_users`, `ip_address`, `ipUser`.
        nik: Number of a resident.
        no_kk: Number of a family card.
        TRESHOLD: For verifications: similarity in percent, 1 to 100.
        NAMA_LGKP: For verifications: an element to compare, like every other of the service.
    """

    user_id: str
    password: str
    ip_user: str | UnsetType = UNSET
    nik: str | int | UnsetType = UNSET
    no_kk: str | int | UnsetType = UNSET
    TRESHOLD: str | int | UnsetType = UNSET
    NAMA_LGKP: str | UnsetType = UNSET


Record = Annotated[
    dict[str, str | int | float | None],
    Meta(
        description="Granted fields, verdicts of a verification, or RESPON, RESPONSE_CODE, RESPONSE_DESC, RESPONSE; "
        "99 is the gateway's own code for a centre that cannot be asked."
    ),
]


class DukcapilPage(msgspec.Struct):
    """Every answer but HTTP 404: the centre's bytes, or a refusal in the shape of the program's account.

    Attributes:
        content: Records; an object instead of a list where the older service found nothing.
        quotaLimiter: What is left of the day's quota, for accounts that are shown it.
    """

    content: list[Record] | Record
    lastPage: bool  # noqa: N815 # the service's names
    numberOfElements: int  # noqa: N815
    sort: None
    totalElements: int  # noqa: N815
    firstPage: bool  # noqa: N815
    number: int
    size: int
    quotaLimiter: int | UnsetType = UNSET  # noqa: N815


def _asked(name: str, description: str, pattern: str = ".+", *, required: bool = True) -> Parameter:
    return Parameter(name, "query", description, pattern, required)


QUERY: Final = (
    _asked("USER_ID", "User id of the program; names in any case."),
    _asked("PASSWORD", "Its password, or `md5(secret + ddmmyyyy)`."),
    _asked("NIK", "Number of a resident.", "[0-9]{16}"),
)
"""What the older service takes in its query."""
