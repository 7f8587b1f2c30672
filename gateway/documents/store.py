"""Documents over one database, their PDFs among the blobs; several processes may share it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from gateway.blobs.blobs import Damaged, Moved
from gateway.catalogue.receipts import new_id, new_number, read_number
from gateway.contract.errors import Conflict
from gateway.database.wrapped_keys import wrap_anew
from gateway.documents import check_rows, print_rows, rows
from gateway.documents.tables import DOCUMENT_KEYS
from gateway.signing.digests import is_itself
from gateway.signing.faults import Fault, PaperRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.blobs.blobs import Blob, Blobs
    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.documents.documents import (
        Document,
        DocumentState,
        PaperState,
        Print,
        PrintRequest,
        Secrets,
        Spoiled,
        Tally,
        Verdict,
    )
    from gateway.documents.sealing import DocumentSealer

_log = structlog.get_logger("gateway.documents")

PDF: Final = "application/pdf"
_ROOM: Final = 1 << 30
_NO_CODE: Final = "0000-0000-0000-0"


class Documents:
    """The documents of a database.

    Args:
        database: Migrated.
        blobs: Where PDFs are kept.
        sealer: Seals what is personal data.
        clock: The gateway's clock.
        bits: Gives so many random bits as an integer, such as `secrets.randbits`.
    """

    def __init__(
        self, database: Database, blobs: Blobs, sealer: DocumentSealer, clock: Clock, bits: Callable[[int], int]
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._sealer = sealer
        self._clock = clock
        self._bits = bits

    async def find(self, id_: str) -> Document | None:
        """The document of an id."""
        return await self._database.read(partial(rows.find, id_=id_))

    def secrets_of(self, document: Document) -> Secrets:
        """What of it is personal data; raises `PaperRefused` where that cannot be opened."""
        return self._sealer.open_(document)

    async def due(self, most: int) -> Sequence[Document]:
        """Documents that are to be fetched now."""
        return await self._database.read(partial(rows.due, now=self._clock.now(), most=most))

    async def claim(self, document: Document, seconds: float) -> bool:
        """Have nobody else fetch it for a while; False if somebody was quicker."""
        until = self._clock.now() + seconds
        return await self._database.write(partial(rows.claim, document=document, until=until))

    async def later(self, id_: str, seconds: float) -> None:
        """Have it fetched after a while."""
        await self._database.write(partial(rows.later, id_=id_, at=self._clock.now() + seconds))

    async def keep(self, document: Document, pdf: bytes, digest: str) -> bool:
        """Store a PDF that was checked, and let it be printed from now on; False if it is not wanted any more.

        Args:
            document: As it was claimed.
            pdf: Its bytes.
            digest: Their SHA-256, pinned from now on.

        Raises:
            PaperRefused: What is known of the document cannot be opened.
            Conflict: Another process stores it too.
            StorageUnavailable: It could not be kept.
        """
        secrets = self._sealer.open_(document)
        blob = await self._stored(rows.owner(document.id), pdf, digest)
        code = new_number(self._bits)
        sealed = self._sealer.seal(document.id, msgspec.structs.replace(secrets, sha256=digest, code=code))
        mark, now = self._sealer.code_mark(code), self._clock.now()
        work = partial(rows.keep, document=document, blob=blob.id, length=len(pdf), secrets=sealed, code=mark, now=now)
        return await self._database.write(work)

    async def refuse(self, document: Document, fault: Fault) -> None:
        """It must not be printed."""
        now = self._clock.now()
        if await self._database.write(partial(rows.refuse, id_=document.id, fault=fault, now=now)):
            _log.error("documents.refused", document=document.id, kind=document.kind, reason=fault.value)

    async def open_(self, document: Document) -> bytes:
        """The PDF, byte for byte as it was received; one that is not is refused from now on.

        Raises:
            Conflict: It was refused.
            StorageUnavailable: It cannot be read now.
        """
        try:
            return await self._opened(document)
        except PaperRefused as refused:
            await self.refuse(document, refused.fault)
        raise Conflict("What is stored is not any more what was received; an operator has to look at it.")

    async def permit(self, asked: PrintRequest, caller: str, key: str) -> Print:
        """Make a print; errors as of `print_rows.permit`."""
        mark, now = self._sealer.key_mark(caller, key, "print"), self._clock.now()
        id_ = new_id(now, self._bits)
        work = partial(print_rows.permit, asked=asked, caller=caller, id_=id_, mark=mark, now=now)
        return await self._database.write(work)

    async def permitted(self, caller: str, key: str) -> Print | None:
        """The print that was made under a key."""
        mark = self._sealer.key_mark(caller, key, "print")
        return await self._database.read(partial(print_rows.under, mark=mark))

    async def print_of(self, id_: str) -> Print | None:
        """The print of an id."""
        return await self._database.read(partial(print_rows.find, id_=id_))

    async def prints(self, document: str) -> Sequence[Print]:
        """The latest prints of a document."""
        return await self._database.read(partial(print_rows.of, document=document))

    async def spoil(self, spoiled: Spoiled, key: str) -> Spoiled:
        """Write down spoiled sheets, which get their id and time here; errors as of `print_rows.spoil`."""
        now = self._clock.now()
        mark = self._sealer.key_mark(spoiled.caller, key, "spoiled")
        told = msgspec.structs.replace(spoiled, id=new_id(now, self._bits), at=now)
        return await self._database.write(partial(print_rows.spoil, spoiled=told, mark=mark))

    async def report(self, since: float, upto: float, caller: str | None = None) -> tuple[Tally, ...]:
        """What was printed and spoiled in a time."""
        return await self._database.read(partial(print_rows.report, since=since, upto=upto, caller=caller))

    async def page(self, state: DocumentState | None = None, after: str = "") -> Sequence[Document]:
        """Some documents, in order of their ids."""
        return await self._database.read(partial(rows.page, state=state, after=after))

    async def refetch(self, id_: str) -> Document:
        """Fetch a refused one once more; errors as of `rows.refetch`."""
        return await self._database.write(partial(rows.refetch, id_=id_, now=self._clock.now()))

    async def void(self, id_: str, reason: str) -> Document:
        """It holds no more; errors as of `rows.void`."""
        return await self._database.write(partial(rows.void, id_=id_, reason=reason, now=self._clock.now()))

    def new_code(self) -> str:
        """A code that nothing is told under yet."""
        return new_number(self._bits)

    def code_of(self, kind: str, of: str) -> str:
        """The code of the one paper of a kind there is of something: drawn from the installation's key alone."""
        return self._sealer.code_of(kind, of)

    async def issue(self, code: str, kind: str, state: PaperState, until: float | None = None) -> None:
        """Tell this under the code of a paper of our own from now on, unless something is told under it already."""
        mark, now = self._sealer.code_mark(code), self._clock.now()
        await self._database.write(partial(check_rows.put, mark=mark, kind=kind, state=state, now=now, until=until))

    async def close_code(self, code: str, state: PaperState) -> bool:
        """A paper of our own tells this from now on; False if there is none of this code."""
        mark = self._sealer.code_mark(read_number(code) or _NO_CODE)
        return await self._database.write(partial(check_rows.close, mark=mark, state=state, now=self._clock.now()))

    async def check(self, text: str) -> Verdict | None:
        """What a code tells, as somebody typed it; what is none takes as long as what is one."""
        mark = self._sealer.code_mark(read_number(text) or _NO_CODE)
        return await self._database.read(partial(check_rows.find, marks=(mark,), now=self._clock.now()))

    async def shred(self, before: float) -> int:
        """Destroy documents issued before a time; how many."""
        count = 0
        while gone := await self._database.write(partial(rows.shred, before=before)):
            count += gone
        return count

    async def rewrap(self) -> int:
        """Wrap keys that an older master sealed under the present one; how many there were."""
        return await wrap_anew(self._database, DOCUMENT_KEYS, self._sealer.master, self._sealer.rewrap)

    async def _stored(self, owner: str, pdf: bytes, digest: str) -> Blob:
        """The complete blob of a PDF; what an earlier try left is gone on with."""
        blob = await self._blobs.begin(owner, digest, len(pdf), _ROOM)
        if blob.complete:
            blob = await self._blobs.mend(blob, digest)
        if blob.complete:
            return blob
        if blob.offset < blob.length:
            blob = await self._blobs.add(blob, pdf[blob.offset :], PDF)
        whole = await self._blobs.finish(blob, digest)
        if whole is None:
            raise Moved
        return whole

    async def _opened(self, document: Document) -> bytes:
        secrets = self._sealer.open_(document)
        try:
            opened = await self._blobs.open_(rows.owner(document.id), secrets.sha256)
            pdf = b"" if opened is None else await opened.read(0, opened.length)
        except Damaged:
            raise PaperRefused(Fault.DAMAGED) from None
        if opened is None:
            raise PaperRefused(Fault.DAMAGED)
        if not is_itself(pdf, secrets.sha256):
            raise PaperRefused(Fault.ANOTHER)
        return pdf
