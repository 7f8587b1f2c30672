"""Blobs in memory, for tests: the same promises, proven by the same suite, and nothing survives it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from gateway.blobs.blobs import FRAME, MOST_FRAMES, Blob, Moved
from gateway.contract.errors import FieldFault, Invalid, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract.host import Clock


@dataclass(slots=True)
class _Kept:
    """One blob."""

    facts: Blob
    name: str
    touched_at: float
    content: bytes = b""
    needed_by: set[str] = field(default_factory=set)


class MemoryBlobs:
    """Blobs in memory.

    Args:
        clock: Says when something was touched.
        most_frames: Frames of one blob, at most.
    """

    def __init__(self, clock: Clock, most_frames: int = MOST_FRAMES) -> None:
        self._clock = clock
        self._most_frames = most_frames
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._made = 0

    async def find(self, caller: str, sha256: str) -> Blob | None:
        """See `Blobs.find`."""
        kept = self._kept.get((caller, sha256))
        return None if kept is None else kept.facts

    async def begin(self, caller: str, sha256: str, length: int, most: int) -> Blob:
        """See `Blobs.begin`."""
        known = await self.find(caller, sha256)
        if known is not None:
            return known
        own = [kept for (whose, _), kept in self._kept.items() if whose == caller and not kept.needed_by]
        if sum(kept.facts.length for kept in own) + length > most:
            raise TooManyRequests
        self._made += 1
        new = Blob(f"blob{self._made}", caller, length)
        self._kept[caller, sha256] = _Kept(new, sha256, self._clock.now())
        return new

    async def add(self, blob: Blob, data: bytes, media: str) -> Blob:
        """See `Blobs.add`."""
        kept = self._of(blob)
        if kept is None or kept.facts.complete or kept.facts.offset != blob.offset:
            raise Moved
        if kept.facts.frames >= self._most_frames:
            await self.drop(blob)
            raise Invalid(faults=(FieldFault("header:content-length", "too_many_pieces", "", ""),))
        kept.content += data
        size, frames = len(kept.content), kept.facts.frames + -(-len(data) // FRAME)
        kept.facts = msgspec.structs.replace(kept.facts, offset=size, stored=size, media=media, frames=frames)
        kept.touched_at = self._clock.now()
        return kept.facts

    async def finish(self, blob: Blob, sha256: str) -> Blob | None:
        """See `Blobs.finish`."""
        kept = self._of(blob)
        if kept is None:
            raise Moved
        if hashlib.sha256(kept.content).hexdigest() != sha256:
            await self.drop(blob)
            return None
        kept.facts = msgspec.structs.replace(kept.facts, complete=True)
        return kept.facts

    async def mend(self, blob: Blob, sha256: str) -> Blob:  # noqa: ARG002 # nothing is damaged in memory
        """See `Blobs.mend`."""
        return blob

    async def drop(self, blob: Blob) -> None:
        """See `Blobs.drop`."""
        kept = self._of(blob)
        if kept is not None and not kept.facts.complete:
            del self._kept[blob.caller, kept.name]

    async def named(self, caller: str, names: Sequence[str]) -> tuple[str, ...]:
        """See `Blobs.named`."""
        found = [self._kept.get((caller, name)) for name in names]
        return tuple("" if one is None or not one.facts.complete else one.facts.id for one in found)

    async def copied(self, submission: str) -> bool:  # noqa: ARG002 # nothing is in memory twice
        """See `Blobs.copied`."""
        return True

    async def open_(self, caller: str, sha256: str) -> _Opened | None:
        """See `Blobs.open_`."""
        kept = self._kept.get((caller, sha256))
        return None if kept is None or not kept.facts.complete else _Opened(kept.content)

    async def sweep(self, before: float) -> int:
        """See `Blobs.sweep`."""
        old = [place for place, kept in self._kept.items() if kept.touched_at < before and not kept.needed_by]
        for place in old:
            del self._kept[place]
        return len(old)

    def take(self, submission: str, files: Sequence[str]) -> tuple[str, ...]:
        """Let a submission need these blobs and no others; empty texts for those not there: then nothing changes."""
        here = {kept.facts.id: kept for kept in self._kept.values() if kept.facts.complete}
        if here.keys() >= set(files):
            for id_, kept in here.items():
                if id_ in files or submission in kept.needed_by:
                    kept.touched_at = self._clock.now()
                kept.needed_by.discard(submission)
                if id_ in files:
                    kept.needed_by.add(submission)
        return tuple(id_ if id_ in here else "" for id_ in files)

    def release(self, submission: str) -> None:
        """A submission needs its blobs no more; those nobody else needs are gone."""
        for place, kept in list(self._kept.items()):
            if submission in kept.needed_by:
                kept.needed_by.discard(submission)
                if not kept.needed_by:
                    del self._kept[place]

    def _of(self, blob: Blob) -> _Kept | None:
        return next((kept for kept in self._kept.values() if kept.facts.id == blob.id), None)


class _Opened:
    """A blob that can be read."""

    def __init__(self, content: bytes) -> None:
        self.length = len(content)
        self._content = content

    async def read(self, at: int, size: int) -> bytes:
        """See `Opened.read`."""
        return self._content[at : at + size]
