"""The centre's register desk: one call in, one Spring page out.

Checks run in the order 09 → 07 → 03 → 17/16 → 10/04 → 06 → 05 → 15 → 13 → 11/12/14 → data. Whatever passes the
check for 05 is an answered call and costs quota, also when nobody is found.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from gateway.mock_siak.accounts import Account, Kind
from gateway.mock_siak.people import Status
from gateway.mock_siak.refusals import refusal
from gateway.mock_siak.rendering import Renderer, biodata, page
from gateway.mock_siak.verify import ELEMENTS, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.mock_siak.accounts import Directory
    from gateway.mock_siak.calendar import Calendar
    from gateway.mock_siak.people import Resident
    from gateway.mock_siak.population import Population
    from gateway.mock_siak.quota import QuotaBook

_CODES = {Status.DECEASED: "11", Status.DUPLICATE: "12", Status.INACTIVE: "14", Status.MOVED: "14"}
_DIGITS, _WOMEN, _CENTURIES, _PERCENT = 16, 40, (1900, 2000), 100
_LONGEST_CLAIM = 1000


class Call(msgspec.Struct, frozen=True):
    """One read as it reached the centre: its class, its parameters and the accounts it may belong to (at least one)."""

    kind: Kind
    method: str
    params: dict[str, str]
    accounts: tuple[Account, ...]


class Desk:
    """Answers calls from the population under the accounts' rights."""

    def __init__(
        self,
        population: Population,
        directory: Directory,
        quota: QuotaBook,
        calendar: Calendar,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        """A desk that calls `settle` before it looks at the register, so that what is due has happened."""
        self._settle = settle
        self._population = population
        self._directory = directory
        self._quota = quota
        self._calendar = calendar
        self._renderers: dict[str, Renderer] = {}

    def answer(self, call: Call) -> bytes:
        """The body of the HTTP 200 that answers `call`; spends quota where the call gets as far as an answer."""
        account = self._account(call)
        code = self._refused(call, account)
        if code:
            return self.refuse(call, code)
        self._settle()
        left = self._quota.spend(account)
        shown = left if account.quota_shown else None
        found = self._found(call)
        if isinstance(found, str):
            return self._refusal(call, account, found, shown)
        return page(self._objects(call, account, found), shown)

    def refuse(self, call: Call, code: str) -> bytes:
        """An answer with `code` in the shape of the account the call names; costs nothing."""
        account = self._account(call)
        return self._refusal(call, account, code, self._quota.left(account) if account.quota_shown else None)

    def _account(self, call: Call) -> Account:
        """The named account, or the first one at this place, whose shape a failed login is told in."""
        user = call.params.get("user")
        return next((account for account in call.accounts if account.user_id == user), call.accounts[0])

    def _refused(self, call: Call, account: Account) -> str | None:
        """Everything that is checked before the quota is spent."""
        params = call.params
        if not (params.get("user") and params.get("password") and (params.get("ip") or account.door == "ws_server")):
            return "09"
        if not _complete(call):
            return "07"
        if params["user"] != account.user_id or params["password"] != account.password_on(self._calendar.ddmmyyyy()):
            return "03"
        if not account.user_active:
            return "17"
        if not account.institution_active:
            return "16"
        return self._outside(params.get("ip", ""), account)

    def _outside(self, ip: str, account: Account) -> str | None:
        """Refusals of place, time and amount."""
        if account.ips and ip not in account.ips:
            return "04" if ip in self._directory.registered_ips else "10"
        if account.hours and not self._calendar.is_within(account.hours):
            return "06"
        return None if self._quota.left(account) else "05"

    def _found(self, call: Call) -> Sequence[Resident] | str:
        """The residents that answer the call, or the code that says why there are none."""
        no_kk = call.params.get("NO_KK", "") if call.kind == "kk" else ""
        if no_kk:
            return self._members(int(no_kk)) if _is_number(no_kk) else "15"
        nik = call.params["nik"]
        if not is_nik(nik):
            return "15"
        resident = self._population.resident(int(nik))
        if resident is None:
            return "13"
        if resident.status is not Status.ACTIVE:
            return _CODES[resident.status]
        return self._members(resident.home.no_kk) if call.kind == "kk" else (resident,)

    def _members(self, no_kk: int) -> Sequence[Resident] | str:
        """Members of a card whose records are active; a card without any is inactive itself."""
        family = self._population.family(no_kk)
        if not family:
            return "13"
        return [member for member in family if member.status is Status.ACTIVE] or "14"

    def _objects(self, call: Call, account: Account, found: Sequence[Resident]) -> list[bytes]:
        if call.kind == "verify":
            stored, granted = biodata(found[0]), account.granted
            claimed = {key: claim for key, claim in _claims(call.params).items() if key in granted}
            return [msgspec.json.encode(verdicts(stored, claimed, int(call.params["threshold"])))]
        renderer = self._renderers.get(account.key) or self._renderers.setdefault(account.key, Renderer(account))
        return [renderer.record(resident) for resident in found]

    def _refusal(self, call: Call, account: Account, code: str, quota_left: int | None) -> bytes:
        content = msgspec.json.encode(refusal(code, call.kind, account.error_shape))
        return page([content], quota_left, bare=account.door == "ws_server")


def is_nik(text: str) -> bool:
    """Whether a text has the form of a NIK: 16 digits, a real date (women DD+40) in either century, a serial."""
    if not _is_number(text) or text.endswith("0000"):
        return False
    day, month, year = int(text[6:8]), int(text[8:10]), int(text[10:12])
    day -= _WOMEN if day > _WOMEN else 0
    return any(_is_date(century + year, month, day) for century in _CENTURIES)


def _is_number(text: str) -> bool:
    return len(text) == _DIGITS and text.isascii() and text.isdecimal()


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _complete(call: Call) -> bool:
    """Whether the parameters that belong to the kind of question are there."""
    params = call.params
    if call.kind == "verify":
        claims = _claims(params)
        fits = bool(claims) and all(len(claim) <= _LONGEST_CLAIM for claim in claims.values())
        return bool(params.get("nik") and fits and _is_threshold(params.get("threshold", "")))
    return bool(params.get("nik") or (call.kind == "kk" and params.get("NO_KK")))


def _is_threshold(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < _DIGITS and 1 <= int(text) <= _PERCENT


def _claims(params: Mapping[str, str]) -> dict[str, str]:
    return {key: claim for key, claim in params.items() if key in ELEMENTS}
