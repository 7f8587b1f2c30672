"""The line of every key is found, whatever TOML's syntax allows around it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.locate import line_of, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.settings.locate import KeyPath

EVERY_FORM = '''# a comment with [brackets] and = signs
title = "x" # [not.a.table]
dotted . key = 1
"quoted key" = 'its'

[a]
b = """
[fake]
c = 1
two \\
  lines"""
c = [ # comment
  1,
  [ 2, "]" ],
  { deep = true, other.deep = """x""""" },
]
d = { e = 1, f = { g = [1, 2] } }

[[many]]
name = 'one'
[many.inner]
x = 1979-05-27T07:32:00Z
[[many]]
name = \'\'\'
two\'\'\'
[[many.sub]]
y = 0x1F
[[many.sub]]
y = -inf

["a".'b c']
"\\u00e9\\t\\U0001F600" = "esc\\"aped"
'''


def paths_of(node: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every path of parsed TOML."""
    if path:
        yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from paths_of(value, (*path, key))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from paths_of(value, (*path, position))


def test_every_path_of_every_form_has_a_line() -> None:
    """Tables, arrays of tables, inline tables, dotted and quoted keys and multi-line values are all walked."""
    lines = lines_of(EVERY_FORM)
    assert set(paths_of(tomllib.loads(EVERY_FORM))) <= set(lines)


@pytest.mark.parametrize(
    ("path", "begins"),
    [
        (("title",), "title ="),
        (("dotted", "key"), "dotted . key"),
        (("quoted key",), '"quoted key"'),
        (("a",), "[a]"),
        (("a", "b"), 'b = """'),
        (("a", "c", 0), "  1,"),
        (("a", "c", 1, 1), "  [ 2,"),
        (("a", "c", 2, "deep"), "  { deep"),
        (("a", "d", "f", "g", 1), "d = {"),
        (("many", 0, "inner", "x"), "x = 1979"),
        (("many", 1, "name"), "name = '''"),
        (("many", 1, "sub", 1, "y"), "y = -inf"),
        (("a", "b c", "é\t😀"), '"\\u00e9'),
    ],
)
def test_a_key_is_found_on_its_own_line(path: KeyPath, begins: str) -> None:
    """The line told is the one the key is written on, not the one its value ends on."""
    line = lines_of(EVERY_FORM)[path]
    assert EVERY_FORM.splitlines()[line - 1].startswith(begins)


def test_what_is_not_there_is_placed_at_the_nearest_thing_above() -> None:
    """A missing key is told on the line of its table, a missing table on line 1."""
    lines = lines_of("\n[server]\nport = 1\n")
    assert line_of(lines, ("server", "host")) == 2
    assert line_of(lines, ("log", "level")) == 1


def test_line_ends_of_both_kinds_are_counted() -> None:
    """A file written on Windows has the same lines."""
    assert lines_of("a = 1\r\nb = '''\r\n\r\n'''\r\nc = 2\r\n")[("c",)] == 5


KEY = st.text("abcdefghij-_", min_size=1, max_size=8)
VALUE = st.recursive(
    st.integers(-5, 5) | st.booleans() | st.sampled_from(['"x"', "'#'", '"""\n]\n"""', "1.5", "2026-11-21"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
    max_leaves=8,
)


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(toml, value)) + "\n]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    return str(value)


@given(st.dictionaries(KEY, st.dictionaries(KEY, VALUE, max_size=4), max_size=4))
def test_any_tables_are_walked_to_the_end(tables: dict[str, dict[str, Any]]) -> None:
    """For any tables and nested values, each key has the line it is written on."""
    text = ""
    expected: dict[KeyPath, int] = {}
    for table, pairs in tables.items():
        expected[table,] = text.count("\n") + 1
        text += f"[{table}]\n"
        for key, value in pairs.items():
            expected[table, key] = text.count("\n") + 1
            text += f"{key} = {toml(value)} # end\n\n"
    lines = lines_of(text)
    assert {path: lines[path] for path in expected} == expected
    assert set(paths_of(tomllib.loads(text))) <= set(lines)
