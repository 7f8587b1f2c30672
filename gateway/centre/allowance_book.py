"""How much of each right's daily allowance is left (pure).

The day is the centre's: it changes at midnight in its zone. What is spent is counted here per attempt and corrected
by what the centre says is left. A clock that is set back never refills: what was spent on the later day is carried
to the earlier one. Instances that share a database add what they spent to its counts, and learn what others spent from
the sums they get back.

The centre's "used up" stops a right at once. Where nothing else says so (our count is below the allowance, and no
`quotaLimiter` stands at 0) it may be a mistake over there: then one attempt in a while is let through to see, and its
answer ends the stop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from gateway.centre.verdict import ADMIT, Refuse
from gateway.contract.messages import CentreService

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random
    from zoneinfo import ZoneInfo

    from gateway.centre.verdict import Admit
    from gateway.contract.messages import Right
    from gateway.settings.centre import AllowanceSettings

KEPT = 3
"""Latest days of a right held in memory, for a clock that jumped over a midnight and comes back."""

SPREAD = 60.0
"""Seconds over which those who were sent away until the reset come back."""


@dataclass(frozen=True, slots=True)
class DayRow:
    """What is stored of one right, day and service.

    Attributes:
        right: Name of the right.
        day: ISO date in the centre's zone.
        service: The service spent on.
        used: Attempts spent: all of them where it was read, those since the last saving where it is to be saved.
        left: What the centre said is left for the right, or None.
        exhausted: Whether the centre said it is used up.
    """

    right: str
    day: str
    service: CentreService
    used: int
    left: int | None
    exhausted: bool


@dataclass(slots=True)
class Day:
    """One right's day.

    Attributes:
        date: ISO date in the centre's zone.
        used: Attempts spent per service.
        saved: Those of them that the database counts.
        left: What the centre says is left, less what was spent since; None if it never said.
        exhausted: Whether the centre said it is used up.
        out: Attempts under way.
        alarmed: Whether the warning was given.
        capped: Whether the centre allows more than the config: then the config's is a cap of our own.
        asked_at: Unix seconds of the latest attempt; 0 after a restart.
    """

    date: str
    used: dict[CentreService, int] = field(default_factory=dict)
    saved: dict[CentreService, int] = field(default_factory=dict)
    left: int | None = None
    exhausted: bool = False
    out: int = 0
    alarmed: bool = False
    capped: bool = False
    asked_at: float = 0.0

    @property
    def total(self) -> int:
        """Attempts spent on all services."""
        return sum(self.used.values())


@dataclass(frozen=True, slots=True)
class Spent:
    """A spent attempt, to be settled with its outcome.

    Attributes:
        right: Name of the right.
        service: Service asked.
        day: The day it was spent on.
        probe: Whether it was let through to see if the centre still says that the day is used up.
    """

    right: str
    service: CentreService
    day: Day
    probe: bool = False


class AllowanceBook:
    """Counts of all rights.

    Args:
        rights: Rights by name; `daily_allowance` None means unlimited.
        settings: Reserves and alarm.
        zone: The centre's zone.
        random: Source of jitter.
    """

    def __init__(
        self, rights: Mapping[str, Right], settings: AllowanceSettings, *, zone: ZoneInfo, random: Random
    ) -> None:
        self._rights = rights
        self._settings = settings
        self._zone = zone
        self._random = random
        self._days: dict[str, Day] = {}
        self._stored: dict[tuple[str, str], Day] = {}
        self._today = ("", 0.0, 0.0)

    def replace_rights(self, rights: Mapping[str, Right]) -> None:
        """Take over a reloaded config; what was spent stays spent."""
        self._rights = rights

    def load(self, rows: Iterable[DayRow]) -> None:
        """Take over what was stored."""
        for row in rows:
            day = self._stored.setdefault((row.right, row.day), Day(row.day))
            day.used[row.service] = day.saved[row.service] = max(row.used, day.used.get(row.service, 0))
            day.exhausted |= row.exhausted
            if row.left is not None:
                day.left = row.left if day.left is None else min(day.left, row.left)
        for (right, date), day in self._stored.items():
            if right not in self._days or date > self._days[right].date:
                self._days[right] = day

    def unsaved(self, right: str) -> list[DayRow]:
        """What is to be added to the stored counts of a right's day."""
        day = self._days[right]
        return [
            DayRow(right, day.date, service, used - day.saved.get(service, 0), day.left, day.exhausted)
            for service, used in day.used.items()
        ]

    def saved(self, added: Iterable[DayRow], sums: Mapping[tuple[str, str, str], int]) -> None:
        """Rows were added to the stored counts.

        Args:
            added: As `unsaved` gave them.
            sums: What is stored now, by right, day and service: more than was known here if others spent too.
        """
        for row in added:
            day = self._stored.get((row.right, row.day)) or self._days[row.right]
            stored = sums[row.right, row.day, row.service]
            others = stored - day.saved.get(row.service, 0) - row.used
            day.used[row.service] = max(0, day.used.get(row.service, 0) + others)
            day.saved[row.service] = stored

    def offer(self, now: float, right: str, service: CentreService) -> Admit | Refuse:
        """Whether the right may spend an attempt on a service.

        Args:
            now: Unix seconds.
            right: Name of the right.
            service: Service to ask.
        """
        day = self._day(now, right)
        if day.exhausted and not self._may_probe(now, right, day):
            return self._until_reset(now, "exhausted")
        left = self._left(right, day)
        if left is None:
            return ADMIT
        if left <= 0:
            return self._until_reset(now, "spent")
        if left <= self._kept_for_others(right, day, service, left):
            return self._until_reset(now, "reserved")
        return ADMIT

    def spend(self, now: float, right: str, service: CentreService) -> Spent:
        """An attempt begins."""
        day = self._day(now, right)
        day.used[service] = day.used.get(service, 0) + 1
        day.out += 1
        day.asked_at = now
        if day.left is not None:
            day.left = max(0, day.left - 1)
        return Spent(right, service, day, probe=day.exhausted)

    def settle(
        self,
        spent: Spent,
        *,
        sent: bool,
        quota_left: int | None = None,
        exhausted: bool = False,
        answered: bool = False,
    ) -> bool:
        """An attempt ended.

        Args:
            spent: What `spend` gave.
            sent: False if the centre certainly never saw it: it is given back.
            quota_left: What the centre says is left.
            exhausted: Whether the centre says it is used up.
            answered: Whether the centre answered the question.

        Returns:
            Whether it was a probe that ended a stop.
        """
        day = spent.day
        day.out -= 1
        if not sent:
            day.used[spent.service] = max(0, day.used.get(spent.service, 0) - 1)
            if day.left is not None:
                day.left += 1
        if quota_left is not None:
            day.left = max(0, quota_left - day.out)
            day.capped |= quota_left > (self._allowance(spent.right) or quota_left)
        if spent.probe and answered:
            day.exhausted = False
            return True
        day.exhausted |= exhausted
        return False

    def alarm(self, right: str) -> tuple[int, int] | None:
        """Spent and whole of the day, once, when the warning share is reached."""
        day = self._days[right]
        whole = self._whole(right, day)
        if day.alarmed or not whole or day.total < self._settings.alarm_at * whole:
            return None
        day.alarmed = True
        return day.total, whole

    def left(self, now: float, right: str) -> int | None:
        """Attempts left today, or None if nothing limits them."""
        day = self._day(now, right)
        return 0 if day.exhausted else self._left(right, day)

    def _may_probe(self, now: float, right: str, day: Day) -> bool:
        """Whether a right the centre called used up may look again: rarely, and only where nothing else says so."""
        if 0.0 <= now - day.asked_at < self._settings.probe or day.left == 0:
            return False
        allowance = self._allowance(right)
        return allowance is None or day.total < allowance

    def _allowance(self, right: str) -> int | None:
        known = self._rights.get(right)
        return None if known is None else known.daily_allowance

    def _left(self, right: str, day: Day) -> int | None:
        """The centre's word counts, so that what was counted here but not there comes back, and the reverse."""
        allowance = self._allowance(right)
        if allowance is None:
            return day.left
        own = allowance - day.total
        if day.left is None:
            return own
        return min(own, day.left) if day.capped else day.left

    def _whole(self, right: str, day: Day) -> int | None:
        allowance = self._allowance(right)
        if allowance is not None:
            return allowance
        return None if day.left is None else day.left + day.total

    def _kept_for_others(self, right: str, day: Day, service: CentreService, left: int) -> int:
        """Attempts that only other services may spend now."""
        whole = self._whole(right, day) or left
        kept = 0.0
        for name, share in self._settings.reserve.items():
            if name != service:
                kept += max(0.0, share * whole - day.used.get(CentreService(name), 0))
        return int(kept)

    def _day(self, now: float, right: str) -> Day:
        today = self._date(now)
        day = self._days.get(right)
        if day is not None and day.date == today:
            return day
        fresh = self._days[right] = self._turned(right, today, day)
        return fresh

    def _turned(self, right: str, today: str, before: Day | None) -> Day:
        """The day to go on with; going back in time keeps what is spent."""
        known = self._stored.setdefault((right, today), Day(today))
        if before is not None and before.date > today:
            for service, used in before.used.items():
                known.used[service] = max(used, known.used.get(service, 0))
            known.exhausted |= before.exhausted
            if before.left is not None:
                known.left = before.left if known.left is None else min(before.left, known.left)
        for date in sorted(date for name, date in self._stored if name == right)[:-KEPT]:
            del self._stored[right, date]
        return known

    def _date(self, now: float) -> str:
        """The ISO date now; computed once a day."""
        date, begin, end = self._today
        if not begin <= now < end:
            here = datetime.fromtimestamp(now, self._zone)
            begin = self._midnight(here, 0)
            end = self._midnight(here, 1)
            date = here.date().isoformat()
            self._today = (date, begin, end)
        return date

    def _midnight(self, here: datetime, days: int) -> float:
        return datetime.combine(here.date() + timedelta(days=days), time(), self._zone).timestamp()

    def _until_reset(self, now: float, reason: str) -> Refuse:
        """Until a little after the next midnight, spread so that not all come at once."""
        self._date(now)
        return Refuse(self._today[2] - now + self._random.uniform(0.0, SPREAD), reason)
