"""The tables of the config that concern the gateway itself: where it listens, where it keeps things, what it logs.

Every key has a default, so that an empty file is a valid config. Secrets never stand in the file: a key that ends in
`_env` or `_file` names where one is found.
"""

import ipaddress
import zoneinfo
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.settings.centre import Section

VARIABLE = r"^[A-Z][A-Z0-9_]{0,99}$"
"""Shape of an environment variable's name."""

NAME = r"^[a-z][a-z0-9_]{0,39}$"
"""Shape of the names that become table names: rights, purposes, extensions."""


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected the name of a time zone such as Asia/Jakarta") from None
    return name


def _address(text: str) -> str:
    if text != "localhost":
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ValueError("expected an IP address such as 127.0.0.1 or 0.0.0.0") from None
    return text


Port = Annotated[int, Field(ge=0, le=65_535)]
Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Variable = Annotated[str, Field(pattern=VARIABLE)]
Name = Annotated[str, Field(pattern=NAME)]


class ServerSettings(Section):
    """Where the gateway listens and what it accepts."""

    host: Address = Field(default="127.0.0.1", description="Address the callers reach; 0.0.0.0 for every interface.")
    port: Port = Field(default=8080, description="Port for callers; 0 lets the system choose.")
    operator_host: Address = Field(
        default="127.0.0.1", description="Address of the operator listener (metrics, console)."
    )
    operator_port: Port = Field(default=8081, description="Port of the operator listener; 0 lets the system choose.")
    max_body_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = Field(
        default=1_048_576, description="A larger request body is refused with 413."
    )
    max_header_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = Field(
        default=16_384, description="A request's header fields must stay under this."
    )
    drain: Annotated[float, Field(ge=0, le=600)] = Field(
        default=3.0, description="Seconds that running requests are given when the gateway stops."
    )
    tls_cert: str | None = Field(default=None, description="PEM file of the certificate chain; together with tls_key.")
    tls_key: str | None = Field(
        default=None, description="PEM file of the certificate's key, readable by the gateway only."
    )
    engine: Literal["granian", "uvicorn"] = Field(
        default="granian", description="HTTP server; uvicorn is the slower, longer proven one."
    )


class DataSettings(Section):
    """Where the gateway keeps its data."""

    folder: Annotated[str, Field(min_length=1)] = Field(
        default="var", description="Folder of databases and secrets; relative to the working directory."
    )


class DatabaseSettings(Section):
    """Which database; by default SQLite in the data folder."""

    url: Annotated[str, Field(pattern=r"^$|^(sqlite|postgresql)(\+[a-z0-9]+)?://")] = Field(
        default="", description="sqlite:///file or postgresql://user@host/name without a password; empty is SQLite."
    )
    url_env: Variable | None = Field(
        default=None, description="Variable that holds the whole address, password included."
    )
    url_file: str | None = Field(default=None, description="File that holds the whole address, password included.")


class SecretsSettings(Section):
    """Where the gateway's own keys are."""

    folder: str = Field(default="", description="Folder of the gateway's keys; empty is `secrets` in the data folder.")


class LedgerSettings(Section):
    """The record of who asked for what, and when."""

    enabled: bool = Field(
        default=False,
        description="Write every exchange down before anything is revealed; without it nothing is proven.",
    )
    file: str = Field(
        default="",
        description="Its SQLite file; empty is `ledger.db` in the data folder. On PostgreSQL it has tables.",
    )
    checkpoint_every: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=300.0, description="Seconds between two signed checkpoints."
    )


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lines below this are left out."
    )
    format: Literal["auto", "json", "pretty"] = Field(
        default="auto", description="auto is pretty on a terminal and JSON elsewhere."
    )


class OutboxSettings(Section):
    """How what was handed in goes to the centre."""

    deadline: Annotated[float, Field(ge=1, le=600)] = Field(
        default=30.0, description="Seconds one hand-in to the centre may take."
    )
    margin: Annotated[float, Field(ge=1, le=600)] = Field(
        default=15.0,
        description="Seconds by which a claim outlives that; after a kill, what was claimed is asked about once both "
        "are over.",
    )
    widest: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=64, description="Submissions under way at once, at most."
    )


class TimeSettings(Section):
    """Which day it is."""

    zone: Zone = Field(default="Asia/Jakarta", description="Zone of the quota day and of legal dates.")


class PurposeSettings(Section):
    """One reason for which callers may ask."""

    title: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="English title.")
    title_id: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="Indonesian title.")
    priority: Literal["urgent", "counter", "online", "background"] = Field(
        default="online",
        description="Class its questions travel in; the lower of this, the key's and the service's counts.",
    )
