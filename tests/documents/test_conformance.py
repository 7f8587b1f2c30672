"""What a store of documents promises, over both databases."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from gateway.blobs.tables import BLOBS
from gateway.contract.errors import Conflict, IdempotencyMismatch, Invalid, NotFound
from gateway.contract.submissions import IssuedDocument
from gateway.documents.documents import DocumentState, PaperState, PrintRequest, Spoiled, Tally, Verdict
from gateway.documents.tables import CODES, DOCUMENTS
from gateway.signing.digests import digest_of
from gateway.signing.faults import Fault
from tests.documents.world import AKTA, CALLER, KK, KTP, NIK, NO_KK, OTHER, PDF, VILLAGE, Origin
from tests.outbox.world import START

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.documents.world import World


def run(story: Coroutine[Any, Any, None]) -> None:
    """Run a test's story."""
    asyncio.run(story)


def test_what_is_issued_is_due_once(world: World) -> None:
    """Papers are due as soon as they are issued, cards never, and being told twice changes nothing."""

    async def story() -> None:
        ids = await world.issue(AKTA, KK, KTP)
        assert ids[2] == ""
        assert {one.id for one in await world.documents.due(10)} == set(ids[:2])
        await world.ready(KK)
        await world.issue(AKTA, KK, KTP)
        assert [one.id for one in await world.documents.due(10)] == [ids[0]]

    run(story())


def test_a_claim_is_one_fetchers(world: World) -> None:
    """Of two who claim the same one wins; when its time is over it is due again."""

    async def story() -> None:
        await world.issue(AKTA)
        (due,) = await world.documents.due(10)
        assert await world.documents.claim(due, 60)
        assert not await world.documents.claim(due, 60)
        assert not await world.documents.due(10)
        world.clock.at += 61
        (again,) = await world.documents.due(10)
        assert again.tries == 1
        await world.documents.later(again.id, 5)
        assert not await world.documents.due(10)

    run(story())


def test_a_kept_document_is_byte_for_byte_what_was_received(world: World) -> None:
    """It opens as it was kept, is due no more, its code calls it genuine, and nothing of it stands in clear."""

    async def story() -> None:
        document = await world.ready()
        assert (document.state, document.length) == (DocumentState.READY, len(PDF))
        assert await world.documents.open_(document) == PDF
        assert not await world.documents.due(10)
        secrets = world.documents.secrets_of(document)
        assert (secrets.number, secrets.sha256) == (NO_KK, digest_of(PDF))
        spelled = secrets.code.replace("-", " ").lower()
        assert await world.documents.check(spelled) == Verdict("kk", PaperState.FINAL, START)
        assert not await world.documents.keep(document, PDF, digest_of(PDF))
        dump = await world.database.read(lambda connection: repr(connection.execute(sa.select(DOCUMENTS)).all()))
        assert not any(text in dump for text in (NO_KK, secrets.code, secrets.sha256, "DKK1"))
        codes = await world.database.read(lambda connection: repr(connection.execute(sa.select(CODES)).all()))
        assert secrets.code not in codes
        if world.folder is not None:
            assert all(NIK.encode() not in file.read_bytes() for file in world.folder.rglob("*") if file.is_file())

    run(story())


def test_a_crash_between_storing_and_keeping_is_gone_on_with(world: World) -> None:
    """A blob that an earlier try left, whole or in part, is used, and the document is kept all the same."""

    async def story() -> None:
        (id_,) = await world.issue(KK)
        blob = await world.blobs.begin(f"document:{id_}", digest_of(PDF), len(PDF), 1 << 30)
        await world.blobs.add(blob, PDF[:30_000], "application/pdf")
        assert await world.documents.keep(await world.known(id_), PDF, digest_of(PDF))
        assert await world.documents.open_(await world.known(id_)) == PDF

    run(story())


def test_a_byte_changed_after_storing_is_refused(world: World) -> None:
    """What is stored and cannot be opened any more is refused, and stays so until an operator has it fetched anew."""

    async def story() -> None:
        document = await world.ready()
        if world.folder is not None:
            (file,) = [one for one in world.folder.rglob("*") if one.is_file()]
            raw = bytearray(file.read_bytes())
            raw[len(raw) // 2] ^= 1
            file.write_bytes(raw)
        else:
            spoil = "UPDATE blob_pieces SET sealed = overlay(sealed placing '\\x00'::bytea from 40)"
            await world.database.write(lambda connection: connection.execute(sa.text(spoil)).close())
        with pytest.raises(Conflict):
            await world.documents.open_(document)
        refused = await world.known(document.id)
        assert (refused.state, refused.reason) == (DocumentState.REFUSED, Fault.DAMAGED)
        with pytest.raises(Conflict):
            await world.documents.permit(PrintRequest(document.id, "p1", 1), CALLER, "key-1")
        await world.documents.refetch(document.id)
        assert await world.documents.keep(await world.known(document.id), PDF, digest_of(PDF))
        assert await world.documents.open_(await world.known(document.id)) == PDF

    run(story())


def test_another_blob_under_the_same_name_is_refused(world: World) -> None:
    """Bytes that open well and are not those whose SHA-256 was pinned are refused."""

    async def story() -> None:
        document = await world.ready()
        other = await world.ready(AKTA, PDF + b"x")
        swapped = sa.select(BLOBS.c.mark).where(BLOBS.c.id == document.blob).scalar_subquery()

        def swap(connection: sa.Connection) -> None:
            mark = connection.execute(sa.select(swapped)).scalar_one()
            connection.execute(sa.delete(BLOBS).where(BLOBS.c.id == document.blob))
            connection.execute(sa.update(BLOBS).where(BLOBS.c.id == other.blob).values(mark=mark))

        await world.database.write(swap)
        with pytest.raises(Conflict):
            await world.documents.open_(document)
        assert (await world.known(document.id)).reason == Fault.ANOTHER

    run(story())


def test_newer_data_replace_a_family_card(world: World) -> None:
    """A later change of the family's data ends the card; one told of with the card itself, or of others, does not."""

    async def story() -> None:
        document, akta = await world.ready(), await world.ready(AKTA)
        await world.changed(NO_KK, at=START)
        await world.changed("3527030101900002", at=START + 9)
        assert (await world.known(document.id)).state is DocumentState.READY
        world.clock.at += 10
        await world.changed(NO_KK, at=START + 9)
        after = await world.known(document.id)
        assert (after.state, after.reason) == (DocumentState.REPLACED, "data_changed")
        assert (await world.known(akta.id)).state is DocumentState.READY
        code = world.documents.secrets_of(document).code
        assert await world.documents.check(code) == Verdict("kk", PaperState.REPLACED, START + 10)

    run(story())


def test_a_newer_one_replaces_the_one_before(world: World) -> None:
    """A card issued later about the same family takes the earlier one's place; an older one told of late does not."""

    async def story() -> None:
        document = await world.ready()
        second = Origin(id="0192f0c4-7b1e-7c3a-9a51-0f8e6f6d2b12", service="kk_lost")
        (newer,) = await world.issue(IssuedDocument("kk", NO_KK, "DKK2"), at=START + 5, origin=second)
        assert (await world.known(document.id)).reason == "newer"
        third = Origin(id="0192f0c4-7b1e-7c3a-9a51-0f8e6f6d2b13")
        await world.issue(IssuedDocument("kk", NO_KK, "DKK3"), at=START + 1, origin=third)
        assert (await world.known(newer)).state is DocumentState.FETCHING

    run(story())


def test_void_is_final(world: World) -> None:
    """An operator ends a document once; its code says so, and nobody fetches it again."""

    async def story() -> None:
        document = await world.ready()
        code = world.documents.secrets_of(document).code
        ended = await world.documents.void(document.id, "annulled by court")
        assert (ended.state, ended.reason) == (DocumentState.VOID, "annulled by court")
        verdict = await world.documents.check(code)
        assert verdict is not None
        assert verdict.state is PaperState.VOID
        for act in (world.documents.void(document.id, ""), world.documents.refetch(document.id)):
            with pytest.raises(Conflict):
                await act
        with pytest.raises(NotFound):
            await world.documents.void("0" * 36, "")

    run(story())


def test_prints_are_counted_and_reprints_need_a_reason(world: World) -> None:
    """The first needs none, a repeat under its key is the same print, another needs one, another body is a mismatch."""

    async def story() -> None:
        document = await world.ready()
        asked = PrintRequest(document.id, "desk-printer", 2, "siti")
        first = await world.documents.permit(asked, CALLER, "key-1")
        assert first.number == 1
        assert await world.documents.permit(asked, CALLER, "key-1") == first
        assert await world.documents.permitted(CALLER, "key-1") == first
        assert await world.documents.permitted(OTHER, "key-1") is None
        with pytest.raises(IdempotencyMismatch):
            await world.documents.permit(replace(asked, sheets=3), CALLER, "key-1")
        with pytest.raises(Invalid) as missing:
            await world.documents.permit(asked, CALLER, "key-2")
        assert [fault.field for fault in missing.value.faults] == ["/reason"]
        second = await world.documents.permit(replace(asked, reason="paper jam"), CALLER, "key-2")
        assert second.number == 2
        assert await world.documents.prints(document.id) == [second, first]
        assert (await world.known(document.id)).prints == 2

    run(story())


def test_fifty_attempts_at_once_are_one_print(world: World) -> None:
    """Of fifty attempts under keys of their own one is permitted; under one key all are the same print."""

    async def story() -> None:
        document = await world.ready()
        asked = PrintRequest(document.id, "desk-printer", 1)
        tries = [world.documents.permit(asked, CALLER, f"key-{place}") for place in range(50)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(not isinstance(one, BaseException) for one in outcomes) == 1
        assert sum(isinstance(one, Invalid) for one in outcomes) == 49
        again = replace(asked, reason="smudged")
        same = await asyncio.gather(*(world.documents.permit(again, CALLER, "one key") for _ in range(50)))
        assert len(set(same)) == 1
        assert (await world.known(document.id)).prints == 2

    run(story())


def test_spoiled_sheets_and_the_days_report(world: World) -> None:
    """Spoiled sheets are written down once under a key, of own prints only; the report counts what a day saw."""

    async def story() -> None:
        document = await world.ready()
        made = await world.documents.permit(PrintRequest(document.id, "p1", 2), CALLER, "key-1")
        spoiled = Spoiled("", CALLER, "", "p1", 2, "", "smudged", made.id, 0.0)
        told = await world.documents.spoil(spoiled, "key-1")
        assert told.village == VILLAGE
        assert await world.documents.spoil(spoiled, "key-1") == told
        with pytest.raises(IdempotencyMismatch):
            await world.documents.spoil(replace(spoiled, sheets=9), "key-1")
        with pytest.raises(NotFound):
            await world.documents.spoil(replace(spoiled, caller=OTHER), "key-2")
        jam = replace(spoiled, caller=OTHER, village="3527032002", sheets=1, print_id="")
        await world.documents.spoil(jam, "key-3")
        await world.documents.permit(PrintRequest(document.id, "p1", 1, reason="smudged"), CALLER, "key-4")
        mine = (Tally(VILLAGE, "p1", 2, 1, 3, 2),)
        assert await world.documents.report(START, START + 1, CALLER) == mine
        assert await world.documents.report(START, START + 1) == (*mine, Tally("3527032002", "p1", 0, 0, 0, 1))
        assert await world.documents.report(START + 1, START + 2) == ()

    run(story())


def test_codes_of_our_own_papers(world: World) -> None:
    """A paper of our own is provisional until its day, then expired, or what it was closed as; junk is not known."""

    async def story() -> None:
        code, other = world.documents.new_code(), world.documents.new_code()
        await world.documents.issue(code, "tanda_terima", PaperState.PROVISIONAL, START + 100)
        await world.documents.issue(other, "tanda_terima", PaperState.PROVISIONAL)
        assert await world.documents.check(code) == Verdict("tanda_terima", PaperState.PROVISIONAL, START, START + 100)
        world.clock.at += 100
        assert await world.documents.check(code) == Verdict(
            "tanda_terima", PaperState.EXPIRED, START + 100, START + 100
        )
        assert await world.documents.close_code(other, PaperState.REPLACED)
        verdict = await world.documents.check(other)
        assert verdict is not None
        assert verdict.state is PaperState.REPLACED
        for junk in ("", "x" * 64, code[:-1] + ("0" if code[-1] != "0" else "1"), "\ud800"):
            assert await world.documents.check(junk) is None
        assert not await world.documents.close_code("nonsense", PaperState.VOID)

    run(story())


def test_what_is_too_old_is_destroyed_and_its_code_goes_on_telling(world: World) -> None:
    """The row, its key and its file go; the code still says what became of the paper."""

    async def story() -> None:
        document = await world.ready()
        code = world.documents.secrets_of(document).code
        assert await world.documents.shred(START) == 0
        assert await world.documents.shred(START + 1) == 1
        assert await world.documents.find(document.id) is None
        left = await world.database.read(lambda connection: connection.execute(sa.select(BLOBS.c.id)).all())
        assert left == []
        assert await world.documents.check(code) is not None

    run(story())


def test_files_of_documents_are_not_swept(world: World) -> None:
    """The sweep of unused uploads leaves what a document needs."""

    async def story() -> None:
        document = await world.ready()
        await world.blobs.sweep(START + 1e9)
        assert await world.documents.open_(document) == PDF

    run(story())
