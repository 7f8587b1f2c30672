"""The link that lets a question go on towards the centre only once it is written down.

It stands behind the cache, so that what is answered from memory is written down once, with its answer, before that is
shown; and before `coalesce`, so that everyone who joins a call under way is written down too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.centre.link import Link
    from gateway.contract.messages import Answer, Call


class Written:
    """The link.

    Args:
        inner: Next link.
    """

    def __init__(self, inner: Link) -> None:
        self._inner = inner

    async def ask(self, call: Call) -> Answer:
        """The next link's answer.

        Raises:
            StorageUnavailable: It could not be written down; nothing was sent.
            GatewayError: What the links below say.
        """
        if call.written is not None:
            await call.written()
        return await self._inner.ask(call)
