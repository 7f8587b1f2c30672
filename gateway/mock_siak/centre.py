"""The face the callers meet: mode, then faults, then the queue, then the desk.

```
request ─► mode (hang: silence · maintenance: 503) ─► route ─► faults before the work (reset, 500, 502, quota, TLS)
        ─► capacity (FIFO; abandoned calls are served too) ─► desk (quota is spent) ─► faults after it ─► answer
                                                              desk for writes (durable)
```
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

import msgspec
import structlog

from gateway.mock_siak import faults
from gateway.mock_siak.accounts import Door, Kind
from gateway.mock_siak.answering import Call
from gateway.mock_siak.behaviour import Behaviour, Fault, FaultKind, Mode
from gateway.mock_siak.connection import TLS_ALERT, Connection
from gateway.mock_siak.http1 import Request, response
from gateway.mock_siak.params import parameters
from gateway.mock_siak.saying import Refusal, Said
from gateway.mock_siak.stats import OTHER, Stats, Work
from gateway.mock_siak.writing import locate as locate_write

if TYPE_CHECKING:
    import random

    from gateway.mock_siak.accounts import Directory
    from gateway.mock_siak.answering import Desk
    from gateway.mock_siak.capacity import Capacity
    from gateway.mock_siak.office import Office
    from gateway.mock_siak.writing import Operation, WriteDesk

_log = structlog.get_logger()
_CORS = b"Access-Control-Allow-Origin: *\r\n"
_PREFLIGHT = (
    b"Access-Control-Allow-Methods: GET, POST, OPTIONS\r\nAccess-Control-Allow-Headers: *\r\n"
    b"Access-Control-Max-Age: 1800\r\n"
)
_VERBS = {"dukcapil": ("POST",), "ws_server": ("GET", "POST")}
_DEPTH = {"dukcapil": 2, "ws_server": 1}


_MAX_PLACES = 4_096
_OK = 200


class Place(msgspec.Struct, frozen=True):
    """What a URL means: the account path, the METHOD and its class, at one of the two doors."""

    door: Door
    path: str
    method: str
    kind: Kind


class Errand(msgspec.Struct, frozen=True):
    """What a request wants: the names faults know it by, whom it is about, and how to serve it or say quota is gone."""

    names: tuple[str, str]
    nik: str
    serve: Callable[[], Said]
    refuse: Callable[[], Said]


class Visit(msgspec.Struct, frozen=True):
    """An errand on its way through the centre, with the connection that waits and the fault that awaits it."""

    connection: Connection
    request: Request
    errand: Errand
    name: str
    fault: Fault | None


class Centre:
    """Handles the requests of the centre's own port."""

    def __init__(
        self,
        directory: Directory,
        desk: Desk,
        writes: WriteDesk,
        office: Office,
        capacity: Capacity,
        rng: random.Random,
    ) -> None:
        self._directory = directory
        self._desk = desk
        self._writes = writes
        self._office = office
        self._untold: list[tuple[Visit, Said | None]] = []
        self._capacity = capacity
        self._random = rng
        self._places: dict[str, Place | None] = {}
        self.behaviour = Behaviour()
        self.stats = Stats()

    def hears(self) -> bool:
        """Nothing gets through while the way is cut."""
        return self.behaviour.mode is not Mode.DOWN

    def speaks(self) -> bool:
        """Answers stay inside while the centre hangs or the way is cut."""
        return self.behaviour.mode not in (Mode.DOWN, Mode.HANG)

    def close(self) -> None:
        """Tell those who still wait nothing any more."""
        self._untold.clear()

    def abandoned(self) -> None:
        """A caller left before its answer."""
        self.stats.abandoned += 1

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer, or fail to, as the behaviour in force wants it."""
        operation = locate_write(request.method, request.path)
        place = None if operation else self._locate(request.path)
        name = self.stats.arrive(operation.name if operation else place.method if place else OTHER)
        mode = self.behaviour.mode
        if mode is Mode.HANG:
            connection.swallow()
        elif mode is Mode.MAINTENANCE:
            connection.reply(faults.maintenance(keep_alive=connection.keep_alive))
        elif request.method == "OPTIONS":
            connection.reply(response(200, b"", headers=_CORS + _PREFLIGHT, keep_alive=connection.keep_alive))
        elif errand := self._write(operation, request) if operation else self._read(place, request):
            self._admit(connection, request, errand, name)
        else:
            connection.reply(faults.not_found(request.path, keep_alive=connection.keep_alive))

    def _locate(self, path: str) -> Place | None:
        """`locate`, remembered, for callers ask the same few URLs for ever."""
        if path not in self._places:
            if len(self._places) >= _MAX_PLACES:
                self._places.clear()
            self._places[path] = locate(path)
        return self._places[path]

    def _write(self, operation: Operation, request: Request) -> Errand:
        """The errand of a request to the write half."""
        names = (operation.name.lower(), operation.kind)
        serve = partial(self._writes.answer, operation, request)
        return Errand(names, "", serve, Refusal(429, "quota_exhausted").said)

    def _read(self, place: Place | None, request: Request) -> Errand | None:
        """The errand of a question; None where no service answers."""
        if place is None or request.method not in _VERBS[place.door]:
            return None
        accounts = self._directory.at(place.door, place.path, place.method, place.kind)
        if not accounts:
            return None
        params = parameters(request.body, request.query, request.headers.values())
        call = Call(place.kind, place.method, params, accounts)
        names = (place.method.lower(), place.kind)
        return Errand(names, params.get("nik", ""), partial(self._answer, call), partial(self._refuse, call))

    def _answer(self, call: Call) -> Said:
        return Said(_OK, self._desk.answer(call), _CORS)

    def _refuse(self, call: Call) -> Said:
        return Said(_OK, self._desk.refuse(call, "05"), _CORS)

    def _admit(self, connection: Connection, request: Request, errand: Errand, name: str) -> None:
        """Deal the faults, then let the call wait out what latency it was dealt."""
        struck = faults.UNHARMED
        if self.behaviour.faults:
            struck = faults.strike(self.behaviour.faults, errand.names, self._random)
            self.stats.faults.update(kind.value for kind in struck.kinds)
        visit = Visit(connection, request, errand, name, struck.fault)
        if struck.delay:
            asyncio.get_running_loop().call_later(struck.delay, self._receive, visit)
        else:
            self._receive(visit)

    def _receive(self, visit: Visit) -> None:
        """Faults that strike before any work is done; then the queue."""
        connection, kind = visit.connection, visit.fault.kind if visit.fault else None
        if kind is FaultKind.RESET_BEFORE_READ:
            connection.reset()
        elif kind is FaultKind.TLS_BAD:
            connection.reply(TLS_ALERT, close=True)
        elif kind is FaultKind.ERROR_500:
            connection.reply(faults.error_500(visit.request.path, keep_alive=connection.keep_alive))
        elif kind is FaultKind.HTML_502:
            connection.reply(faults.html_502(keep_alive=connection.keep_alive))
        elif kind is FaultKind.QUOTA_EXHAUSTED:
            connection.reply(_framed(visit.errand.refuse(), connection))
        else:
            self._capacity.run(partial(self._serve, visit))

    def _serve(self, visit: Visit) -> None:
        """Do the work, whether or not anybody still waits; nothing is said before what was done is durable."""
        try:
            said: Said | None = visit.errand.serve()
        except Exception:  # noqa: BLE001 whatever it is, the caller is told and the next one served
            _log.exception("mock_siak.call.failed")
            said = None
        self.stats.serve(visit.name)
        if self._capacity.began is not None:
            heard = visit.connection.attended
            self.stats.spend(Work(visit.errand.nik, self._capacity.began, time.monotonic(), heard))
        if not self._office.unsettled:
            _tell(visit, said)
            return
        if not self._untold:
            asyncio.get_running_loop().call_soon(self._settle)
        self._untold.append((visit, said))

    def _settle(self) -> None:
        """Make durable what the calls of one turn of the loop did, at once for all of them; then tell."""
        untold, self._untold = self._untold, []
        is_durable = bool(untold) and self._office.commit()
        for visit, said in untold:
            _tell(visit, said if is_durable else None)


def _tell(visit: Visit, said: Said | None) -> None:
    """Answer, or say that it failed; and faults that strike the answer."""
    connection = visit.connection
    if said is None:
        connection.reply(faults.error_500(visit.request.path, keep_alive=connection.keep_alive))
    elif visit.fault is None:
        connection.reply(_framed(said, connection))
    else:
        _spoil(connection, said, visit.fault)


def _spoil(connection: Connection, said: Said, fault: Fault) -> None:
    """Faults whose victim was served: the work counts, the answer suffers."""
    if fault.kind is FaultKind.RESET_AFTER_READ:
        connection.reset()
    elif fault.kind is FaultKind.TIMEOUT_AFTER_COMMIT:
        connection.swallow()
    elif fault.kind in faults.SPOILING:
        connection.reply(_framed(faults.spoilt(said, fault.kind), connection))
    elif fault.kind is FaultKind.DUPLICATE_ACK:
        connection.reply(_framed(said, connection) * 2)
    else:
        connection.drip(_framed(said, connection), fault.seconds)


def _framed(said: Said, connection: Connection) -> bytes:
    keep_alive, kind = connection.keep_alive, said.content_type
    return response(said.status, said.body, content_type=kind, headers=said.headers, keep_alive=keep_alive)


def locate(path: str) -> Place | None:
    """What `path` means; None where there is no service of this form."""
    door, _, rest = path.lstrip("/").partition("/get_json/")
    *institution, method = rest.rstrip("/").split("/")
    if not method or not 1 <= len(institution) <= _DEPTH.get(door, 0):
        return None
    return Place(cast("Door", door), "/".join(institution), method, kind_of(method))


def kind_of(method: str) -> Kind:
    """The class of a METHOD, by what its name contains, any case."""
    name = method.lower()
    if "verif" in name:
        return "verify"
    return "kk" if "kk" in name else "biodata"
