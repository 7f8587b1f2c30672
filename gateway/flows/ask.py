"""The verb *ask*: a question on behalf of a caller, from its right to the cut answer.

```
rights ─► policies (may only refuse) ─► chain ─┬─► from memory ──────► ledger: one record, durable ─┐
                                               └─► ledger: began, durable ─► centre ─► ledger: ended ─┤
                            Outcome ◄─ observers told ◄─ fields cut ◄─────────────────────────────────┘
```

Nothing leaves the gateway, and nothing is shown to anybody, before the ledger holds that it was.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from gateway.contract.errors import GatewayError, NotFound
from gateway.contract.events import ABANDONED, ANSWERED, ExchangeRecord
from gateway.contract.messages import Answer, Call, Freshness
from gateway.contract.roles import Intent
from gateway.flows.cut import Cutter

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.centre.link import Link
    from gateway.contract.host import Asking, Clock
    from gateway.contract.messages import Caller, Question
    from gateway.contract.roles import Policy
    from gateway.flows.rights import Grant, Rights
    from gateway.ledger.exchange import Beginning, Recorder

_DEFAULT_FRESHNESS = Freshness()


class Outcome(msgspec.Struct, frozen=True):
    """An answered exchange.

    Attributes:
        answer: With the fields the caller may not see cut away.
        headers: What policies want told, such as `RateLimit`.
    """

    answer: Answer
    headers: tuple[tuple[str, str], ...] = ()


class Asker:
    """Asks the centre on behalf of callers.

    Args:
        chain: The outermost link to the centre.
        rights: The core's checks.
        clock: The gateway's clock.
        deadline: Seconds a question may take when the caller sets none.
        ledger: Writes each exchange down before anything is revealed; None where the config switches it off.
    """

    def __init__(
        self, chain: Link, rights: Rights, clock: Clock, deadline: float, ledger: Recorder | None = None
    ) -> None:
        self.rights = rights
        self.policies: tuple[Policy, ...] = ()
        self.tell: Callable[[ExchangeRecord], None] = _nobody
        self._chain = chain
        self._clock = clock
        self._deadline = deadline
        self._ledger = ledger
        self._cutter = Cutter()

    async def ask(self, caller: Caller, question: Question, asking: Asking, adapter: str = "native") -> Outcome:
        """The answer, or any leaf of the error tree; observers are told either way."""
        started = self._clock.monotonic()
        outcome, answer, village = "internal", None, asking.village or caller.village or ""
        headers: tuple[tuple[str, str], ...] = ()
        beginning: Beginning | None = None
        try:
            grant = self.rights.grant(caller, question, asking)
            village = grant.village
            beginning = self._begin(caller, question, asking, grant, adapter)
            if self.policies:
                headers = await self._policies(caller, question, asking, grant, adapter)
            call = self._call(caller, question, asking, grant, adapter, started, beginning)
            answer = await self._from_chain(call, beginning)
            if not answer.reply.found:
                outcome = NotFound.code
                return Outcome(_negative(answer, asking), headers)
            shown = self._cutter.cut(answer, grant.fields)
            outcome = ANSWERED
        except GatewayError as error:
            outcome = error.code
            error.headers = (*headers, *error.headers)  # an instance of this asker's own
            raise
        except asyncio.CancelledError:
            outcome = ABANDONED
            raise
        else:
            return Outcome(shown, headers)
        finally:
            if beginning is not None and self._ledger is not None:
                self._ledger.ended(beginning, outcome, answer)
            took = self._clock.monotonic() - started
            self.tell(self._record(caller, question, asking, adapter, village, outcome, answer, took))

    def _begin(
        self, caller: Caller, question: Question, asking: Asking, grant: Grant, adapter: str
    ) -> Beginning | None:
        if self._ledger is None:
            return None
        return self._ledger.begin(
            question, caller.id, grant.right.name, adapter, grant.village, asking.purpose, asking.request_id or ""
        )

    async def _from_chain(self, call: Call, beginning: Beginning | None) -> Answer:
        """The chain's answer, once the ledger holds that it will be shown; refusals tell of somebody too."""
        if self._ledger is None or beginning is None:
            return await self._chain.ask(call)
        try:
            answer = await self._chain.ask(call)
        except GatewayError as error:
            await self._ledger.exchanged(beginning, error.code, None)
            raise
        await self._ledger.exchanged(beginning, ANSWERED if answer.reply.found else NotFound.code, answer)
        return answer

    def _record(
        self,
        caller: Caller,
        question: Question,
        asking: Asking,
        adapter: str,
        village: str,
        outcome: str,
        answer: Answer | None,
        seconds: float,
    ) -> ExchangeRecord:
        return ExchangeRecord(
            verb="ask",
            service=question.service,
            caller=caller.id,
            right=caller.right or "",
            adapter=adapter,
            village=village,
            purpose=asking.purpose if asking.purpose in self.rights.purposes else "",
            outcome=outcome,
            source=answer.source if answer is not None else None,
            age_seconds=answer.age_seconds if answer is not None else 0.0,
            seconds=seconds,
            request_id=asking.request_id or "",
        )

    async def _policies(
        self, caller: Caller, question: Question, asking: Asking, grant: Grant, adapter: str
    ) -> tuple[tuple[str, str], ...]:
        intent = Intent(
            "ask", caller, question.service, asking.purpose, grant.village, adapter, asking.request_id or ""
        )
        headers: tuple[tuple[str, str], ...] = ()
        for policy in self.policies:
            allowed = await policy.before(intent)
            headers += allowed.headers
        return headers

    def _call(
        self,
        caller: Caller,
        question: Question,
        asking: Asking,
        grant: Grant,
        adapter: str,
        started: float,
        beginning: Beginning | None,
    ) -> Call:
        freshness = asking.freshness or _DEFAULT_FRESHNESS
        if freshness.no_cache and not caller.may_skip_cache:
            freshness = Freshness(freshness.max_stale, no_cache=False, strict=freshness.strict)
        return Call(
            question=question,
            right=grant.right.name,
            caller=caller.id,
            village=grant.share,
            adapter=adapter,
            priority=grant.priority,
            deadline=asking.deadline if asking.deadline is not None else started + self._deadline,
            request_id=asking.request_id or "",
            traceparent=asking.traceparent,
            freshness=freshness,
            written=None if beginning is None or self._ledger is None else partial(self._ledger.began, beginning),
        )


def _negative(answer: Answer, asking: Asking) -> Answer:
    """The centre's "not found" for askers who want to see it.

    Raises:
        NotFound: For all others.
    """
    if asking.negative:
        return answer
    raise NotFound("The centre knows nobody under this number.", executed="yes")


def _nobody(_record: ExchangeRecord) -> None:
    """Observe nothing; replaced when extensions are registered."""
