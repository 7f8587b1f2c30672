"""Every instance forgets what changed at the centre, from a place kept beside its own remembered answers.

The one that follows the centre writes *news* (`gateway.flows.follow`); each instance reads them here. The place is kept
in `cache.db` itself: an instance that was down forgets what it missed before long. One whose file is new begins at the
end of the news; whatever it remembered before that look, since nobody knows what it missed, it forgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.outbox.following import Following

_log = structlog.get_logger("gateway.follow")


class Rememberer(Protocol):
    """What forgets; the cache is one."""

    async def noted(self) -> int | None:
        """Up to where news were followed; None if never; raises `StorageUnavailable` if that cannot be read."""

    async def forget_marks(self, halves: Collection[bytes], upto: int | None = None) -> None:
        """Forget some subjects, and note the place with it."""

    async def forget_all(self, upto: int) -> None:
        """Forget everything, and note the place with it."""


class Forgetter:
    """Follows the news on behalf of one instance's cache.

    Args:
        following: Where the news are.
        cache: What forgets.
    """

    def __init__(self, following: Following, cache: Rememberer) -> None:
        self._following = following
        self._cache = cache

    async def turn(self) -> None:
        """Forget all that is new; a job of the supervisor.

        Raises:
            StorageUnavailable: It could not be forgotten, and is tried again.
        """
        more = True
        while more:
            noted = await self._cache.noted()
            news = await self._following.news(noted)
            if noted is None or news.missed:
                if news.missed:
                    _log.warning("follow.news.missed")
                await self._cache.forget_all(news.upto)
            elif news.upto != noted:
                await self._cache.forget_marks(news.subjects, news.upto)
            more = news.more or news.missed
