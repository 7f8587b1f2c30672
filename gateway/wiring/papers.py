"""Documents and papers, put together: the crew, the authority, the store, what fetches, what prints.

```
roots (documents.roots_file) ─► fetcher ─► crew ─► documents ─► printing ─► http
secret `signing` ─► crew ─► local authority ┐
esign service ─► outbound ─► BSrE's ────────┴─► papers
```
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from gateway.contract.host import Job
from gateway.contract.messages import CentreService
from gateway.documents.papers import Papers
from gateway.flows.fetch import Fetcher, FetchTerms
from gateway.flows.printing import Printing
from gateway.settings import ConfigFaults
from gateway.signing.authority import LocalAuthority, NoAuthority
from gateway.signing.certificates import credentials_of, ders
from gateway.signing.crew import Crew
from gateway.wiring.parts import open_documents

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from gateway.blobs.blobs import Blobs
    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.ledger.exchange import DeedRecorder
    from gateway.settings import Settings
    from gateway.signing.authority import Authority
    from gateway.vault.keys import Keyring
    from gateway.wiring.chain import Chain
    from gateway.wiring.supervisor import Supervisor

OWNER: Final = "documents"
TIDY_EVERY: Final = 3_600.0
"""Seconds between two looks for documents that are too old."""

_log = structlog.get_logger("gateway.documents")


class Paperwork:
    """What all generations share of documents and papers.

    Args:
        settings: The config, read at start.
        chain: The way to the centre.
        database: Holds the documents.
        blobs: Holds their PDFs.
        keyring: Seals them, and gives the key papers are signed under.
        clock: The gateway's clock.
        rng: Source of jitter.

    Raises:
        ConfigFaults: A file of roots cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        chain: Chain,
        database: Database,
        blobs: Blobs,
        keyring: Keyring,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._settings = settings.documents
        self._clock = clock
        credentials = None if keyring.signing is None else credentials_of(keyring.signing, settings.signing.title)
        self.crew = Crew(settings.documents.processes, credentials)
        self.authority: Authority = NoAuthority()
        if credentials is None:
            _log.warning("signing.key.missing")
        else:
            self.authority = LocalAuthority(self.crew, credentials.roots)
        self.documents = open_documents(database, blobs, keyring, clock)
        self.papers = Papers(self.documents, self.crew, self.authority, settings.documents.check_url)
        roots = roots_of(settings, "documents", settings.documents.roots_file)
        if not roots:
            _log.warning("documents.roots.missing")
        terms = FetchTerms(roots, settings.documents.max_bytes, settings.documents.keep_days)
        may_go = partial(chain.breaker.may_go, CentreService.SUBMISSION)
        self.fetcher = Fetcher(self.documents, chain.writes, may_go, self.crew, terms, clock, rng)

    def printing(self, ledger: DeedRecorder | None) -> Printing:
        """The verb *print*."""
        return Printing(self.documents, self._settings.link_seconds, self._clock, ledger)

    def begin(self, supervisor: Supervisor) -> None:
        """Let the supervisor fetch from now on."""
        supervisor.start(OWNER, Job("fetch", self._settings.every, self.fetcher.turn))
        supervisor.start(OWNER, Job("tidy", TIDY_EVERY, self.fetcher.tidy))

    async def end(self, supervisor: Supervisor) -> None:
        """Fetch nothing more, and end the processes."""
        await supervisor.stop(OWNER)
        await self.crew.close()


def roots_of(settings: Settings, table: str, file: str | None) -> Sequence[bytes]:
    """The roots in a file that the config names, in DER; none where it names none.

    Raises:
        ConfigFaults: It cannot be read, or holds no certificate.
    """
    if file is None:
        return ()
    try:
        return ders(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        cure = "name a PEM file of certificates"
        reason = type(error).__name__
        fault = settings.source.fault((table, "roots_file"), f"holds no certificate that can be read ({reason})", cure)
        raise ConfigFaults((fault,)) from None
