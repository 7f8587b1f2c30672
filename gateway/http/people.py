"""Sign-in and what belongs to it, for browsers (pages and forms) and programs (JSON) alike.

```
/people/sign-in ─► open ──────────────────────────────► next, or /people/me
                ├► code  ─► /people/second-step ───────► "
                └► enrol ─► /people/second-step/device ► recovery codes, shown once
/people/set-up     a set-up code chooses a password     /people/password   the own one is changed
/people/sign-out   this browser, or everywhere          /people/me         who is signed in
```

A browser is led on (303) and shown pages; a program gets what is next as JSON. Before there is a session, forms are
bound to the browser by a cookie; afterwards to the session. `next` leads to paths of our own only.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gateway.contract import errors
from gateway.contract.errors import GatewayError
from gateway.contract.web import Listener, Parameter, Response, Route, Rule, Who
from gateway.http.entrance import ME, SIGN_IN, chosen_by, pairs, said, to, wants_page
from gateway.http.people_bodies import (
    CodeBody,
    FormAnswer,
    MeAnswer,
    MeBody,
    NextAnswer,
    OfferAnswer,
    PasswordBody,
    SetUpBody,
    SignInBody,
    SignOutBody,
)
from gateway.http.problems import response_of
from gateway.pages.language import language_of, local_path
from gateway.people.tokens import new_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.contract.web import Request
    from gateway.flows.sign_in import Entered, SigningIn
    from gateway.http.entrance import Entrance, Fields
    from gateway.people.session_policy import Stage
    from gateway.people.sessions import Session

SECOND_STEP: Final = "/people/second-step"
DEVICE: Final = "/people/second-step/device"
SET_UP: Final = "/people/set-up"
PASSWORD: Final = "/people/password"  # noqa: S105 # an address
SIGN_OUT: Final = "/people/sign-out"
VISITOR: Final = Rule(Who.HANDLER, listener=Listener.BOTH)
ANYBODY: Final = Rule(Who.PERSON, listener=Listener.BOTH)
_GUESS = (errors.WrongCredentials, errors.TooManyGuesses, errors.NotFromHere, errors.StorageUnavailable)
_NEXT = Parameter(
    "next", "query", "Path of the gateway to go to afterwards; what is none counts as left out.", r"^[\s\S]*$"
)


class SignInPages:
    """The routes of signing in and out.

    Args:
        entrance: The door for people.
        signing_in: The steps.
    """

    def __init__(self, entrance: Entrance, signing_in: SigningIn) -> None:
        self._entrance = entrance
        self._steps = signing_in

    def routes(self) -> tuple[Route, ...]:
        """All routes, on both listeners."""
        return (*self._visitors(), *self._persons())

    def _visitors(self) -> tuple[Route, ...]:
        late = (*_GUESS, errors.SignInNeeded)
        return (
            Route("GET", SIGN_IN, VISITOR, self.sign_in_form, "The form to sign in", "Formulir masuk",
                  answer=FormAnswer, parameters=(_NEXT,)),
            Route("POST", SIGN_IN, VISITOR, self.sign_in, "Sign in: name and password", "Masuk: nama dan kata sandi",
                  SignInBody, NextAnswer, _GUESS, form=True),
            Route("GET", SECOND_STEP, VISITOR, self.code_form, "The form for the second step", "Formulir langkah kedua",
                  answer=FormAnswer, parameters=(_NEXT,), errors=(errors.SignInNeeded, errors.StorageUnavailable)),
            Route("POST", SECOND_STEP, VISITOR, self.code, "Sign in: the second step", "Masuk: langkah kedua",
                  CodeBody, NextAnswer, late, form=True),
            Route("GET", DEVICE, VISITOR, self.device_form, "A device to enrol", "Perangkat untuk langkah kedua",
                  answer=OfferAnswer, parameters=(_NEXT,),
                  errors=(errors.SignInNeeded, errors.Conflict, errors.StorageUnavailable)),
            Route("POST", DEVICE, VISITOR, self.device, "Enrol the device that shows this code", "Daftarkan perangkat",
                  CodeBody, NextAnswer, (*late, errors.Conflict), form=True),
            Route("GET", SET_UP, VISITOR, self.set_up_form, "The form to choose a password", "Formulir kata sandi baru",
                  answer=FormAnswer, parameters=(_NAME, _CODE)),
            Route("POST", SET_UP, VISITOR, self.set_up, "Choose a password by a set-up code",
                  "Tetapkan kata sandi dengan kode", SetUpBody, FormAnswer, _GUESS, form=True),
        )  # fmt: skip

    def _persons(self) -> tuple[Route, ...]:
        late = (*_GUESS, errors.SignInNeeded)
        return (
            Route("GET", ME, ANYBODY, self.me, "Who is signed in", "Siapa yang masuk", answer=MeAnswer,
                  errors=(errors.StorageUnavailable,)),
            Route("POST", ME, ANYBODY, self.speak, "Choose the language of the own pages", "Pilih bahasa halaman",
                  MeBody, MeAnswer, (errors.StorageUnavailable,), form=True),
            Route("GET", PASSWORD, ANYBODY, self.password_form, "The form to change the own password",
                  "Formulir ganti kata sandi", answer=FormAnswer),
            Route("POST", PASSWORD, ANYBODY, self.password, "Change the own password", "Ganti kata sandi sendiri",
                  PasswordBody, NextAnswer, late, form=True),
            Route("POST", SIGN_OUT, ANYBODY, self.sign_out, "Sign out, here or everywhere",
                  "Keluar, di sini atau di semua tempat", SignOutBody, FormAnswer, (errors.StorageUnavailable,),
                  form=True),
        )  # fmt: skip

    async def sign_in_form(self, request: Request) -> Response:
        """Bind this browser and show the form."""
        return self._visitor_form(request, "people/sign_in.html", {"next": request.query.get("next", "")}, SIGN_IN)

    async def sign_in(self, request: Request) -> Response:
        """The first step."""
        body: SignInBody = request.body

        async def act() -> Response:
            self._check_visitor(request)
            entered = await self._steps.sign_in(body.user_name, body.password, self._entrance.browser(request))
            return self._lead_on(request, entered, body.next)

        values = {"user_name": body.user_name, "next": body.next}
        return await self._or_again(request, act, "people/sign_in.html", values)

    async def code_form(self, request: Request) -> Response:
        """Show the form of the second step."""
        session = await self._entrance.session(request)
        if session.stage != "code":
            raise errors.SignInNeeded
        return self._form(request, session.id, "people/second_step.html", {"next": request.query.get("next", "")})

    async def code(self, request: Request) -> Response:
        """The second step."""
        body: CodeBody = request.body

        async def act() -> Response:
            await self._check_session(request)
            entered = await self._steps.give_code(body.code, self._entrance.browser(request))
            return self._lead_on(request, entered, body.next)

        return await self._or_again(request, act, "people/second_step.html", {"next": body.next})

    async def device_form(self, request: Request) -> Response:
        """Show the secret and its QR code."""
        session = await self._entrance.session(request)
        offer = await self._steps.offer_second_step(session)
        csrf = self._entrance.people.tokens.form(session.id)
        if not wants_page(request.headers):
            return Response.json(OfferAnswer(offer.secret, offer.uri, csrf))
        values = {"offer": offer, "csrf": csrf, "next": request.query.get("next", ""), "errors": []}
        return self._entrance.drawn(request, "people/device.html", values)

    async def device(self, request: Request) -> Response:
        """Enrol the device; recovery codes are shown this once."""
        body: CodeBody = request.body
        try:
            session = await self._check_session(request)
            entered = await self._steps.enrol(session, body.code, self._entrance.browser(request))
        except errors.WrongCredentials as error:
            if not wants_page(request.headers):
                raise
            session = await self._entrance.session(request)
            offer = await self._steps.offer_second_step(session)
            return self._again(request, error, session.id, "people/device.html", {"offer": offer, "next": body.next})
        if not wants_page(request.headers):
            return self._lead_on(request, entered, body.next)
        values = {"codes": entered.recovery_codes, "next": local_path(body.next, ME)}
        return self._entrance.drawn(request, "people/recovery_codes.html", values, fields=self._cookies(entered))

    async def set_up_form(self, request: Request) -> Response:
        """Show the form to choose a password; name and code may come in the link."""
        values = {name: request.query.get(name, "")[:100] for name in ("user_name", "code")}
        return self._visitor_form(request, "people/set_up.html", values, SET_UP)

    async def set_up(self, request: Request) -> Response:
        """Choose a password."""
        body: SetUpBody = request.body

        async def act() -> Response:
            self._check_visitor(request)
            await self._steps.choose_password(body.user_name, body.code, body.password, self._entrance.browser(request))
            return to(SIGN_IN) if wants_page(request.headers) else self._visitor_form(request, "", {}, "")

        values = {"user_name": body.user_name, "code": body.code}
        return await self._or_again(request, act, "people/set_up.html", values)

    async def me(self, request: Request) -> Response:
        """Who is signed in."""
        person = request.known_person()
        account = await self._entrance.people.accounts.of(person.id)
        left = await self._entrance.people.second_step.recovery_codes_left(person.id)
        if wants_page(request.headers):
            values = {"account": account, "left": left, "csrf": person.csrf}
            return self._entrance.drawn(request, "people/me.html", values)
        return Response.json(
            MeAnswer(
                person.id, person.user_name, person.name, tuple(sorted(person.roles)), person.villages, person.adapters,
                account.language, person.session, person.generation, account.has_second_step, left, person.csrf,
            )
        )  # fmt: skip

    async def speak(self, request: Request) -> Response:
        """Choose the language."""
        body: MeBody = request.body
        await self._entrance.people.accounts.speak(request.known_person().id, body.language)
        return to(ME) if wants_page(request.headers) else await self.me(request)

    async def password_form(self, request: Request) -> Response:
        """Show the form to change the password."""
        return self._form(request, request.known_person().session, "people/password.html", {})

    async def password(self, request: Request) -> Response:
        """Change the own password; this browser goes on in a new session."""
        body: PasswordBody = request.body

        async def act() -> Response:
            session = await self._entrance.session(request)
            browser = self._entrance.browser(request)
            entered = await self._steps.change_password(session, body.old, body.password, browser)
            return self._lead_on(request, entered, ME)

        return await self._or_again(request, act, "people/password.html", {})

    async def sign_out(self, request: Request) -> Response:
        """End the session; the browser forgets it."""
        body: SignOutBody = request.body
        await self._steps.sign_out(self._entrance.browser(request), everywhere=body.everywhere)
        gone = (self._entrance.cookies.end_session(),)
        return to(SIGN_IN, gone) if wants_page(request.headers) else Response.json(FormAnswer(""), headers=gone)

    def _visitor_form(self, request: Request, page: str, values: Mapping[str, object], back: str) -> Response:
        """A form for somebody who has no session: bound to the browser."""
        bound = self._entrance.cookies.form(request.headers)
        fields: Fields = ()
        if not bound:
            bound = new_token()
            fields = (self._entrance.cookies.set_form(bound),)
        return self._form(request, bound, page, values, fields, back)

    def _form(
        self,
        request: Request,
        bound_to: str,
        page: str,
        values: Mapping[str, object],
        fields: Fields = (),
        back: str = "",
    ) -> Response:
        csrf = self._entrance.people.tokens.form(bound_to)
        if not wants_page(request.headers):
            return Response.json(FormAnswer(csrf), headers=fields)
        empty = {"user_name": "", "code": "", "next": "", "errors": []}
        return self._entrance.drawn(request, page, {**empty, **values, "csrf": csrf}, fields=fields, back=back)

    def _check_visitor(self, request: Request) -> None:
        """Pass what comes from a form bound to this browser; raises `NotFromHere`."""
        self._entrance.check_origin(request.headers)
        self._entrance.check_token(self._entrance.cookies.form(request.headers), request.headers, request.body)

    async def _check_session(self, request: Request) -> Session:
        """The session of a request that comes from one of its own forms.

        Raises:
            SignInNeeded: There is none.
            NotFromHere: It comes from elsewhere.
        """
        session = await self._entrance.session(request)
        self._entrance.check_origin(request.headers)
        self._entrance.check_token(session.id, request.headers, request.body)
        return session

    async def _or_again(
        self,
        request: Request,
        act: Callable[[], Awaitable[Response]],
        page: str,
        values: Mapping[str, object],
    ) -> Response:
        """What an act answers; a browser whose form was refused is shown it again, with what is wrong."""
        try:
            return await act()
        except (errors.SignInNeeded, errors.NotFromHere):
            raise
        except GatewayError as error:
            if not wants_page(request.headers):
                raise
            bound = self._entrance.cookies.form(request.headers)
            if request.person is not None or page == "people/second_step.html":
                bound = (await self._entrance.session(request)).id
            return self._again(request, error, bound, page, values)

    def _again(
        self, request: Request, error: GatewayError, bound_to: str, page: str, values: Mapping[str, object]
    ) -> Response:
        language = language_of(request.headers, chosen_by(request.person))
        shown = pairs(error.faults, language) or [("", said(error, language))]
        blank = {"user_name": "", "code": "", "next": "", "csrf": self._entrance.people.tokens.form(bound_to)}
        fields = tuple(one for one in response_of(error, request.request_id).headers if one[0] == "retry-after")
        return self._entrance.drawn(
            request, page, {**blank, **values, "errors": shown}, status=error.status, fields=fields
        )

    def _lead_on(self, request: Request, entered: Entered, wanted: str) -> Response:
        """Where it goes on, with the browser's new cookies."""
        session = entered.session
        path = _ON[session.stage] or local_path(wanted, ME)
        if not wants_page(request.headers):
            csrf = self._entrance.people.tokens.form(session.id)
            answer = NextAnswer(session.stage, path, csrf, entered.recovery_codes)
            return Response.json(answer, headers=self._cookies(entered))
        if _ON[session.stage] and wanted:
            path = f"{path}?next={quote(local_path(wanted, ME), safe='')}"
        return to(path, self._cookies(entered))

    def _cookies(self, entered: Entered) -> Fields:
        cookies = self._entrance.cookies
        fields = (cookies.set_session(entered.session.token),)
        return (*fields, cookies.set_device(entered.device)) if entered.device else fields


_ON: Mapping[Stage, str] = MappingProxyType({"code": SECOND_STEP, "enrol": DEVICE, "open": ""})
_NAME = Parameter("user_name", "query", "User name the link is for.", r"^.{0,100}$")
_CODE = Parameter("code", "query", "Set-up code of the link.", r"^.{0,100}$")
