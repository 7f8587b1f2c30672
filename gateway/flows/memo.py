"""Remembering what was worked out of a reply, for as long as the reply is asked for again."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gateway.contract.messages import Reply

ResultT = TypeVar("ResultT")


LARGEST_PART = 64
"""What is made of a reply of more than this part of the bytes is made anew each time."""


class Memo(Generic[ResultT]):
    """Results by reply (the very object) and a key beside it; the oldest go first.

    Args:
        size: Results kept.
        most_bytes: Bytes that they and their replies may take together, a result counted like its reply.
    """

    def __init__(self, size: int = 4096, most_bytes: int = 16_777_216) -> None:
        self._size = size
        self._most_bytes = most_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[int, Hashable], tuple[Reply, ResultT]] = OrderedDict()

    def of(self, reply: Reply, key: Hashable, make: Callable[[Reply], ResultT]) -> ResultT:
        """The result for this reply and key, made at most once while remembered."""
        place = (id(reply), key)
        known = self._known.get(place)
        if known is not None and known[0] is reply:  # an id is reused once its object is gone
            return known[1]
        result = make(reply)
        if LARGEST_PART * _bytes_of(reply) <= self._most_bytes:
            self._keep(place, reply, result)
        return result

    def _keep(self, place: tuple[int, Hashable], reply: Reply, result: ResultT) -> None:
        stale = self._known.pop(place, None)
        if stale is not None:
            self._bytes -= _bytes_of(stale[0])
        self._known[place] = (reply, result)
        self._bytes += _bytes_of(reply)
        while len(self._known) > self._size or self._bytes > self._most_bytes:
            _, (dropped, _) = self._known.popitem(last=False)
            self._bytes -= _bytes_of(dropped)


def _bytes_of(reply: Reply) -> int:
    return 2 * len(reply.raw)
