"""`/check`: whether a paper with a code is genuine, and what became of it; for everybody, without scripts.

It says what kind of paper it is, its fate and since when, and nothing more. Codes have 60 random bits and a check
character; what is none is looked up all the same, so the time of an answer tells nothing.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from gateway.catalogue.document_states import FATES
from gateway.catalogue.documents import title_of
from gateway.contract import errors
from gateway.contract.errors import TooManyRequests
from gateway.contract.web import PUBLIC, Parameter, Response, Route
from gateway.http.freshness import instant
from gateway.http.pages import local_time, shell
from gateway.http.submissions import Words
from gateway.http.system import HTML

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.contract.host import Clock
    from gateway.contract.web import Request
    from gateway.documents.documents import Verdict
    from gateway.http.network_pace import NetworkPace

PATH: Final = "/check"
_CODE = Parameter("code", "query", "The code, as it stands on the paper.", "^.{0,64}$")
_LONGEST: Final = 64
_GOOD: Final = frozenset({"final", "provisional"})
_HEADERS: Final = (
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("cache-control", "no-store"),
    ("vary", "accept"),
    ("x-frame-options", "DENY"),
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
    """

    def __init__(self, check: Callable[[str], Awaitable[Verdict | None]], pace: NetworkPace, clock: Clock) -> None:
        self._check = check
        self._pace = pace
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        """The form, and the answer."""
        refusals = (errors.TooManyRequests, errors.StorageUnavailable)
        return (
            Route(
                "GET", PATH, PUBLIC, self.asked, "Type the code of a paper, and see whether it is genuine",
                "Ketik kode pada kertas untuk memeriksa keasliannya", content_type=HTML, errors=refusals,
                parameters=(_CODE,),
            ),
            Route(
                "GET", PATH + "/{code}", PUBLIC, self.told,
                "Whether a paper is genuine and what became of it: a page, or JSON where `Accept` wants it",
                "Apakah sebuah kertas asli dan masih berlaku: halaman, atau JSON bila diminta `Accept`",
                answer=CheckAnswer, errors=refusals,
            ),
        )  # fmt: skip

    async def asked(self, request: Request) -> Response:
        """The form; with a code in the query, what it stands for."""
        code = request.query.get("code", "")
        if not code:
            return Response(_page("Periksa kertas", _FORM), content_type=HTML, headers=_HEADERS)
        return await self._answer(request, code)

    async def told(self, request: Request) -> Response:
        """What a code stands for."""
        return await self._answer(request, request.path["code"])

    async def _answer(self, request: Request, code: str) -> Response:
        wait = self._pace.offer(request.peer, self._clock.monotonic())
        if wait is not None:
            raise TooManyRequests(retry_after=wait)
        answer = _answer_of(await self._check(code[:_LONGEST]))
        if "application/json" in request.headers.get("accept", ""):
            return Response.json(answer, headers=_HEADERS)
        return Response(_page(answer.label.id, _told(answer)), content_type=HTML, headers=_HEADERS)


def _answer_of(verdict: Verdict | None) -> CheckAnswer:
    state: Fate = "unknown" if verdict is None else verdict.state.value
    label, explained = FATES[state]
    words = (Words(label.id, label.en), Words(explained.id, explained.en))
    if verdict is None:
        return CheckAnswer(False, state, *words, None, None, None)  # noqa: FBT003 # as its fields stand
    title = title_of(verdict.kind)
    until = None if verdict.until is None else instant(verdict.until)
    return CheckAnswer(True, state, *words, Words(title.id, title.en), instant(verdict.since), until)  # noqa: FBT003


def _told(answer: CheckAnswer) -> str:
    kind = "works" if answer.state in _GOOD else "away"
    rows = ""
    if answer.title is not None:
        rows += _row("Jenis kertas", "Kind of paper", _both(answer.title))
        rows += _row("Sejak", "Since", local_time(answer.since))
    if answer.until is not None:
        rows += _row("Berlaku sampai", "Holds until", local_time(answer.until))
    return (
        f'<p class="state {kind}">{_both(answer.label)}</p><p>{_both(answer.explained)}</p>'
        f"{f'<table><tbody>{rows}</tbody></table>' if rows else ''}{_FORM}"
    )


def _row(label: str, english: str, value: str) -> str:
    return f'<tr><th scope="row">{label}<br><small lang="en">{english}</small></th><td>{value}</td></tr>'


def _both(words: Words) -> str:
    return f'{escape(words.id)}<br><span class="en" lang="en">{escape(words.en)}</span>'


def _page(title: str, body: str) -> bytes:
    heading = '<h1>Periksa kertas <span class="en" lang="en">Check a paper</span></h1>'
    return shell(title, heading + body).encode()


_FORM: Final = (
    f'<form action="{PATH}" method="get"><p><label for="code">Kode pada kertas '
    '<span class="en" lang="en">Code on the paper</span></label><br>'
    '<input id="code" name="code" maxlength="64" autocomplete="off" autocapitalize="characters" spellcheck="false" '
    'required> <button type="submit">Periksa <span lang="en">Check</span></button></p></form>'
)
