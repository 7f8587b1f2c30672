"""Puts an extension to every rule and every case of the drill, and tells what came of it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.registry.manifest import Rule as Claim
from gateway.settings import ConfigFaults
from gateway.testing.drill.cases import CASES
from gateway.testing.drill.play import Traffic
from gateway.testing.licence import config, in_use, on_paper, surface
from gateway.testing.licence.rule import Line, Rule
from gateway.testing.licence.subject import Subject, Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from gateway.testing.drill.case import Case
RULES: tuple[Rule, ...] = (*on_paper.RULES, *config.RULES, *surface.RULES, *in_use.RULES)
"""All rules, in the order they are looked at."""

DRILL = "drill:"
_MOST_DETAILS = 5
_BROKEN = "what comes before it failed"


@dataclass(frozen=True, slots=True)
class Report:
    """What the licence says of one extension.

    Attributes:
        name: The extension.
        lines: One per rule and case.
    """

    name: str
    lines: tuple[Line, ...]

    @property
    def passed(self) -> bool:
        """Whether no rule failed."""
        return all(line.verdict != "failed" for line in self.lines)


def check_extension(
    name: str,
    *,
    tell: Callable[[Line], None] | None = None,
    begin: Callable[[str], None] | None = None,
    drill: bool = True,
    only: Collection[str] = (),
    leave_out: Collection[str] = (),
) -> Report:
    """Look at one installed extension.

    Args:
        name: Its entry point's name.
        tell: Told each line as soon as it is known.
        begin: Told the name of each rule before it is looked at.
        drill: Whether the fire drill is played.
        only: Names of the rules that are looked at; empty for all.
        leave_out: Rules that are looked at elsewhere, such as `typed` by a type checker's own run.

    Raises:
        Unusable: No extension of that name is installed, or no rule has one of the names.
    """
    every = (*RULES, *_drill(CASES))
    if unknown := set(only) - {rule.name for rule in every}:
        raise Unusable(
            f"no rule is called {', '.join(sorted(unknown))}; rules: {', '.join(rule.name for rule in every)}"
        )
    with tempfile.TemporaryDirectory(prefix="gateway-licence-") as work:
        subject = Subject(name, Path(work))
        look = _Look(subject, tell, begin)
        for rule in (*RULES, *_drill(case for case in CASES if case.half == "read" or subject.hands_in)):
            if not only or rule.name in only:
                left_out = rule.name in leave_out or (not drill and rule.name.startswith(DRILL))
                look.at(rule, left_out=left_out)
    return Report(name, tuple(look.lines))


def _drill(cases: Iterable[Case]) -> list[Rule]:
    return [Rule(f"{DRILL}{case.name}", case.asks, case.cure, case.run) for case in cases]


_WRITES = {f"{DRILL}{case.name}" for case in CASES if case.half == "write"}


class _Look:
    """Goes from rule to rule; what cannot be run any more is left out, and says so."""

    def __init__(
        self, subject: Subject, tell: Callable[[Line], None] | None, begin: Callable[[str], None] | None
    ) -> None:
        self._subject = subject
        self._tell = tell
        self._begin = begin
        self._usable = True
        self.lines: list[Line] = []

    def at(self, rule: Rule, *, left_out: bool) -> None:
        """Look at one rule."""
        line = self._excused(rule) if not left_out else Line(rule.name, "left out", rule.asks, ("not asked for",))
        if line is None and rule.tier is not None and not self._claimed(rule):
            return
        if line is None:
            if self._begin is not None:
                self._begin(rule.name)
            line = self._looked(rule)
        self.lines.append(line)
        if self._tell is not None:
            self._tell(line)

    def _looked(self, rule: Rule) -> Line:
        began = time.monotonic()
        try:
            details = tuple(rule.check(self._subject))
        except (Unusable, ConfigFaults) as error:
            details = (str(error),)
        except Exception as error:  # noqa: BLE001 # whatever its code did, the report says so and goes on
            details = (f"{type(error).__name__}: {error}",)
        seconds = round(time.monotonic() - began, 2)
        if not details:
            return Line(rule.name, "ok", rule.asks, seconds=seconds)
        self._usable = self._usable and rule.name not in {"contract", "life", "routes"}
        more = (f"and {len(details) - _MOST_DETAILS} more",) if len(details) > _MOST_DETAILS else ()
        return Line(rule.name, "failed", rule.asks, (*details[:_MOST_DETAILS], *more), rule.cure, seconds)

    def _excused(self, rule: Rule) -> Line | None:
        if rule.running and not self._usable:
            return Line(rule.name, "left out", rule.asks, (_BROKEN,))
        if rule.name.startswith(DRILL) and Traffic(self._subject, writes=rule.name in _WRITES).lead is None:
            return Line(rule.name, "left out", rule.asks, ("no example to drive it with",))
        claim = self._claim(rule)
        if isinstance(claim, Claim):
            return Line(rule.name, claim.status, rule.asks, (claim.reason,))
        return None

    def _claimed(self, rule: Rule) -> bool:
        return self._claim(rule) == "done"

    def _claim(self, rule: Rule) -> Claim | str | None:
        manifest = self._subject.manifest
        return None if manifest is None or rule.tier is None else manifest.rules.get(rule.name)
