"""Renders pages: a template by name, its values, who reads it and in which language."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from gateway.contract.web import Response
from gateway.pages.assets import OWN, NoSuchAsset, core_assets
from gateway.pages.environment import environment
from gateway.pages.language import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.resources.abc import Traversable

    from gateway.pages.assets import AssetFolder
    from gateway.pages.language import Language

HTML: Final = "text/html; charset=utf-8"


class Reader(Protocol):
    """Who is signed in, as far as a page shows it."""

    @property
    def id(self) -> str:
        """Its account; drafts kept in the browser are bound to it."""

    @property
    def name(self) -> str:
        """What the header calls it."""

    @property
    def csrf(self) -> str:
        """Token that scripts send back as `X-CSRF-Token`, and forms as `csrf`."""


class Pages:
    """The pages of one config.

    Args:
        templates: Folder of templates of each extension that has some; named `apps/<extension>/<file>`.
        assets: Assets of extensions.
    """

    def __init__(
        self,
        templates: Mapping[str, Traversable] = MappingProxyType({}),
        assets: Iterable[AssetFolder] = (),
    ) -> None:
        self.assets = {one.owner: one for one in (core_assets(), *assets)}
        self._environments = {language: environment(language, templates, self._address) for language in LANGUAGES}

    def render(
        self,
        name: str,
        values: Mapping[str, object],
        *,
        person: Reader | None = None,
        language: Language = "id",
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (),
        back: str = "",
    ) -> Response:
        """The page as an answer; the policy and, for signed-in people, `no-store` come with it.

        Args:
            name: Template, such as `status.html` or `apps/village_desk/form.html`.
            values: What it shows.
            person: Who is signed in; None for everybody.
            language: Of the page.
            status: HTTP status.
            headers: Further header fields.
            back: Path the language switch comes back to; without one the switch is left out.

        Raises:
            jinja2.TemplateError: There is no such template, or it asks for a value that is not there.
        """
        template = self._environments[language].get_template(name)
        body = template.render(values, person=person, back=back).encode()
        caching = ("cache-control", "no-cache" if person is None else "private, no-store")
        return Response(body, status, HTML, (caching, ("vary", "cookie"), *headers))

    def _address(self, owner: str, file: str) -> str:
        if owner not in self.assets:
            raise NoSuchAsset(f"{owner} has no assets")
        return self.assets[owner].address(file)


__all__ = ["HTML", "OWN", "Pages", "Reader"]
