"""Accounts of institutions at the centre: who may ask what, how often, from where, and in which dialect.

An accounts file is TOML or JSON with one list `accounts`; its keys are the fields of `Account`. Without a file the
demonstration accounts of `demo_accounts` are used: synthetic institutions, one for every way the centre answers.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from gateway.mock_siak.cases import RECORDING
from gateway.mock_siak.forms import FORMS

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["biodata", "kk", "verify"]
"""What a METHOD asks for: one resident, the members of a family card, or a comparison."""

Door = Literal["dukcapil", "ws_server"]
"""Which service an account belongs to: `/dukcapil/get_json/…` or the older regional `/ws_server/get_json/…`."""

ErrorShape = Literal["respon", "respon_code", "response_desc"]
"""`{"RESPON"}` · `{"RESPON", "RESPONSE_CODE"}` · `{"RESPONSE_CODE", "RESPONSE_DESC", "RESPONSE"}`."""

_FULL = (
    "NIK NAMA_LGKP JENIS_KLMIN TMPT_LHR TGL_LHR NO_AKTA_LHR GOL_DARAH AGAMA STATUS_KAWIN TGL_KWN NO_AKTA_KWN TGL_CRAI "
    "NO_AKTA_CRAI PDDK_AKH JENIS_PKRJN STAT_HBKEL NO_KK ALAMAT DUSUN NO_RT NO_RW NO_KEL NO_KEC NO_KAB NO_PROP KEL_NAME "
    "KEC_NAME KAB_NAME PROP_NAME NIK_AYAH NAMA_LGKP_AYAH NIK_IBU NAMA_LGKP_IBU"
)
FIELDS = tuple(_FULL.split())
"""The 33 keys of a full biodata answer, in their usual order."""

EXTRA_FIELDS = ("EKTP_STATUS", "EKTP_CREATED", "EKTP_LOCAL_ID", "KODE_POS", "FOTO")
"""Keys only some institutions are granted beside the 33; `FOTO` is null, for nobody here has a face."""

_PLACES_KEPT = 4_096
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_PATH = re.compile(r"[^/\s?#]+(/[^/\s?#]+)?")


class AccountsError(ValueError):
    """An accounts file cannot be used; the message names the file and the fault."""


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One institution's user; an empty `ips` or `methods` restricts nothing, `fields` None grants the full 33.

    `password` is the shared secret itself; with `daily_password` callers send `md5(secret + ddmmyyyy)` instead.
    `hours` is a from-to pair of wall-clock times in the mock's zone. `quirks` serves raw copies: `-` and blanks for
    null, a blank before NO_KK, a stray non-printing character. `writes` are the services it may hand in; `recording`
    stands for recordings.
    """

    path: str
    user_id: str
    password: str
    title: str = ""
    door: Door = "dukcapil"
    kinds: tuple[Kind, ...] = ("biodata",)
    methods: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    fields: tuple[str, ...] | None = None
    daily_allowance: Annotated[int, msgspec.Meta(ge=0)] = 5_000
    hours: tuple[str, str] | None = None
    institution_active: bool = True
    user_active: bool = True
    error_shape: ErrorShape = "respon"
    dialect: Literal["number", "string"] = "number"
    quirks: bool = False
    quota_shown: bool = False
    daily_password: bool = False
    writes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what the types cannot: unknown fields, malformed hours or paths."""
        unknown = set(self.fields or ()) - {*FIELDS, *EXTRA_FIELDS}
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        strange = set(self.writes) - {*FORMS, RECORDING}
        if strange:
            raise ValueError(f"unknown services {sorted(strange)}")
        if self.hours and not all(_CLOCK.fullmatch(hour) for hour in self.hours):
            raise ValueError(f"hours must be two times HH:MM, not {list(self.hours)}")
        if not _PATH.fullmatch(self.path):
            raise ValueError("path must be one or two parts")

    @property
    def key(self) -> str:
        """What quota is counted under: door, path and user."""
        return f"{self.door}:{self.path}:{self.user_id}"

    @property
    def granted(self) -> tuple[str, ...]:
        """The keys of this account's answers."""
        return FIELDS if self.fields is None else self.fields

    def password_on(self, ddmmyyyy: str) -> str:
        """The password that callers send on a day."""
        if not self.daily_password:
            return self.password
        return hashlib.md5(f"{self.password}{ddmmyyyy}".encode(), usedforsecurity=False).hexdigest()

    def serves(self, method: str, kind: Kind) -> bool:
        """Whether `method` (any case), which is of class `kind`, is configured for this account."""
        return kind in self.kinds and (not self.methods or method.upper() in map(str.upper, self.methods))


class _File(msgspec.Struct, forbid_unknown_fields=True):
    accounts: list[Account]


class Directory:
    """All accounts of the centre, found by door, path and method."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        """Index `accounts`.

        Raises:
            AccountsError: The same user appears twice at one path.
        """
        keys = [account.key for account in accounts]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise AccountsError(f"accounts given twice: {twice}")
        self.accounts = accounts
        self.registered_ips = frozenset(ip for account in accounts for ip in account.ips)
        self._found: dict[tuple[str, str, str], tuple[Account, ...]] = {}

    def at(self, door: str, path: str, method: str, kind: Kind) -> tuple[Account, ...]:
        """The accounts that `method` at `path` could belong to; empty where the service does not exist."""
        place = (door, path, method)
        found = self._found.get(place)
        if found is None:
            found = tuple(a for a in self.accounts if (a.door, a.path) == (door, path) and a.serves(method, kind))
            if found and len(self._found) < _PLACES_KEPT:
                self._found[place] = found
        return found

    def writer(self, user_id: str) -> Account | None:
        """The account of this user that may hand something in."""
        return next((account for account in self.accounts if account.writes and account.user_id == user_id), None)


def load_accounts(source: Path) -> tuple[Account, ...]:
    """Read an accounts file, TOML or JSON by its suffix.

    Raises:
        AccountsError: Unreadable, malformed, an unknown key or a value out of range.
    """
    decode = msgspec.toml.decode if source.suffix == ".toml" else msgspec.json.decode
    try:
        return tuple(decode(source.read_bytes(), type=_File).accounts)
    except (OSError, ValueError) as error:
        raise AccountsError(f"{source}: {error}") from error


def demo_password(seed: int, user_id: str) -> str:
    """The demonstration password of a user: derived, so that any process knows it from the seed alone."""
    return hashlib.sha256(f"mock-siak:{seed}:{user_id}".encode()).hexdigest()[:16]
