"""Remembering what was worked out of a reply, for as long as the reply is asked for again."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gateway.contract.messages import Reply

ResultT = TypeVar("ResultT")


class Memo(Generic[ResultT]):
    """Results by reply (the very object) and a key beside it; the oldest go first.

    Args:
        size: Results kept.
    """

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._known: OrderedDict[tuple[int, Hashable], tuple[Reply, ResultT]] = OrderedDict()

    def of(self, reply: Reply, key: Hashable, make: Callable[[Reply], ResultT]) -> ResultT:
        """The result for this reply and key, made at most once while remembered."""
        place = (id(reply), key)
        known = self._known.get(place)
        if known is not None and known[0] is reply:  # an id is reused once its object is gone
            return known[1]
        result = make(reply)
        self._known[place] = (reply, result)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return result
