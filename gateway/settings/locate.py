"""Finds the line of every key of a TOML text, which neither tomllib nor tomlkit tells.

The text has been accepted by `tomllib` before, so this scanner only needs to walk valid TOML:

```
text ─► statements ─┬─ [table] / [[table]]   sets the path of what follows
                    └─ key = value           records the key; walks into arrays and inline tables
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Where a value stands: names of tables and keys, and positions in arrays from 0."""

_BLANK = " \t"
_SPACE = " \t\r\n"
_ENDS_BARE_KEY = " \t\r\n.=]\"'"
_ENDS_SCALAR = ",]}\r\n#"
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def lines_of(text: str) -> Mapping[KeyPath, int]:
    """The line (from 1) on which each table, key and array element of a valid TOML text first appears."""
    return _Scanner(text).scan()


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of a path, or of the nearest thing above it that is there; 1 for the whole file."""
    for length in range(len(path), 0, -1):
        line = lines.get(path[:length])
        if line is not None:
            return line
    return 1


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text + "\n"
        self._at = 0
        self._line = 1
        self._counted = 0
        self._found: dict[KeyPath, int] = {}
        self._tables: dict[KeyPath, int] = {}

    def scan(self) -> Mapping[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_SPACE):
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, blanks: str) -> bool:
        """Skip blanks and, where line ends count as blanks, comments; False at the end of the text."""
        while self._at < len(self._text):
            if self._text[self._at] in blanks:
                self._at += 1
            elif self._text[self._at] == "#" and "\n" in blanks:
                self._at = self._text.index("\n", self._at)
            else:
                return True
        return False

    def _record(self, path: KeyPath) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        for length in range(1, len(path) + 1):
            self._found.setdefault(path[:length], self._line)

    def _header(self) -> KeyPath:
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        names = self._key()
        path = self._through_arrays(names[:-1]) + names[-1:]
        if many:
            count = self._tables.get(path, 0)
            self._tables[path] = count + 1
            path = (*path, count)
        else:
            path = self._through_arrays(names)
        end = self._at
        self._at = start
        self._record(path)
        self._at = end
        self._skip(_BLANK)
        self._at += 2 if many else 1
        return path

    def _through_arrays(self, names: KeyPath) -> KeyPath:
        path: KeyPath = ()
        for name in names:
            path = (*path, name)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        path = table + self._key()
        end, self._at = self._at, start
        self._record(path)
        self._at = end
        self._skip(_BLANK)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> KeyPath:
        names: list[str] = []
        while True:
            self._skip(_BLANK)
            names.append(self._key_part())
            self._skip(_BLANK)
            if self._peek() != ".":
                return tuple(names)
            self._at += 1

    def _key_part(self) -> str:
        if self._peek() in "\"'":
            return self._string()
        start = self._at
        while self._text[self._at] not in _ENDS_BARE_KEY:
            self._at += 1
        return self._text[start : self._at]

    def _string(self) -> str:
        quote = self._peek()
        triple = quote * 3
        many = self._text.startswith(triple, self._at)
        return self._until(triple if many else quote, escapes=quote == '"')

    def _until(self, end: str, *, escapes: bool) -> str:
        self._at += len(end)
        taken: list[str] = []
        while not self._text.startswith(end, self._at):
            taken.append(self._escaped() if escapes and self._peek() == "\\" else self._peek())
            self._at += 1
        self._at += len(end)
        while len(end) > 1 and self._peek() == end[0]:  # a multi-line string may end in up to five quotes
            self._at += 1
        return "".join(taken)

    def _escaped(self) -> str:
        self._at += 1
        letter = self._peek()
        if letter not in "uU":
            return _ESCAPES.get(letter, "")
        length = 4 if letter == "u" else 8
        digits = self._text[self._at + 1 : self._at + 1 + length]
        self._at += length
        return chr(int(digits, 16))

    def _value(self, path: KeyPath) -> None:
        first = self._peek()
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline(path)
        elif first in "\"'":
            self._string()
        else:
            while self._text[self._at] not in _ENDS_SCALAR:
                self._at += 1

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        position = 0
        while self._skip(_SPACE) and self._peek() != "]":
            self._record((*path, position))
            self._value((*path, position))
            position += 1
            self._skip(_SPACE)
            if self._peek() == ",":
                self._at += 1
        self._at += 1

    def _inline(self, path: KeyPath) -> None:
        self._at += 1
        while self._skip(_SPACE) and self._peek() != "}":
            self._pair(path)
            self._skip(_SPACE)
            if self._peek() == ",":
                self._at += 1
        self._at += 1
