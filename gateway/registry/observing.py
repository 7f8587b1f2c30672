"""Tells observers what happened: plain tuples of methods, each isolated from the others and from the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

OBSERVER_FAILED = "registry.observer.failed"

E = TypeVar("E")
log = structlog.get_logger()


class Observers(Generic[E]):
    """Everyone who is told of one kind of event; calling it tells them, in the config's order."""

    __slots__ = ("_each", "_hook")

    def __init__(self, hook: str, each: Iterable[tuple[str, Callable[[E], object]]] = ()) -> None:
        self._hook = hook
        self._each = tuple(each)

    def __call__(self, event: E) -> None:
        """Tell all of them; the error of one is logged and stops neither the others nor the caller."""
        for extension, method in self._each:
            try:
                method(event)
            except Exception:
                log.exception(OBSERVER_FAILED, extension=extension, kind=self._hook)

    def and_also(self, extension: str, method: Callable[[E], object]) -> Observers[E]:
        """These, and one more."""
        return Observers(self._hook, (*self._each, (extension, method)))

    def __len__(self) -> int:
        """How many observe."""
        return len(self._each)
