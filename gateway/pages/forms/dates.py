"""Dates as people here write them, dd-mm-yyyy, and as forms keep them, yyyy-mm-dd."""

from __future__ import annotations

import re

_WRITTEN = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_KEPT = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


def kept_date(typed: str) -> str:
    """What was typed as a form keeps it; as it was typed where it is no date in that order."""
    found = _WRITTEN.fullmatch(typed)
    return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}" if found else typed


def shown_date(kept: str) -> str:
    """What a form keeps as people write it; anything else as it is."""
    found = _KEPT.fullmatch(kept)
    return f"{found[3]}-{found[2]}-{found[1]}" if found else kept
