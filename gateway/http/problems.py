"""RFC 9457 problems: one shape for every refusal, built from the error tree alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

from gateway.contract.errors import FieldFault
from gateway.contract.web import Response

if TYPE_CHECKING:
    from gateway.contract.errors import Executed, GatewayError

CONTENT_TYPE = "application/problem+json"
_encoder = msgspec.json.Encoder()


class Problem(msgspec.Struct, frozen=True, omit_defaults=False):
    """Body of every refusal.

    Attributes:
        type: Address of the code's explanation in the docs, relative to the gateway.
        title: Short English title, stable per code.
        status: HTTP status.
        detail: What went wrong, English, without personal data.
        detail_id: The same in Indonesian.
        code: Stable code of the error.
        request_id: Quote it to the gateway's operators.
        retryable: Whether the same request may succeed later.
        executed: Whether the centre may have acted on it.
        errors: Each wrong field; empty unless fields are wrong.
    """

    type: str
    title: str
    status: int
    detail: str
    detail_id: str
    code: str
    request_id: str
    retryable: bool
    executed: Literal["no", "unknown", "yes"]
    errors: tuple[FieldFault, ...] = ()


def problem_of(error: GatewayError, request_id: str) -> Problem:
    """The problem that describes an error."""
    executed: Executed = error.executed
    return Problem(
        type=f"/docs/errors#{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=error.status,
        detail=error.detail,
        detail_id=error.text_id,
        code=error.code,
        request_id=request_id,
        retryable=error.retryable,
        executed=executed,
        errors=error.faults,
    )


def response_of(error: GatewayError, request_id: str) -> Response:
    """The response that carries an error; `Retry-After` is rounded up to whole seconds."""
    headers = error.headers
    after = error.retry_after if error.retry_after is not None else error.default_retry_after
    if after is not None and math.isfinite(after):
        headers = (*headers, ("retry-after", str(max(1, math.ceil(after)))))
    if error.status == 401:  # noqa: PLR2004 # the one status that must name its scheme (RFC 9110, 11.6.1)
        headers = (*headers, ("www-authenticate", 'Bearer realm="siak-gateway"'))
    body = _encoder.encode(problem_of(error, request_id))
    return Response(body, error.status, CONTENT_TYPE, headers)
