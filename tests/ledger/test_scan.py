"""Whatever is done to a chain that was written is found, and placed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.contract.messages import CentreService
from gateway.ledger.lines import Line, Seal, Tip, Unreadable, beginning, hash_of, lines_of, message, page
from gateway.ledger.records import Began, Ended, Opened
from gateway.ledger.scan import Mark, Scan, previous_of
from gateway.vault.keys import Keyring
from gateway.vault.signer import Signer

SIGNER = Signer(Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32, ledger=b"l" * 32))
CHAIN = "chain"


def record(seq: int) -> bytes:
    """The record of a number: opened, then began and ended in turn."""
    if seq == 1:
        return msgspec.json.encode(Opened(1.0, 1, SIGNER.public, None))
    if seq % 2:
        return msgspec.json.encode(Ended(seq - 1, 2.0, "answered", "cache", 3.0))
    return msgspec.json.encode(
        Began(1.5, "ask", CentreService.BIODATA, "id", "sampang", "native", "", "pelayanan", f"{seq:032x}", "r")
    )


def written(count: int) -> list[Line]:
    """A chain of so many records."""
    return list(lines_of(page(beginning(CHAIN), [record(seq) for seq in range(1, count + 1)]).body))


def text(lines: list[Line]) -> bytes:
    """Lines as a page."""
    return b"".join(b"%b %d %b\n" % (line.hash.encode(), line.seq, line.record) for line in lines)


def sealed(tip: Tip) -> Seal:
    """A signed end."""
    return Seal("head", tip, 5, SIGNER.public, SIGNER.sign(message("head", tip, 5)))


def end_of(lines: list[Line]) -> Seal:
    """The signed end of a chain."""
    return sealed(Tip(CHAIN, lines[-1].seq, lines[-1].hash))


def faults(lines: list[Line], head: Seal | None, *marks: Mark) -> list[tuple[str, int, int]]:
    """Kind, first and last record of each fault found in a chain."""
    scan = Scan(CHAIN, marks, SIGNER.public)
    for line in lines:  # each a page of its own
        scan.feed(text([line]))
    scan.finish(head)
    return [(fault.kind, fault.first, fault.last) for fault in scan.faults]


def again(lines: list[Line], start: int, before: str) -> list[Line]:
    """Lines from a place on with hashes made anew, as one who knows how but has no key would."""
    made = lines[:start]
    for line in lines[start:]:
        before = hash_of(before, line.seq, line.record)
        made.append(Line(before, line.seq, line.record))
    return made


def test_a_whole_chain_has_no_fault_and_tells_what_is_unfinished() -> None:
    """What was written passes, in any cut into pages; a beginning without end is counted, not held against it."""
    lines = written(8)
    mark = Mark(Tip(CHAIN, 5, lines[4].hash), "checkpoint")
    scan = Scan(CHAIN, (mark,), SIGNER.public)
    scan.feed(text(lines[:3]))
    scan.feed(text(lines[3:]))
    scan.finish(end_of(lines))
    assert (scan.faults, scan.records, scan.unfinished) == ([], 8, {8})


def test_a_changed_record_is_placed() -> None:
    """The number of the record whose content changed is in the finding."""
    lines = written(9)
    changed = [*lines[:4], Line(lines[4].hash, 5, lines[4].record.replace(b"answered", b"denied")), *lines[5:]]
    assert faults(changed, end_of(lines)) == [("changed", 4, 5)]


def test_a_changed_record_whose_hash_was_made_to_fit_is_placed() -> None:
    """Then the next one no longer follows."""
    lines = written(9)
    mended = lines[4].record.replace(b"answered", b"denied")
    changed = [*lines[:4], Line(hash_of(lines[3].hash, 5, mended), 5, mended), *lines[5:]]
    assert faults(changed, end_of(lines)) == [("changed", 5, 6)]


def test_a_chain_made_anew_from_a_place_on_is_found_by_its_signatures() -> None:
    """Hashes can be made anew by anybody, signatures cannot; the last good checkpoint says where it began."""
    lines = written(12)
    marks = [Mark(Tip(CHAIN, seq, lines[seq - 1].hash), "checkpoint") for seq in (3, 9)]
    forged = [*lines[:5], Line("", 6, lines[5].record.replace(b"sampang", b"pamekas")), *lines[6:]]
    forged = again(forged, 5, lines[4].hash)
    assert faults(forged, end_of(lines), *marks) == [("rewritten", 4, 9), ("rewritten", 10, 12)]
    stranger = Signer(Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32, ledger=b"x" * 32))
    tip = Tip(CHAIN, 12, forged[-1].hash)
    head = Seal("head", tip, 5, SIGNER.public, stranger.sign(message("head", tip, 5)))
    assert faults(forged, head) == [("unsigned", 12, 12)]
    assert faults(forged, Seal("head", tip, 5, stranger.public, stranger.sign(message("head", tip, 5)))) == [
        ("unsigned", 12, 12)
    ]


def test_removed_records_are_placed() -> None:
    """First and last of what is not there."""
    lines = written(9)
    assert faults([*lines[:3], *lines[6:]], end_of(lines)) == [("missing", 4, 6)]


def test_inserted_records_are_placed() -> None:
    """A second record of a number, and records behind the signed end."""
    lines = written(9)
    assert faults([*lines[:5], lines[2], *lines[5:]], end_of(lines)) == [("inserted", 3, 3)]
    assert faults(lines, end_of(lines[:7])) == [("inserted", 8, 9)]


def test_an_inserted_record_that_pushes_the_others_on_is_found() -> None:
    """Numbers and hashes made anew still lead to another end than the signed one."""
    lines = written(6)
    pushed = [*lines[:3], Line("", 4, record(2)), *(Line("", line.seq + 1, line.record) for line in lines[3:])]
    assert ("inserted", 7, 7) in faults(again(pushed, 3, lines[2].hash), end_of(lines))


def test_reordered_records_are_placed() -> None:
    """The record that stands behind a later one."""
    lines = written(9)
    assert faults([*lines[:3], lines[4], lines[3], *lines[5:]], end_of(lines)) == [("reordered", 4, 4)]


def test_a_cut_end_is_placed() -> None:
    """By the signed end, by a checkpoint kept elsewhere, and where both ends were taken away."""
    lines = written(9)
    assert faults(lines[:6], end_of(lines)) == [("truncated", 7, 9)]
    kept = Mark(Tip(CHAIN, 8, lines[7].hash), "kept checkpoint")
    assert faults(lines[:6], end_of(lines[:6]), kept) == [("truncated", 7, 8)]
    assert faults(lines, None) == [("truncated", 9, 9)]


def test_a_checkpoint_does_not_pass_for_an_end() -> None:
    """Else a chain could be cut at any checkpoint."""
    lines = written(9)
    tip = Tip(CHAIN, 5, lines[4].hash)
    posing = Seal("head", tip, 5, SIGNER.public, SIGNER.sign(message("checkpoint", tip, 5)))
    assert faults(lines[:5], posing) == [("unsigned", 5, 5)]


@pytest.mark.parametrize("body", [b"no line at all", b"abc x {}\n", b"\n", b"abc 1\n", b"abc " + b"9" * 19 + b" {}\n"])
def test_what_is_no_line_is_told(body: bytes) -> None:
    """Rubbish in the place of a page is a finding, not a crash."""
    with pytest.raises(Unreadable):
        list(lines_of(body))
    scan = Scan(CHAIN, (), SIGNER.public)
    scan.feed(body)
    assert [fault.kind for fault in scan.faults] == ["unreadable"]
    assert previous_of(body) is None


def test_a_record_of_no_known_kind_is_told() -> None:
    """Even where its hash fits."""
    lines = list(lines_of(page(beginning(CHAIN), [record(1), b'{"kind":"erased"}']).body))
    assert faults(lines, end_of(lines)) == [("unreadable", 2, 2)]


@st.composite
def _harmed(draw: st.DrawFn) -> tuple[list[Line], list[Line]]:
    lines = written(draw(st.integers(2, 14)))
    harmed = list(lines)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(harmed) - 1))
        act = draw(st.sampled_from(["change", "remove", "double", "swap", "cut", "number", "hash"]))
        line = harmed[place]
        if act == "change":
            at = draw(st.integers(0, len(line.record) - 1))
            byte = draw(st.sampled_from(b"axz09"))
            harmed[place] = Line(line.hash, line.seq, line.record[:at] + bytes([byte]) + line.record[at + 1 :])
        elif act == "remove":
            del harmed[place]
        elif act == "double":
            harmed.insert(draw(st.integers(0, len(harmed))), line)
        elif act == "swap":
            other = draw(st.integers(0, len(harmed) - 1))
            harmed[place], harmed[other] = harmed[other], harmed[place]
        elif act == "cut":
            harmed = harmed[:place]
        elif act == "number":
            harmed[place] = Line(line.hash, draw(st.integers(0, 20)), line.record)
        else:
            harmed[place] = Line(draw(st.text("abcdef01", min_size=1)), line.seq, line.record)
        if not harmed:
            break
    return lines, harmed


@settings(max_examples=300, deadline=None)
@given(_harmed())
def test_no_harm_goes_unseen(case: tuple[list[Line], list[Line]]) -> None:
    """Any mixture of changes, removals, copies, swaps and cuts is a fault, and a chain that is the same has none."""
    lines, harmed = case
    assert bool(faults(harmed, end_of(lines))) == (harmed != lines)
