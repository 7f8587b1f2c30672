"""What each institution may ask the centre (hak akses), and where its account's password is found."""

import difflib
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from gateway.catalogue import fields as catalogue
from gateway.catalogue.forms.services import SERVICES
from gateway.contract.messages import READS, CentreService, Right
from gateway.settings.centre import Section
from gateway.settings.sections import Name, Variable

_REGION = re.compile(r"[0-9]{2}(\.?[0-9]{2}(\.?[0-9]{2}(\.?[0-9]{4})?)?)?")
_PIECE = r"\.*[A-Za-z0-9_~@:+-][A-Za-z0-9._~@:+-]*"
"""One piece of a path; never `.` or `..`, which a client or server would walk up by."""
_HOURS = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")

EVERY_FIELD = frozenset(catalogue.FIELDS) | frozenset(catalogue.KK_MEMBER_NAMES) | frozenset(catalogue.VERIFY_ELEMENTS)
"""Every wire name a right can be granted."""


def _known_field(name: str) -> str:
    if name not in EVERY_FIELD:
        close = difflib.get_close_matches(name.upper(), sorted(EVERY_FIELD), 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"is not the wire name of a field{hint}")
    return name


def _known_service(name: str) -> str:
    if name not in SERVICES:
        close = difflib.get_close_matches(name, sorted(SERVICES), 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"is not a service that can be handed in{hint}")
    return name


def _code(code: str) -> str:
    if not _REGION.fullmatch(code):
        raise ValueError("expected a Kemendagri code such as 35.27, 35.27.03 or 35.27.03.2001")
    return code


def _span(hours: str) -> str:
    if not _HOURS.fullmatch(hours):
        raise ValueError("expected a span such as 07:00-15:30")
    start, end = hours.split("-")
    if start == end:
        raise ValueError("expected two different times; left out, it means always")
    return hours


def _word_or_list(value: object) -> str:
    return "word" if isinstance(value, str) else "list"


FieldName = Annotated[str, AfterValidator(_known_field)]
Fields = Annotated[
    Annotated[Literal["all"], Tag("word")] | Annotated[tuple[FieldName, ...], Tag("list")],
    Discriminator(_word_or_list),
]
Service = Annotated[str, AfterValidator(_known_service)]
VillagePrefix = Annotated[str, AfterValidator(_code)]
Hours = Annotated[str, AfterValidator(_span)]
CentrePath = Annotated[str, Field(pattern=rf"^{_PIECE}(/{_PIECE}){{1,2}}$", max_length=200)]


def _minutes(hours: str) -> tuple[int, int]:
    """The two times of day of a span, minutes after midnight."""
    start, end = (int(at[:2]) * 60 + int(at[3:]) for at in hours.split("-"))
    return start, end


class ServicePaths(Section):
    """Which methods of the centre answer this right; a service left out is not the right's."""

    biodata: CentrePath | None = Field(default=None, description="Path such as dinas_sampang/CALL_NIK.")
    family_card: CentrePath | None = Field(default=None, description="Path such as dinas_sampang/CALL_NIK_GET_KK.")
    verify: CentrePath | None = Field(default=None, description="Path such as dinas_sampang/NIK_VERIFBY_ELEMEN.")

    def paths(self) -> dict[CentreService, str]:
        """The paths by service, without those the right does not have."""
        named = ((service, getattr(self, service.value)) for service in READS)
        return {service: path for service, path in named if path is not None}


class RightSettings(Section):
    """One institution's right and its account at the centre."""

    title: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="Name of the institution.")
    user_id: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="User of its account.")
    ip_user: Annotated[str, Field(min_length=1, max_length=45)] = Field(
        default="127.0.0.1", description="IP the account declares to the centre."
    )
    password_env: Variable | None = Field(
        default=None,
        description="Variable that holds the password (or, with _FILE behind it, the name of a file that does); "
        "SIAK_GATEWAY_SECRET_<RIGHT>_PASSWORD if left out.",
    )
    door: Literal["dukcapil", "ws_server"] = Field(
        default="dukcapil",
        description="Which service of the centre: /dukcapil/get_json/ or the older /ws_server/get_json/.",
    )
    daily_password: bool = Field(
        default=False, description="The password sent is md5(secret + ddmmyyyy), as some older accounts want it."
    )
    daily_allowance: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = Field(
        default=None, description="Calls a day; left out where the centre sets none."
    )
    fields: Fields = Field(description='Wire names granted, or "all".')
    purposes: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Purposes it was granted for.")
    villages: tuple[VillagePrefix, ...] = Field(
        default=(), description="Codes of the villages, districts or regencies it may serve; left out for all."
    )
    hours: Hours | None = Field(
        default=None, description='When it may ask, in time.zone, such as "07:00-15:30"; left out for always.'
    )
    services: ServicePaths = Field(description="Paths at the centre, behind /get_json/.")

    submissions: tuple[Service, ...] = Field(
        default=(), description="Services it may hand in, such as birth; left out, it may hand in nothing."
    )

    def granted(self) -> frozenset[str]:
        """The wire names of the fields granted."""
        return EVERY_FIELD if self.fields == "all" else frozenset(self.fields)

    def right(self, name: str) -> Right:
        """What the rest of the gateway knows of this right: everything but its credentials."""
        handing_in = {CentreService.SUBMISSION} if self.submissions else frozenset[CentreService]()
        return Right(
            name=name,
            title=self.title,
            services=frozenset(self.services.paths()) | handing_in,
            fields=self.granted(),
            purposes=frozenset(self.purposes),
            daily_allowance=self.daily_allowance,
            villages=tuple(code.replace(".", "") for code in self.villages),
            hours=None if self.hours is None else _minutes(self.hours),
            submissions=frozenset(self.submissions),
        )

    def password_variable(self, name: str) -> str:
        """The variable that holds the account's password."""
        return self.password_env or f"SIAK_GATEWAY_SECRET_{name.upper()}_PASSWORD"
