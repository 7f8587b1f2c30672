"""The pages room as one extension sees it: its own templates by their plain names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.pages.forms.drawing import draw
from gateway.pages.forms.reading import posted_fields, read_form
from gateway.pages.language import language_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.contract.errors import FieldFault
    from gateway.contract.web import Request, Response
    from gateway.pages import Pages
    from gateway.pages.forms.drawing import FormView


class PagesOf:
    """See `gateway.contract.pages.HostPages`.

    Args:
        extension: Whose templates.
        pages: Renders them.
    """

    def __init__(self, extension: str, pages: Pages) -> None:
        self._extension = extension
        self._pages = pages

    def render(
        self,
        request: Request,
        name: str,
        values: Mapping[str, object],
        *,
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (),
        back: str = "",
    ) -> Response:
        """A page of the extension."""
        person = request.person
        language = language_of(request.headers, None if person is None else person.language)
        template = f"apps/{self._extension}/{name}"
        return self._pages.render(
            template, values, person=person, language=language, status=status, headers=headers, back=back
        )

    def form(
        self, service: str, version: int, values: Mapping[str, Any] | None = None, faults: Sequence[FieldFault] = ()
    ) -> FormView:
        """A form of the catalogue, to be shown."""
        return draw(service, version, values or {}, faults)

    def posted(self, body: bytes) -> dict[str, str]:
        """Every field that was posted."""
        return posted_fields(body)

    def read_form(self, service: str, version: int, body: bytes) -> dict[str, Any]:
        """What was posted, as the JSON form."""
        return read_form(service, version, body)
