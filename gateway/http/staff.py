"""People's accounts, for those who look after them: admins, and operators of the district or regency above.

Whose account lies outside one's territory, or may not be changed by one, is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from gateway.contract import errors
from gateway.contract.people import Language, Role
from gateway.contract.web import Listener, Parameter, Response, Route, Rule, Who
from gateway.flows.staff import Actor
from gateway.http.entrance import to, wants_page
from gateway.http.freshness import instant
from gateway.people.account import Grants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.contract.web import Request
    from gateway.flows.staff import Staff
    from gateway.http.entrance import Entrance
    from gateway.people.account import Account

ACCOUNTS: Final = "/people/accounts"
ADMINS: Final = Rule(Who.PERSON, roles=frozenset({Role.ADMIN}), listener=Listener.BOTH)
HELPERS: Final = Rule(Who.PERSON, roles=frozenset({Role.ADMIN, Role.OPERATOR}), listener=Listener.BOTH)
_ONE: Final = ACCOUNTS + "/{person}"
_ID = Parameter("person", "path", "The account's `id`.", r"^p[0-9a-z]{12}$")
_ACT = (errors.NotFound, errors.Conflict, errors.StorageUnavailable)

Reason = Annotated[str, Meta(max_length=1_000, description="Why; kept in the ledger. No personal data.")]
Token = Annotated[str, Meta(max_length=200, description="The session's token; or in `X-CSRF-Token`.")]


class AddBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make an account."""

    user_name: Annotated[str, Meta(max_length=200)]
    name: Annotated[str, Meta(max_length=200)]
    roles: list[str]
    villages: list[str] = []
    adapters: list[str] = []
    language: Language = "id"
    reason: Reason = ""
    csrf: Token = ""


class GrantBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change what an account may do."""

    roles: list[str]
    villages: list[str] = []
    adapters: list[str] = []
    reason: Reason = ""
    csrf: Token = ""


class ReasonBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Do something about an account."""

    reason: Reason = ""
    csrf: Token = ""


class AnewBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Set an account up anew."""

    reason: Reason = ""
    second_step: bool = False
    csrf: Token = ""


class AccountAnswer(msgspec.Struct, frozen=True):
    """An account.

    Attributes:
        id: Names it for good.
        user_name: Typed at sign-in.
        name: Shown on pages.
        roles: What may be done.
        villages: Territories.
        adapters: Programmes.
        language: Of its pages.
        state: How it stands; `no_password` until it was set up.
        has_second_step: Whether a device is enrolled.
        created_at: RFC 3339.
        seen_at: RFC 3339; null if never.
    """

    id: str
    user_name: str
    name: str
    roles: tuple[Role, ...]
    villages: tuple[str, ...]
    adapters: tuple[str, ...]
    language: Language
    state: Literal["active", "suspended", "no_password"]
    has_second_step: bool
    created_at: str
    seen_at: str | None

    @classmethod
    def of(cls, account: Account) -> AccountAnswer:
        """What is told of an account."""
        return cls(
            account.id,
            account.user_name,
            account.name,
            tuple(sorted(account.roles)),
            account.villages,
            account.adapters,
            account.language,
            account.state,
            account.has_second_step,
            instant(account.created_at),
            None if account.seen_at is None else instant(account.seen_at),
        )


class AccountsAnswer(msgspec.Struct, frozen=True):
    """The accounts one may look after.

    Attributes:
        accounts: By user name.
    """

    accounts: tuple[AccountAnswer, ...]


class CodeAnswer(msgspec.Struct, frozen=True):
    """A set-up code, shown this once.

    Attributes:
        account: Whose.
        code: To be told to that person, and nobody else.
        link: Where it is used; absolute where the config names the gateway's address.
    """

    account: AccountAnswer
    code: str
    link: str


class StaffPages:
    """The routes of accounts.

    Args:
        entrance: The door for people.
        staff: What is done about accounts.
        url: The gateway's address for links; empty for relative ones.
    """

    def __init__(self, entrance: Entrance, staff: Staff, url: str) -> None:
        self._entrance = entrance
        self._staff = staff
        self._url = url

    def routes(self) -> tuple[Route, ...]:
        """All routes, on both listeners."""
        acts = (
            ("set-up", HELPERS, self.set_up, "Give an account a set-up code", "Beri kode untuk kata sandi baru",
             AnewBody, CodeAnswer),
            ("suspend", ADMINS, self.suspend, "Suspend an account", "Tangguhkan akun", ReasonBody, AccountAnswer),
            ("resume", ADMINS, self.resume, "Resume an account", "Pulihkan akun", ReasonBody, AccountAnswer),
            ("sign-out", ADMINS, self.sign_out, "End an account's sessions", "Akhiri semua sesi akun", ReasonBody,
             AccountAnswer),
            ("grants", ADMINS, self.grant, "Change what an account may do", "Ubah wewenang akun", GrantBody,
             AccountAnswer),
        )  # fmt: skip
        return (
            Route("GET", ACCOUNTS, HELPERS, self.list, "Accounts one may look after", "Akun yang dapat diurus",
                  answer=AccountsAnswer, errors=(errors.StorageUnavailable,)),
            Route("POST", ACCOUNTS, ADMINS, self.add, "Make an account", "Buat akun", AddBody, CodeAnswer,
                  (errors.Conflict, errors.StorageUnavailable), form=True, status=201),
            *(Route("POST", f"{_ONE}/{name}", rule, handler, en, id_, body, answer, _ACT, form=True, parameters=(_ID,))
              for name, rule, handler, en, id_, body, answer in acts),
        )  # fmt: skip

    async def list(self, request: Request) -> Response:
        """The accounts one may look after."""
        person = request.known_person()
        found = tuple(map(AccountAnswer.of, await self._staff.list(Actor.signed_in(person))))
        if wants_page(request.headers):
            values = {"accounts": found, "csrf": person.csrf, "is_admin": person.has(Role.ADMIN)}
            return self._entrance.drawn(request, "people/accounts.html", values)
        return Response.json(AccountsAnswer(found))

    async def add(self, request: Request) -> Response:
        """Make an account."""
        body: AddBody = request.body
        account, code = await self._staff.add(
            _actor(request), body.user_name, body.name, _grants(body), reason=body.reason, language=body.language
        )
        return self._coded(request, account, code, 201)

    async def set_up(self, request: Request) -> Response:
        """Give a set-up code."""
        body: AnewBody = request.body
        id_ = request.path["person"]
        code = await self._staff.set_up_anew(_actor(request), id_, reason=body.reason, second_step=body.second_step)
        return self._coded(request, await self._entrance.people.accounts.of(id_), code, 200)

    async def suspend(self, request: Request) -> Response:
        """Suspend an account."""
        await self._staff.suspend(_actor(request), request.path["person"], reason=request.body.reason)
        return await self._done(request)

    async def resume(self, request: Request) -> Response:
        """Resume an account."""
        await self._staff.resume(_actor(request), request.path["person"], reason=request.body.reason)
        return await self._done(request)

    async def sign_out(self, request: Request) -> Response:
        """End an account's sessions."""
        await self._staff.sign_out(_actor(request), request.path["person"], reason=request.body.reason)
        return await self._done(request)

    async def grant(self, request: Request) -> Response:
        """Change what an account may do."""
        body: GrantBody = request.body
        await self._staff.grant(_actor(request), request.path["person"], _grants(body), reason=body.reason)
        return await self._done(request)

    async def _done(self, request: Request) -> Response:
        if wants_page(request.headers):
            return to(ACCOUNTS)
        return Response.json(AccountAnswer.of(await self._entrance.people.accounts.of(request.path["person"])))

    def _coded(self, request: Request, account: Account, code: str, status: int) -> Response:
        link = set_up_link(self._url, account.user_name, code)
        if wants_page(request.headers):
            values = {"account": account, "code": code, "link": link}
            return self._entrance.drawn(request, "people/code.html", values, status=status)
        return Response.json(CodeAnswer(AccountAnswer.of(account), code, link), status=status)


def set_up_link(url: str, user_name: str, code: str) -> str:
    """Where a set-up code is used; absolute where the gateway's address is configured."""
    return f"{url}/people/set-up?{urlencode({'user_name': user_name, 'code': code})}"


def _actor(request: Request) -> Actor:
    return Actor.signed_in(request.known_person())


def _grants(body: AddBody | GrantBody) -> Grants:
    """What a body grants.

    Raises:
        Invalid: A role is none.
    """
    known = set(Role)
    if not known.issuperset(body.roles):
        text, text_id = "Roles are admin, operator, verifier, auditor.", "Peran: admin, operator, verifier, auditor."
        raise errors.Invalid(faults=(errors.FieldFault("/roles", "enum", text, text_id),))
    return Grants(frozenset(map(Role, body.roles)), _each(body.villages), _each(body.adapters))


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    """Each word: a form has several in one field."""
    return tuple(word for text in texts for word in text.replace(",", " ").split())
