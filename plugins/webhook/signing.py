"""Signatures after Standard Webhooks (pure): HMAC-SHA256 over id, time and body, one for each secret in use.

https://www.standardwebhooks.com says how a receiver checks them; samples are in `verifying/`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


class BadSecret(ValueError):
    """A secret is `whsec_` and 24 to 64 random bytes in base64."""


def secret_of(text: str) -> bytes:
    """The bytes of a secret.

    Raises:
        BadSecret: It is none; nothing of it is in the text.
    """
    try:
        found = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret("a webhook's secret is whsec_ and 24 to 64 random bytes in base64") from None
    if not text.strip().startswith(PREFIX) or not SHORTEST <= len(found) <= LONGEST:
        raise BadSecret("a webhook's secret is whsec_ and 24 to 64 random bytes in base64")
    return found


def headers_of(secrets: Iterable[bytes], id_: str, at: int, body: bytes) -> dict[str, str]:
    """The three header fields of a message.

    Args:
        secrets: All that are in use, the newest first; a receiver needs one of them.
        id_: The message's id, the same at every try.
        at: When it is sent, Unix seconds.
        body: The body as it is sent.
    """
    signed = b"%s.%d.%s" % (id_.encode(), at, body)
    signatures = (base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in secrets)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
