"""Settings of people's accounts: how they sign in, and for how long. Durations are seconds."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from gateway.settings.centre import Section


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or text != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("expected an address without a path, such as https://gerbang.example.go.id")
    if "@" in parts.netloc:
        raise ValueError("expected an address without a user name")
    return text.lower()


def _origin_or_nothing(text: str) -> str:
    return _origin(text) if text else text


Origin = Annotated[str, AfterValidator(_origin)]


class PeopleSettings(Section):
    """People who sign in: sessions, passwords, second steps."""

    url: Annotated[str, AfterValidator(_origin_or_nothing)] = Field(
        default="",
        description="Address under which browsers reach the gateway; links are made of it, never of what a request "
        "says. With https, cookies are sent over TLS only. Empty: links are relative.",
    )
    origins: list[Origin] = Field(
        default=[],
        description="Further addresses under which browsers reach it, such as the operator listener's; forms from any "
        "other page are refused. With neither this nor url, the address the browser names as its own.",
    )
    idle: Annotated[float, Field(ge=60, le=86_400)] = Field(
        default=1_800.0, description="Seconds without a request until a person must sign in again."
    )
    lasts: Annotated[float, Field(ge=300, le=604_800)] = Field(
        default=43_200.0, description="Seconds until a person must sign in again in any case."
    )
    renew_every: Annotated[float, Field(ge=60, le=86_400)] = Field(
        default=900.0, description="Seconds until a session's token is replaced by another."
    )
    second_step: Literal["admins", "everyone"] = Field(
        default="admins", description="Who must show a code of a device (TOTP) too; all others may."
    )
    password_length: Annotated[int, Field(ge=12, le=64)] = Field(
        default=12, description="Characters a password must have; there are no rules of composition."
    )
    code_lasts: Annotated[float, Field(ge=300, le=2_592_000)] = Field(
        default=172_800.0, description="Seconds a set-up code is good, by which a person chooses a password."
    )
    hash_memory_kib: Annotated[int, Field(ge=19_456, le=4_194_304)] = Field(
        default=47_104, description="Memory of one Argon2id hash, KiB; older hashes are renewed at the next sign-in."
    )
    hash_passes: Annotated[int, Field(ge=1, le=20)] = Field(
        default=1, description="Times that memory is filled; at least 2 below 47104 KiB."
    )
    hash_threads: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Hashes made at once; a flood of sign-ins takes no more of the machine."
    )
    hash_waiting: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=16,
        description="Sign-ins that may wait for a hash; those from known browsers have as many places apart.",
    )

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the gateway over TLS only."""
        return self.url.startswith("https://")
