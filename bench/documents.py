"""Documents: how many PDFs of the centre are checked and stored a second, how many of our own are made and signed.

    python -m bench.documents [--seconds 5] [--processes 2] [--write]

Stored means: checked in a process, sealed, durable in its file, its row committed with `synchronous=FULL`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import describe
from gateway.blobs.files import FilePieces
from gateway.blobs.sealing import BlobSealer
from gateway.blobs.store import DatabaseBlobs
from gateway.catalogue.documents import document_id
from gateway.contract.submissions import IssuedDocument
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.documents.book import DocumentBook
from gateway.documents.papers import Papers
from gateway.documents.sealing import DocumentSealer
from gateway.documents.store import Documents
from gateway.log import configure
from gateway.mock_siak.authority import authority_of
from gateway.mock_siak.cases import Case, Document
from gateway.mock_siak.papers import Papers as CentrePapers
from gateway.mock_siak.population import Population
from gateway.signing.authority import LocalAuthority
from gateway.signing.certificates import credentials_of, ders
from gateway.signing.crew import Crew
from gateway.wiring.clock import SystemClock
from tests.documents.test_papers import LETTER
from tests.documents.world import Origin
from tests.outbox.world import KEYRING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RESULTS = Path(__file__).parent / "results"
LARGEST = 8 * 1024 * 1024
AT_ONCE = 8
CREDENTIALS = credentials_of(b"s" * 32, "Bench")


def family_card() -> bytes:
    """A signed family card, as the mock's authority makes them."""
    population = Population(2_000, 1)
    no_kk = max(population.sample_cards(200), key=lambda one: len(population.family(int(one))))
    village = population.family(int(no_kk))[0].home.village.code
    case = Case("a", "r", "kk_lost", village, {"no_kk": no_kk}, "", "SK1", 0, 0, decided_at=time.time())
    return CentrePapers(population, authority_of(1)).pdf(case, Document("kk", no_kk, "DBENCH"))


async def rate(seconds: float, work: Callable[[int], Awaitable[None]]) -> float:
    """How often a second work gets done, some at once."""
    await asyncio.gather(*(work(-1 - place) for place in range(AT_ONCE)))  # processes begin, libraries load
    ends, count = time.perf_counter() + seconds, 0
    began = time.perf_counter()

    async def hand(number: int) -> None:
        nonlocal count
        while time.perf_counter() < ends:
            await work(number * 1_000_000 + count)
            count += 1

    await asyncio.gather(*(hand(number) for number in range(AT_ONCE)))
    return count / (time.perf_counter() - began)


async def stored(folder: Path, seconds: float, processes: int, pdf: bytes) -> float:
    """PDFs checked and stored a second."""
    url = f"sqlite:///{folder}/bench.db"
    migrate(url)
    clock, database = SystemClock(), Database.open(url)
    sealer, crew = DocumentSealer(KEYRING, clock.now), Crew(processes)
    blobs = DatabaseBlobs(database, FilePieces(database, folder / "blobs", 0), BlobSealer(KEYRING, clock.now), clock)
    documents, book = Documents(database, blobs, sealer, clock, secrets.randbits), DocumentBook(sealer)
    roots = ders(authority_of(1).root())

    async def one(number: int) -> None:
        origin = Origin(id=f"0192f0c4-7b1e-7c3a-9a51-{number & 0xFFFFFFFFFFFF:012x}")
        paper, now = IssuedDocument("skpwni", "1", "D1"), clock.now()
        await database.write(lambda connection: book.issued(connection, origin, (paper,), now, now))
        digest = await crew.check(pdf, roots, LARGEST)
        document = await documents.find(document_id(origin.id, paper.kind, paper.receipt))
        if document is None or not await documents.keep(document, pdf, digest):
            raise RuntimeError("a document was not kept")

    try:
        return await rate(seconds, one)
    finally:
        await crew.close()
        await database.close()


async def made(folder: Path, seconds: float) -> float:
    """Our own papers made and signed a second, by one process."""
    url = f"sqlite:///{folder}/papers.db"
    migrate(url)
    clock, database, crew = SystemClock(), Database.open(url), Crew(1, CREDENTIALS)
    blobs = DatabaseBlobs(database, FilePieces(database, folder / "none", 0), BlobSealer(KEYRING, clock.now), clock)
    documents = Documents(database, blobs, DocumentSealer(KEYRING, clock.now), clock, secrets.randbits)
    papers = Papers(documents, crew, LocalAuthority(crew, CREDENTIALS.roots), "https://gerbang.example.go.id")

    async def one(_number: int) -> None:
        await papers.make(LETTER)

    try:
        return await rate(seconds, one)
    finally:
        await crew.close()
        await database.close()


def main() -> None:
    """Measure and tell."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--write", action="store_true", help="also write bench/results/documents.md")
    chosen = options.parse_args()
    configure("error", "json")
    pdf = family_card()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        kept = asyncio.run(stored(folder, chosen.seconds, chosen.processes, pdf))
        own = asyncio.run(made(folder, chosen.seconds))
    lines = [
        "# Documents",
        "",
        describe(),
        f"A family card of {len(pdf) / 1000:.0f} kB; {os.getloadavg()[0]:.1f} load.",
    ]
    lines += ["", "| what | a second |", "| --- | ---: |"]
    lines += [f"| checked and stored, {chosen.processes} processes | {kept:.0f} |"]
    lines += [f"| of our own made and signed (P-256), one process | {own:.0f} |", ""]
    text = "\n".join(lines)
    print(text)
    if chosen.write:
        (RESULTS / "documents.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
