"""What may be done with a remembered answer (pure).

```
age          0 ........ fresh ............ + welcome ............ stale_if_error
answer       SERVE       SERVE_AND_REFRESH   ASK, else last known  ASK
not found    SERVE until `negative`, then ASK; it is never a last known answer
```

`welcome` is what the asker takes past freshness (`max_stale`), else the config's `stale_while_revalidate`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from gateway.contract.errors import FieldFault
from gateway.contract.messages import Reply

if TYPE_CHECKING:
    from gateway.contract.messages import Freshness
    from gateway.settings.centre import CacheSettings

SKEW = 60.0
"""Seconds the clock may have been set back before an entry from the future counts as stale."""


OVERHEAD = 600
"""Bytes an entry takes beside the centre's own, about."""


class Entry(msgspec.Struct, frozen=True):
    """Something the centre said, remembered.

    Attributes:
        as_of: When it said so, Unix seconds.
        reply: What it said, or None where it refused the number as malformed (code 15).
        faults: For such a refusal: the faults to tell again.
        said: For such a refusal: the centre's own bytes.
    """

    as_of: float
    reply: Reply | None
    faults: tuple[FieldFault, ...] = ()
    said: bytes = b""

    @property
    def negative(self) -> bool:
        """Whether it is "not found" or "malformed": remembered briefly, never a last known answer."""
        return self.reply is None or not self.reply.found

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        return OVERHEAD + len(self.said) + (0 if self.reply is None else len(self.reply.raw))


class Use(Enum):
    """What to do with an entry."""

    SERVE = "serve"
    SERVE_AND_REFRESH = "serve_and_refresh"
    ASK = "ask"


class CachePolicy:
    """Judges entries by age, kind, and what the asker takes.

    Args:
        settings: Lifetimes.
    """

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings

    def age(self, entry: Entry, now: float) -> float:
        """Seconds since the centre said it; just past freshness for an entry from the future."""
        age = now - entry.as_of
        if age >= 0.0:
            return age
        return 0.0 if age >= -SKEW else self.lifetime(entry) + 1.0

    def lifetime(self, entry: Entry) -> float:
        """Seconds an entry is fresh."""
        return self._settings.negative if entry.negative else self._settings.fresh

    def use(self, entry: Entry, now: float, wanted: Freshness) -> Use:
        """What to do before the centre is asked."""
        if wanted.no_cache:
            return Use.ASK
        past = self.age(entry, now) - self.lifetime(entry)
        if past < 0.0:
            return Use.SERVE
        if entry.negative or past > self._welcome(wanted) or not self._kept(entry, now):
            return Use.ASK
        return Use.SERVE_AND_REFRESH

    def last_known(self, entry: Entry, now: float, wanted: Freshness) -> bool:
        """Whether the entry may stand in when the centre cannot answer."""
        past = self.age(entry, now) - self.lifetime(entry)
        if entry.negative and past >= 0.0:
            return False
        if wanted.strict and (wanted.no_cache or past > self._welcome(wanted)):
            return False
        return self._kept(entry, now)

    def replaces(self, entry: Entry, known: Entry, now: float) -> bool:
        """Whether what the centre just said takes the place of what is remembered.

        Not what is remembered already (the askers of one flight share its reply) nor anything older; but a remembered
        answer from the future, from before the clock was set back, gives way to any.
        """
        if entry.reply is not None and entry.reply is known.reply:
            return False
        return known.as_of <= entry.as_of or known.as_of > now

    def _kept(self, entry: Entry, now: float) -> bool:
        return self.age(entry, now) <= self._settings.stale_if_error

    def _welcome(self, wanted: Freshness) -> float:
        return self._settings.stale_while_revalidate if wanted.max_stale is None else wanted.max_stale
