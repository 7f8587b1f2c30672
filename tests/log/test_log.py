"""No personal data reaches a log, and no log line harms the request that wrote it."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import os
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from gateway import log
from gateway.contract.errors import GatewayError, every_error
from gateway.contract.messages import CentreService, Priority
from tests.measuring import quick_once, relative_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

NIK = "3527014101900001"
NAME = "BUDI SANTOSO"
NOW = 1_795_000_000.25

Lines = io.BytesIO
ROOT = Path(__file__).parents[2]


class Marked(Enum):
    """A name that must not be shown either."""

    NIK_3527014101900001 = 1


@pytest.fixture
def lines() -> Iterator[Lines]:
    """JSON logs at level debug, into memory; the process's logging is put back afterwards."""
    stream = io.BytesIO()
    log.configure("debug", "json", stream, now=lambda: NOW)
    yield stream
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, log.Bridge)]:
        root.removeHandler(handler)


def only(stream: Lines) -> dict[str, Any]:
    """The one line that was logged."""
    (line,) = stream.getvalue().splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_line_is_one_json_object_with_time_level_and_event(lines: Lines) -> None:
    """Fields follow in the order they were given."""
    structlog.get_logger().warning("centre.call.finished", service=CentreService.BIODATA, seconds=0.25)
    assert lines.getvalue() == (
        b'{"at":"2026-11-18T11:06:40.250Z","level":"warning","event":"centre.call.finished",'
        b'"service":"biodata","seconds":0.25}\n'
    )


def test_an_unknown_key_is_dropped_and_named(lines: Lines) -> None:
    """What is not on the list never shows its value."""
    structlog.get_logger().info("a.b.c", full_name=NAME, count=1)
    assert only(lines)["redacted"] == ["full_name"]
    assert NAME.encode() not in lines.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        NIK,
        f"NIK {NIK}.",
        "3527 0141 0190 0001",
        "35.27.01.410190.0001",
        "3527-0141-0190-0001",
        "3527_0141_0190_0001",
        "٣٥٢٧٠١٤١٠١٩٠٠٠٠١",
        int(NIK),
        -int(NIK),
        float(NIK),
        [NIK],
        ("x", int(NIK)),
        {NIK},
        {"count": NIK},
        {NIK: 1},
        ValueError(f"no such number {NIK}"),
        Path("/blobs") / NIK,
        Marked.NIK_3527014101900001,
    ],
    ids=lambda value: type(value).__name__,
)
def test_long_numbers_are_blotted_out_of_every_kind_of_value(lines: Lines, value: object) -> None:
    """A NIK is caught as text, number, with separators, in containers, errors and paths."""
    structlog.get_logger().info("a.b.c", reason=value)
    digits = "".join(letter for letter in lines.getvalue().decode() if letter.isdecimal())
    assert NIK not in digits
    assert "٣٥٢٧" not in lines.getvalue().decode()


@pytest.mark.parametrize(
    "value", [1_795_000_000.123456, 12, True, None, "2026-11-21T21:36:01Z", "10.35.27.100:8080", 0.123456789012345678]
)
def test_times_addresses_and_figures_pass(lines: Lines, value: object) -> None:
    """The net does not blot out what operators need."""
    structlog.get_logger().info("a.b.c", reason=value)
    assert only(lines)["reason"] == value


def test_values_that_could_hold_anything_are_dropped(lines: Lines) -> None:
    """Objects and bytes have no place in a log; enums and decimals are judged alike."""
    structlog.get_logger().info("a.b.c", error=object(), reason=b"x", count=Decimal(1), priority=Priority.URGENT)
    assert only(lines)["redacted"] == ["error", "reason", "count"]


def test_a_very_long_text_is_cut(lines: Lines) -> None:
    """A line stays a line."""
    structlog.get_logger().info("a.b.c", reason="x" * 100_000)
    assert len(lines.getvalue()) < 3_000


@pytest.mark.parametrize("quoted", [repr(NAME), repr(NAME.encode()), f'"{NAME}"', f"rb{NAME!r}", f"f{NAME!r}"])
def test_what_stands_in_quotes_is_blotted_out_whatever_its_prefix(quoted: str) -> None:
    """Bytes and other literals of Python are quoted too."""
    assert log.message_of(f"cannot read {quoted} here") == "cannot read '…' here"


def test_an_exception_shows_types_places_and_causes_but_no_values(lines: Lines) -> None:
    """What stands in quotes in a message may be data; locals are never shown."""
    held = NAME
    try:
        try:
            _ = {"": 0}[held]
        except KeyError as error:
            raise ValueError(f"cannot read '{NAME}' of {NIK}\nDETAIL: {NAME}") from error
    except ValueError:
        structlog.get_logger().exception("a.b.c")
    first, second = only(lines)["exception"]
    assert first["type"] == "builtins.ValueError"
    assert first["message"] == "cannot read '…' of [redacted]"
    assert first["frames"][-1].endswith(" test_an_exception_shows_types_places_and_causes_but_no_values")
    assert second["type"] == "builtins.KeyError"
    assert NAME.encode() not in lines.getvalue()


def test_a_name_with_an_apostrophe_stays_in_its_quotes(lines: Lines) -> None:
    """Quotes inside a quoted value do not end the blot."""
    structlog.get_logger().info("a.b.c", error=ValueError("bad name 'NUR'AINI', it's not allowed"))
    assert "AINI" not in lines.getvalue().decode()


class Unspeakable(Exception):
    """Cannot be written."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError(NAME)


def test_groups_loops_and_unspeakable_exceptions_are_written(lines: Lines) -> None:
    """No exception can break the line that tells of it."""
    looped = ValueError("one")
    other = ValueError("two")
    looped.__cause__, other.__cause__ = other, looped
    group = ExceptionGroup("several", [looped, Unspeakable()])
    structlog.get_logger().error("a.b.c", exc_info=group)
    (told,) = only(lines)["exception"]
    assert [len(chain) for chain in told["errors"]] == [2, 1]
    assert told["errors"][1][0]["message"] == "(no message)"


def test_exception_information_comes_in_every_form(lines: Lines) -> None:
    """A triple, a bare flag outside of a handler, and nothing at all."""
    logger = structlog.get_logger()
    logger.error("a.b.c", exc_info=(ValueError, ValueError("x"), None))
    logger.error("a.b.c", exc_info=(None, None, None))
    logger.error("a.b.c")
    shown = ["exception" in json.loads(line) for line in lines.getvalue().splitlines()]
    assert shown == [True, False, False]


def test_other_libraries_come_out_the_same_way(lines: Lines) -> None:
    """The standard library's warnings and errors are bridged; their chatter is not."""
    logging.getLogger("asyncio").info("chatter")
    logging.getLogger("asyncio").error("Task %r failed with %s", {"name": NAME}, NIK)
    line = only(lines)
    assert (line["event"], line["level"], line["logger"]) == ("python.logged", "error", "asyncio")
    assert line["message"] == "Task {'…'} failed with [redacted]"


def test_a_library_that_logs_wrongly_is_still_heard(lines: Lines) -> None:
    """Wrong arguments of a library's log call do not raise in it."""
    (bridge,) = (each for each in logging.getLogger().handlers if isinstance(each, log.Bridge))
    bridge.handle(logging.LogRecord("lib", logging.WARNING, "lib.py", 1, "%d of %d", (1,), None))
    assert only(lines)["message"] == "(no message)"


def test_configuring_again_replaces_level_and_stream(lines: Lines) -> None:
    """A reload changes the level of loggers that exist already, and bridges once."""
    logger = structlog.get_logger()
    again = io.BytesIO()
    log.configure("error", "json", again)
    logger.info("a.b.c")
    logger.error("a.b.d")
    logging.getLogger("lib").error("x")
    assert lines.getvalue() == b""
    assert len(again.getvalue().splitlines()) == 2


def test_lines_for_people_are_escaped(lines: Lines) -> None:
    """A terminal gets colours from us and control characters from nobody."""
    stream = io.BytesIO()
    log.configure("debug", "pretty", stream, now=lambda: NOW)
    structlog.get_logger().error(
        "a.b.c", reason="x\x1b[2Jy", state="good", counts=1, count=3, exc_info=ValueError("\x07")
    )
    text = stream.getvalue().decode()
    assert "\x1b[2J" not in text
    assert "\x07" not in text
    assert "'x\\x1b[2Jy'" in text
    assert "good" in text
    assert "builtins.ValueError" in text
    assert lines.getvalue() == b""


def test_auto_is_pretty_on_a_terminal_only() -> None:
    """A pseudo-terminal gets pretty lines, a pipe JSON."""
    leader, follower = os.openpty()
    with open(follower, "wb", buffering=0) as terminal:  # noqa: PTH123 # a descriptor, not a path
        log.configure("info", "auto", terminal)
        structlog.get_logger().info("a.b.c")
        assert b"\x1b[" in os.read(leader, 1000)
    os.close(leader)
    structlog.reset_defaults()
    logging.getLogger().handlers = [each for each in logging.getLogger().handlers if not isinstance(each, log.Bridge)]


def test_a_stream_that_fails_loses_lines_and_nothing_else() -> None:
    """A broken pipe or closed file is counted, never raised into the request that logged."""
    reader, writer = os.pipe()
    with open(writer, "wb", buffering=0) as broken:  # noqa: PTH123 # a descriptor, not a path
        os.close(reader)
        sink = log.LineSink(broken)
        sink.info(b"one")
    closed = io.BytesIO()
    second = log.LineSink(closed)
    closed.close()
    second.error(b"two")
    assert (sink.lost, second.lost) == (1, 1)


def test_every_outcome_has_one_level() -> None:
    """What callers can mend is info, what the centre does is a warning, what admins must mend an error."""
    levels = {error.code: log.level_of(error.code) for error in every_error()}
    assert log.level_of("answered") == levels["not_found"] == levels["too_many_requests"] == "info"
    assert levels["centre_timeout"] == levels["overloaded"] == levels["quota_exhausted"] == "warning"
    assert levels["centre_refused_us"] == levels["internal"] == levels["storage_unavailable"] == "error"
    assert log.level_of("never heard of") == "error"
    assert set(levels.values()) <= {"info", "warning", "error"}


def test_context_of_a_request_is_added(lines: Lines) -> None:
    """Fields bound to a context appear on every line of that context only."""

    async def request(number: str) -> None:
        structlog.contextvars.bind_contextvars(request_id=number)
        await asyncio.sleep(0)
        structlog.get_logger().info("a.b.c")

    async def both() -> None:
        await asyncio.gather(request("r1"), request("r2"))

    asyncio.run(both())
    assert [json.loads(line)["request_id"] for line in lines.getvalue().splitlines()] == ["r1", "r2"]


def test_an_api_key_is_blotted_out(lines: Lines) -> None:
    """A key in a place where none belongs does not open doors."""
    structlog.get_logger().info("a.b.c", reason="Bearer sgw_abc123_s3cr3t refused", key="sgw_abc123_s3cr3t")
    assert (only(lines)["reason"], only(lines)["key"]) == ("Bearer [redacted] refused", "[redacted]")


def calls_in(file: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a logger in a source file, with its place."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            owner = ast.unparse(node.func.value)
            if owner.rpartition(".")[2] in {"log", "_log", "logger"}:
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


METHODS = {"debug", "info", "warning", "error", "exception"}
SOURCES = [file for room in ("gateway", "plugins", "adapters") for file in sorted((ROOT / room).rglob("*.py"))]


def test_every_field_our_own_code_logs_is_on_the_list() -> None:
    """A field that is not on the list would be dropped silently; each call is checked, with its place."""
    unknown = [
        f"{place}: {keyword.arg}"
        for file in SOURCES
        for place, call in calls_in(file)
        for keyword in call.keywords
        if keyword.arg is not None and keyword.arg not in log.KEYS | {"exc_info"}
    ]
    assert unknown == []


def test_texts_of_our_own_errors_pass(lines: Lines) -> None:
    """An error of the contract is told with its text."""
    structlog.get_logger().info("a.b.c", error=GatewayError("The centre is away."))
    assert only(lines)["error"] == "GatewayError: The centre is away."


def test_a_line_is_cheap() -> None:
    """A line costs what writing four small JSON documents does; through the standard library it would be ten."""
    logger = structlog.get_logger()
    log.configure("info", "json", io.BytesIO())

    def write() -> None:
        logger.info("http.request.finished", request_id="0190f5a0-1234", status=200, seconds=0.1)

    try:
        quick_once(lambda: relative_cost(write), 7.0)
    finally:
        structlog.reset_defaults()
        handlers = logging.getLogger().handlers
        logging.getLogger().handlers = [each for each in handlers if not isinstance(each, log.Bridge)]


def test_a_flood_of_lines_is_thinned_out_and_counted() -> None:
    """The first lines of a kind in each second are shown, the next one says how many were not; kinds are apart."""
    thinner = log.Thinner(2)
    assert [thinner.offer(0.1 * step, "a") for step in range(5)] == [0, 0, None, None, None]
    assert thinner.offer(0.5, "b") == 0
    assert [thinner.offer(1.0 + 0.1 * step, "a") for step in range(3)] == [3, 0, None]
    assert thinner.offer(9.0, "a") == 1
