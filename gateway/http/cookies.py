"""Cookies that say who is signed in: `__Host-` names, so that no other host and no path can set or see them.

| cookie | holds | lasts |
| --- | --- | --- |
| `__Host-siak` | token of the session | until the browser closes, or the session ends |
| `__Host-siak-device` | that somebody signed in here before | half a year |
| `__Host-siak-form` | binds the sign-in form to this browser | until the browser closes |

Over plain HTTP, as on one's own machine, browsers keep no `__Host-` cookies: the names are without it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

Field = tuple[str, str]

DEVICE_LASTS: Final = 180 * 86_400
_PREFIX: Final = "__Host-"


class Cookies:
    """Reads and writes the cookies.

    Args:
        secure: Whether browsers reach the gateway over TLS only.
    """

    def __init__(self, *, secure: bool) -> None:
        prefix, self._secure = (_PREFIX, "; Secure") if secure else ("", "")
        self._session, self._device, self._form = (f"{prefix}siak{part}" for part in ("", "-device", "-form"))

    def session(self, headers: Mapping[str, str]) -> str:
        """Token of the session; empty for none."""
        return _cookie(headers, self._session)

    def device(self, headers: Mapping[str, str]) -> str:
        """Token of the device; empty for none."""
        return _cookie(headers, self._device)

    def form(self, headers: Mapping[str, str]) -> str:
        """What the sign-in form is bound to; empty for nothing."""
        return _cookie(headers, self._form)

    def set_session(self, token: str) -> Field:
        """Have the browser keep a session's token; a link from elsewhere shows it, a form from elsewhere does not."""
        return self._set(self._session, token, "Lax")

    def set_device(self, token: str) -> Field:
        """Have the browser keep that somebody signed in here."""
        return self._set(self._device, token, f"Strict; Max-Age={DEVICE_LASTS}")

    def set_form(self, value: str) -> Field:
        """Bind the sign-in form to this browser."""
        return self._set(self._form, value, "Strict")

    def end_session(self) -> Field:
        """Have the browser forget the session's token."""
        return self._set(self._session, "", "Lax; Max-Age=0")

    def _set(self, name: str, value: str, rest: str) -> Field:
        return "set-cookie", f"{name}={value}; Path=/; HttpOnly{self._secure}; SameSite={rest}"


def _cookie(headers: Mapping[str, str], name: str) -> str:
    """The value of a cookie; empty where it is not there, or there twice: then somebody else may have set one."""
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    found = [value for key, _, value in pairs if key == name]
    return found[0] if len(found) == 1 and len(found[0]) <= _LONGEST else ""


_LONGEST: Final = 200
