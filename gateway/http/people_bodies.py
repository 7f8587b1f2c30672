"""What is sent and answered on the way in and out, as forms and JSON."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.contract.people import Language, Role

Text = Annotated[str, Meta(max_length=1_000)]
Name = Annotated[str, Meta(max_length=200)]
Path = Annotated[str, Meta(max_length=1_000)]
Token = Annotated[str, Meta(max_length=200, description="From the page or answer before; or in `X-CSRF-Token`.")]


class SignInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first step."""

    user_name: Name
    password: Text
    next: Path = ""
    csrf: Token = ""


class CodeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code of the device, or a recovery code."""

    code: Name
    next: Path = ""
    csrf: Token = ""


class SetUpBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose a password by a set-up code."""

    user_name: Name
    code: Name
    password: Text
    csrf: Token = ""


class PasswordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change the own password."""

    old: Text
    password: Text
    csrf: Token = ""


class SignOutBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sign out here, or everywhere."""

    everywhere: bool = False
    csrf: Token = ""


class MeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the language of the own pages."""

    language: Language
    csrf: Token = ""


class FormAnswer(msgspec.Struct, frozen=True):
    """What the next form needs.

    Attributes:
        csrf: Token to send with it.
    """

    csrf: str


class NextAnswer(msgspec.Struct, frozen=True):
    """How far the sign-in is.

    Attributes:
        stage: `open` when it is done, `code` when a code is asked for, `enrol` when a device must be enrolled.
        next: Path to go to.
        csrf: Token of the new session.
        recovery_codes: Shown this once, after a device was enrolled.
    """

    stage: Literal["code", "enrol", "open"]
    next: str
    csrf: str
    recovery_codes: tuple[str, ...] = ()


class OfferAnswer(msgspec.Struct, frozen=True):
    """A device to enrol.

    Attributes:
        secret: In base32.
        uri: As `otpauth:` address.
        csrf: Token to send with its code.
    """

    secret: str
    uri: str
    csrf: str


class MeAnswer(msgspec.Struct, frozen=True):
    """Who is signed in.

    Attributes:
        id: Names the account.
        user_name: Typed at sign-in.
        name: Shown on pages.
        roles: What may be done.
        villages: Territories.
        adapters: Programmes.
        language: Of the pages.
        session: Names the session.
        generation: Of the sessions.
        has_second_step: Whether a device is enrolled.
        recovery_codes_left: How many are left.
        csrf: Token for forms.
    """

    id: str
    user_name: str
    name: str
    roles: tuple[Role, ...]
    villages: tuple[str, ...]
    adapters: tuple[str, ...]
    language: Language
    session: str
    generation: int
    has_second_step: bool
    recovery_codes_left: int
    csrf: str
