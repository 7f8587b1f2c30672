"""Answers counted per account and day; at midnight of the centre's zone everything is free again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.mock_siak.accounts import Account
    from gateway.mock_siak.calendar import Calendar


class QuotaBook:
    """What each account has used today; `changed` is called after every change, to have it stored."""

    def __init__(self, calendar: Calendar, changed: Callable[[], None]) -> None:
        self._calendar = calendar
        self._changed = changed
        self._day = calendar.day()
        self._used: dict[str, int] = {}

    @property
    def day(self) -> str:
        """The day the counts belong to, `yyyy-mm-dd`."""
        self._turn_page()
        return self._day

    def used(self) -> dict[str, int]:
        """Answers given today, by account key."""
        self._turn_page()
        return dict(self._used)

    def left(self, account: Account) -> int:
        """Answers the account may still get today."""
        self._turn_page()
        return max(0, account.daily_allowance - self._used.get(account.key, 0))

    def spend(self, account: Account) -> int:
        """Count one answer; returns how many are left."""
        self._turn_page()
        used = self._used[account.key] = self._used.get(account.key, 0) + 1
        self._changed()
        return max(0, account.daily_allowance - used)

    def restore(self, day: str, used: Mapping[str, int]) -> None:
        """Take over what an earlier process counted, unless that was another day."""
        if day == self._calendar.day():
            self._used = dict(used)

    def reset(self) -> None:
        """Forget what was used."""
        self._used.clear()
        self._changed()

    def _turn_page(self) -> None:
        today = self._calendar.day()
        if today != self._day:
            self._day = today
            self._used.clear()
