"""Where people come in: which session a request shows, whether it may do this, whether it comes from our own page.

```
cookie ─► session ─► open? ─► role, programme ─► origin ─► body ─► token ─► handler
   none, ended: a page is led to sign-in, anything else refused
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, urlsplit

from msgspec.structs import replace

from gateway.contract.errors import NotFromHere, RoleMissing, SignInNeeded
from gateway.contract.web import Response, Who
from gateway.flows.sign_in import Browser
from gateway.http.cookies import Cookies
from gateway.http.forms import token_of
from gateway.http.problems import response_of
from gateway.pages.language import language_of, local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.contract.errors import FieldFault, GatewayError
    from gateway.contract.people import Language, Person
    from gateway.contract.web import Pages, Request, Route, Rule
    from gateway.people.people import People
    from gateway.people.sessions import Session

SIGN_IN: Final = "/people/sign-in"
ME: Final = "/people/me"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

SEE_OTHER: Final = 303
_OURS: Final = frozenset({"same-origin", "none"})
Fields = tuple[tuple[str, str], ...]


class Admitted(NamedTuple):
    """Who came in.

    Attributes:
        person: Who.
        fields: Header fields for the answer, such as a renewed cookie.
    """

    person: Person
    fields: Fields


class Entrance:
    """The door for people.

    Args:
        people: Who there is, and who is signed in.
        pages: Gives what draws pages, once extensions have brought theirs.
        origins: Addresses under which browsers reach the gateway; empty: the one the browser names as its own.
        secure: Whether they do so over TLS only.
    """

    def __init__(self, people: People, pages: Callable[[], Pages], origins: Iterable[str], *, secure: bool) -> None:
        self.people = people
        self._pages = pages
        self.cookies = Cookies(secure=secure)
        self._origins = frozenset(origins)

    def browser(self, request: Request) -> Browser:
        """What the browser of a request shows of itself."""
        headers = request.headers
        return Browser(self.cookies.session(headers), self.cookies.device(headers), request.peer)

    async def session(self, request: Request) -> Session:
        """The session of a request, however far its sign-in is.

        Raises:
            SignInNeeded: It has none, or it has ended.
        """
        return await self.people.sessions.find(self.cookies.session(request.headers), renew=False)

    async def enter(self, rule: Rule, method: str, headers: Mapping[str, str]) -> Admitted:
        """Who asks, on a route for people.

        Raises:
            SignInNeeded: Nobody is signed in.
            RoleMissing: The person has none of the rule's roles, or does not serve its adapter.
            NotFromHere: It would change something, and comes from another site's page.
        """
        is_safe = method in SAFE
        session = await self.people.sessions.find(self.cookies.session(headers), renew=is_safe)
        if session.stage != "open":
            raise SignInNeeded
        person = session.account.person(session=session.id, csrf=self.people.tokens.form(session.id))
        if not person.has(*rule.roles) or not (rule.adapter is None or person.uses(rule.adapter)):
            raise RoleMissing
        if not is_safe:
            self.check_origin(headers)
        return Admitted(person, (self.cookies.set_session(session.token),) if session.token else ())

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Pass what a browser does not say comes from another site's page.

        Raises:
            NotFromHere: It says so.
        """
        if headers.get("sec-fetch-site", "none") not in _OURS:
            raise NotFromHere
        origin = headers.get("origin", "null").lower()
        if origin == "null":  # not told, or kept back by a browser that is told not to refer: the token decides
            return
        if self._origins:
            if origin not in self._origins:
                raise NotFromHere
        elif urlsplit(origin).netloc != headers.get("host", "").lower():
            raise NotFromHere

    def check_token(self, bound_to: str, headers: Mapping[str, str], content: object) -> None:
        """Pass what carries a token that was made for this session, or this browser.

        Raises:
            NotFromHere: It carries none, or another's.
        """
        if not self.people.tokens.is_form(token_of(headers, content), bound_to):
            raise NotFromHere

    def drawn(
        self,
        request: Request,
        name: str,
        values: Mapping[str, object],
        *,
        status: int = 200,
        fields: Fields = (),
        back: str = "",
    ) -> Response:
        """A page as an answer; with `back`, a switch of the language that comes back there."""
        language = language_of(request.headers, chosen_by(request.person))
        page = self._pages().render(name, values, person=request.person, language=language, back=back)
        return replace(page, status=status, headers=(*page.headers, *fields))

    def refused(
        self, error: GatewayError, route: Route, method: str, where: str, headers: Mapping[str, str], request_id: str
    ) -> Response | None:
        """The page that tells of a refusal; None where the request is no browser's, or the route is not for people."""
        if not wants_page(headers) or not (route.rule.who is Who.PERSON or route.form):
            return None
        if isinstance(error, SignInNeeded):
            there = f"?next={quote(local_path(where, ME), safe='')}" if method in SAFE else ""
            return to(SIGN_IN + there)
        language = language_of(headers)
        values = {"said": said(error, language), "errors": pairs(error.faults, language), "request_id": request_id}
        page = self._pages().render("people/refused.html", values, person=None, language=language)
        return replace(page, status=error.status, headers=(*page.headers, *response_of(error, request_id).headers))


def wants_page(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks, which shows pages."""
    return "text/html" in headers.get("accept", "")


def chosen_by(person: Person | None) -> str | None:
    """The language a signed-in person reads in."""
    return None if person is None else person.language


def said(error: GatewayError, language: Language) -> str:
    """What an error says to people."""
    return error.detail if language == "en" else error.text_id


def pairs(faults: Iterable[FieldFault], language: Language) -> list[tuple[str, str]]:
    """Wrong fields as a page's summary takes them: name, and what is wrong."""
    return [(one.field.strip("/"), one.message if language == "en" else one.message_id) for one in faults]


def to(path: str, fields: Fields = ()) -> Response:
    """Lead the browser to a path of our own, by GET."""
    return Response(b"", SEE_OTHER, "text/plain", (("location", path), *fields))
