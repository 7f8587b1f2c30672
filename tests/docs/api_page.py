"""The OpenAPI document of the native API, drawn from its routes without starting a gateway."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

from gateway.flows.ask import Asker
from gateway.http.openapi import document
from gateway.http.residents import Residents
from gateway.http.system import Facts, System
from gateway.http.table import mount
from gateway.settings import load
from gateway.wiring.clock import SystemClock
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
    asker = Asker(_NoWay(), rights_of(settings, clock), clock, deadline=settings.centre.deadline)
    system = System(Facts(tuple, _nothing_to_check, tuple, dict, 2.0))
    mounted = [mount(route) for route in (*Residents(asker).routes(), *system.routes())]
    described = document(mounted, title=TITLE, version=version("siak-gateway"), purposes=tuple(settings.purposes))
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"
