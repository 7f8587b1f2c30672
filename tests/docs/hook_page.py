"""`docs/reference/hooks.md`: what an extension may register, the roles of what it registers, and its host."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from gateway.contract import hookspecs, host, roles
from gateway.contract.extension import API_VERSION, ENTRY_POINT_GROUP, Extension
from tests.docs.markdown import head, said_of

if TYPE_CHECKING:
    from pathlib import Path

_INTRO = f"""
An extension is a class named by an entry point in the group `{ENTRY_POINT_GROUP}`; the contract's version is
{API_VERSION}. Hooks are its methods marked with `hookimpl`, sync and typed. They are called once per (re)load and
*register objects*; observers are called per event. How to write one: [Write a plugin](../how-to/write-a-plugin.md).
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
    for role in (roles.Authenticator, roles.Policy, roles.HealthCheck):
        text += _described(role)
    return text + "\n## The host\n\n" + said_of(host.Host) + "\n" + _members(host.Host)


def _described(thing: type) -> str:
    return f"\n### `{thing.__name__}`\n\n{said_of(thing)}\n" + _members(thing)


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
