"""HTTP as extensions and the native API declare it: a route is data with a rule and a handler.

```
Route(method, path, rule, handler, body, answer, errors)
   │ feeds: authentication, decoding and checking of the body, OpenAPI, the access matrix test, the docs
   └─ handler(Request) -> Response
```

Kept apart from the rest of the contract so that the command line never loads it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from gateway.contract.messages import Caller
from gateway.contract.people import Person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import date

    from gateway.contract.errors import GatewayError
    from gateway.contract.messages import CentreService
    from gateway.contract.people import Language, Role

_encoder = msgspec.json.Encoder()


class Who(StrEnum):
    """Who may use a route at all."""

    PUBLIC = "public"
    CALLER = "caller"
    HANDLER = "handler"
    PERSON = "person"
    OPERATOR = "operator"


class Listener(StrEnum):
    """Where a route for people is served."""

    PUBLIC = "public"
    OPERATOR = "operator"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use a route; a route without one does not start.

    Attributes:
        who: Anyone, a caller with a valid key, a caller whom the handler itself identifies by `host.authenticate`
            (where the credentials are not in the header), a person who is signed in, or whoever reaches the operator
            listener.
        service: For callers: the service of the centre its right must cover.
        adapter: For callers: a key bound to another adapter is refused; for people: one who does not serve it is.
            Filled in when mounted.
        roles: For people: one of these is needed; any person will do where none is named. Whose data a route shows is
            for its handler to ask, by `Person.must_serve`.
        listener: For people, and for handlers that identify them: where the route is served.
    """

    who: Who
    service: CentreService | None = None
    adapter: str | None = None
    roles: frozenset[Role] = frozenset()
    listener: Listener = Listener.PUBLIC

    @property
    def is_public(self) -> bool:
        """Whether the public listener serves it."""
        return self.who is not Who.OPERATOR and self.listener is not Listener.OPERATOR

    @property
    def is_operator(self) -> bool:
        """Whether the operator listener serves it."""
        return self.who is Who.OPERATOR or self.listener is not Listener.PUBLIC


PUBLIC = Rule(Who.PUBLIC)
CALLER = Rule(Who.CALLER)
HANDLER = Rule(Who.HANDLER)
PERSON = Rule(Who.PERSON)
OPERATOR = Rule(Who.OPERATOR)


class Request(msgspec.Struct):
    """One request, after the route's rule was met and its body checked.

    Attributes:
        caller: Who asks; None on public and operator routes, and where the handler itself finds out.
        body: The decoded body, an instance of the route's `body`; its bytes on a raw route, an asynchronous iterator
            over them on a streamed one; None without one.
        path: Path parameters.
        query: Query parameters, the last of each name.
        headers: Header fields, names in lower case, the last of each name.
        request_id: Correlation id, also in the answer's `X-Request-Id`.
        deadline: Monotonic seconds until which the caller waits.
        traceparent: W3C trace context, or None.
        peer: Address of who asks, as the connection and the trusted proxies have it; given on public routes and where
            the handler itself finds the caller, empty elsewhere and where it is not known.
        person: Who is signed in, on routes whose rule demands a person. A request that changes anything has then
            proved, by its `csrf` token and its origin, that it comes from a page of the gateway.
        secure: Whether who asks does so over HTTPS, as far as the gateway and its trusted proxies can tell; not told on
            routes for callers.
    """

    caller: Caller | None
    body: Any
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    request_id: str
    deadline: float
    traceparent: str | None = None
    peer: str = ""
    person: Person | None = None
    secure: bool = False

    def known_caller(self) -> Caller:
        """The caller of a route whose rule demands one.

        Raises:
            RuntimeError: The route's rule does not demand a caller.
        """
        if self.caller is None:
            raise RuntimeError("this route's rule does not demand a caller")
        return self.caller

    def known_person(self) -> Person:
        """Who is signed in, on a route whose rule demands a person.

        Raises:
            RuntimeError: The route's rule does not demand one.
        """
        if self.person is None:
            raise RuntimeError("this route's rule does not demand a person")
        return self.person


class Response(msgspec.Struct):
    """What a handler answers.

    Attributes:
        body: Encoded body.
        status: HTTP status.
        content_type: Value of `Content-Type`.
        headers: Further header fields.
        pieces: A body without an end, sent piece by piece after `body`; None for none. It is closed when the caller
            leaves, and must end by itself when the gateway drains.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    pieces: AsyncGenerator[bytes, None] | None = None

    @classmethod
    def json(cls, value: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """A JSON answer of a msgspec struct or plain value."""
        return cls(_encoder.encode(value), status, "application/json", headers)


class Pages(Protocol):
    """Draws pages in the gateway's look; the one seam between what is shown and how."""

    def render(
        self, name: str, values: Mapping[str, object], *, person: Person | None, language: Language, back: str = ""
    ) -> Response:
        """A page as an answer, with the header fields that keep it safe.

        Args:
            name: Template, such as `people/sign_in`.
            values: What it shows; text is escaped where it is put in.
            person: Who is signed in; None on public pages.
            language: Language it is read in.
            back: Path the language switch comes back to; without one the switch is left out.

        Raises:
            LookupError: There is no such template.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ending:
    """A route will go; its answers say so from now on (`Deprecation`, `Sunset`, `Link`).

    Attributes:
        since: Day since when it should not be used any more.
        gone: Day from which it may be gone; at least a year later.
        instead: Address of a page that says what to use instead.
    """

    since: date
    gone: date
    instead: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A header field, query or path parameter that a route reads; for the docs, the handler checks it.

    Attributes:
        name: As it is sent.
        place: Where it is sent.
        description: One line for the docs.
        pattern: Regular expression of a good value.
        required: Whether the route refuses to do without.
    """

    name: str
    place: Literal["header", "query", "path"]
    description: str
    pattern: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the gateway.

    Attributes:
        method: HTTP method in upper case.
        path: Path with `{name}` parameters; an adapter's is relative to its mount.
        rule: Who may use it.
        handler: Answers it; may raise any `GatewayError`.
        summary: One line for the docs, English.
        summary_id: The same in Indonesian.
        body: msgspec struct of the JSON body, or None.
        answer: msgspec struct of the JSON answer, or None for other media.
        errors: Errors of its own, beside those every route can give.
        content_type: Media type of a good answer; a page that has an `answer` too is given as JSON to who accepts that.
        absolute: For adapters that stand where another service stood: the path is not put under the mount (its first
            segment is one the manifest names in `mounts`); more slashes before or behind the path mean the same.
        raw: For the same: the handler gets the body as it came, of whatever type, bounded in size only; and the
            longest deadline there is, `centre.deadline_max`, for it knows how long its callers wait.
        stream: The handler reads the body piece by piece, of whatever size and type; what it leaves is thrown away. It
            has the longest deadline there is, and is ended if the body still comes then.
        ends: When it goes; None for a route that stays.
        status: HTTP status of a good answer.
        parameters: Header fields and query parameters of its own.
        refused: For the same: makes the answer to any error, also to one before the handler, such as a body that is too
            large, out of the error and the path parameters; None for the problem that callers of our own API get.
        raw_body: For the docs of a raw route: what its callers send as JSON or as a form; nothing is checked by it.
        form: The body may also come from a browser's form (`application/x-www-form-urlencoded`), field by field; only
            with a `body` of texts, switches and lists of texts. On a person's route it has a field `csrf`.
    """

    method: str
    path: str
    rule: Rule
    handler: Callable[[Request], Awaitable[Response]]
    summary: str
    summary_id: str
    body: type[msgspec.Struct] | None = None
    answer: Any = None
    errors: tuple[type[GatewayError], ...] = field(default=())
    content_type: str = "application/json"
    absolute: bool = False
    raw: bool = False
    stream: bool = False
    ends: Ending | None = None
    status: int = 200
    parameters: tuple[Parameter, ...] = ()
    refused: Callable[[GatewayError, Mapping[str, str]], Response] | None = None
    raw_body: type[msgspec.Struct] | None = None
    form: bool = False
