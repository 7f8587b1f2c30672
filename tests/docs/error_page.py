"""`docs/reference/errors.md`: every code of the error tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract.errors import every_error
from tests.docs.markdown import head, meanings

if TYPE_CHECKING:
    from pathlib import Path

_INTRO = """
Every refusal is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`, `detail_id`, `code`,
`request_id`, `retryable`, `executed` and `errors[]`. Rely on `code`: it is stable; the texts may get better.
`executed` says whether the centre may have acted on the request; where several words stand, the first is
the usual one and the answer says which holds. No text ever holds personal data. The same list is
served at `/docs/errors`.

Setiap penolakan memakai kode yang tetap; teksnya tersedia dalam bahasa Indonesia (`detail_id`) dan Inggris (`detail`).
"""


def page(root: Path) -> str:
    """Text of the page."""
    errors = every_error()
    advice = meanings(root, "errors", (error.code for error in errors))
    text = head("Error codes", _INTRO)
    for error in errors:
        text += (
            f"\n## `{error.code}`\n\n"
            f"**{error.status}** · retryable: {'yes' if error.retryable else 'no'} · "
            f"executed: {', '.join(f'`{word}`' for word in error.executed_words())}\n\n"
            f"> {error.text()}\n>\n> *{error.text_id}*\n\n{advice[error.code]}\n"
        )
    return text
