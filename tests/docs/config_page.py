"""`config/schema.json` and `docs/reference/config.md`: every key of the config and of the built-in extensions."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from gateway.contract import ENTRY_POINT_GROUP
from gateway.registry.restarting import PINNED
from gateway.settings import OVERRIDES, dotted, schema
from tests.docs.markdown import head, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_INTRO = """
The config is one TOML file; every key of the gateway's own tables has a default, so an empty file is a valid one.
Unknown keys, wrong types and values out of range are errors that name file, line and key, all at once, before any port
opens (exit code 2). Secrets never stand in the file. Durations are seconds. `siak-gateway config check` checks a
file, `config show` shows what is in force, `config schema` prints the JSON schema that editors understand
([config/schema.json](../../config/schema.json)). An annotated file to begin with:
[config/gateway.toml](../../config/gateway.toml).

`kill -HUP` (or `siak-gateway plugins enable …`) makes a running gateway read the file again. Keys marked ↻ are read at
start only: the log says `gateway.restart.needed` when one of them changed.
"""
_ENVIRONMENT = """
## Environment

These override a key; an empty one counts as unset. `SIAK_GATEWAY_CONFIG` names the config file; `SIAK_MOCK_PORT` and
`SIAK_MOCK_CONTROL_PORT` place the mock.

"""
_SECRETS = """
Secrets come from a variable, or from the file that the variable with `_FILE` behind its name points to:

| variable | holds |
| --- | --- |
| `SIAK_GATEWAY_SECRET_<RIGHT>_PASSWORD` | password of a right's account at the centre (or as `password_env` says) |
| `SIAK_GATEWAY_SECRET_<EXTENSION>_<NAME>` | a secret of an extension; its README says which it needs |
| `SIAK_GATEWAY_SECRET_MASTER_1`, `…_INDEX`, `…_PEPPER` | the gateway's own keys, if not in the folder of secrets |
| the variable named by `database.url_env` | the whole address of the database |
"""
Schema = dict[str, Any]
_LARGE = 10_000


def schema_file(_root: Path) -> str:
    """Text of `config/schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def tables() -> Iterator[tuple[str, str, list[tuple[str, Schema, bool]]]]:
    """Every table: its name, what it is, and its keys with their schema and whether they must be given."""
    whole = schema()
    yield from _tables("", whole, whole)
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda each: each.name):
        if point.dist is not None and point.dist.name == "siak-gateway":
            own = point.load().Config.model_json_schema()
            yield from _tables(f"plugins.{point.name}", own, own)


def _tables(path: str, node: Schema, whole: Schema) -> Iterator[tuple[str, str, list[tuple[str, Schema, bool]]]]:
    keys: list[tuple[str, Schema, bool]] = []
    below: list[tuple[str, Schema]] = []
    for name, given in node.get("properties", {}).items():
        resolved = _resolved(given, whole)
        inner = _resolved(_entries(resolved), whole)
        place = f"{path}.{name}" if path else name
        if "properties" in resolved:
            below.append((place, resolved))
        elif "properties" in inner:
            below.append((f"{place}.<name>", inner))
        else:
            keys.append((name, resolved, name in node.get("required", ())))
    if keys:
        yield path, str(node.get("description", "")), keys
    for place, table_schema in below:
        yield from _tables(place, table_schema, whole)


def _entries(node: Schema) -> Schema:
    """The schema of what a table with free names holds; empty for any other."""
    free = node.get("additionalProperties")
    return free if isinstance(free, dict) else next(iter(node.get("patternProperties", {}).values()), {})


def _resolved(node: Schema, whole: Schema) -> Schema:
    """A schema with its reference followed; what stands beside the reference wins."""
    reference = node.get("$ref")
    if reference is None:
        return node
    return {**whole["$defs"][reference.rpartition("/")[2]], **{key: node[key] for key in node if key != "$ref"}}


def page(_root: Path) -> str:
    """Text of the page."""
    text = head("Config", _INTRO)
    for name, said, keys in tables():
        text += f"\n## `[{name}]`\n\n{said}\n\n"
        rows = ((_marked(name, key), _kind(node), _default(node, must), _said(node)) for key, node, must in keys)
        text += table(("key", "type", "default", "meaning"), rows)
    variables = ((f"`{name}`", f"`{dotted(path)}`") for name, path in OVERRIDES.items())
    return text + _ENVIRONMENT + table(("variable", "key"), variables) + _SECRETS


def _marked(name: str, key: str) -> str:
    full = f"{name}.{key}"
    at_start = full in PINNED or (name.startswith("centre") and full not in {"centre.deadline", "centre.deadline_max"})
    return f"`{key}` ↻" if at_start else f"`{key}`"


def _default(node: Schema, must: bool) -> str:  # noqa: FBT001 # one of two texts
    if must:
        return "*required*"
    value = node.get("default")
    if value is None:
        return ""
    return f"`{_figure(value)}`"


def _figure(value: Any) -> str:
    """A value as TOML would show it, with large numbers in groups."""
    return f"{value:_}" if type(value) is int and value >= _LARGE else json.dumps(value, ensure_ascii=False)


def _said(node: Schema) -> str:
    return str(node.get("description", "")).replace("<", "&lt;")


def _kind(node: Schema) -> str:
    """A type in words, with its bounds."""
    if "anyOf" in node or "oneOf" in node:
        choices: list[Schema] = node.get("anyOf") or node.get("oneOf") or []
        parts = (_kind(each) for each in choices if each.get("type") != "null")
        return " or ".join(dict.fromkeys(parts))
    if "enum" in node:
        return " ".join(f"`{each}`" for each in node["enum"])
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    words = _WORDS.get(node.get("type", ""), "")
    if node.get("type") == "array":
        return f"list of {_kind(node.get('items', {})) or 'values'}"
    if node.get("type") == "object":
        return f"table of {_kind(_entries(node)) or 'values'}"
    return " ".join(part for part in (words, _bounds(node)) if part)


_WORDS: Mapping[str, str] = {"integer": "whole number", "number": "number", "string": "text", "boolean": "yes or no"}


def _bounds(node: Schema) -> str:
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    return ", ".join(f"{sign} {_figure(node[key])}" for key, sign in signs if key in node)
