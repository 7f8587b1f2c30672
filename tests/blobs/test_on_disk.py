"""Blobs in files: nothing in clear, nothing changed unseen, nothing lost to a full disk, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.blobs.blobs import Damaged, Moved
from gateway.blobs.files import FilePieces
from gateway.blobs.sealing import BlobSealer
from gateway.blobs.store import DatabaseBlobs
from gateway.database.errors import StorageFailed, StorageFault
from tests.blobs.world import CALLER, MOST, NAME, file_of, name_of
from tests.outbox.world import KEYRING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.blobs.world import World

PDF = "application/pdf"


def files_in(folder: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_nothing_of_a_file_stands_on_disk_in_clear(on_disk: World, tmp_path: Path) -> None:
    """Neither its bytes, nor its SHA-256 in any spelling; only the owner may read what does."""

    async def story() -> None:
        content = file_of(200_000)
        await on_disk.upload(content)
        half = file_of(9_000, seed=2)
        begun = await on_disk.blobs.begin(CALLER, name_of(half), len(half), MOST)
        await on_disk.blobs.add(begun, half[:5_000], PDF)
        secrets = [NAME, content[:64], content[100_000:100_064], half[:40]]
        for each in (content, half):
            secrets += [name_of(each).encode(), bytes.fromhex(name_of(each))]
        found = files_in(tmp_path)
        assert len(found) >= 3
        for path in found:
            text = path.read_bytes()
            assert not [secret for secret in secrets if secret in text], path
            assert path.stat().st_mode & 0o077 == 0, path
        assert on_disk.folder is not None
        assert {path.stat().st_mode & 0o777 for path in [on_disk.folder, *on_disk.folder.iterdir()]} == {0o700}

    asyncio.run(story())


@pytest.mark.parametrize("harm", ["flip", "cut", "gone", "swap", "grown"])
def test_a_changed_file_is_never_read_as_whole(on_disk: World, harm: str) -> None:
    """One bit, a cut, a missing file, two frames exchanged: `Damaged`; bytes behind the end are never looked at."""

    async def story() -> None:
        content = file_of(150_000)
        await on_disk.upload(content, piece=50_000)
        assert on_disk.folder is not None
        (path,) = files_in(on_disk.folder)
        text = bytearray(path.read_bytes())
        if harm == "flip":
            text[90_000] ^= 1
        elif harm == "cut":
            del text[-1:]
        elif harm == "swap":
            size = 50_000 + 33
            text[:size], text[size : 2 * size] = text[size : 2 * size], text[:size]
        path.write_bytes(text + (b"junk" if harm == "grown" else b""))
        if harm == "gone":
            path.unlink()
        if harm == "grown":
            assert await on_disk.content(name_of(content)) == content
            return
        with pytest.raises(Damaged):
            await on_disk.content(name_of(content))

    asyncio.run(story())


def test_a_damaged_blob_is_mended_by_sending_it_anew(on_disk: World) -> None:
    """It is emptied only when its sender comes again, and keeps its place; one that is whole is left alone."""

    async def story() -> None:
        content = file_of(150_000)
        whole = await on_disk.upload(content)
        assert await on_disk.blobs.mend(whole, name_of(content)) == whole
        assert on_disk.folder is not None
        (path,) = files_in(on_disk.folder)
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        emptied = await on_disk.blobs.mend(whole, name_of(content))
        assert (emptied.id, emptied.offset, emptied.complete) == (whole.id, 0, False)
        assert emptied.wrapped_key != whole.wrapped_key
        assert await on_disk.blobs.named(CALLER, [name_of(content)]) == ("",)
        await on_disk.upload(content)
        assert await on_disk.content(name_of(content)) == content

    asyncio.run(story())


def test_an_upload_whose_file_vanished_begins_anew(on_disk: World) -> None:
    """Its sender is told to begin at nought, instead of failing for ever."""

    async def story() -> None:
        content = file_of(9_000)
        blob = await on_disk.blobs.begin(CALLER, name_of(content), len(content), MOST)
        blob = await on_disk.blobs.add(blob, content[:5_000], PDF)
        assert on_disk.folder is not None
        files_in(on_disk.folder)[0].unlink()
        with pytest.raises(Moved):
            await on_disk.blobs.add(blob, content[5_000:], PDF)
        assert await on_disk.blobs.find(CALLER, name_of(content)) is None
        await on_disk.upload(content)

    asyncio.run(story())


def test_what_was_written_and_never_told_of_is_overwritten(on_disk: World) -> None:
    """A kill between file and row leaves bytes behind the end; the upload goes on where the row says."""

    async def story() -> None:
        content = file_of(30_000)
        blob = await on_disk.blobs.begin(CALLER, name_of(content), len(content), MOST)
        blob = await on_disk.blobs.add(blob, content[:10_000], PDF)
        assert on_disk.folder is not None
        with files_in(on_disk.folder)[0].open("ab") as file:
            file.write(os.urandom(7_000))
        blob = await on_disk.another().add(blob, content[10_000:], PDF)
        assert await on_disk.blobs.finish(blob, name_of(content)) is not None
        assert await on_disk.content(name_of(content)) == content

    asyncio.run(story())


def test_files_of_forgotten_blobs_are_removed(on_disk: World) -> None:
    """A row that is gone took the key with it; the sweep takes the noise, and nothing else."""

    async def story() -> None:
        kept, dropped = file_of(5_000), file_of(5_000, seed=2)
        await on_disk.upload(kept)
        on_disk.clock.at -= 50.0
        await on_disk.upload(dropped)
        on_disk.clock.at += 50.0
        assert on_disk.folder is not None
        assert len(files_in(on_disk.folder)) == 2
        assert await on_disk.blobs.sweep(on_disk.clock.at - 10.0) == 1
        assert len(files_in(on_disk.folder)) == 1
        assert await on_disk.content(name_of(kept)) == kept

    asyncio.run(story())


def test_files_leave_room_for_forms(on_disk: World) -> None:
    """Below the reserve a file is refused as for a full disk, and nothing is written."""

    async def story() -> None:
        assert on_disk.database is not None
        assert on_disk.folder is not None
        pieces = FilePieces(on_disk.database, on_disk.folder, 1 << 60)
        blobs = DatabaseBlobs(on_disk.database, pieces, BlobSealer(KEYRING, on_disk.clock.now), on_disk.clock)
        content = file_of(5_000)
        blob = await blobs.begin(CALLER, name_of(content), len(content), MOST)
        with pytest.raises(StorageFailed) as refused:
            await blobs.add(blob, content, PDF)
        assert refused.value.fault is StorageFault.DISK_FULL
        assert files_in(on_disk.folder) == []
        await on_disk.upload(content)

    asyncio.run(story())


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The system lets no file of this process grow beyond, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_and_the_upload_goes_on_later(on_disk: World) -> None:
    """The piece that does not fit leaves nothing; with room again the same upload is completed."""

    async def story() -> None:
        content = file_of(900_000)
        name = name_of(content)
        blob = await on_disk.blobs.begin(CALLER, name, len(content), MOST)
        blob = await on_disk.blobs.add(blob, content[:400_000], PDF)
        with files_up_to(500_000), pytest.raises(StorageFailed) as refused:
            await on_disk.blobs.add(blob, content[400_000:600_000], PDF)
        assert (refused.value.fault, refused.value.executed) == (StorageFault.DISK_FULL, "no")
        assert await on_disk.blobs.find(CALLER, name) == blob
        blob = await on_disk.blobs.add(blob, content[400_000:], PDF)
        assert await on_disk.blobs.finish(blob, name) is not None
        assert await on_disk.content(name) == content

    asyncio.run(story())


@pytest.mark.parametrize("harm", ["read-only", "no folder"])
def test_a_disk_that_cannot_be_used_is_told_and_heals(on_disk: World, tmp_path: Path, harm: str) -> None:
    """A folder that is gone or a file in its place: refused as storage, never as damage; mended, the upload goes on."""

    async def story() -> None:
        content = file_of(5_000)
        whole = await on_disk.upload(content)
        half = file_of(9_000, seed=2)
        blob = await on_disk.blobs.begin(CALLER, name_of(half), len(half), MOST)
        blob = await on_disk.blobs.add(blob, half[:3_000], PDF)
        assert on_disk.folder is not None
        on_disk.folder.rename(tmp_path / "elsewhere")
        if harm == "read-only":
            on_disk.folder.write_text("")
        for reading in (on_disk.content(name_of(content)), on_disk.blobs.add(blob, half[3_000:], PDF)):
            with pytest.raises(StorageFailed):
                await reading
        if harm == "read-only":
            on_disk.folder.unlink()
        (tmp_path / "elsewhere").rename(on_disk.folder)
        assert await on_disk.content(name_of(content)) == content
        assert await on_disk.blobs.find(CALLER, name_of(content)) == whole
        blob = await on_disk.blobs.add(blob, half[3_000:], PDF)
        assert await on_disk.blobs.finish(blob, name_of(half)) is not None

    asyncio.run(story())
