"""The wall clock of the centre: the quota day, opening hours and the day a daily password belongs to."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

_INDONESIA = {"Asia/Jakarta": 7, "Asia/Pontianak": 7, "Asia/Makassar": 8, "Asia/Jayapura": 9}


def zone(name: str) -> tzinfo:
    """The zone called `name`; Indonesian ones need no zone database, for they have no summer time.

    Raises:
        ValueError: No such zone.
    """
    if name in _INDONESIA:
        return timezone(timedelta(hours=_INDONESIA[name]), name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


class Calendar:
    """Local dates and times from an injected clock (seconds since the epoch), cached between midnights."""

    def __init__(self, where: tzinfo, clock: Callable[[], float]) -> None:
        self._zone = where
        self._clock = clock
        self._from = self._until = 0.0
        self._day = self._stamp = ""

    def day(self) -> str:
        """Today as `yyyy-mm-dd`."""
        self._refresh()
        return self._day

    def ddmmyyyy(self) -> str:
        """Today as daily passwords write it."""
        self._refresh()
        return self._stamp

    def is_within(self, hours: tuple[str, str]) -> bool:
        """Whether it is now between two times `HH:MM`, the end excluded; a span may pass midnight."""
        now = datetime.fromtimestamp(self._clock(), self._zone).strftime("%H:%M")
        start, end = hours
        return start <= now < end if start <= end else now >= start or now < end

    def _refresh(self) -> None:
        now = self._clock()
        if self._from <= now < self._until:
            return
        local = datetime.fromtimestamp(now, self._zone)
        midnight = datetime.combine(local.date(), time(), self._zone)
        self._from = midnight.timestamp()
        self._until = (midnight + timedelta(days=1)).timestamp()
        self._day, self._stamp = f"{local:%Y-%m-%d}", f"{local:%d%m%Y}"
