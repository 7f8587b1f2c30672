"""The esign service of BSrE, under an official's own certificate; the second implementation of the port.

```
POST <url>/api/sign/pdf        Basic user:password · multipart: file, nik, passphrase, tampilan=invisible
  200 application/pdf          the signed PDF ─► checked like a stranger's, under the roots the config pins
  4xx {"status_code", "error"} AuthorityRefuses(status_code): wrong passphrase, certificate expired or revoked, …
  5xx, silence, no connection  AuthorityAway
  anything else                AuthorityMisanswers
```

No interface of it is published; this is how programmes of regional offices call it in public code (2020-2026). What it
sends back is never trusted for being sent by it, and none of its texts reaches a log: they may quote what was sent.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.signing.faults import AuthorityAway, AuthorityMisanswers, AuthorityRefuses, PaperRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from gateway.signing.crew import Crew

PATH: Final = "/api/sign/pdf"
LARGEST: Final = 8 * 1024 * 1024
"""Bytes of a signed PDF."""

_OK, _REFUSALS, _BROKEN = 200, 400, 500


class Answered(msgspec.Struct, frozen=True):
    """What the service answered.

    Attributes:
        status: HTTP status.
        content_type: `Content-Type`, empty if there is none.
        body: Its bytes.
    """

    status: int
    content_type: str
    body: bytes


class Unreached(Exception):
    """The service could not be reached, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class BsreAccount:
    """An application's account at the service, and the official who signs.

    Attributes:
        user: The application's name there.
        password: Its password.
        nik: The official's NIK.
        passphrase: Of the official's certificate.
    """

    user: str
    password: str = field(repr=False)
    nik: str = field(repr=False)
    passphrase: str = field(repr=False)


class _Refusal(msgspec.Struct, frozen=True):
    status_code: int = 0


class BsreAuthority:
    """Has papers signed at the service.

    Args:
        url: Its address, without the path.
        account: Who asks, and who signs.
        post: Sends a body with header fields to an address; raises `Unreached`.
        crew: Checks what comes back.
        roots: Certificates its signatures must lead to, in DER.
    """

    is_test = False

    def __init__(
        self,
        url: str,
        account: BsreAccount,
        post: Callable[[str, Mapping[str, str], bytes], Awaitable[Answered]],
        crew: Crew,
        roots: Sequence[bytes],
    ) -> None:
        self.roots = roots
        self._url = url.rstrip("/") + PATH
        self._account = account
        self._post = post
        self._crew = crew

    async def sign(self, pdf: bytes, reason: str) -> bytes:  # noqa: ARG002 # the service takes none
        """See `Authority.sign`."""
        boundary = secrets.token_hex(16)
        account = self._account
        credentials = base64.b64encode(f"{account.user}:{account.password}".encode()).decode()
        headers = {
            "Authorization": f"Basic {credentials}",
            "Accept": "application/pdf, application/json",
            "Content-Type": f"multipart/form-data; boundary={boundary}",
        }
        try:
            answered = await self._post(self._url, headers, _form(pdf, account, boundary))
        except Unreached:
            raise AuthorityAway from None
        return await self._signed(answered)

    async def _signed(self, answered: Answered) -> bytes:
        if answered.status >= _BROKEN:
            raise AuthorityAway
        if answered.status >= _REFUSALS:
            raise AuthorityRefuses(_code_of(answered.body))
        if answered.status != _OK:
            raise AuthorityMisanswers
        try:
            await self._crew.check(answered.body, self.roots, LARGEST)
        except PaperRefused as refused:
            raise AuthorityMisanswers(refused.fault.value) from None
        return answered.body


def _form(pdf: bytes, account: BsreAccount, boundary: str) -> bytes:
    fields = {"nik": account.nik, "passphrase": account.passphrase, "tampilan": "invisible"}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="paper.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    )
    return b"".join((*parts, head.encode(), pdf, f"\r\n--{boundary}--\r\n".encode()))


def _code_of(body: bytes) -> int:
    try:
        return msgspec.json.decode(body, type=_Refusal).status_code
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0
