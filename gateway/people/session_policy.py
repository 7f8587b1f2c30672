"""What a session's token is worth (pure).

```
stage     code ──right code──► open          a session is begun anew at each step: nobody can fix one beforehand
          enrol ──enrolled───► open

token     hash ──renew_every──► a new one is offered (hash_next), the old one stays good until the browser shows it
          has the new one: a line that is cut in between signs nobody out
          hash_next is shown ──► it is hash; the one before (hash_before) is good for a minute more, for what was
          under way, and after that whoever shows it copied it: the session ends
```
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

Stage = Literal["code", "enrol", "open"]
"""How far a sign-in is: a code is asked for, a second step must be enrolled, or it is done."""

GRACE: Final = 60.0
"""Seconds the token before is still good."""

OFFER_AGAIN: Final = 30.0
"""Seconds after which a token that was offered and not shown again is offered anew."""

STEP_LASTS: Final = 600.0
"""Seconds that a sign-in which waits for its second step may take."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long sessions last; seconds.

    Attributes:
        idle: Without a request.
        lasts: In all.
        renew_every: Until its token is renewed.
    """

    idle: float
    lasts: float
    renew_every: float


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as stored.

    Attributes:
        id: Names it; not secret.
        person: Whose.
        generation: Of the person's sessions when it was begun.
        stage: How far the sign-in is.
        hash: Hash of its token.
        hash_next: Hash of the token that was offered; None without one.
        hash_before: Hash of the token before; None without one.
        started_at: Unix seconds.
        seen_at: Unix seconds of the last request, to within a minute.
        renewed_at: Unix seconds when a token was offered last.
        taken_at: Unix seconds when the present token was shown first.
    """

    id: str
    person: str
    generation: int
    stage: Stage
    hash: bytes
    hash_next: bytes | None
    hash_before: bytes | None
    started_at: float
    seen_at: float
    renewed_at: float
    taken_at: float


class Worth(Enum):
    """What a token is worth."""

    GOOD = "good"
    RENEW = "renew"
    TAKE = "take"
    OVER = "over"
    COPIED = "copied"


def worth(session: StoredSession, shown: bytes, now: float, limits: SessionLimits) -> Worth:
    """What a token is worth whose hash is one of the session's three."""
    if _is_over(session, now, limits):
        return Worth.OVER
    if session.hash_next is not None and hmac.compare_digest(shown, session.hash_next):
        return Worth.TAKE
    if not hmac.compare_digest(shown, session.hash):
        return Worth.GOOD if now - session.taken_at < GRACE else Worth.COPIED
    if session.stage != "open":
        return Worth.GOOD
    due = OFFER_AGAIN if session.hash_next is not None else limits.renew_every
    return Worth.RENEW if now - session.renewed_at >= due else Worth.GOOD


def _is_over(session: StoredSession, now: float, limits: SessionLimits) -> bool:
    if session.stage != "open":
        return now - session.started_at >= STEP_LASTS
    return now - session.started_at >= limits.lasts or now - session.seen_at >= limits.idle
