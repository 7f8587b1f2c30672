"""Logs: one line per event, as JSON bytes or for a terminal, with personal data kept out.

```
structlog.get_logger() ─┐
                        ├─► Renderer: keys on the list ► net ► exceptions without values ─► LineSink ─► stream
standard library ───────┘
```

Events are dotted constants (`centre.call.finished`) with fields. What keeps personal data out:

- a key that is not on `KEYS` is dropped, and its name (never its value) is listed in `redacted`;
- numbers of 13 digits and more, as text or number, and API keys are blotted out wherever they stand;
- exceptions show types, places and the first line of their messages with everything in quotes blotted out, and
  never local variables;
- lines of other libraries (standard library `logging`) are treated like exception messages.
"""

from __future__ import annotations

import logging
import re
import sys
import time
import types
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import msgspec
import structlog

from gateway.contract.errors import CallerError, CentreError, CentreRefusedUs, Overloaded, every_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping
    from types import TracebackType

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "pretty"]

_NAMES = """
account action adapter address addresses after age_seconds alarm_at allowance applied arrived at attempt attempts before
bytes cache caller callers calls chain changed circuit class client code codes connections control_url count cure
database day days deadline detail dialect disabled document door dropped elapsed enabled entries errno error errors
event every executed exit_code expected extension extensions failed failures fault faults file files folder folders
format found fresh hash health host http_status in_flight instance instances job jobs kept key key_id key_ids keys kind
left level limit line lines listeners lost method migration mode module now ok operator_port outcome owner pages pause
pending pid place plugin port ports priority process purpose queue quota_left reason records reload removed request_id
resets_in restart restart_needed retry_after revision revisions rewrapped right rights route routes rows rule seconds
served service services share shares signal since size skipped source stage stale state states status step stopped store
submission table tables task tasks took tried tries unit url urls used variable verb version village wait waited waiting
waits whole window workers works zone
"""

KEYS = frozenset(_NAMES.split())
"""Field names that may reach a log. None may ever carry a resident's data, a caller's text or a credential."""

BLOT = "[redacted]"

_NET = re.compile(r"\d(?:[ ._\-]?\d){12,}|sgw_\w+")
_QUOTED = re.compile(r"(?<!\w)[bBfFrRuU]{0,2}(['\"]).*\1(?!\w)")
_SHORTEST_NUMBER = 13
_LARGEST_FIGURE = 10 ** (_SHORTEST_NUMBER - 1)
_LONGEST_TEXT = 2000
_LONGEST_MESSAGE = 300
_MOST_FRAMES = 15
_MOST_CAUSES = 8
_MOST_ENTRIES = 50
_LEVELS: Mapping[str, Level] = types.MappingProxyType(
    {"debug": "debug", "info": "info", "warning": "warning", "warn": "warning"}
)
_NUMBERS: Mapping[Level, int] = types.MappingProxyType({"debug": 10, "info": 20, "warning": 30, "error": 40})


def _outcome_levels() -> Iterator[tuple[str, Level]]:
    for error in every_error():
        if issubclass(error, CallerError):
            yield error.code, "info"
        elif issubclass(error, Overloaded) or (issubclass(error, CentreError) and error is not CentreRefusedUs):
            yield error.code, "warning"
        else:
            yield error.code, "error"
    yield "answered", "info"


_OUTCOMES: Mapping[str, Level] = types.MappingProxyType(dict(_outcome_levels()))


def level_of(outcome: str) -> Level:
    """The level at which an outcome is logged: `answered`, `not_found`, or an error's code.

    What a caller can mend is `info`, what the centre does to us `warning`, what an admin must mend `error`; so is an
    outcome nobody knows.
    """
    return _OUTCOMES.get(outcome, "error")


def netted(text: str) -> str:
    """A text without API keys and numbers long enough to be a NIK or KK, cut where it is very long."""
    if len(text) < _SHORTEST_NUMBER:
        return text
    return _NET.sub(BLOT, text[:_LONGEST_TEXT])


def message_of(text: str) -> str:
    """The first line of an exception's message, without numbers and without anything in quotes."""
    return netted(_QUOTED.sub("'…'", text.partition("\n")[0][:_LONGEST_MESSAGE]))


class _Dropped(Exception):
    """A value that has no place in a log."""


def _shown(value: object) -> object:
    """A value as it may be logged.

    Raises:
        _Dropped: It is of a kind that could hold anything.
    """
    if isinstance(value, str):
        return netted(value if type(value) is str else str(value))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return BLOT if not -_LARGEST_FIGURE < value < _LARGEST_FIGURE else value
    return _shown_whole(value)


def _shown_whole(value: object) -> object:
    if isinstance(value, list | tuple | AbstractSet):
        return [_shown(entry) for entry in list(value)[:_MOST_ENTRIES]]
    if isinstance(value, Mapping):
        return _fields(value)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {_said(value)}"
    if isinstance(value, Enum):
        return netted(value.name)
    if isinstance(value, PurePath):
        return netted(str(value))
    raise _Dropped


def _fields(given: Mapping[str, object]) -> dict[str, object]:
    """The fields that may be shown, and under `redacted` the names of the others."""
    fields: dict[str, object] = {}
    dropped: list[str] = []
    for key, value in given.items():
        if key in KEYS:
            try:
                fields[key] = _shown(value)
            except _Dropped:
                dropped.append(key)
        else:
            dropped.append(netted(str(key)))
    if dropped:
        fields["redacted"] = dropped
    return fields


def _said(error: BaseException) -> str:
    try:
        return message_of(str(error))
    except Exception:  # noqa: BLE001 # an exception that cannot be written must not break the line that tells of it
        return "(no message)"


def chain_of(error: BaseException) -> list[dict[str, object]]:
    """An exception and its causes, newest first: `type`, `message` and `frames` (innermost last) of each."""
    chain: list[dict[str, object]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(chain) < _MOST_CAUSES:
        seen.add(id(current))
        chain.append(_described(current))
        hidden = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or hidden
    return chain


def _described(error: BaseException) -> dict[str, object]:
    described: dict[str, object] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": _said(error),
        "frames": _frames(error.__traceback__),
    }
    if isinstance(error, BaseExceptionGroup):
        described["errors"] = [chain_of(part) for part in error.exceptions[:_MOST_CAUSES]]
    return described


def _frames(traceback: TracebackType | None) -> list[str]:
    frames: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        frames.append(f"{module}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return frames[-_MOST_FRAMES:]


def _raised(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info else None


class Thinner:
    """Thins out floods of lines (pure): the first ones of a kind in each second are shown, the others counted.

    Args:
        most: Lines of a kind in a second.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kinds: dict[object, list[float]] = {}

    def offer(self, now: float, kind: object) -> int | None:
        """A line is about to be written.

        Args:
            now: Monotonic seconds.
            kind: What floods by itself; one of few.

        Returns:
            How many of its kind were left out since the last one shown; None to leave this one out too.
        """
        known = self._kinds.setdefault(kind, [now, 0.0, 0.0])
        if now - known[0] >= 1.0:
            known[0], known[1] = now, 0.0
        if known[1] >= self._most:
            known[2] += 1.0
            return None
        known[1] += 1.0
        skipped, known[2] = int(known[2]), 0.0
        return skipped


class LineSink(structlog.BytesLogger):
    """Writes lines; a stream that fails loses them, never the request that logged.

    Attributes:
        lost: Lines the stream did not take so far.
    """

    def __init__(self, file: BinaryIO | None = None) -> None:
        super().__init__(file)
        self.lost = 0

    def msg(self, message: bytes) -> None:
        """Write one line."""
        try:
            super().msg(message)
        except (OSError, ValueError):  # a closed pipe, a full disk, a closed file
            self.lost += 1

    log = debug = info = warning = warn = error = critical = fatal = exception = failure = msg


class Renderer:
    """The last step of structlog: makes the line of an event."""

    def __init__(self, encode: Callable[[dict[str, object]], bytes], now: Callable[[], float]) -> None:
        self._encode = encode
        self._now = now

    def __call__(self, _logger: object, method: str, event: MutableMapping[str, Any]) -> bytes:
        """The line of one event, without the line end."""
        name = event.pop("event", "")
        exc_info = event.pop("exc_info", None)
        return self.line(_LEVELS.get(method, "error"), str(name), _fields(event), _raised(exc_info))

    def line(self, level: Level, event: str, fields: dict[str, object], raised: BaseException | None = None) -> bytes:
        """A line of fields that have been cleaned."""
        at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"at": f"{at[:-6]}Z", "level": level, "event": netted(event)}
        line.update(fields)
        if raised is not None:
            line["exception"] = chain_of(raised)
        return self._encode(line)


_COLOURS: Mapping[object, str] = types.MappingProxyType(
    {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
)


def pretty(line: dict[str, object]) -> bytes:
    """A line for people at a terminal; what is not printable is escaped."""
    colour = _COLOURS[line["level"]]
    words = [f"\x1b[2m{str(line['at'])[11:23]}\x1b[0m", f"{colour}{line['level']:<7}\x1b[0m", _plain(line["event"])]
    words += [f"\x1b[2m{key}=\x1b[0m{_plain(line[key])}" for key in line if key not in _NOT_WORDS]
    return " ".join(words).encode() + b"".join(_pretty_exception(line.get("exception")))


_NOT_WORDS = frozenset({"at", "level", "event", "exception"})


def _plain(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and value and " " not in value:
        return value
    return ascii(value) if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pretty_exception(chain: object) -> Iterator[bytes]:
    for part in chain if isinstance(chain, list) else ():
        yield f"\n    {part['type']}: {ascii(part['message'])[1:-1]}".encode()
        for frame in part["frames"]:
            yield f"\n      {frame}".encode()


class Bridge(logging.Handler):
    """Brings the standard library's records into the same output, from `warning` upward."""

    def __init__(self, renderer: Renderer, sink: LineSink, level: Level) -> None:
        super().__init__(max(_NUMBERS[level], logging.WARNING))
        self._renderer = renderer
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; its text is treated like an exception's message."""
        try:
            text = message_of(record.getMessage())
        except Exception:  # noqa: BLE001 # a library's wrong arguments must not break its caller
            text = "(no message)"
        fields: dict[str, object] = {"logger": record.name, "message": text}
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        self._sink.msg(self._renderer.line(level, "python.logged", fields, _raised(record.exc_info)))


def configure(
    level: Level = "info",
    format: Format = "auto",  # noqa: A002 # the config's own word
    stream: BinaryIO | None = None,
    now: Callable[[], float] = time.time,
) -> LineSink:
    """Send all logs of this process to one stream; may be called again to change the level or the format.

    Args:
        level: Lines below this are left out.
        format: `auto` is pretty on a terminal and JSON elsewhere.
        stream: Binary stream; standard error if left out.
        now: Unix seconds.

    Returns:
        The sink, which counts the lines its stream did not take.
    """
    sink = LineSink(stream if stream is not None else sys.stderr.buffer)
    for_people = format == "pretty" or (format == "auto" and (stream or sys.stderr).isatty())
    renderer = Renderer(pretty if for_people else msgspec.json.Encoder().encode, now)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_NUMBERS[level]),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [known for known in root.handlers if isinstance(known, Bridge)]:
        root.removeHandler(handler)
    root.addHandler(Bridge(renderer, sink, level))
    return sink
