"""What a store of blobs promises, whatever it is made of; one conformance suite proves it for each.

```
begin ─► add ─► add ─► … ─► finish ─► named (a submission takes it) ─► open_ (it goes to the centre)
           └ cut anywhere: the next add goes on from `offset`        └ its last submission shredded: gone
```

`DatabaseBlobs` (`gateway.blobs.store`) keeps them on disk, `MemoryBlobs` (`gateway.testing`) in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from gateway.contract.errors import Conflict, FieldFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FRAME: Final = 65_536
"""Bytes of a blob that are sealed together, at most."""

MOST_FRAMES: Final = 20_000
"""Frames of one blob; a sender of tiny pieces is refused beyond, for each costs some fifty bytes more."""


class Blob(msgspec.Struct, frozen=True):
    """A blob, or as much of it as is there; no personal data.

    Attributes:
        id: Random; its name on disk.
        caller: Whose it is.
        length: Bytes it will have.
        offset: Bytes that are there, durably.
        complete: All of it is there and is what its name says.
        media: Media type by its first bytes; empty before they are there.
        frames: Frames it is kept in.
        stored: Bytes these take.
        wrapped_key: Its key, wrapped.
    """

    id: str
    caller: str
    length: int
    offset: int = 0
    complete: bool = False
    media: str = ""
    frames: int = 0
    stored: int = 0
    wrapped_key: bytes = b""


class Moved(Conflict):
    """The upload went on elsewhere, or was thrown away; go on from where it is now."""

    code, status = Conflict.code, Conflict.status


class Damaged(Exception):
    """A stored blob cannot be read any more: bytes were changed or are missing, or its key is."""


class Opened(Protocol):
    """A complete blob that can be read.

    Attributes:
        length: Bytes of it.
    """

    length: int

    async def read(self, at: int, size: int) -> bytes:
        """Bytes of it from a place on, exactly as many as wanted.

        Raises:
            Damaged: They are not what was stored.
            StorageUnavailable: They cannot be read now.
        """


class Blobs(Protocol):
    """Where blobs are kept. All methods may raise `StorageUnavailable`."""

    async def find(self, caller: str, sha256: str) -> Blob | None:
        """A caller's blob, or what there is of it."""

    async def begin(self, caller: str, sha256: str, length: int, most: int) -> Blob:
        """A caller's blob as it stands; a new one if there is none.

        Args:
            caller: Whose.
            sha256: Its name, lower-case hexadecimal.
            length: Bytes it will have, if it is new.
            most: Bytes that may wait under this caller without belonging to a submission.

        Raises:
            TooManyRequests: That would be exceeded.
        """

    async def add(self, blob: Blob, data: bytes, media: str) -> Blob:
        """Add what follows; durable when this returns, also if who waits for it is cancelled.

        Raises:
            Moved: Something else was added since.
            Invalid: It came in too many pieces.
        """

    async def finish(self, blob: Blob, sha256: str) -> Blob | None:
        """Check a blob that is all there; None if it is not what its name says and was thrown away.

        Raises:
            Moved: It is not there any more.
        """

    async def mend(self, blob: Blob, sha256: str) -> Blob:
        """A complete blob as it is; if it cannot be read any more, emptied, so that its sender may send it again.

        Submissions that need it go on needing it.
        """

    async def drop(self, blob: Blob) -> None:
        """Throw away a blob that is not complete."""

    async def named(self, caller: str, names: Sequence[str]) -> tuple[str, ...]:
        """The ids of complete blobs of a caller, in the order of their names; empty texts for those not there."""

    async def copied(self, submission: str) -> bool:
        """Whether all files of a submission are complete and as many copies hold them as hold its rows.

        Those that are missing in a second copy are brought there first, as far as it does not take too long.
        """

    async def open_(self, caller: str, sha256: str) -> Opened | None:
        """A complete blob of a caller; None if there is none."""

    async def sweep(self, before: float) -> int:
        """Throw away what no submission took and nobody touched since (Unix seconds); how many.

        What is left on disk of blobs thrown away earlier goes too.
        """


def absent(files: Sequence[str]) -> Iterator[FieldFault]:
    """A fault for each attachment whose blob (by place, an empty text for none) is not here."""
    for place, id_ in enumerate(files):
        if not id_:
            yield FieldFault(
                f"/attachments/{place}/sha256",
                "unknown_attachment",
                f"Attachment {place + 1} was not uploaded, or not to its end: PUT /v1/attachments/<sha256> first.",
                f"Lampiran {place + 1} belum diunggah, atau belum selesai: PUT /v1/attachments/<sha256> dahulu.",
            )
