"""Walks a chain and says where it is not what was written. Pure.

| fault | means |
| --- | --- |
| `changed` | a line's hash does not fit its record and the line before: one of the two was changed |
| `missing` | records are not there, though later ones are |
| `inserted` | a record stands there twice, or where none was written |
| `reordered` | a record stands in another place |
| `rewritten` | the chain is whole, but is not the one whose place was signed or named: all up to there is in doubt |
| `truncated` | the end is missing |
| `unsigned` | a signature is not by the ledger's key |
| `unreadable` | what stands there is no line |
| `chain_missing` | a whole chain is not there |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from gateway.ledger.lines import Tip, Unreadable, beginning, hash_of, lines_of
from gateway.ledger.records import Began, Ended, Opened, Record
from gateway.vault.signer import is_signed

if TYPE_CHECKING:
    from gateway.ledger.lines import Line, Seal
    from gateway.ledger.records import Previous

Kind = Literal[
    "changed",
    "missing",
    "inserted",
    "reordered",
    "rewritten",
    "truncated",
    "unsigned",
    "unreadable",
    "chain_missing",
]
"""What can be wrong."""

_decode = msgspec.json.Decoder(Record).decode


class Fault(msgspec.Struct, frozen=True):
    """One place where a chain is not what was written.

    Attributes:
        kind: What is wrong.
        chain: Where.
        first: Number of the first record concerned.
        last: Number of the last one.
        detail: In a sentence, in English.
    """

    kind: Kind
    chain: str
    first: int
    last: int
    detail: str


class Mark(msgspec.Struct, frozen=True):
    """A place a chain must pass through.

    Attributes:
        tip: The place.
        source: Who says so: `checkpoint`, `kept checkpoint`, `next chain`.
    """

    tip: Tip
    source: str


def previous_of(body: bytes) -> Previous | None:
    """What the first record of a page says of the chain before; None if it says nothing, or cannot be read."""
    try:
        record = _decode(next(lines_of(body)).record)
    except (Unreadable, msgspec.MsgspecError):
        return None
    return record.previous if isinstance(record, Opened) else None


class Scan:
    """One walk along one chain: `feed` its pages in order, then `finish`.

    Args:
        chain: Its name.
        marks: Places it must pass through.
        key: Public key its head must be signed under.

    Attributes:
        records: How many records were read.
        last: Number of the last record that stands in its place.
        unfinished: Numbers of beginnings that have no end.
        faults: What is wrong, in the order it was met.
    """

    def __init__(self, chain: str, marks: tuple[Mark, ...], key: str) -> None:
        self.chain = chain
        self.records = 0
        self.unfinished: set[int] = set()
        self.faults: list[Fault] = []
        self._key = key
        self._marks: dict[int, list[Mark]] = {}
        for mark in marks:
            self._marks.setdefault(mark.tip.seq, []).append(mark)
        first = beginning(chain)
        self.last, self._hash = first.seq, first.hash
        self._sure = True
        self._gaps: list[tuple[int, int]] = []
        self._sound_from = 1

    def feed(self, body: bytes) -> None:
        """Read a page."""
        try:
            for line in lines_of(body):
                self._read(line)
        except Unreadable:
            self._say("unreadable", self.last + 1, self.last + 1, "what stands after the record before is no line")

    def finish(self, head: Seal | None) -> None:
        """Compare the end with the signed one.

        Args:
            head: The chain's signed end; None if there is none.
        """
        for first, last in self._gaps:
            self._say("missing", first, last, f"records {first} to {last} are not there")
        if head is None:
            self._say("truncated", self.last, self.last, "the chain's signed end is not there")
            return
        if head.key != self._key or not is_signed(self._key, head.message, head.signature):
            self._say("unsigned", head.tip.seq, head.tip.seq, "the chain's end is not signed by the ledger's key")
        if head.tip.seq > self.last:
            self._say("truncated", self.last + 1, head.tip.seq, f"the chain was signed up to record {head.tip.seq}")
        elif head.tip.seq < self.last:
            self._say("inserted", head.tip.seq + 1, self.last, "records stand behind the signed end")
        elif head.tip.hash != self._hash:
            self._rewritten(head.tip.seq, "the signed end")
        for seq in sorted(seq for seq in self._marks if seq > max(self.last, head.tip.seq)):
            source = self._marks[seq][0].source
            self._say("truncated", self.last + 1, seq, f"the chain went on to record {seq}, says a {source}")

    def _read(self, line: Line) -> None:
        self.records += 1
        if line.seq <= self.last:
            self._out_of_place(line)
            return
        if line.seq > self.last + 1:
            self._gaps.append((self.last + 1, line.seq - 1))
            self._sure = False
        if self._sure and hash_of(self._hash, line.seq, line.record) != line.hash:
            before = f" or record {line.seq - 1}" if line.seq > 1 else ""
            self._say("changed", max(line.seq - 1, 1), line.seq, f"record {line.seq}{before} was changed")
        self.last, self._hash, self._sure = line.seq, line.hash, True
        self._pass_marks(line)
        self._note(line)

    def _out_of_place(self, line: Line) -> None:
        for place, (first, last) in enumerate(self._gaps):
            if first <= line.seq <= last:
                rest = ((first, line.seq - 1), (line.seq + 1, last))
                self._gaps[place : place + 1] = [gap for gap in rest if gap[0] <= gap[1]]
                self._say("reordered", line.seq, line.seq, f"record {line.seq} stands behind record {self.last}")
                self._note(line)
                return
        self._say("inserted", line.seq, line.seq, f"a second record {line.seq} stands behind record {self.last}")

    def _pass_marks(self, line: Line) -> None:
        marks = self._marks.get(line.seq, ())
        wrong = [mark for mark in marks if mark.tip.hash != line.hash]
        if wrong:
            self._rewritten(line.seq, f"a {wrong[0].source}")
        if marks:
            self._sound_from = line.seq + 1

    def _rewritten(self, seq: int, source: str) -> None:
        first = min(self._sound_from, seq)
        self._say(
            "rewritten", first, seq, f"record {seq} is not the one of {source}; records {first} to {seq} are in doubt"
        )

    def _note(self, line: Line) -> None:
        try:
            record = _decode(line.record)
        except msgspec.MsgspecError:
            self._say("unreadable", line.seq, line.seq, f"record {line.seq} is of no known kind")
            return
        if isinstance(record, Began):
            self.unfinished.add(line.seq)
        elif isinstance(record, Ended):
            self.unfinished.discard(record.of)

    def _say(self, kind: Kind, first: int, last: int, detail: str) -> None:
        self.faults.append(Fault(kind, self.chain, first, last, detail))
