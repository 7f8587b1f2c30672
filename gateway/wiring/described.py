"""The OpenAPI documents of one config: the gateway's own API with those of plugins, and one for each adapter."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from gateway.contract.errors import NotFound
from gateway.http.openapi import NATIVE, NO_NUMBERS, Linked, address_of, document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.http.table import Mounted
    from gateway.registry.manifest import Manifest
    from gateway.settings import Settings

TITLE = "Gerbang SIAK · SIAK gateway"
_STANDS_ELSEWHERE = (
    "Menjawab di alamat layanan lama, dalam bahasanya. / Answers at the addresses of an older service, in its dialect."
)


class Described:
    """Draws each document when it is first asked for.

    Args:
        mounted: All public routes.
        settings: The config.
        manifests: Manifests of extensions, by name.
    """

    def __init__(
        self, mounted: Iterable[Mounted], settings: Settings, manifests: Mapping[str, Manifest | None]
    ) -> None:
        self._mounted = tuple(mounted)
        self._purposes = tuple(settings.purposes)
        serving = {one.extension for one in self._mounted}
        self._adapters = {
            name: _title(name, manifests.get(name)) for name in settings.adapters.enabled if name in serving
        }
        self._drawn: dict[str | None, dict[str, Any]] = {}

    def document(self, adapter: str | None) -> dict[str, Any]:
        """The document of an adapter, or of the gateway's own API for None.

        Raises:
            NotFound: No such adapter has routes here.
        """
        drawn = self._drawn.get(adapter)
        if drawn is None:
            drawn = self._drawn[adapter] = self._native() if adapter is None else self._of(adapter)
        return drawn

    def _native(self) -> dict[str, Any]:
        links = [Linked(name, title, address_of(name)) for name, title in self._adapters.items()]
        ours = [one for one in self._mounted if one.extension not in self._adapters]
        return document(ours, title=TITLE, version=_version(), purposes=self._purposes, adapters=links)

    def _of(self, adapter: str) -> dict[str, Any]:
        if adapter not in self._adapters:
            raise NotFound("There is no such adapter.")
        theirs = [one for one in self._mounted if one.extension == adapter]
        stands_elsewhere = any(one.route.absolute for one in theirs)
        return document(
            theirs,
            title=self._adapters[adapter],
            version=_version(),
            purposes=self._purposes,
            description=_STANDS_ELSEWHERE if stands_elsewhere else NO_NUMBERS,
            back=NATIVE,
        )


def _title(name: str, manifest: Manifest | None) -> str:
    return name if manifest is None else f"{manifest.title_id} / {manifest.title}"


def _version() -> str:
    return version("siak-gateway")
