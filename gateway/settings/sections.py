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


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("expected a network such as 10.20.0.0/16 or ::1/128") from None
    return text


Port = Annotated[int, Field(ge=0, le=65_535)]
Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]
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
    trusted_proxies: tuple[Network, ...] = Field(
        default=(),
        description="Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; left out, none.",
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


class ReplicaSettings(Section):
    """The second copy of what is handed in, on another device; on PostgreSQL a synchronous standby is that."""

    path: str = Field(
        default="",
        description="Folder on another device; written before a receipt says two copies. Empty: one copy only.",
    )
    same_device: bool = Field(
        default=False,
        description="Let the folder lie on the data's own device, where both burn together; for trying out.",
    )
    patience: Annotated[float, Field(ge=0.05, le=60)] = Field(
        default=2.0, description="Seconds to wait for the second copy before a receipt says one."
    )


class RetentionSettings(Section):
    """How long the content of what has ended is kept."""

    days: Annotated[float, Field(ge=0, le=36_500)] = Field(
        default=90.0,
        description="Days after the end of a submission (issued, rejected, cancelled, expired) until its content is "
        "destroyed; its history stays.",
    )
    key_days: Annotated[float, Field(ge=1, le=36_500)] = Field(
        default=400.0,
        description="Days until the Idempotency-Key of what has ended is forgotten; not fewer than days.",
    )
    every: Annotated[float, Field(ge=1, le=604_800)] = Field(
        default=86_400.0, description="Seconds between two looks for what is to be destroyed."
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
        description="Seconds by which a claim outlives that; what an instance on PostgreSQL had when it was killed is "
        "asked about once both are over, on SQLite at the next start.",
    )
    widest: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=64, description="Submissions under way at once, at most."
    )


class BlobsSettings(Section):
    """Which files may be uploaded for submissions, and how long they wait."""

    max_bytes: Annotated[int, Field(ge=1024, le=16_777_216)] = Field(
        default=16_777_216, description="Bytes of one file; the centre takes no larger ones than 16 MiB."
    )
    waiting_bytes: Annotated[int, Field(ge=1024, le=1_099_511_627_776)] = Field(
        default=4_294_967_296, description="Bytes that may wait under one key without belonging to a submission."
    )
    keep_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=7, description="Days after which a file that no submission took is thrown away."
    )
    kinds: Annotated[list[Literal["jpeg", "png", "pdf"]], Field(min_length=1)] = Field(
        default=["jpeg", "png", "pdf"], description="Kinds of files, told by their first bytes."
    )
    folder: str = Field(
        default="",
        description="Where they are kept, sealed; empty is `blobs` in the data folder. Not used on PostgreSQL.",
    )
    reserve_bytes: Annotated[int, Field(ge=0, le=1_099_511_627_776)] = Field(
        default=268_435_456, description="Bytes of the disk that files leave free, so that forms can still be accepted."
    )


class SigningSettings(Section):
    """Who signs the region's own papers."""

    authority: Literal["test", "bsre"] = Field(
        default="test",
        description="test signs under a key of this installation that says it is a test; bsre at the esign service.",
    )
    title: Annotated[str, Field(min_length=1, max_length=40)] = Field(
        default="Gerbang SIAK", description="Whose papers they are; stands in the test authority's certificates."
    )
    url: Annotated[str, Field(pattern=r"^$|^https?://[^@?#]+$")] = Field(
        default="", description="Address of the esign service, such as https://esign.example.go.id; for bsre."
    )
    roots_file: str | None = Field(
        default=None, description="PEM file of the roots its signatures must lead to; for bsre."
    )


class DocumentsSettings(Section):
    """The centre's signed documents: fetched once, checked, kept, printed."""

    roots_file: str | None = Field(
        default=None,
        description="PEM file of the roots the centre's signatures must lead to; without it nothing is fetched.",
    )
    every: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=2.0, description="Seconds between two looks for documents that are to be fetched."
    )
    processes: Annotated[int, Field(ge=0, le=64)] = Field(
        default=1,
        description="Processes that check and sign PDFs; 0 does it in the gateway's own, without bounds of time.",
    )
    max_bytes: Annotated[int, Field(ge=1_024, le=67_108_864)] = Field(
        default=2_097_152, description="A larger PDF is refused; no larger than centre.max_response_bytes is fetched."
    )
    link_seconds: Annotated[float, Field(ge=10, le=86_400)] = Field(
        default=900.0, description="Seconds for which the PDF of a print can be fetched."
    )
    keep_days: Annotated[float, Field(ge=1, le=36_500)] = Field(
        default=400.0, description="Days after its issue until a document is destroyed here; its code goes on telling."
    )
    checks_per_minute: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=30, description="Codes that one network (/24, or /48 of IPv6) may ask after at /check in a minute."
    )
    check_url: Annotated[str, Field(pattern=r"^$|^https?://[^@?#]+[^/@?#]$")] = Field(
        default="", description="Public address before /check/, for QR codes; empty writes the code alone."
    )


class FollowSettings(Section):
    """How the centre's decisions and changes are followed."""

    every: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=5.0, description="Seconds between two looks at the centre's events."
    )
    keep: Annotated[float, Field(ge=3_600, le=315_360_000)] = Field(
        default=2_592_000.0,
        description="Seconds for which moves can be read again at /v1/events, and news by instances that were down.",
    )


class NotifySettings(Section):
    """How callers are told outside of what moved."""

    give_up: Annotated[float, Field(ge=60, le=2_592_000)] = Field(
        default=86_400.0, description="Seconds after its first try until a notification is put aside for a person."
    )
    first_pause: Annotated[float, Field(ge=0.1, le=3_600)] = Field(
        default=5.0, description="Seconds until the second try; the pause doubles from try to try."
    )
    longest_pause: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=3_600.0, description="Seconds between two tries, at most."
    )
    widest: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=16, description="Notifications under way at once, at most."
    )


class OutboundSettings(Section):
    """Where extensions may connect to, other than to public addresses."""

    allow: tuple[Network, ...] = Field(
        default=(),
        description="Networks such as 10.20.0.0/16 that are not public and may be reached; left out, none.",
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
