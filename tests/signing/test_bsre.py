"""The esign service of BSrE, at the far end of a real connection: what is sent, and each way it can answer."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest
from werkzeug import Response

from gateway.signing.bsre import PATH, BsreAccount, BsreAuthority
from gateway.signing.crew import Crew
from gateway.signing.faults import AuthorityAway, AuthorityMisanswers, AuthorityRefuses
from gateway.signing.pades import PdfKey
from gateway.wiring.papers import poster

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_httpserver import HTTPServer
    from werkzeug import Request

    from gateway.signing.certificates import Credentials

ACCOUNT = BsreAccount("sampang", "kata-sandi", "3527034101900001", "frasa-sandi")


def signed_at(server: HTTPServer, credentials: Credentials, pdf: bytes) -> bytes:
    """What the authority gives back."""

    async def story() -> bytes:
        url = server.url_for("").rstrip("/")
        authority = BsreAuthority(url, ACCOUNT, poster(("127.0.0.1/32",)), Crew(0), credentials.roots)
        return await authority.sign(pdf, "Uji coba")

    return asyncio.run(story())


def fields_of(request: Request) -> dict[str, bytes]:
    """The parts of a form, by name."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    found = {}
    for part in message_from_bytes(head + request.get_data()).walk():
        name = part.get_param("name", header="content-disposition")
        if name is not None:
            found[str(name)] = part.get_payload(decode=True)
    return found  # type: ignore[return-value] # the payload of a part is bytes


def test_a_paper_is_signed_there(httpserver: HTTPServer, credentials: Credentials, plain: bytes) -> None:
    """PDF, NIK and passphrase go there under the application's account; the signed PDF comes back checked."""
    key, seen = PdfKey(credentials), []

    def service(request: Request) -> Response:
        seen.append((request.authorization, fields_of(request)))
        return Response(key.sign(plain, "BSrE"), content_type="application/pdf")

    httpserver.expect_request(PATH, method="POST").respond_with_handler(service)
    assert signed_at(httpserver, credentials, plain).startswith(b"%PDF-")
    ((who, form),) = seen
    assert who is not None
    assert (who.username, who.password) == (ACCOUNT.user, ACCOUNT.password)
    assert form["nik"] == ACCOUNT.nik.encode()
    assert form["passphrase"] == ACCOUNT.passphrase.encode()
    assert form["tampilan"] == b"invisible"
    assert form["file"].rstrip() == plain.rstrip()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"status_code":2031,"error":"Passphrase anda salah"}', AuthorityRefuses),
        (401, b"<html>login</html>", AuthorityRefuses),
        (500, b"", AuthorityAway),
        (503, b"<html>maintenance</html>", AuthorityAway),
        (302, b"", AuthorityMisanswers),
        (200, b'{"message":"ok"}', AuthorityMisanswers),
    ],
)
def test_each_answer_has_its_error(
    httpserver: HTTPServer, credentials: Credentials, plain: bytes, status: int, body: bytes, error: type[Exception]
) -> None:
    """Refused, away and nonsense are told apart; the service's own number of a refusal is kept, its text is not."""
    httpserver.expect_request(PATH).respond_with_data(body, status=status, content_type="application/json")
    with pytest.raises(error) as raised:
        signed_at(httpserver, credentials, plain)
    assert "Passphrase" not in str(raised.value)
    if isinstance(raised.value, AuthorityRefuses):
        assert raised.value.code == (2031 if status == 400 else 0)


@pytest.mark.parametrize(
    "spoil",
    [lambda pdf: pdf + b"\n", lambda pdf: pdf[:-200], lambda _: b"%PDF-1.7 nothing"],
    ids=["junk", "cut", "none"],
)
def test_what_comes_back_is_checked_like_a_strangers(
    httpserver: HTTPServer, credentials: Credentials, signed: bytes, plain: bytes, spoil: Callable[[bytes], bytes]
) -> None:
    """A PDF that is not whole, not signed, or of another root is no answer."""
    httpserver.expect_request(PATH).respond_with_data(spoil(signed), content_type="application/pdf")
    with pytest.raises(AuthorityMisanswers):
        signed_at(httpserver, credentials, plain)


def test_nobody_there(credentials: Credentials, plain: bytes) -> None:
    """No connection means: away."""

    async def story() -> None:
        authority = BsreAuthority("http://127.0.0.1:9", ACCOUNT, poster(("127.0.0.1/32",)), Crew(0), credentials.roots)
        with pytest.raises(AuthorityAway):
            await authority.sign(plain, "Uji coba")

    asyncio.run(story())


def test_secrets_are_silent() -> None:
    """Neither password nor NIK nor passphrase stands in a `repr`."""
    assert not any(text in repr(ACCOUNT) for text in ("kata-sandi", "frasa-sandi", "3527"))
