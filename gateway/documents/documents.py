"""A document of the centre, a print of it, a spoiled sheet: values, and who moves a document from state to state.

| from | to | by |
| --- | --- | --- |
| – | `fetching` | the centre issued it |
| `fetching` | `ready` | it was fetched, and may be printed |
| `fetching` | `refused` | what came must not be printed, or the centre does not know it |
| `ready` | `refused` | what is stored is not any more what was received |
| `refused` | `fetching` | an operator |
| `fetching`, `ready`, `refused` | `replaced` | the centre: a newer one, or changed data |
| `fetching`, `ready`, `refused`, `replaced` | `void` | an operator |
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class DocumentState(StrEnum):
    """Where a document stands.

    Attributes:
        FETCHING: Not here yet.
        READY: May be printed, also while the centre is away.
        REFUSED: Must not be printed.
        REPLACED: A newer one holds instead.
        VOID: Holds no more.
    """

    FETCHING = "fetching"
    READY = "ready"
    REFUSED = "refused"
    REPLACED = "replaced"
    VOID = "void"


NEWER: Final = "newer"
"""Reason of `replaced`: a newer one of the same kind was issued."""

CHANGED: Final = "data_changed"
"""Reason of `replaced`: the data it shows have changed since."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the centre.

    Attributes:
        id: `gateway.catalogue.documents.document_id`.
        submission: What it was issued of.
        caller: Who handed that in; nobody else sees it.
        right: Right it is fetched under.
        adapter: Extension that came through, or `native`.
        service: Of the submission.
        village: Village it is for.
        kind: The centre's name of its kind.
        state: Where it stands.
        reason: Why, a stable word; empty for none.
        state_at: Since when, Unix seconds.
        issued_at: When the centre issued it.
        tries: How often it was tried to fetch.
        next_at: When that is tried next.
        length: Bytes of the PDF; 0 before it is here.
        blob: The blob it is kept in; empty before.
        prints: How often it was printed.
        wrapped_key: Its key, wrapped.
        sealed: `Secrets`, sealed under that.
    """

    id: str
    submission: str
    caller: str
    right: str
    adapter: str
    service: str
    village: str
    kind: str
    state: DocumentState
    reason: str
    state_at: float
    issued_at: float
    tries: int
    next_at: float
    length: int
    blob: str
    prints: int
    wrapped_key: bytes
    sealed: bytes


class Secrets(msgspec.Struct, frozen=True):
    """What of a document is personal data, or leads to some.

    Attributes:
        receipt: What the centre calls it.
        number: Its number; may be a KK number.
        sha256: Of the PDF as it was received; empty before.
        code: The code it is checked by; empty before it is here.
    """

    receipt: str
    number: str
    sha256: str = ""
    code: str = ""


class PrintRequest(msgspec.Struct, frozen=True):
    """What somebody wants printed; equal requests under one key are one print.

    Attributes:
        document: Of what.
        printer: Where, as the desk calls it.
        sheets: How many sheets of paper.
        operator: Who prints, as the desk calls them; empty if it does not say.
        reason: Why once more; empty for a first print.
    """

    document: str
    printer: str
    sheets: int
    operator: str = ""
    reason: str = ""


class Print(msgspec.Struct, frozen=True):
    """One permitted printing.

    Attributes:
        id: Its id.
        document: Of what.
        number: Counted from 1 for each document.
        caller: Who asked for it.
        village: The document's.
        kind: The document's.
        operator: As in `PrintRequest`.
        printer: As in `PrintRequest`.
        sheets: As in `PrintRequest`.
        reason: As in `PrintRequest`.
        at: When, Unix seconds.
    """

    id: str
    document: str
    number: int
    caller: str
    village: str
    kind: str
    operator: str
    printer: str
    sheets: int
    reason: str
    at: float


class Spoiled(msgspec.Struct, frozen=True):
    """Sheets that came out unusable.

    Attributes:
        id: Its id.
        caller: Who tells it.
        village: Of the desk; of the print where one is named.
        printer: Where.
        sheets: How many.
        operator: Who tells it; empty if the desk does not say.
        reason: What happened.
        print_id: Of which print; empty where it was none, such as a jam.
        at: When it was told, Unix seconds.
    """

    id: str
    caller: str
    village: str
    printer: str
    sheets: int
    operator: str
    reason: str
    print_id: str
    at: float


class Tally(msgspec.Struct, frozen=True):
    """One line of a daily report.

    Attributes:
        village: Village.
        printer: Printer.
        prints: Prints, reprints among them.
        reprints: Prints that were not the first of their document.
        sheets: Sheets used by prints.
        spoiled: Sheets that came out unusable.
    """

    village: str
    printer: str
    prints: int
    reprints: int
    sheets: int
    spoiled: int


class PaperState(StrEnum):
    """What is told to everybody who has a paper's code.

    Attributes:
        FINAL: It holds.
        PROVISIONAL: It holds for a while, until something final comes.
        REPLACED: A newer one holds instead.
        VOID: It holds no more.
        EXPIRED: It held until a day that has passed.
    """

    FINAL = "final"
    PROVISIONAL = "provisional"
    REPLACED = "replaced"
    VOID = "void"
    EXPIRED = "expired"


class Verdict(msgspec.Struct, frozen=True):
    """What a code stands for; no personal data.

    Attributes:
        kind: Kind of paper.
        state: Its fate.
        since: Since when, Unix seconds.
        until: Until when it holds; None for no end.
    """

    kind: str
    state: PaperState
    since: float
    until: float | None = None


FATES: Final[Mapping[DocumentState, PaperState]] = {
    DocumentState.READY: PaperState.FINAL,
    DocumentState.REPLACED: PaperState.REPLACED,
    DocumentState.VOID: PaperState.VOID,
}
"""What a document's code tells in each state it can be asked for in; a refused one's goes on telling what it told."""
