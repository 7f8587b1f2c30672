"""The machine's clock."""

from __future__ import annotations

import time


class SystemClock:
    """Time as the machine has it; the one place that reads it."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
