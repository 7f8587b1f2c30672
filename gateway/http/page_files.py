"""What pages need beside themselves: styles, scripts and pictures, and the switch of their language."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

from msgspec.structs import replace

from gateway.contract.errors import FieldFault, Invalid, NotFound
from gateway.contract.web import PUBLIC, Response, Route
from gateway.pages import LANGUAGES, core_assets
from gateway.pages.language import cookie_of, local_path

if TYPE_CHECKING:
    from gateway.contract.web import Request
    from gateway.pages import Pages
    from gateway.pages.language import Language

WORKER = "/worker.js"
_MOST_CHOICE = 2000
_WRONG_CHOICE = FieldFault("/language", "enum", "Choose `id` or `en`.", "Pilih `id` atau `en`.")


class PageFiles:
    """Handlers of what stands beside pages.

    Args:
        pages: The pages they belong to.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> tuple[Route, ...]:
        """Their routes."""
        return (
            Route("GET", "/assets/{owner}/{digest}/{file}", PUBLIC, self.asset, "A style, script or picture of pages",
                  "Gaya, skrip, atau gambar halaman", content_type="*/*", errors=(NotFound,)),
            Route("GET", WORKER, PUBLIC, self.worker, "The script that keeps pages of forms while the line is cut",
                  "Skrip yang menyimpan halaman formulir saat jalur terputus", content_type="text/javascript"),
            Route("POST", "/language", PUBLIC, self.language, "Chooses the language of pages, and leads back",
                  "Memilih bahasa halaman, lalu kembali", raw=True, status=303, errors=(Invalid,)),
        )  # fmt: skip

    async def asset(self, request: Request) -> Response:
        """One file of a folder of assets.

        Raises:
            NotFound: There is no such owner or file.
        """
        folder = self._pages.assets.get(request.path["owner"])
        if folder is None:
            raise NotFound("There is nothing at this address.")
        return folder.answer(request.path["digest"], request.path["file"], request.headers)

    async def worker(self, request: Request) -> Response:
        """The service worker, at an address from which it may serve every page."""
        answer = core_assets().answer("", "worker.js", request.headers)
        return replace(answer, headers=(*answer.headers, ("service-worker-allowed", "/")))

    async def language(self, request: Request) -> Response:
        """Keep the choice in a cookie and lead back to a page of ours.

        Raises:
            Invalid: There is no such language.
        """
        chosen = dict(parse_qsl(request.body[:_MOST_CHOICE].decode("latin-1")))
        if chosen.get("language") not in LANGUAGES:
            raise Invalid(faults=(_WRONG_CHOICE,))
        language = cast("Language", chosen["language"])
        fields = (
            ("location", local_path(chosen.get("back", ""))),
            cookie_of(language, secure=request.secure),
            ("cache-control", "no-store"),
        )
        return Response(b"", 303, "text/plain; charset=utf-8", fields)
