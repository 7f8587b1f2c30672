"""The OpenAPI documents under the default config, drawn from the routes without starting a gateway."""

from __future__ import annotations

import json
import secrets
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.flows.ask import Asker
from gateway.flows.attach import Attacher, Terms
from gateway.flows.feed import Feed
from gateway.flows.submit import Submitter
from gateway.flows.track import Tracker
from gateway.http.attachments import Attachments
from gateway.http.check import Check
from gateway.http.documents import DocumentRoutes
from gateway.http.events import Events
from gateway.http.page_files import PageFiles
from gateway.http.papers import Requirements
from gateway.http.people import SignInPages
from gateway.http.residents import Residents
from gateway.http.staff import StaffPages
from gateway.http.submissions import Submissions
from gateway.http.system import Facts, System
from gateway.pages import Pages
from gateway.registry.finding import installed, mounts_of
from gateway.registry.registry import Registry
from gateway.settings import load
from gateway.testing.memory_blobs import MemoryBlobs
from gateway.testing.memory_following import MemoryFollowing, MemoryNotifying
from gateway.testing.memory_store import MemoryOutbox
from gateway.wiring.claims import Claims
from gateway.wiring.clock import SystemClock
from gateway.wiring.described import Described
from gateway.wiring.forms import CLASSES
from gateway.wiring.generation import rights_of
from gateway.wiring.offline import offline_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.messages import Answer, Call, Caller


CONFIG = Path(__file__).resolve().parents[2] / "config" / "gateway.toml"
"""The default config, whose rights and adapters the documents show."""


class _NoWay:
    """Stands where the way to the centre is; describing routes asks nothing."""

    async def ask(self, call: Call) -> Answer:
        """Never reached.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(call.request_id)


async def _nobody(headers: Mapping[str, str]) -> Caller:
    raise NotImplementedError(len(headers))


async def _nothing_to_check() -> dict[str, str]:
    return {}


def openapi_file(_root: Path) -> str:
    """Text of `docs/reference/openapi.json`: the gateway's own API under the default config."""
    return _text(_described().document(None))


def adapter_file(_root: Path) -> str:
    """Text of `docs/reference/openapi-dukcapil_ws.json`: the one built-in adapter's API."""
    return _text(_described().document("dukcapil_ws"))


def _described() -> Described:
    settings, clock = load(CONFIG, {}), SystemClock()
    rights, blobs = rights_of(settings, clock), MemoryBlobs(clock)
    outbox = MemoryOutbox(clock, blobs)
    asker = Asker(_NoWay(), rights, clock, deadline=settings.centre.deadline)
    submitter = Submitter(outbox, rights, CLASSES, lambda _submission, _filed: (), blobs, clock, secrets.randbits)
    following, notifying = MemoryFollowing(outbox, clock), MemoryNotifying(outbox, clock)
    tracker = Tracker(outbox, following, notifying, clock, lambda _moved: None)
    submissions = Submissions(submitter, tracker).routes()
    events = Events(Feed(notifying, clock, settings.follow.keep), _nobody).routes()
    terms = Terms(settings.blobs.max_bytes, settings.blobs.waiting_bytes, frozenset(settings.blobs.kinds))
    attachments = Attachments(Attacher(blobs, rights, terms, clock)).routes()
    papers = Requirements(settings.profiles, date.today).routes()
    nobody: Any = None  # no route is called
    people = (*SignInPages(nobody, nobody).routes(), *StaffPages(nobody, nobody, "").routes())
    pages = Pages()
    documents = DocumentRoutes(nobody, nobody, nobody, nobody, nobody).routes()
    check = Check(nobody, nobody, nobody, nobody).routes()
    system = System(Facts(tuple, _nothing_to_check, tuple, lambda _adapter: {}, 2.0), pages)
    own = (
        *Residents(asker).routes(),
        *submissions,
        *attachments,
        *events,
        *documents,
        *check,
        *people,
        *system.routes(),
        *papers,
        *PageFiles(pages).routes(),
    )
    claims = Claims(own, (), mounts_of(settings))
    for member in Registry.build(settings, offline_host).members:
        claims.claim(member)
    manifests = {one.name: one.manifest for one in installed(settings)}
    return Described(claims.tables()[0].mounted, settings, manifests)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
