"""The drop-in face: answers where the real Dukcapil web service does, so that its programs change a host name only.

```
any sloppy call ─► parameters ─► 09 07 03 17/16 04/10 15 as the service says them ─► host.ask, as one of our callers
   good answer, 11 12 13 14 ─► the centre's bytes; age in headers only
   quota, hours ─► 05 06 in the program's own shape      centre away, nothing remembered ─► as its profile says
```

Programs prove themselves with the credentials they always had; upstream the gateway speaks with those of the right.
"""

from __future__ import annotations

import zoneinfo
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from adapters.dukcapil_ws.absorbing import Refusals
from adapters.dukcapil_ws.asked import parameters
from adapters.dukcapil_ws.clients import Client, Directory, retry_after
from adapters.dukcapil_ws.described import QUERY, DukcapilCall, DukcapilPage
from adapters.dukcapil_ws.dialect import rendered
from adapters.dukcapil_ws.guessing import Guesses
from adapters.dukcapil_ws.questions import granted, is_well_formed, question_of
from adapters.dukcapil_ws.settings import DukcapilWsConfig
from adapters.dukcapil_ws.wording import (
    CONTENT_TYPE,
    INCOMPLETE,
    INSTITUTION_INACTIVE,
    LOGIN_FAILED,
    MALFORMED,
    NO_CREDENTIALS,
    OUTSIDE_HOURS,
    QUOTA,
    UNKNOWN_IP,
    USER_INACTIVE,
    WRONG_IP,
    nothing_at,
)
from gateway.contract import Asking, Extension, GatewayError, Health, hookimpl
from gateway.contract.errors import (
    CallerError,
    CentreRefusedUs,
    Denied,
    Invalid,
    OutsideHours,
    QuotaExhausted,
    Unauthenticated,
)
from gateway.contract.web import HANDLER, PUBLIC, Response, Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.dukcapil_ws.clients import Place
    from adapters.dukcapil_ws.settings import Door
    from gateway.contract import Caller, HealthCheck, Host, Question
    from gateway.contract.web import Request

_CORS = (("access-control-allow-origin", "*"),)
_PREFLIGHT = (
    *_CORS,
    ("access-control-allow-methods", "GET, POST, OPTIONS"),
    ("access-control-allow-headers", "*"),
    ("access-control-max-age", "1800"),
)
_MOUNTS = (
    ("/dukcapil/get_json/{institution}/{method}", ("POST",)),
    ("/dukcapil/get_json/{group}/{institution}/{method}", ("POST",)),
    ("/ws_server/get_json/{institution}/{method}", ("GET", "POST")),
)


class DukcapilWs(Extension):
    """Serves programs of the real web service."""

    name: ClassVar[str] = "dukcapil_ws"
    api_version: ClassVar[int] = 1
    Config = DukcapilWsConfig

    def __init__(self, config: DukcapilWsConfig, host: Host) -> None:
        super().__init__(config, host)
        self._settings = config
        self._clock = host.clock
        self._directory = Directory(())
        self._refusals = Refusals(config.absorb)
        self._guesses = Guesses()

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """The service's own addresses, and the preflight of browsers."""
        found = []
        for path, verbs in _MOUNTS:
            found += [self._route(verb, path) for verb in verbs]
            found.append(
                Route("OPTIONS", path, PUBLIC, self.preflight, "A browser may ask", "Peramban boleh bertanya",
                      absolute=True)
            )  # fmt: skip
        return found

    def _route(self, verb: str, path: str) -> Route:
        door: Door = "ws_server" if path.startswith("/ws_server") else "dukcapil"
        return Route(
            verb, path, HANDLER, partial(self.serve, door), "As the Dukcapil web service answers",
            "Seperti layanan web Dukcapil menjawab", answer=DukcapilPage, absolute=True, raw=True,
            refused=partial(self.refused, door), raw_body=DukcapilCall,
            parameters=QUERY if door == "ws_server" else (),
        )  # fmt: skip

    @hookimpl
    def gateway_health_checks(self) -> Sequence[HealthCheck]:
        """Whether programs of the config can be served."""
        return [self]

    async def open(self) -> None:
        """Read each program's secrets; one whose secrets are missing is left out and the others are served."""
        zone = zoneinfo.ZoneInfo(self._settings.zone)
        clients: list[Client] = []
        for name, profile in self._settings.clients.items():
            try:
                password, key = self.host.secret(f"{name}_PASSWORD"), self.host.secret(f"{name}_KEY")
            except LookupError as error:
                self.host.log.error("dukcapil_ws.client.unusable", client=name, reason=str(error))
                continue
            client = Client(name, profile, password, self.host.known_key(key), zone)
            clients.append(client)
            fault = self._fault(client)
            if fault:
                self.host.log.error("dukcapil_ws.client.unusable", client=name, reason=fault)
        self._directory = Directory(clients)

    async def check(self) -> Health:
        """Well while any program can be served: one that cannot is told of in the log and never stops the others."""
        faults = [self._fault(client) for client in self._directory.clients]
        served, wanted = faults.count(""), len(self._settings.clients)
        return Health(ok=bool(served) or not wanted, detail=f"{served} of {wanted} clients can be served")

    def _fault(self, client: Client) -> str:
        try:
            caller = client.key.caller()
        except Unauthenticated:
            return "its key is not valid; make one with: siak-gateway clients add or rotate"
        if caller.adapter != self.name:
            return f"its caller is not bound to this adapter; add it with --adapter {self.name}"
        right = self.host.right(caller)
        if right is None or client.profile.purpose not in right.purposes:
            return "its caller's right does not hold its purpose"
        return ""

    async def preflight(self, _request: Request) -> Response:
        """Any page may ask: credentials are in the call, never in a cookie."""
        return Response(content_type=CONTENT_TYPE, headers=_PREFLIGHT)

    def refused(self, door: Door, error: GatewayError, parts: Mapping[str, str]) -> Response:
        """An error outside a handler, of which no program is known yet, in the shape of its path."""
        place = self._directory.at(door, path_of(parts))
        if isinstance(error, CallerError):
            return _said(place.refusal(INCOMPLETE, None, None))
        after = error.retry_after if error.retry_after is not None else error.default_retry_after
        return Response(place.away(), place.away_status, CONTENT_TYPE, (*_CORS, ("retry-after", retry_after(after))))

    async def serve(self, door: Door, request: Request) -> Response:
        """One call of a program, at either service's address."""
        parts = request.path
        path, method = path_of(parts), parts["method"]
        proposed = self._directory.service(method)
        if proposed is None:
            return _absent(door, path, method)
        place = self._directory.at(door, path)
        asked = parameters(request.body, request.query, request.headers)
        client = self._proven(place, asked, request.peer)
        service = proposed if client is None else client.service(method)
        if service is None:
            return _absent(door, path, method)
        question = question_of(service, asked)
        if client is None or question is None or not (asked.get("ip") or door == "ws_server"):
            code = _missing(door, question, asked)
            self.host.log.info("dukcapil_ws.call.refused", code=code, request_id=request.request_id)
            return self._refusal(code, client, place)
        try:
            held = self._held(client, question, asked)
            if isinstance(held, str):
                return self._refusal(held, client, place)
            return await self._answered(client, *held, request)
        except GatewayError as error:
            return self._told(error, client, place, request)

    def _proven(self, place: Place, asked: Mapping[str, str], peer: str) -> Client | None:
        """The program whose user id and password a call holds; nobody where it was guessed at too often.

        Who is unknown costs the same work as who is known.
        """
        password = asked.get("password", "")
        client, is_right = place.compared(asked.get("user", ""), password, self._clock.now())
        if is_right and password and not self._guesses.any:
            return client
        name, now = "" if client is None else client.name, self._clock.monotonic()
        if not password or not self._guesses.may(name, peer, now):
            return None
        if is_right:
            return client
        if self._guesses.failed(name, peer, now) and client is not None:
            self.host.log.warning("dukcapil_ws.password.guessed", client=name)
        return None

    def _held(self, client: Client, question: Question, asked: Mapping[str, str]) -> tuple[Caller, Question] | str:
        """Who asks, and what of its question may be put to the centre; else the code of a refusal.

        Raises:
            Unauthenticated: Its caller is none any more.
        """
        caller, profile = client.key.caller(), client.profile
        if profile.ips and (ip := asked.get("ip", "")) not in profile.ips and (ip or profile.door == "dukcapil"):
            return WRONG_IP if self._directory.knows_ip(ip) else UNKNOWN_IP
        if not is_well_formed(question):
            return MALFORMED
        right = self.host.right(caller)
        if right is None:
            return caller, question
        if question.service not in right.services:
            return INSTITUTION_INACTIVE
        held = granted(question, right, caller) if question.elements else question
        return INCOMPLETE if held is None else (caller, held)

    async def _answered(self, client: Client, caller: Caller, question: Question, request: Request) -> Response:
        """What the centre says, or said.

        Raises:
            GatewayError: Nobody could be asked, or the caller may not.
        """
        profile, now = client.profile, self._clock.monotonic()
        refused = self._refusals.of(client.name, question, now)
        if refused is not None:
            raise refused
        asking = Asking(
            profile.purpose, profile.village, min(request.deadline, now + client.patience), None,
            request.request_id, request.traceparent, negative=True,
        )  # fmt: skip
        try:
            answer = await self.host.ask(caller, question, asking)
        except CentreRefusedUs as error:
            self._refusals.note(client.name, question, error, self._clock.monotonic())
            raise
        reply = answer.reply
        return Response(
            reply.raw if profile.numbers == "as_given" else rendered(reply, profile.numbers), 200, CONTENT_TYPE,
            (*_CORS, ("age", str(int(answer.age_seconds))), ("cache-status", f"siak-gateway; {answer.cache_status}")),
        )  # fmt: skip

    def _told(self, error: GatewayError, client: Client, place: Place, request: Request) -> Response:
        """A refusal as this program understands it; what is no word about the resident never looks like one."""
        self.host.log.warning(
            "dukcapil_ws.question.refused", code=error.code, client=client.name, request_id=request.request_id
        )
        if isinstance(error, Invalid) and (error.said or any(one.code == "centre_format" for one in error.faults)):
            return _said(error.said) if error.said else self._refusal(MALFORMED, client, place)
        after = error.retry_after if error.retry_after is not None else error.default_retry_after
        again = ("retry-after", retry_after(after))
        for kind, code in _CODES:
            if isinstance(error, kind):
                more = () if after is None else (again,)
                return _said(error.said, *more) if error.said else self._refusal(code, client, place, *more)
        if isinstance(error, Denied | Invalid):  # nothing that the program sent, and nothing that it can put right
            self.host.log.error("dukcapil_ws.client.unusable", client=client.name, reason=error.detail)
        return Response(client.away(), client.away_status, CONTENT_TYPE, (*_CORS, again))

    def _refusal(self, code: str, client: Client | None, place: Place, *more: tuple[str, str]) -> Response:
        left = None if client is None else self._quota_left(client)
        return _said(place.refusal(code, client, 0 if code == QUOTA and left is not None else left), *more)

    def _quota_left(self, client: Client) -> int | None:
        """What a program's right has left today, where its account shows it and anything is known of it."""
        if not client.profile.quota_shown:
            return None
        try:
            return self.host.allowance_left(client.key.caller())
        except Unauthenticated:
            return 0


_CODES: tuple[tuple[type[GatewayError], str], ...] = (
    (QuotaExhausted, QUOTA),
    (OutsideHours, OUTSIDE_HOURS),
    (Unauthenticated, USER_INACTIVE),
)
"""Refusals that the service has a code for: the program's own quota, hours and user."""


def _missing(door: Door, question: Question | None, asked: Mapping[str, str]) -> str:
    """The code of what is wrong with a call before anybody is asked."""
    if not (asked.get("user") and asked.get("password") and (asked.get("ip") or door == "ws_server")):
        return NO_CREDENTIALS
    return INCOMPLETE if question is None else LOGIN_FAILED


def path_of(parts: Mapping[str, str]) -> str:
    """The parts of an address that name an institution, METHOD left out."""
    group = parts.get("group")
    return parts["institution"] if group is None else f"{group}/{parts['institution']}"


def _said(body: bytes, *more: tuple[str, str]) -> Response:
    return Response(body, 200, CONTENT_TYPE, (*_CORS, *more))


def _absent(door: Door, path: str, method: str) -> Response:
    return Response(nothing_at(f"/{door}/get_json/{path}/{method}"), 404, CONTENT_TYPE)
