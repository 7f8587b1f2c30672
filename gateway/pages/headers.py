"""The policy under which a browser shows a page; the application adds it to every HTML answer, whoever made it."""

from __future__ import annotations

from typing import Final

CONTENT_SECURITY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline, nothing framed."""

PAGE_HEADERS: Final = (
    ("content-security-policy", CONTENT_SECURITY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    # `no-referrer` would have browsers post forms with `Origin: null`, which a check against forgery refuses
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=(self), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
)
"""Header fields of every page."""
