"""How many files the process may open, and how many of them callers may take with their connections.

```
hard limit ─► taken at the start ─► callers' connections │ operator's │ kept for the centre, the database, the log
```

Whoever opens connections without a key must never use up what the gateway needs to work.
"""

from __future__ import annotations

import resource
from contextlib import suppress

ENOUGH = 1_048_576
"""No more is asked for where the hard limit is none."""

OWN = 256
"""Files the gateway itself needs beside its connections to the centre: databases, log, extensions, loops."""

OPERATOR = 64
"""Connections the operator listener holds."""


def raise_limit() -> None:
    """Raise the limit of open files to the hard one, where the system lets us."""
    wanted, (soft, hard) = hard_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with suppress(ValueError, OSError):  # some systems allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def soft_limit() -> int:
    """Files the process may open now."""
    return _bounded(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def hard_limit() -> int:
    """Files it may open once the limit was raised."""
    return _bounded(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def _bounded(limit: int) -> int:
    return ENOUGH if limit == resource.RLIM_INFINITY else limit


def connections_of(limit: int, centre: int) -> int:
    """Connections of callers that leave the gateway its own files.

    Args:
        limit: Files the process may open.
        centre: Connections it may open to the centre.

    Returns:
        At least half of what the limit leaves beside the operator's.
    """
    left = max(2, limit - OPERATOR)
    return max(left - OWN - centre, left // 2)
