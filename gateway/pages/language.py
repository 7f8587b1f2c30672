"""Which language a page is shown in: what the signed-in person chose, else the cookie, else Indonesian.

`Accept-Language` is not asked: on the machines of village offices it tells who set the browser up, not who reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["id", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("id", "en")
COOKIE: Final = "language"
YEAR: Final = 365 * 24 * 3600

_IN_COOKIES = re.compile(rf"(?:^|;)\s*{COOKIE}=(id|en)\s*(?:;|$)")
_LOCAL = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~?=&%:@!$'()*+,;-]{0,500}", re.ASCII)
_HOME = "/status"


def language_of(headers: Mapping[str, str], chosen: str | None = None) -> Language:
    """The language of a request's page.

    Args:
        headers: Header fields, names in lower case.
        chosen: What the signed-in person chose, or None.
    """
    if chosen in LANGUAGES:
        return chosen
    found = _IN_COOKIES.search(headers.get("cookie", ""))
    return cast("Language", found[1]) if found else "id"


def cookie_of(language: Language, *, secure: bool = False) -> tuple[str, str]:
    """The header field that keeps a choice for a year; over HTTPS it comes back over HTTPS only."""
    only = "; Secure" if secure else ""
    return ("set-cookie", f"{COOKIE}={language}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax{only}")


def local_path(text: str, default: str = _HOME) -> str:
    """A path of our own to go to, or the default where it leads elsewhere: no page sends a reader to another site."""
    return text if _LOCAL.fullmatch(text) else default
