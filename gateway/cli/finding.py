"""One thing `doctor` looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "warn", "bad"]
"""How a thing is: `warn` is to be mended, `bad` keeps the gateway from what it promises."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What.
        verdict: How it is.
        text: In one sentence, without personal data or secrets.
        cure: What to do; empty when nothing is to be done.
    """

    subject: str
    verdict: Verdict
    text: str
    cure: str = ""

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
