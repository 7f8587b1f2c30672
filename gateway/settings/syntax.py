"""Reads TOML text, and says in plain words where it is not TOML."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from gateway.settings.faults import ConfigFault, ConfigFaults

if TYPE_CHECKING:
    from pathlib import Path

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_KEY = re.compile(r"\s*(?:\[+\s*)?([A-Za-z0-9_.\-]+)")

_TABLE = re.compile(r"\('(.*)',?\)")

_CURES = (
    ("Illegal character '\\n'", "close the quote on the same line"),
    ("overwrite", "give each key once; a table cannot also be a value"),
    ("declare", "give each table once and put its keys together"),
    ("Unclosed", "close the bracket"),
    ("Unterminated", "close the quote"),
    ("Expected '='", "write key = value"),
    ("newline or end", "put one key = value on a line"),
    ("Invalid value", 'write texts in "quotes", numbers without, true and false in small letters'),
    ("Illegal character", 'remove the character, or write it as an escape such as "\\n"'),
    ("Invalid statement", "write [table], key = value, or # comment"),
    ("escape", "write a backslash as \\\\, or use 'single quotes'"),
)


def read_text(path: Path) -> str:
    """The text of a config file.

    Raises:
        ConfigFaults: It cannot be read or is not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "no reason given"
        cure = "check the name given with --config or SIAK_GATEWAY_CONFIG, and its permissions"
        raise ConfigFaults((ConfigFault(str(path), 0, "", f"cannot be read: {reason}", cure),)) from error
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        fault = ConfigFault(str(path), line, "", "is not UTF-8 text", "save the file as UTF-8")
        raise ConfigFaults((fault,)) from error


def parse(text: str, file: str) -> dict[str, Any]:
    """The data of a TOML text.

    Raises:
        ConfigFaults: It is not TOML; the parser stops at the first such place.
    """
    if text.startswith("\ufeff"):
        fault = ConfigFault(file, 1, "", "begins with a byte order mark", "save the file as UTF-8 without BOM")
        raise ConfigFaults((fault,))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigFaults((_fault(str(error), text, file),)) from error
    except RecursionError:
        fault = ConfigFault(file, 0, "", "is nested too deeply", "remove the nested brackets")
        raise ConfigFaults((fault,)) from None


def _fault(said: str, text: str, file: str) -> ConfigFault:
    place = _PLACE.search(said)
    lines = text.replace("\r\n", "\n").split("\n")
    line = int(place["line"]) if place and place["line"] else max(len(text.rstrip().split("\n")), 1)
    key = _KEY.match(lines[line - 1]) if line <= len(lines) else None
    cure = next((cure for word, cure in _CURES if word in said), "see https://toml.io")
    reason = "Invalid value" if said.startswith("Invalid") and "value" in said else _PLACE.sub("", said)
    reason = _TABLE.sub(lambda names: names[1].replace("', '", "."), reason)
    return ConfigFault(file, line, key[1] if key else "", f"is not valid TOML: {reason}", cure)
