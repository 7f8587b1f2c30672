"""A rule of the licence, and what it said of an extension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.registry.manifest import Tier
    from gateway.testing.licence.subject import Subject

Verdict = Literal["ok", "failed", "exempt", "todo", "left out"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of an extension.

    Attributes:
        name: Stable word; for rules of a tier the one in the manifest.
        asks: What must be true, one line.
        cure: What to do where it is not.
        check: Finds faults, one line each; an example of the culprit in each.
        tier: The tier that asks for it; None for rules that hold always and know no exemption.
        running: Whether it needs the extension to be built.
    """

    name: str
    asks: str
    cure: str
    check: Callable[[Subject], Iterable[str]]
    tier: Tier | None = None
    running: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report.

    Attributes:
        rule: The rule's name; `drill:<case>` for a case of the fire drill.
        verdict: What came of it.
        asks: What must be true.
        details: The faults found, or the reason of an exemption.
        cure: What to do; empty unless it failed.
        seconds: How long the look took.
    """

    rule: str
    verdict: Verdict
    asks: str
    details: tuple[str, ...] = ()
    cure: str = ""
    seconds: float = 0.0
