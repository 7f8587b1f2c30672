"""What clients were told, held against what the centre did: the verdict of every proof that kills something.

| | |
| --- | --- |
| lost | a receipt without an effect at the centre that the gateway does not show as unfinished either |
| doubled | a second effect, a second id for one key, or an effect that nobody who asked to the end has a receipt for |
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

UNFINISHED = frozenset({"in_review", "queued", "sending", "unknown", "attention"})
"""States in which the gateway shows that the centre may not have it yet."""


@dataclass(frozen=True)
class Verdict:
    """What went wrong.

    Attributes:
        lost: Ids of receipts.
        doubled: Ids, or keys with two of them.
    """

    lost: tuple[str, ...]
    doubled: tuple[str, ...]


@dataclass
class History:
    """The receipts of all clients; they may note them from many threads.

    Attributes:
        receipts: All ids given for each key; one, if all is well.
    """

    receipts: dict[str, set[str]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _failure: BaseException | None = None

    def note(self, key: str, id_: str) -> None:
        """A receipt came."""
        with self._changed:
            self.receipts.setdefault(key, set()).add(id_)
            self._changed.notify_all()

    def fail(self, failure: BaseException) -> None:
        """A client met what it cannot go on after; whoever waits is told."""
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()

    def __len__(self) -> int:
        """Hand-ins that have a receipt."""
        return len(self.receipts)

    def wait_for(self, count: int, within: float = 60.0) -> None:
        """Wait until so many have a receipt.

        Raises:
            TimeoutError: They do not come.
            BaseException: What a client failed with.
        """
        with self._changed:
            enough = self._changed.wait_for(lambda: self._failure or len(self.receipts) >= count, within)
            if self._failure is not None:
                raise self._failure
            if not enough:
                raise TimeoutError(f"{len(self.receipts)} of {count} receipts")

    def judge(self, entries: Iterable[Mapping[str, Any]], states: Mapping[str, str]) -> Verdict:
        """Hold it against the centre's ledger and the gateway's own list.

        Args:
            entries: `reference` and `effects` of all the centre has.
            states: State of each submission at the gateway, by id.
        """
        effects = {str(entry["reference"]): int(entry["effects"]) for entry in entries}
        given = {id_ for ids in self.receipts.values() for id_ in ids}
        lost = [id_ for id_ in given if not effects.get(id_) and states.get(id_) not in UNFINISHED]
        doubled = [key for key, ids in self.receipts.items() if len(ids) > 1]
        doubled += [id_ for id_, count in effects.items() if count > 1 or id_ not in given]
        return Verdict(tuple(sorted(lost)), tuple(sorted(doubled)))


def unfinished(states: Mapping[str, str]) -> Collection[str]:
    """Ids of what the gateway shows as unfinished."""
    return [id_ for id_, state in states.items() if state in UNFINISHED]
