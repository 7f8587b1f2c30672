"""The OpenAPI document of the native API, drawn from its routes without starting a gateway."""

from __future__ import annotations

import json
import secrets
from importlib.metadata import version
from typing import TYPE_CHECKING

from gateway.contract.web import Who
from gateway.flows.ask import Asker
from gateway.flows.submit import Submitter
from gateway.flows.track import Tracker
from gateway.http.openapi import document
from gateway.http.residents import Residents
from gateway.http.submissions import Submissions
from gateway.http.system import Facts, System
from gateway.http.table import mount
from gateway.settings import load
from gateway.testing.memory_store import MemoryOutbox
from gateway.wiring.clock import SystemClock
from gateway.wiring.forms import CLASSES
from gateway.wiring.generation import TITLE, rights_of

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.contract.messages import Answer, Call


class _NoWay:
    """Stands where the way to the centre is; describing routes asks nothing."""

    async def ask(self, call: Call) -> Answer:
        """Never reached.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(call.request_id)


async def _nothing_to_check() -> dict[str, str]:
    return {}


def openapi_file(_root: Path) -> str:
    """Text of `docs/reference/openapi.json`: the API under the default config."""
    settings, clock = load(None, {}), SystemClock()
    rights, outbox = rights_of(settings, clock), MemoryOutbox(clock)
    asker = Asker(_NoWay(), rights, clock, deadline=settings.centre.deadline)
    submitter = Submitter(outbox, rights, CLASSES, lambda _submission, _filed: (), clock, secrets.randbits)
    submissions = Submissions(submitter, Tracker(outbox, lambda _moved: None)).routes()
    system = System(Facts(tuple, _nothing_to_check, tuple, dict, 2.0))
    mounted = [mount(route) for route in (*Residents(asker).routes(), *submissions, *system.routes())]
    mounted = [one for one in mounted if one.route.rule.who is not Who.OPERATOR]
    described = document(mounted, title=TITLE, version=version("siak-gateway"), purposes=tuple(settings.purposes))
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"
