"""The chain: each line holds the hash of itself and all before it. Pure.

```
line   <hash> <seq> <record as JSON>           hash = SHA-256("<hash of the line before> <seq> <record>"), hexadecimal
page   lines, each with its line feed          what was committed together
```

The line before the first is named by the chain: SHA-256("siak-gateway/ledger/1 <chain>"). Two lines and `sha256sum` are
enough to check a step by hand.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Unreadable(Exception):
    """This is no line of a ledger."""


class Tip(msgspec.Struct, frozen=True):
    """A place in a chain.

    Attributes:
        chain: Which chain.
        seq: Number of the record, from 1; 0 before the first.
        hash: Hash of its line, 64 hexadecimal digits.
    """

    chain: str
    seq: int
    hash: str


class Line(msgspec.Struct, frozen=True):
    """One line, taken apart but not checked.

    Attributes:
        hash: As it stands there.
        seq: Number of the record.
        record: The record as JSON.
    """

    hash: str
    seq: int
    record: bytes


class Page(msgspec.Struct, frozen=True):
    """Lines to be committed together.

    Attributes:
        before: Where the chain stood.
        tip: Where it stands after them.
        body: The lines.
    """

    before: Tip
    tip: Tip
    body: bytes


class Seal(msgspec.Struct, frozen=True):
    """A signed place in a chain.

    Attributes:
        kind: `head` (its end) or `checkpoint`.
        tip: The place.
        at_ms: When it was signed, Unix milliseconds.
        key: Public key, hexadecimal.
        signature: Ed25519, over `message`.
    """

    kind: Literal["head", "checkpoint"]
    tip: Tip
    at_ms: int
    key: str
    signature: bytes

    @property
    def message(self) -> bytes:
        """What is signed."""
        return message(self.kind, self.tip, self.at_ms)


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A page that is durable, on its way into the database.

    Attributes:
        page: The lines.
        at_ms: When it was written, Unix milliseconds.
        mark: Of `message`: a page in the journal is ours, as nobody else can make one.
    """

    page: Page
    at_ms: int
    mark: bytes = b""

    @property
    def message(self) -> bytes:
        """What is marked."""
        return message("journal", self.page.tip, self.at_ms)


def message(kind: Literal["head", "checkpoint", "journal"], tip: Tip, at_ms: int) -> bytes:
    """What is signed or marked of a place: a head never passes for a checkpoint, nor the other way round."""
    return f"siak-gateway/ledger/{kind}/1 {tip.chain} {tip.seq} {tip.hash} {at_ms}".encode()


def beginning(chain: str) -> Tip:
    """The place before a chain's first record."""
    return Tip(chain, 0, sha256(b"siak-gateway/ledger/1 " + chain.encode()).hexdigest())


def hash_of(before: str, seq: int, record: bytes) -> str:
    """The hash of a line, given that of the line before."""
    return sha256(b"%b %d %b" % (before.encode(), seq, record)).hexdigest()


def page(before: Tip, records: Sequence[bytes]) -> Page:
    """Chain records to what is there."""
    head, seq, lines = before.hash.encode(), before.seq, []
    for record in records:
        seq += 1
        rest = b" %d %b" % (seq, record)
        head = sha256(head + rest).hexdigest().encode()
        lines.append(head + rest + b"\n")
    return Page(before, Tip(before.chain, seq, head.decode()), b"".join(lines))


def lines_of(body: bytes) -> Iterator[Line]:
    """Take a page apart.

    Raises:
        Unreadable: Some line is none; those before it were given.
    """
    for text in body.split(b"\n")[:-1] if body.endswith(b"\n") else [body]:
        parts = text.split(b" ", 2)
        if len(parts) != 3 or not parts[1].isdigit() or len(parts[1]) > 18 or not parts[0].isalnum():  # noqa: PLR2004 # hash, seq, record; the figures of a 64-bit number
            raise Unreadable
        yield Line(parts[0].decode(), int(parts[1]), parts[2])
