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

import httpx
import structlog

from gateway.centre.client import outbound
from gateway.centre.transport import Limits
from gateway.contract.host import Job
from gateway.contract.messages import CentreService
from gateway.documents.papers import Papers
from gateway.flows.fetch import Fetcher, FetchTerms
from gateway.flows.printing import Printing
from gateway.settings import ConfigFaults
from gateway.settings.secret import secret
from gateway.signing.authority import LocalAuthority, NoAuthority
from gateway.signing.bsre import LARGEST, Answered, BsreAccount, BsreAuthority, Unreached
from gateway.signing.certificates import credentials_of, ders
from gateway.signing.crew import Crew
from gateway.wiring.parts import open_documents

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from gateway.blobs.blobs import Blobs
    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.ledger.exchange import DeedRecorder
    from gateway.settings import Settings
    from gateway.signing.authority import Authority
    from gateway.signing.certificates import Credentials
    from gateway.vault.keys import Keyring
    from gateway.wiring.chain import Chain
    from gateway.wiring.supervisor import Supervisor

OWNER: Final = "documents"
BSRE: Final = "SIAK_GATEWAY_SECRET_BSRE_"
"""What the names of the esign service's secrets begin with; then `USER`, `PASSWORD`, `NIK`, `PASSPHRASE`."""

ESIGN: Final = Limits(connections=4, connect_timeout=5.0, idle=5.0, max_response_bytes=LARGEST, total=60.0)
TIDY_EVERY: Final = 3_600.0
"""Seconds between two looks for documents that are too old."""

_log = structlog.get_logger("gateway.documents")


class Paperwork:
    """What all generations share of documents and papers.

    Args:
        settings: The config, read at start.
        environ: Where the secrets of an esign service are found.
        chain: The way to the centre.
        database: Holds the documents.
        blobs: Holds their PDFs.
        keyring: Seals them, and gives the key papers are signed under.
        clock: The gateway's clock.
        rng: Source of jitter.

    Raises:
        ConfigFaults: A file of roots cannot be read.
        SecretMissing: A secret of the esign service is not there.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
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
        self.authority = _authority(settings, environ, self.crew, credentials)
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


def _authority(
    settings: Settings, environ: Mapping[str, str], crew: Crew, credentials: Credentials | None
) -> Authority:
    """Who signs the region's own papers."""
    signing = settings.signing
    if signing.authority == "bsre":
        account = BsreAccount(*(secret(f"{BSRE}{name}", environ) for name in ("USER", "PASSWORD", "NIK", "PASSPHRASE")))
        roots = roots_of(settings, "signing", signing.roots_file)
        return BsreAuthority(signing.url, account, poster(settings.outbound.allow), crew, roots)
    if credentials is None:
        _log.warning("signing.key.missing")
        return NoAuthority()
    return LocalAuthority(crew, credentials.roots)


def poster(allow: Iterable[str]) -> Callable[[str, Mapping[str, str], bytes], Awaitable[Answered]]:
    """Sends what an esign service is asked, to public addresses and those networks only."""
    allowed = tuple(allow)

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        async with outbound(ESIGN, allow=allowed) as client:
            try:
                answer = await client.post(url, headers=dict(headers), content=body)
            except httpx.HTTPError:
                raise Unreached from None
            return Answered(answer.status_code, answer.headers.get("content-type", ""), answer.content)

    return post


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
