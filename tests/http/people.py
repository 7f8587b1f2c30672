"""Browsers and programs of people, over the wire of one gateway."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from gateway.contract.errors import SignInNeeded
from gateway.contract.people import Role
from gateway.flows.staff import Actor
from gateway.people.account import Grants
from gateway.people.second_step import STEP, code_of
from tests.http.rig import Heard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.contract.web import Response, Rule
    from gateway.http.entrance import Admitted
    from gateway.people.account import Account
    from tests.http.rig import Rig

GOOD = "kopi tubruk pukul sebelas"
OTHER = "becak lewat jembatan tua"
ROOT = Actor.at_the_machine("ani")
HTML = {"Accept": "text/html,application/xhtml+xml"}


class NoPeople:
    """A door through which nobody comes who signs in."""

    async def enter(self, _rule: Rule, _method: str, _headers: Mapping[str, str]) -> Admitted:
        """Nobody signs in here."""
        raise SignInNeeded

    def check_token(self, _bound_to: str, _headers: Mapping[str, str], _content: object) -> None:
        """Never asked."""

    def refused(self, *_: object) -> Response | None:
        """Plain problems."""
        return None


class Client:
    """A browser, or a program that keeps cookies like one.

    Args:
        rig: The gateway it talks to.
        page: Whether it asks for pages and posts forms.
        operator: Whether it talks to the operator listener.
    """

    def __init__(self, rig: Rig, *, page: bool = False, operator: bool = False) -> None:
        """Know nothing yet."""
        self.url = rig.operator if operator else rig.url
        self.page = page
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self.bearer = ""

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Heard:
        """One request with its cookies; those of the answer are kept."""
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=15)
        fields = {**(HTML if self.page else {}), **(headers or {})}
        if self.cookies:
            fields.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if self.bearer:
            fields["Authorization"] = f"Bearer {self.bearer}"
        try:
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    self._keep(value)
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Heard(answer.status, found, answer.read())
        finally:
            connection.close()

    def _keep(self, field: str) -> None:
        pair, *rest = field.split("; ")
        name, _, value = pair.partition("=")
        if "Max-Age=0" in rest:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def get(self, path: str) -> Heard:
        """A GET; a form's token is kept."""
        heard = self.request("GET", path)
        if not self.page and heard.status == 200 and "csrf" in heard.json:
            self.csrf = heard.json["csrf"]
        elif self.page and b'name="csrf" value="' in heard.body:
            self.csrf = heard.body.split(b'name="csrf" value="')[1].split(b'"')[0].decode()
        return heard

    def post(self, path: str, headers: Mapping[str, str] | None = None, **values: Any) -> Heard:
        """A POST of its kind, with the token of the form before."""
        values.setdefault("csrf", self.csrf)
        if self.page:
            body, kind = urlencode(values, doseq=True).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = json.dumps(values).encode(), "application/json"
        heard = self.request("POST", path, body, {"Content-Type": kind, **(headers or {})})
        if not self.page and heard.status == 200 and heard.json.get("csrf"):
            self.csrf = heard.json["csrf"]
        return heard

    def sign_in(self, user_name: str, password: str = GOOD, **more: Any) -> Heard:
        """The first step."""
        self.get("/people/sign-in")
        return self.post("/people/sign-in", user_name=user_name, password=password, **more)


def add_person(
    rig: Rig, user_name: str, *roles: Role, villages: Iterable[str] = ("3527032001",), adapters: Iterable[str] = ()
) -> Account:
    """An account with the password `GOOD` and no second step."""
    people = rig.gateway.people
    grants = Grants(frozenset(roles or (Role.OPERATOR,)), tuple(villages), tuple(adapters))
    adding = rig.gateway.generation.staff.add(ROOT, user_name, f"Nama {user_name}", grants, reason="trial")
    account, _code = rig.run(adding)
    rig.run(people.accounts.set_password(account.id, rig.run(people.passwords.hash(GOOD))))
    found: Account = rig.run(people.accounts.of(account.id))
    return found


def signed_in(rig: Rig, user_name: str, *roles: Role, **more: Any) -> Client:
    """A program that is signed in under a new account, its device enrolled where the role needs one."""
    account = add_person(rig, user_name, *roles, **more)
    client = Client(rig)
    stage = client.sign_in(user_name).json["stage"]
    if stage == "enrol":
        secret = client.get("/people/second-step/device").json["secret"]
        assert client.post("/people/second-step/device", code=code_now(rig, secret)).status == 200
    assert account.user_name == user_name
    return client


def code_now(rig: Rig, secret: str) -> str:
    """What a device with that secret shows."""
    return code_of(secret, int(rig.clock.now()) // STEP)
