"""Checks a webhook of the gateway; standard library only. Copy it into the receiving program.

```python
message = verify(secret, dict(request.headers), request.body)   # raises ValueError if it is not from the gateway
if remember(message["id"]):                                      # the same id may come again: act once
    handle(message["data"])
```
"""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE = 300
"""Seconds a message may be old, or ahead of this clock."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None) -> dict[str, Any]:
    """The message, with its id, if it was signed with the secret and is not old; ValueError otherwise."""
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id_, sent_at = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split()
        age = abs((time.time() if now is None else now) - int(sent_at))
    except (KeyError, ValueError):
        raise ValueError("a header field of the webhook is missing or wrong") from None
    if age > TOLERANCE:
        raise ValueError("the webhook is too old, or a clock is wrong")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{id_}.{sent_at}.".encode() + body, "sha256")
    expected = "v1," + base64.b64encode(digest).decode()
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures):
        raise ValueError("the webhook is not signed with this secret")
    return {"id": id_, **json.loads(body)}
