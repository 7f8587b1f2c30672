"""Forwarded header fields: believed of named proxies only, read from their end, never of anybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.http.forwarded import Proxies
from tests.http.rig import Rig

if TYPE_CHECKING:
    from pathlib import Path

OURS = Proxies(("10.0.0.0/8", "::1/128"))


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, <script>", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "198.51.100.1", ""),
        ("10.0.0.1", ",".join(["10.0.0.9"] * 500), "10.0.0.9"),
    ],
)
def test_who_asks_is_the_last_that_is_no_proxy_of_ours(peer: str, said: str, client: str) -> None:
    """What stands before the first stranger was written by that stranger, and does not count."""
    assert OURS.client(peer, {"x-forwarded-for": said}) == client
    assert Proxies().client(peer, {"x-forwarded-for": said}) == peer


@pytest.mark.parametrize(
    ("peer", "said", "secure"),
    [("10.0.0.1", "https", True), ("10.0.0.1", "https, http", False), ("203.0.113.9", "https", False), ("", "", False)],
)
def test_https_is_believed_of_a_proxy_of_ours(peer: str, said: str, *, secure: bool) -> None:
    """The nearest proxy's word counts; a gateway that ends TLS itself needs nobody's."""
    headers = {"x-forwarded-proto": said}
    assert OURS.is_secure(peer, headers) is secure
    assert Proxies(own_tls=True).is_secure(peer, headers)


def test_the_config_says_who_is_believed(tmp_path: Path) -> None:
    """A cookie comes back over HTTPS only where a trusted proxy says so; a reload takes the trust back."""
    trusting = '[server]\nport = 0\noperator_port = 0\ntrusted_proxies = ["127.0.0.0/8"]\n'
    with Rig(tmp_path, config=trusting) as rig:
        fields = {"X-Forwarded-Proto": "https"}
        chosen = rig.request("POST", "/language", b"language=en", fields)
        assert chosen.headers["set-cookie"].endswith("; Secure")
        rig.run(rig.gateway.reload(rig.settings(config="")))
        chosen = rig.request("POST", "/language", b"language=en", fields)
        assert "Secure" not in chosen.headers["set-cookie"]
