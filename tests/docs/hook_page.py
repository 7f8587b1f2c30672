"""`docs/reference/hooks.md`: what an extension may register, the roles of what it registers, and its host."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Protocol

from gateway import contract
from gateway.contract import hookspecs, host, roles, web
from gateway.contract.extension import API_VERSION, ENTRY_POINT_GROUP, Extension
from tests.docs.markdown import head, said_of

if TYPE_CHECKING:
    from pathlib import Path

_INTRO = f"""
An extension is a class named by an entry point in the group `{ENTRY_POINT_GROUP}`; the contract's version is
{API_VERSION}. Hooks are its methods marked with `hookimpl`, sync and typed. They are called once per (re)load and
*register objects*; observers are called per event. How to write one:
[Your first adapter](../tutorial/your-first-adapter.md), [Write a plugin](../how-to/write-a-plugin.md).
Errors: [Error codes](errors.md).
"""


def hooks() -> dict[str, Any]:
    """Every hook's specification by name."""
    return {name: each for name, each in vars(hookspecs).items() if name.startswith("gateway_")}


def page(_root: Path) -> str:
    """Text of the page."""
    text = head("Hooks, roles and the host", _INTRO)
    text += "\n## Life of an extension\n\n" + said_of(inspect.getmodule(Extension)) + "\n"
    text += "\n## Hooks\n"
    for name, hook in hooks().items():
        text += f"\n### `{name}`\n\n```python\ndef {name}{_signature(hook)}\n```\n\n{said_of(hook)}\n"
    text += "\n## Roles\n\n" + said_of(roles).partition("\n\n")[2] + "\n"
    for role in role_protocols():
        text += described(role.__name__, role)
    text += "\n## The host\n\n" + said_of(host.Host) + "\n" + _members(host.Host)
    text += "\n## Routes\n\n" + said_of(web) + "\n"
    for name, value in web_values().items():
        text += described(name, value)
    text += "\n## Values\n"
    for name, value in values().items():
        text += described(name, value)
    return text


def role_protocols() -> list[type]:
    """Every role an extension's objects may have."""
    return [each for each in vars(roles).values() if getattr(each, "_is_protocol", False) and each is not Protocol]


def web_values() -> dict[str, type]:
    """Every class of `gateway.contract.web`."""
    return _classes_of(web, {name for name in vars(web) if not name.startswith("_")})


def values() -> dict[str, type]:
    """Every other class that an extension may import from `gateway.contract`."""
    told = {*(role.__name__ for role in role_protocols()), "Host", "GatewayError"}
    return _classes_of(contract, set(contract.__all__) - told)


def _classes_of(module: Any, names: set[str]) -> dict[str, type]:
    found = {name: getattr(module, name) for name in sorted(names)}
    ours = {name: value for name, value in found.items() if inspect.isclass(value)}
    return {name: value for name, value in ours.items() if value.__module__.startswith("gateway.contract")}


def described(name: str, thing: Any) -> str:
    """A heading, the docstring with its list of attributes, and the public members of a class or the signature."""
    text = f"\n### `{name}`\n\n"
    if not inspect.isclass(thing):
        return f"{text}```python\n{name}{_signature(thing)}\n```\n\n{_listed(thing)}\n"
    return f"{text}{_listed(thing)}\n{_members(thing)}"


_ATTRIBUTE = re.compile(r"^    (\w+): ", re.MULTILINE)
_SECTION = re.compile(r"^(Attributes|Args|Raises|Returns):$", re.MULTILINE)


def _listed(thing: Any) -> str:
    """A docstring whose sections are lists."""
    text = _SECTION.sub(r"*\1*\n", said_of(thing))
    return re.sub(r"\n {8,}", " ", _ATTRIBUTE.sub(r"- `\1`: ", text))


def _members(thing: type) -> str:
    """Every public member with its signature, in the order of the source."""
    text = ""
    for name, member in vars(thing).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            text += f"\n- `{name}`: {_first(member)}\n"
        elif inspect.isfunction(member):
            word = "async " if inspect.iscoroutinefunction(member) else ""
            text += f"\n- `{word}{name}{_signature(member, bound=True)}`: {_first(member)}\n"
    return text


def _first(member: object) -> str:
    return " ".join(said_of(member).partition("\n\n")[0].split())


def _signature(function: Any, *, bound: bool = False) -> str:
    signature = inspect.signature(function)
    if bound:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    return str(signature).replace("'", "")
