"""Registers extensions with pluggy and asks their hooks once, in the config's order.

pluggy checks each hook against its specification; what it would let pass (a `gateway_…` method without its marker,
a wrapper around others' hooks) is refused here. pluggy answers last-registered-first, so answers are taken by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from gateway.contract import hookspecs
from gateway.contract.extension import ENTRY_POINT_GROUP
from gateway.contract.host import Job
from gateway.contract.pages import Templates
from gateway.contract.storage import Tables
from gateway.contract.web import Route
from gateway.registry.loading import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.contract.extension import Extension

PREFIX = "gateway_"


class Hooks:
    """The hooks of all extensions of one registry."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
        self._manager.add_hookspecs(hookspecs)

    def register(self, extension: Extension) -> None:
        """Add an extension.

        Raises:
            Broken: One of its hooks is unknown, unmarked, a wrapper, or has other arguments than specified.
        """
        _unmarked(type(extension))
        try:
            self._manager.register(extension, extension.name)
            self._manager.check_pending()
            self._no_wrappers(extension.name)
        except (pluggy.PluginValidationError, Broken) as error:
            if self._manager.has_plugin(extension.name):
                self._manager.unregister(name=extension.name)
            raise Broken(str(error)) from error

    def _no_wrappers(self, name: str) -> None:
        for caller in self._manager.get_hookcallers(self._manager.get_plugin(name)) or ():
            for hook in caller.get_hookimpls():
                if hook.plugin_name == name and (hook.wrapper or hook.hookwrapper):
                    raise Broken(f"{caller.name} is a wrapper; an extension answers for itself only")

    def remove(self, name: str) -> None:
        """Forget an extension, if it is there."""
        if self._manager.has_plugin(name):
            self._manager.unregister(name=name)

    def methods(self, hook: str, order: Sequence[str]) -> list[tuple[str, Callable[..., Any]]]:
        """The extensions that have a hook, in the order given, each with its method."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        methods: Mapping[str, Callable[..., Any]] = {each.plugin_name: each.function for each in caller.get_hookimpls()}
        return [(name, methods[name]) for name in order if name in methods]


def _unmarked(cls: type[Extension]) -> None:
    for name in dir(cls):
        if name.startswith(PREFIX) and not hasattr(getattr(cls, name), f"{ENTRY_POINT_GROUP}_impl"):
            raise Broken(f"{name} has the name of a hook but not the @hookimpl marker")


def answer_of(hook: str, method: Callable[[], object]) -> tuple[Any, ...]:
    """What one extension's hook registers, checked for kind.

    Raises:
        Broken: It registers something else.
    """
    answer = method()
    if answer is None:
        return ()
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise Broken(f"{hook} must give a list, not {type(answer).__name__}")
    for each in answer:
        if not _fits(hook, each):
            raise Broken(f"{hook} gives a {type(each).__name__}, which is not what it is for")
    return tuple(answer)


def _fits(hook: str, given: object) -> bool:
    kinds: dict[str, type] = {
        "gateway_routes": Route,
        "gateway_jobs": Job,
        "gateway_tables": Tables,
        "gateway_pages": Templates,
    }
    methods = {
        "gateway_policies": "before",
        "gateway_authenticators": "authenticate",
        "gateway_health_checks": "check",
        "gateway_notifiers": "deliver",
    }
    if hook in kinds:
        return isinstance(given, kinds[hook])
    return callable(getattr(given, methods[hook], None))
