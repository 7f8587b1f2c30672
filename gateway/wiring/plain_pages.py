"""The pages of people until `gateway.pages` draws them: the same templates, without style."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2

from gateway.contract.web import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.people import Language, Person

_HEADERS: Final = (
    (
        "content-security-policy",
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("cache-control", "private, no-store"),
)


class PlainPages:
    """Renders the templates of `gateway/pages/templates`; see `gateway.contract.web.Pages`."""

    def __init__(self) -> None:
        loader = jinja2.FileSystemLoader(Path(__file__).parent.parent / "pages" / "templates")
        self._environments = {
            language: jinja2.Environment(
                loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, auto_reload=False
            )
            for language in ("id", "en")
        }
        for language, environment in self._environments.items():
            environment.globals.update(language=language, say=_say_id if language == "id" else _say_en)

    def render(self, name: str, values: Mapping[str, object], *, person: Person | None, language: Language) -> Response:
        """A page as an answer."""
        html = self._environments[language].get_template(name).render(values, person=person)
        return Response(html.encode(), 200, "text/html; charset=utf-8", _HEADERS)


def _say_id(indonesian: str, _english: str) -> str:
    return indonesian


def _say_en(_indonesian: str, english: str) -> str:
    return english
