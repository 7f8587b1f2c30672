"""The look at an extension in a process of its own, which its code may end, hang or spoil without being believed.

```
parent ── name, rules ─► child: check_extension ── a line of JSON per step ─► parent
the child's last word is its report; without it, or too late, the extension has failed
```
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from gateway.testing.licence.checking import Report, check_extension
from gateway.testing.licence.rule import Line
from gateway.testing.licence.subject import Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WITHIN = 900.0
"""Seconds the look at one extension may take."""

_encoder = msgspec.json.Encoder()


class Asked(msgspec.Struct, frozen=True):
    """What the child shall look at.

    Attributes:
        name: The extension.
        drill: Whether the fire drill is played.
        only: Names of rules; empty for all.
        descriptor: Where its words go.
    """

    name: str
    drill: bool
    only: tuple[str, ...]
    descriptor: int


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of the child.

    Attributes:
        begins: Name of the rule it looks at next.
        line: What a rule said.
        unusable: Why nothing can be looked at.
        lines: At the end, how many lines there are; None before.
    """

    begins: str | None = None
    line: Line | None = None
    unusable: str | None = None
    lines: int | None = None


def check_apart(
    name: str,
    *,
    tell: Callable[[Line], None],
    begin: Callable[[str], None],
    drill: bool = True,
    only: Sequence[str] = (),
    within: float = WITHIN,
) -> Report:
    """As `check_extension`, in a process of its own, which is ended after so many seconds; then it has failed.

    Raises:
        Unusable: As of `check_extension`.
    """
    child, words = _started(name, drill=drill, only=only)
    late = threading.Event()

    def expire() -> None:
        late.set()
        _end(child)

    limit = threading.Timer(within, expire)
    limit.start()
    try:
        lines, at = _heard(words, begin, tell)
    finally:
        limit.cancel()
        _end(child)
        child.wait()
        words.close()
    if at is not None:
        lines.append(_lost(at, within if late.is_set() else None))
        tell(lines[-1])
    return Report(name, tuple(lines))


def _heard(
    words: BinaryIO, begin: Callable[[str], None], tell: Callable[[Line], None]
) -> tuple[list[Line], str | None]:
    """What the child said; and the rule it was at when it fell silent, None where it came to its end.

    Raises:
        Unusable: It says that nothing can be looked at.
    """
    lines: list[Line] = []
    at = ""
    for word in map(_decoded, words):
        if word.unusable is not None:
            raise Unusable(word.unusable)
        if word.lines is not None and word.lines == len(lines):
            return lines, None
        at = word.begins or at
        lines += _told(word, begin, tell)
    return lines, at


def _started(name: str, *, drill: bool, only: Sequence[str]) -> tuple[subprocess.Popen[bytes], BinaryIO]:
    """The child, and where its words can be read."""
    reading, writing = os.pipe()
    asked = _encoder.encode(Asked(name, drill, tuple(only), writing)).decode()
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
    child = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import answer; answer()", asked],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=(writing,), env=environ, start_new_session=True,
    )  # fmt: skip
    os.close(writing)
    return child, os.fdopen(reading, "rb")


def _told(word: Word, begin: Callable[[str], None], tell: Callable[[Line], None]) -> list[Line]:
    if word.begins is not None:
        begin(word.begins)
    if word.line is None:
        return []
    tell(word.line)
    return [word.line]


def _lost(at: str, within: float | None) -> Line:
    how = "the look ended by itself" if within is None else f"the look was not over after {within:.0f} s"
    return Line(
        "ended",
        "failed",
        "The look at it comes to its end.",
        (f"{how}, at {at or 'the beginning'}",),
        "leave the process alone: no sys.exit, os._exit, signal or endless loop in an extension",
    )


def _decoded(text: bytes) -> Word:
    try:
        return msgspec.json.decode(text, type=Word)
    except msgspec.MsgspecError:
        return Word()  # half a word, of a process that ended


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and what it began."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def answer() -> None:
    """The child: look, and say each step."""
    asked = msgspec.json.decode(sys.argv[1], type=Asked)
    words = os.fdopen(asked.descriptor, "wb")

    def say(word: Word) -> None:
        words.write(_encoder.encode(word) + b"\n")
        words.flush()

    try:
        report = check_extension(
            asked.name,
            tell=lambda line: say(Word(line=line)),
            begin=lambda rule: say(Word(begins=rule)),
            drill=asked.drill,
            only=asked.only,
        )
    except Unusable as error:
        say(Word(unusable=str(error)))
    else:
        say(Word(lines=len(report.lines)))
    os._exit(0)  # threads that an extension left behind hold nobody up
