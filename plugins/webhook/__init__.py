"""Tells callers' own servers what moved: signed after Standard Webhooks, without personal data, until they heard it.

The gateway keeps what is to be told and asks again after a failure; this plugin knows endpoints and how to sign.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Final
from urllib.parse import urlsplit

import msgspec
from pydantic import AfterValidator, Field

from gateway.contract import Extension, ExtensionConfig, Health, NotDelivered, SubmissionState, hookimpl
from plugins.webhook.signing import headers_of, secret_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.contract import HealthCheck, Host, Notification, Notifier

TOLD: Final = ("delivered", "issued", "rejected", "attention")
"""States told of unless an endpoint says otherwise."""

AGENT: Final = "siak-gateway-webhook/1"
GONE: Final = 410
"""The receiver wants nothing more of this."""

_OK, _REDIRECTS, _ERRORS = 200, 300, 400
_LONGEST_WAIT: Final = 86_400
_PLAIN: Final = re.compile(r"https?://[!-\[\]-~]+")
"""Visible ASCII without a backslash, which readers of addresses take for different things."""

_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
_encode = msgspec.json.Encoder().encode


def _url(text: str) -> str:
    parts = urlsplit(text)
    is_plain = _PLAIN.fullmatch(text) and parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    if not is_plain or "@" in parts.netloc or parts.fragment:
        raise ValueError("expected an address such as https://app.example.go.id/siak, without user or fragment")
    return text


def _state(text: str) -> str:
    if text not in set(SubmissionState):
        raise ValueError(f"expected one of {', '.join(SubmissionState)}")
    return text


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Url = Annotated[str, Field(max_length=500), AfterValidator(_url)]
State = Annotated[str, AfterValidator(_state)]


class Endpoint(ExtensionConfig):
    """Where one caller is told."""

    caller: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="Nama kunci yang pengajuannya dikabarkan. / Name of the key whose submissions are told of."
    )
    url: Url = Field(description="Alamat yang menerima POST. / Address that takes the POST.")
    states: Annotated[tuple[State, ...], Field(min_length=1, max_length=20)] = Field(
        default=TOLD, description="Keadaan yang dikabarkan. / States that are told of."
    )
    secrets: Annotated[tuple[Name, ...], Field(min_length=1, max_length=3)] | None = Field(
        default=None,
        description="Nama rahasia, yang terbaru dahulu; bawaan: nama endpoint. / "
        "Names of its secrets, the newest first; the endpoint's own name if left out.",
    )
    insecure_http: bool = Field(default=False, description="Boleh http tanpa TLS. / Plain http without TLS is allowed.")
    timeout: Annotated[float, Field(ge=1, le=25)] = Field(
        default=10.0, description="Detik seluruh percobaan. / Seconds one try may take in all."
    )


class WebhookConfig(ExtensionConfig):
    """Settings of `[plugins.webhook]`."""

    endpoints: Annotated[dict[Name, Endpoint], Field(max_length=500)] = Field(
        default_factory=dict, description="Penerima menurut nama. / Receivers by name."
    )


class Told(msgspec.Struct, frozen=True):
    """What a message says of a submission; no personal data.

    Attributes:
        submission: Its id.
        sequence: Number of the move: of two messages about a submission, the higher one is the newer.
        service: Service of the centre.
        village: Village code.
        before: State until then.
        state: State from then on.
        reason: A stable word or the centre's coded reason; may be empty.
    """

    submission: str
    sequence: int
    service: str
    village: str
    before: str
    state: str
    reason: str


class Message(msgspec.Struct, frozen=True):
    """The body, as Standard Webhooks recommends it: `type` is `submission.` and the new state."""

    type: str
    timestamp: str
    data: Told


class Webhook(Extension):
    """Tells each caller's endpoints of its submissions."""

    name: ClassVar[str] = "webhook"
    api_version: ClassVar[int] = 1
    Config = WebhookConfig

    def __init__(self, config: WebhookConfig, host: Host) -> None:
        super().__init__(config, host)
        self._endpoints: Mapping[str, Endpoint] = config.endpoints
        self._secrets: dict[str, tuple[bytes, ...]] = {}

    @hookimpl
    def gateway_notifiers(self) -> Sequence[Notifier]:
        """Itself."""
        return [self]

    @hookimpl
    def gateway_health_checks(self) -> Sequence[HealthCheck]:
        """How many endpoints it has."""
        return [self]

    async def open(self) -> None:
        """Read all secrets.

        Raises:
            LookupError: One is missing; the text names its variable.
            ValueError: One is none, or an endpoint speaks plain http without being allowed to.
        """
        for name, endpoint in self._endpoints.items():
            if endpoint.url.startswith("http:") and not endpoint.insecure_http:
                raise ValueError(f"endpoint {name} is plain http; use https, or set insecure_http = true")
            self._secrets[name] = tuple(secret_of(self.host.secret(one)) for one in endpoint.secrets or (name,))

    async def check(self) -> Health:
        """Whether every endpoint has its secrets."""
        missing = len(self._endpoints) - len(self._secrets)
        return Health(ok=not missing, detail=f"{len(self._endpoints)} endpoints")

    def targets(self, notification: Notification) -> Sequence[str]:
        """The endpoints of the caller that want to hear of that state."""
        caller, state = notification.caller_name, str(notification.after)
        return [name for name, one in self._endpoints.items() if one.caller == caller and state in one.states]

    async def deliver(self, notification: Notification, target: str) -> None:
        """Post it to an endpoint.

        Raises:
            NotDelivered: It did not say that it heard it.
        """
        endpoint = self._endpoints.get(target)
        if endpoint is None:
            raise NotDelivered("no_endpoint", for_good=True)
        body = body_of(notification)
        at = int(self.host.clock.now())
        headers = headers_of(self._secrets[target], notification.id, at, body)
        more = {"content-type": "application/json", "user-agent": AGENT}
        try:
            answer = await self.host.http.post(
                endpoint.url, content=body, headers=headers | more, timeout=endpoint.timeout, follow_redirects=False
            )
        except Exception as error:  # noqa: BLE001 # the client's own tree of errors is not ours to import
            raise NotDelivered(_CAPITAL.sub("_", type(error).__name__).lower()) from None
        _judge(answer.status_code, answer.headers.get("retry-after", ""))


def body_of(notification: Notification) -> bytes:
    """The body of a message, the same at every try."""
    at = datetime.fromtimestamp(notification.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = Told(
        notification.submission,
        notification.sequence,
        notification.service,
        notification.village,
        str(notification.before),
        str(notification.after),
        notification.reason,
    )
    return _encode(Message(f"submission.{notification.after}", at, told))


def _judge(status: int, retry_after: str) -> None:
    """Pass what says that it was heard.

    Raises:
        NotDelivered: Anything else; a redirect is not followed, and 410 wants nothing more.
    """
    if _OK <= status < _REDIRECTS:
        return
    if status < _ERRORS:
        raise NotDelivered("redirected")
    is_number = retry_after.isascii() and retry_after.isdecimal() and len(retry_after) <= len(str(_LONGEST_WAIT))
    wait = float(min(int(retry_after), _LONGEST_WAIT)) if is_number else None
    raise NotDelivered(f"http_{status}", for_good=status == GONE, retry_after=wait)
