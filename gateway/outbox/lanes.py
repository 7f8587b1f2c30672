"""Whose turn it is (pure): lanes, and the ring over them that lives in memory.

A lane is what can be held or switched off as a whole: class, adapter, service, village. Within a class the earliest
filing date goes first, whatever its lane. Two rules stand above that:

- a class below another one with work still gets every `TRICKLE`-th turn, so that none starves;
- a village that took more than `HOG_SHARE` of the last `WINDOW` turns of its class (or more than an equal part, where
  fewer villages wait) lets others pass. A village that is merely large never reaches it.

The ring need not survive anything: it is rebuilt from what is claimable.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOG_SHARE: Final = 0.25
"""Share of a class's last turns that no village exceeds while others wait."""

WINDOW: Final = 256
"""Turns of a class that are remembered."""

TRICKLE: Final = 20
"""One turn in so many goes to the lowest class with work."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Submissions that are held, switched off and counted together.

    Attributes:
        priority: Class, 0 is the most urgent.
        adapter: Extension they came through, or `native`.
        service: Service of the centre.
        village: Village code.
    """

    priority: int
    adapter: str
    service: str
    village: str

    @property
    def key(self) -> str:
        """The lane in one word, as it is stored."""
        return f"{self.priority}/{self.adapter}/{self.service}/{self.village}"


@lru_cache(maxsize=65_536)
def lane_of(key: str) -> Lane:
    """The lane of a stored key."""
    priority, adapter, service, village = key.split("/")
    return Lane(int(priority), adapter, service, village)


@dataclass(frozen=True, slots=True)
class Turn:
    """A lane that may give up its head.

    Attributes:
        lane: Key of the lane.
        head: Place in the order of filing (`seq`) of its first; nothing of it lies before.
        until: Up to this place no other lane has an earlier one; infinite if no other lane waits.
    """

    lane: str
    head: int
    until: float


class Ring:
    """The heads of all lanes with something to claim."""

    def __init__(self) -> None:
        self._heads: dict[str, int] = {}
        self._heaps: dict[int, list[tuple[int, str]]] = {}
        self._villages: dict[int, Counter[str]] = {}
        self._recent: dict[int, deque[str]] = {}
        self._taken: dict[int, Counter[str]] = {}
        self._turns = 0

    def __len__(self) -> int:
        """Lanes with something to claim."""
        return len(self._heads)

    def replace(self, heads: Mapping[str, int]) -> None:
        """Take over what is claimable now: the first `seq` of each lane; what was taken lately stays known."""
        self._heads, self._heaps, self._villages = {}, {}, {}
        for key, seq in heads.items():
            self.note(key, seq)

    def note(self, key: str, seq: int) -> None:
        """Something became claimable in a lane."""
        lane = lane_of(key)
        known = self._heads.get(key)
        if known is None:
            self._villages.setdefault(lane.priority, Counter())[lane.village] += 1
        elif known <= seq:
            return
        self._heads[key] = seq
        heapq.heappush(self._heaps.setdefault(lane.priority, []), (seq, key))

    def pick(self, is_open: Callable[[Lane], bool]) -> Turn | None:
        """The lane whose head goes next; None if nothing may go.

        Args:
            is_open: Whether a lane may go now; one that may not is left out until the next `replace`.
        """
        classes = sorted(priority for priority, heap in self._heaps.items() if heap)
        if (self._turns + 1) % TRICKLE == 0:
            classes.reverse()
        for priority in classes:
            turn = self._pick_of(priority, is_open)
            if turn is not None:
                return turn
        return None

    def took(self, turn: Turn, count: int, head: int | None) -> None:
        """So many were claimed from a lane.

        Args:
            turn: What `pick` gave.
            count: How many; 0 if others were quicker.
            head: The lane's next `seq`, None if it is empty.
        """
        self._turns += count
        lane = lane_of(turn.lane)
        recent = self._recent.setdefault(lane.priority, deque())
        taken = self._taken.setdefault(lane.priority, Counter())
        for _ in range(min(count, WINDOW)):
            recent.append(lane.village)
            taken[lane.village] += 1
            if len(recent) > WINDOW:
                taken[recent.popleft()] -= 1
        if turn.lane in self._heads:
            self._drop(turn.lane)
        if head is not None:
            self.note(turn.lane, head)

    def _pick_of(self, priority: int, is_open: Callable[[Lane], bool]) -> Turn | None:
        heap = self._heaps[priority]
        aside: list[tuple[int, str]] = []
        chosen: tuple[int, str] | None = None
        while (entry := self._first(heap)) is not None:
            heapq.heappop(heap)
            lane = lane_of(entry[1])
            if not is_open(lane):
                self._drop(entry[1])
            elif self._is_hog(lane):
                aside.append(entry)
            else:
                chosen = entry
                break
        if chosen is None and aside:
            chosen = aside.pop(0)
        following = self._first(heap)
        for entry in aside:
            heapq.heappush(heap, entry)
        if chosen is None:
            return None
        heapq.heappush(heap, chosen)
        return Turn(chosen[1], chosen[0], inf if following is None else following[0])

    def _first(self, heap: list[tuple[int, str]]) -> tuple[int, str] | None:
        """The first entry that still holds."""
        while heap and self._heads.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0] if heap else None

    def _is_hog(self, lane: Lane) -> bool:
        waiting = len(self._villages.get(lane.priority, ()))
        if waiting <= 1:
            return False
        allowed = max(HOG_SHARE, 1.0 / waiting) * WINDOW
        return self._taken.get(lane.priority, Counter())[lane.village] >= allowed

    def _drop(self, key: str) -> None:
        del self._heads[key]
        lane = lane_of(key)
        villages = self._villages[lane.priority]
        villages[lane.village] -= 1
        if not villages[lane.village]:
            del villages[lane.village]
