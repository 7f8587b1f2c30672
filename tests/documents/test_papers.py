"""Our own papers: typeset from data, signed, their QR read by a scanner, their fate told by their code."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.documents.documents import PaperState
from gateway.documents.papers import Letter, Papers, Row, Words, typeset
from gateway.signing.authority import LocalAuthority, NoAuthority
from gateway.signing.certificates import credentials_of
from gateway.signing.crew import Crew
from gateway.signing.faults import AuthorityAway
from tests.documents.world import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.documents.world import World

URL = "https://gerbang.example.go.id"
CREDENTIALS = credentials_of(b"s" * 32, "Kabupaten Contoh")
LETTER = Letter(
    kind="tanda_terima",
    title="Tanda terima pengajuan",
    title_en="Receipt of a submission",
    office="Dinas Kependudukan dan Pencatatan Sipil",
    place="Kabupaten Contoh",
    date="22 November 2026",
    rows=(
        Row(Words("Nomor", "Number"), "7K3M-9QRT-2VWX-5"),
        Row(Words("Nama", "Name"), "#panic() $x$ *Nur'aini* \\ <b>"),
    ),
    text=(Words("Simpan lembar ini.", "Keep this sheet."),),
    state=PaperState.PROVISIONAL,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty store."""
    yield from opened(f"sqlite:///{tmp_path}/gateway.db", tmp_path / "blobs")


def papers_of(world: World, url: str = URL) -> tuple[Papers, Crew]:
    """What makes papers, signed under test credentials."""
    crew = Crew(0, CREDENTIALS)
    return Papers(world.documents, crew, LocalAuthority(crew, CREDENTIALS.roots), url), crew


def test_a_paper_is_signed_and_its_code_is_known(world: World) -> None:
    """The PDF passes the check under the authority's roots; the code tells its fate; another paper has another code."""

    async def story() -> None:
        papers, crew = papers_of(world)
        code, pdf = await papers.make(LETTER)
        await crew.check(pdf, CREDENTIALS.roots, 1_000_000)
        verdict = await world.documents.check(code)
        assert verdict is not None
        assert (verdict.kind, verdict.state) == ("tanda_terima", PaperState.PROVISIONAL)
        assert (await papers.make(LETTER))[0] != code

    asyncio.run(story())


def test_one_paper_of_something_keeps_its_code(world: World) -> None:
    """Made again it has the same code, and what is told under that stays; of something else it has another."""

    async def story() -> None:
        papers, _ = papers_of(world)
        code = papers.code_of("tanda_terima", "one")
        assert code == papers.code_of("tanda_terima", "one") != papers.code_of("tanda_terima", "two")
        await papers.make(LETTER, code)
        await world.documents.close_code(code, PaperState.REPLACED)
        await papers.make(LETTER, code)
        verdict = await world.documents.check(code)
        assert verdict is not None
        assert verdict.state is PaperState.REPLACED

    asyncio.run(story())


def test_nothing_is_told_of_a_paper_nobody_signed(world: World) -> None:
    """Where the authority does not sign there is no paper, and its code is not known."""

    async def story() -> None:
        papers = Papers(world.documents, Crew(0), NoAuthority(), URL)
        code = world.documents.new_code()
        with pytest.raises(AuthorityAway):
            await papers.make(LETTER, code)
        assert await world.documents.check(code) is None

    asyncio.run(story())


def test_poppler_and_zbar_read_it(world: World, tmp_path: Path) -> None:
    """`pdfsig` calls it validly signed, its words are data, and a scanner reads the address at the lower right."""
    if shutil.which("pdfsig") is None or shutil.which("zbarimg") is None:
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out("poppler-utils or zbar-tools is not installed")
    code, pdf = asyncio.run(papers_of(world)[0].make(LETTER))
    file = tmp_path / "paper.pdf"
    file.write_bytes(pdf)
    said = heard("pdfsig", "-nocert", str(file))
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    words = heard("pdftotext", "-layout", str(file), "-")
    for expected in ("SEMENTARA", "otoritas uji coba", "#panic() $x$ *Nur'aini* \\ <b>", code):
        assert expected in words
    assert "595.2" in heard("pdfinfo", str(file))  # A4
    subprocess.run(["pdftoppm", "-r", "150", "-png", "-x", "620", "-y", "877", "-W", "620", "-H", "877",
                    str(file), str(tmp_path / "corner")], check=True)  # fmt: skip
    (corner,) = tmp_path.glob("corner*.png")
    assert heard("zbarimg", "-q", "--raw", str(corner)).strip() == f"{URL}/check/{code}"


def heard(*command: str) -> str:
    """What a program prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_paper_without_an_address_carries_the_code_alone(world: World) -> None:
    """Where the config names no public address the QR holds the code."""
    papers, _ = papers_of(world, "")
    told = msgspec.json.decode(papers._told(LETTER, "7K3M-9QRT-2VWX-5"))
    assert (told["address"], told["code"]) == ("", "7K3M-9QRT-2VWX-5")


def test_the_alignment_page_is_made_once(world: World) -> None:
    """The page for margins is one A4 PDF, the same each time."""

    async def story() -> None:
        papers, _ = papers_of(world)
        first = await papers.alignment()
        assert first.startswith(b"%PDF-")
        assert await papers.alignment() is first

    asyncio.run(story())
    assert typeset("alignment", b"{}").startswith(b"%PDF-")
