"""Where an extension keeps its page templates and its assets, found when it is registered."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from gateway.registry.loading import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    from gateway.contract.pages import Templates


@dataclass(frozen=True, slots=True)
class PageFolders:
    """The folders of one extension.

    Attributes:
        templates: Its templates.
        assets: Its styles, scripts and pictures; None where it has none.
    """

    templates: Traversable
    assets: Traversable | None


def folders_of(given: Sequence[Templates]) -> PageFolders | None:
    """What the hook `gateway_pages` named; None where it named nothing.

    Raises:
        Broken: It named more than one package, or one without a folder of templates.
    """
    if not given:
        return None
    if len(given) > 1:
        raise Broken("gateway_pages gives more than one package of templates")
    home = resources.files(given[0].package)
    templates, assets = home.joinpath("templates"), home.joinpath("assets")
    if not templates.is_dir():
        raise Broken(f"{given[0].package} has no folder templates")
    return PageFolders(templates, assets if assets.is_dir() else None)
