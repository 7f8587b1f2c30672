"""The control port: behaviour, counters, ledger, samples, reset. JSON in and out; for tests and demonstrations."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

import msgspec

from gateway.mock_siak.behaviour import BehaviourError, parse_behaviour
from gateway.mock_siak.cases import REJECTIONS
from gateway.mock_siak.forms import FORMS
from gateway.mock_siak.http1 import response
from gateway.mock_siak.population import GROUPS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.mock_siak.accounts import Account
    from gateway.mock_siak.connection import Connection
    from gateway.mock_siak.http1 import Request
    from gateway.mock_siak.mock import MockSiak

_MAX_SAMPLES = 200
_HAPPENINGS = ("death", "birth", "biodata")


class Refused(Exception):
    """A control request that cannot be carried out, with its status and every fault."""

    def __init__(self, status: int, errors: list[dict[str, str]]) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors


class Control:
    """Handles the requests of the control port."""

    def __init__(self, mock: MockSiak) -> None:
        self._mock = mock
        self._tasks: set[asyncio.Task[None]] = set()
        self._routes: Mapping[str, Mapping[str, Callable[[Request], Awaitable[dict[str, Any]]]]] = {
            "/_mock/behaviour": {"GET": self._behaviour, "PUT": self._put_behaviour},
            "/_mock/stats": {"GET": self._stats},
            "/_mock/work": {"GET": self._work},
            "/_mock/ledger": {"GET": self._ledger},
            "/_mock/samples": {"GET": self._samples},
            "/_mock/reset": {"POST": self._reset},
            "/_mock/office": {"POST": self._decide},
            "/_mock/happenings": {"POST": self._happen},
        }

    def hears(self) -> bool:
        """The control port always listens."""
        return True

    def speaks(self) -> bool:
        """It always answers."""
        return True

    def abandoned(self) -> None:
        """Nobody waits for this answer any more; what was asked is carried out all the same."""

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer in the background, for a change of mode takes a moment."""
        task = asyncio.get_running_loop().create_task(self._answer(connection, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, connection: Connection, request: Request) -> None:
        try:
            status, document = 200, await self._act(request)
        except Refused as refused:
            status, document = refused.status, {"errors": refused.errors}
        connection.reply(response(status, msgspec.json.encode(document), keep_alive=connection.keep_alive))

    async def _act(self, request: Request) -> dict[str, Any]:
        verbs = self._routes.get(request.path)
        if verbs is None:
            raise Refused(404, [{"field": "path", "expected": f"one of {', '.join(self._routes)}"}])
        act = verbs.get(request.method)
        if act is None:
            raise Refused(405, [{"field": "method", "expected": f"one of {', '.join(verbs)}"}])
        document = await act(request)
        if not self._mock.office.commit():
            raise Refused(507, [{"field": "state", "expected": "a disk that can be written"}])
        return document

    async def _behaviour(self, _: Request) -> dict[str, Any]:
        return self._mock.behaviour.document()

    async def _put_behaviour(self, request: Request) -> dict[str, Any]:
        try:
            behaviour = parse_behaviour(msgspec.json.decode(request.body))
        except BehaviourError as error:
            raise Refused(422, error.errors) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(422, [{"field": "body", "expected": "JSON"}]) from error
        await self._mock.set_behaviour(behaviour)
        return self._mock.behaviour.document()

    async def _stats(self, _: Request) -> dict[str, Any]:
        return self._mock.stats_document()

    async def _work(self, _: Request) -> dict[str, Any]:
        """What the workers' time went into, call by call, oldest first; the latest 100,000 are kept."""
        return {"calls": [(work.nik, work.began, work.ended, work.heard) for work in self._mock.stats.work]}

    async def _ledger(self, _: Request) -> dict[str, Any]:
        """What took effect at the centre, and what was refused."""
        self._mock.office.settle()
        return self._mock.book.ledger()

    async def _decide(self, request: Request) -> dict[str, Any]:
        """Let the office decide everything now; or one thing, `{"reference", "rejection"}`, with a rejection."""
        wish = _object(request)
        if not wish:
            self._mock.office.settle(inf)
        elif wish.keys() != {"reference", "rejection"} or str(wish["rejection"]) not in REJECTIONS:
            raise Refused(422, [{"field": "rejection", "expected": f"one of {', '.join(REJECTIONS)}, and a reference"}])
        elif not self._mock.office.reject(str(wish["reference"]), str(wish["rejection"])):
            raise Refused(409, [{"field": "reference", "expected": "something undecided"}])
        return self._mock.book.ledger()

    async def _happen(self, request: Request) -> dict[str, Any]:
        """Let something happen that was handed in elsewhere: `{"service", "form"}` of a death, birth or biodata."""
        wish = _object(request)
        service, form = wish.get("service"), wish.get("form")
        if service not in _HAPPENINGS:
            raise Refused(422, [{"field": "service", "expected": f"one of {', '.join(_HAPPENINGS)}"}])
        faults = FORMS[service](form, "form")
        if faults:
            raise Refused(422, [{"field": fault["field"], "expected": fault["code"]} for fault in faults])
        code = self._mock.office.happen(service, cast("dict[str, Any]", form))
        if code is not None:
            raise Refused(409, [{"field": "form", "expected": code}])
        return {}

    async def _samples(self, request: Request) -> dict[str, Any]:
        count = parse_qs(request.query).get("count", ["10"])[-1]
        if not (
            count.isascii()
            and count.isdecimal()
            and len(count) <= len(str(_MAX_SAMPLES))
            and 1 <= int(count) <= _MAX_SAMPLES
        ):
            raise Refused(422, [{"field": "count", "expected": f"a whole number from 1 to {_MAX_SAMPLES}"}])
        population = self._mock.population
        return {
            "population": len(population),
            "niks": {group: population.samples(group, int(count)) for group in GROUPS},
            "unknown_niks": population.strangers(int(count)),
            "no_kks": population.sample_cards(int(count)),
            "accounts": [self._account(account) for account in self._mock.directory.accounts],
        }

    def _account(self, account: Account) -> dict[str, Any]:
        """Everything about an account but its password."""
        plain: dict[str, Any] = msgspec.to_builtins(account)
        del plain["password"]
        return {**plain, "left_today": self._mock.quota.left(account)}

    async def _reset(self, _: Request) -> dict[str, Any]:
        await self._mock.reset()
        return self._mock.behaviour.document()


def _object(request: Request) -> dict[str, Any]:
    """The body as an object; an empty body counts as an empty one."""
    try:
        found = msgspec.json.decode(request.body or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(422, [{"field": "body", "expected": "a JSON object"}])
    return found
