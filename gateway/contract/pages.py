"""Pages of an extension: its own templates on the gateway's look, and the catalogue's forms drawn and read for it.

```
gateway_pages() ─► Templates("village_desk")     village_desk/templates/*.html, village_desk/assets/*
host.pages.render(request, "desk.html", {…})     {% extends "page.html" %}{% import "controls.html" as c %}
host.pages.form("birth", 2, values, faults)      {% import "form_fields.html" as f %}{{ f.fields(form) }}
host.pages.read_form("birth", 2, request.body)   what was posted, as the JSON form that `host.submit` takes
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.contract.errors import FieldFault
    from gateway.contract.web import Request, Response


@dataclass(frozen=True, slots=True)
class Templates:
    """The page templates of one extension, and what they look like beyond the gateway's own style.

    Attributes:
        package: Package in whose folder `templates/` stands, such as `village_desk`; and `assets/`, where it has
            styles, scripts or pictures of its own.
    """

    package: str


class HostPages(Protocol):
    """The pages room, as an extension sees it."""

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
        """A page in the language of who asks, under the policy of all pages.

        Args:
            request: Whose page it is.
            name: A template of the extension, such as `desk.html`.
            values: What it shows; what a template asks for and is not there is an error.
            status: HTTP status.
            headers: Further header fields.
            back: Path of this page, to which the language switch comes back; without one there is no switch.

        Raises:
            Exception: The template is not there, is no Jinja2, or asks for a value that is not there.
        """

    def form(
        self, service: str, version: int, values: Mapping[str, Any] | None = None, faults: Sequence[FieldFault] = ()
    ) -> object:
        """A form of the catalogue, for `fields` and `errors` of `form_fields.html`.

        Args:
            service: Name of the service.
            version: Version of its form.
            values: What was typed so far, as `read_form` gives it; None for an empty form.
            faults: What is wrong with it, as the check of the catalogue or `Invalid` names it.

        Raises:
            KeyError: There is no such form.
        """

    def posted(self, body: bytes) -> dict[str, str]:
        """Every field that was posted, the form's and others such as `csrf` and `origin_id`; the last of each name.

        Raises:
            Invalid: It is no such body, or has more fields than any form.
        """

    def read_form(self, service: str, version: int, body: bytes) -> dict[str, Any]:
        """What was posted (`application/x-www-form-urlencoded`), as the JSON form; what is wrong in it stays as typed.

        Raises:
            KeyError: There is no such form.
            Invalid: It is no such body, or has more fields than any form.
        """
