"""`/check`: whether a paper with a code is genuine, and what became of it; for everybody, with or without scripts.

It says what kind of paper it is, its fate and since when, and nothing more. Codes have 60 random bits and a check
character; what is none is looked up all the same, so the time of an answer tells nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from gateway.catalogue.document_states import FATES
from gateway.catalogue.documents import title_of
from gateway.catalogue.receipts import read_number
from gateway.contract import errors
from gateway.contract.errors import TooManyRequests
from gateway.contract.web import PUBLIC, Parameter, Response, Route
from gateway.http.freshness import instant
from gateway.http.submissions import Words
from gateway.pages import HTML, language_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.contract.host import Clock
    from gateway.contract.web import Request
    from gateway.documents.documents import Verdict
    from gateway.http.network_pace import NetworkPace
    from gateway.pages import Pages

PATH: Final = "/check"
_CODE = Parameter("code", "query", "The code, as it stands on the paper.", r"^[\s\S]*$")
_LONGEST: Final = 64
_GOOD: Final = frozenset({"final", "provisional"})
_HEADERS: Final = (
    ("cache-control", "no-store"),
    ("vary", "accept"),
    ("x-robots-tag", "noindex"),
)

Fate = Literal["final", "provisional", "replaced", "void", "expired", "unknown"]
Moment = Annotated[str | None, Meta(extra_json_schema={"format": "date-time"})]


class CheckAnswer(msgspec.Struct, frozen=True):
    """What a code stands for; no personal data.

    Attributes:
        genuine: Whether a paper with this code was ever issued here.
        state: What became of it.
        label: The same in two words.
        explained: The same in a sentence.
        title: What kind of paper it is; null for a code that is not known.
        since: Since when that is so; null for a code that is not known.
        until: Until when it holds; null for no end.
    """

    genuine: bool
    state: Fate
    label: Words
    explained: Words
    title: Words | None
    since: Moment
    until: Moment


class Check:
    """Handlers of the check.

    Args:
        check: Gives what a code stands for, as somebody typed it; None if it is not known.
        pace: How often one network may ask.
        clock: The gateway's clock.
        pages: Draws what people read.
    """

    def __init__(
        self, check: Callable[[str], Awaitable[Verdict | None]], pace: NetworkPace, clock: Clock, pages: Pages
    ) -> None:
        self._check = check
        self._pace = pace
        self._clock = clock
        self._pages = pages

    def routes(self) -> tuple[Route, ...]:
        """The form, and the answer."""
        refusals = (errors.TooManyRequests, errors.StorageUnavailable)
        return (
            Route(
                "GET", PATH, PUBLIC, self.asked, "Type the code of a paper, and see whether it is genuine",
                "Ketik kode pada kertas untuk memeriksa keasliannya", answer=CheckAnswer, content_type=HTML,
                errors=refusals, parameters=(_CODE,),
            ),
            Route(
                "GET", PATH + "/{code}", PUBLIC, self.told,
                "Whether a paper is genuine and what became of it: a page, or JSON where `Accept` wants it",
                "Apakah sebuah kertas asli dan masih berlaku: halaman, atau JSON bila diminta `Accept`",
                answer=CheckAnswer, content_type=HTML, errors=refusals,
            ),
        )  # fmt: skip

    async def asked(self, request: Request) -> Response:
        """The form; with a code in the query, what it stands for."""
        code = request.query.get("code", "")
        if not code:
            return self._page(request, None, PATH)
        return await self._answer(request, code)

    async def told(self, request: Request) -> Response:
        """What a code stands for."""
        return await self._answer(request, request.path["code"])

    async def _answer(self, request: Request, code: str) -> Response:
        wait = self._pace.offer(request.peer, self._clock.monotonic())
        if wait is not None:
            raise TooManyRequests(retry_after=wait)
        typed = code[:_LONGEST]
        answer = _answer_of(await self._check(typed))
        if "application/json" in request.headers.get("accept", ""):
            return Response.json(answer, headers=_HEADERS)
        return self._page(request, answer, f"{PATH}/{read_number(typed)}" if answer.genuine else PATH)

    def _page(self, request: Request, answer: CheckAnswer | None, back: str) -> Response:
        values = {"answer": answer, "good": answer is not None and answer.state in _GOOD}
        language = language_of(request.headers)
        return self._pages.render("check.html", values, language=language, headers=_HEADERS, back=back)


def _answer_of(verdict: Verdict | None) -> CheckAnswer:
    state: Fate = "unknown" if verdict is None else verdict.state.value
    label, explained = FATES[state]
    words = (Words(label.id, label.en), Words(explained.id, explained.en))
    if verdict is None:
        return CheckAnswer(False, state, *words, None, None, None)  # noqa: FBT003 # as its fields stand
    title = title_of(verdict.kind)
    until = None if verdict.until is None else instant(verdict.until)
    return CheckAnswer(True, state, *words, Words(title.id, title.en), instant(verdict.since), until)  # noqa: FBT003
