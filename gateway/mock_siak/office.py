"""The office: takes in what is handed in, once per reference, and decides it some time later.

It has no timer. What is due is decided before anybody looks: at the next call of any kind, in the order in which it
fell due. So a restart or a clock that jumps decides what was due meanwhile, and nothing is decided twice.
"""

from __future__ import annotations

import base64
import hashlib
import math
import random
import sqlite3
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from msgspec.structs import replace

from gateway.mock_siak.behaviour import Behaviour
from gateway.mock_siak.cases import (
    ISSUED,
    PRINT_READY,
    RECEIVED,
    RECORDING,
    REJECTED,
    Case,
    Document,
    failed_state,
    rejection,
    stamp,
)
from gateway.mock_siak.effects import judge
from gateway.mock_siak.people import Status
from gateway.mock_siak.rendering import biodata

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.mock_siak.book import Book
    from gateway.mock_siak.effects import Judgement, Outcome
    from gateway.mock_siak.people import Resident
    from gateway.mock_siak.population import Population

_log = structlog.get_logger()
_SIGMA = 0.5
_OF_RECORDINGS = ("duplicate_record", "enroll_failure")
_EVERYBODY = ""
_Event = tuple[str, dict[str, Any]]


class Office:
    """Decides over a population, and keeps book; `behaviour` is what is in force now."""

    def __init__(self, book: Book, population: Population, seed: int, clock: Callable[[], float]) -> None:
        self._book = book
        self._population = population
        self._seed = seed
        self._clock = clock
        self._next: float | None = None
        self._cards: dict[str, int] = {}
        self.behaviour = Behaviour()

    def resume(self) -> None:
        """Take up what an earlier process decided, and what it left undecided."""
        self._population.forget_changes()
        self._cards.clear()
        for case in self._book.decided():
            if case.rejection is None:
                self._carry_out(case, judge(self._population, case))
        self._next = self._book.next_due()

    @property
    def unsettled(self) -> bool:
        """Whether something happened that a power cut would still undo; then nobody may be told anything."""
        return self._book.unsettled

    def commit(self) -> bool:
        """Make what happened durable; False if that failed, and then it has not happened."""
        try:
            self._book.commit()
        except sqlite3.Error:
            _log.exception("mock_siak.book.failed")
            self.resume()
            return False
        return True

    def hand_in(self, account: str, body: dict[str, Any]) -> tuple[Case, bool] | None:
        """Take in a submission or an opened recording; the case and whether it is new, None for a conflict.

        Args:
            account: Key of the account.
            body: What was handed in, already checked; `service` is `recording` for a recording.
        """
        self.settle()
        digest = _digest({key: value for key, value in body.items() if key != "reference"})
        held = self._book.find(body["reference"])
        if held and (held.account, held.digest) != (account, digest):
            self._book.refuse(body["reference"], "reference_conflict")
            return None
        if held and self.behaviour.unique_references:
            self._book.arrive(held.reference)
            return held, False
        return self._take(self._case(account, body, digest)), True

    def find(self, account: str, reference: str) -> Case | None:
        """What an account has handed in under a reference."""
        self.settle()
        held = self._book.find(reference)
        return held if held and held.account == account else None

    def settle(self, until: float | None = None) -> None:
        """Decide everything that is due by now, or by `until`."""
        now = self._clock() if until is None else until
        if self._next is None or self._next > now:
            return
        while cases := self._book.due(now):
            self._decide(cases)
        self._next = self._book.next_due()

    def reject(self, reference: str, code: str) -> bool:
        """Decide something undecided now, with a rejection; False if there is no such thing."""
        self.settle()
        case = self._book.find(reference)
        if case is None or case.decided_at is not None:
            return False
        self._decide([replace(case, dealt=code)])
        self._next = self._book.next_due()
        return True

    def happen(self, service: str, form: dict[str, Any]) -> str | None:
        """Something happens that nobody handed in here; the code of a rejection if it cannot."""
        self.settle()
        now = self._clock()
        case = Case(_EVERYBODY, "", service, "", form, "", "", now, now)
        judged = judge(self._population, case)
        if isinstance(judged, str):
            return judged
        self._decide([self._book.take(case)])
        return None

    def blangko(self, regency: str) -> dict[str, Any]:
        """Blank cards of a regency."""
        self.settle()
        allocated, used = self.behaviour.blangko, self._cards.get(regency, 0)
        return {"regency": regency, "allocated": allocated, "used": used, "left": max(0, allocated - used)}

    def _case(self, account: str, body: dict[str, Any], digest: str) -> Case:
        """A new case, its fate drawn from seed and reference alone: the same whatever came before it."""
        service, now = body["service"], self._clock()
        draw = random.Random(f"{self._seed}:{body['reference']}")
        return Case(
            account=account,
            reference=body["reference"],
            service=service,
            village=body["village"],
            form=body["form"],
            digest=digest,
            receipt=f"SK{self._code(body['reference'], now)}",
            accepted_at=now,
            due_at=now + self._delay(draw),
            dealt=self._dealt(service, draw),
            state=RECEIVED if service == RECORDING else "accepted",
        )

    def _delay(self, draw: random.Random) -> float:
        share = draw.lognormvariate(-(_SIGMA**2) / 2, _SIGMA)
        return self.behaviour.office_seconds * share if math.isfinite(share) else 0.0

    def _dealt(self, service: str, draw: random.Random) -> str | None:
        for each in self.behaviour.rejections:
            fits = (each.code in _OF_RECORDINGS) == (service == RECORDING)
            if draw.random() < each.rate and fits and (not each.services or service in each.services):
                return each.code
        return None

    def _take(self, case: Case) -> Case:
        taken = self._book.take(case)
        self._next = min(case.due_at, case.due_at if self._next is None else self._next)
        return taken

    def _decide(self, cases: list[Case]) -> None:
        """Decide in order and write it down as one; what one decision changes counts for the next."""
        now = self._clock()
        decided: list[Case] = []
        events: list[_Event] = []
        for case in cases:
            at = max(case.accepted_at, min(case.due_at, now))
            judged = case.dealt or judge(self._population, case)
            done = self._rejected(case, judged) if isinstance(judged, str) else self._issued(case, judged)
            done = replace(done, decided_at=at)
            decided.append(done)
            if done.account:
                events.append((done.account, _news(done)))
            events += [(_EVERYBODY, {"at": stamp(at), **change}) for change in self._carry_out(done, judged)]
        try:
            self._book.decide(decided, events)
        except BaseException:
            self.resume()
            raise

    def _rejected(self, case: Case, code: str) -> Case:
        return replace(case, state=failed_state(code) if case.is_recording else REJECTED, rejection=code)

    def _issued(self, case: Case, outcome: Outcome) -> Case:
        documents = tuple(
            Document(
                paper.kind,
                paper.number or f"{case.village[:4]}-{case.id:08d}",
                f"D{self._code(case.reference, place)}",
                None if paper.nik is None else f"{paper.nik:016d}",
            )
            for place, paper in enumerate(outcome.papers)
        )
        return replace(case, state=PRINT_READY if case.is_recording else ISSUED, documents=documents)

    def _carry_out(self, case: Case, judged: Judgement) -> list[dict[str, Any]]:
        """Change the register as it was judged; the changes and deaths, as bodies of events."""
        if isinstance(judged, str):
            return []
        if case.service == "ktp":
            regency = case.village[:4]
            self._cards[regency] = self._cards.get(regency, 0) + 1
        return [event for resident in judged.residents for event in self._put(resident)]

    def _put(self, resident: Resident) -> list[dict[str, Any]]:
        before = self._population.resident(resident.nik)
        self._population.put(resident)
        about = {"nik": f"{resident.nik:016d}", "no_kk": f"{resident.home.no_kk:016d}"}
        if before and resident.status is Status.DECEASED:
            return [{"kind": "death", **about}]
        then, now = biodata(before) if before else {}, biodata(resident)
        changed = [key for key, value in now.items() if key not in then or then[key] != value]
        if before and before.home.no_kk != resident.home.no_kk:
            about["no_kk_before"] = f"{before.home.no_kk:016d}"
        return [{"kind": "change", **about, "elements": changed}]

    def _code(self, reference: str, salt: float) -> str:
        """A number that tells nothing: twelve letters of base 32."""
        drawn = hashlib.sha256(f"{self._seed}:{reference}:{salt}".encode()).digest()
        return base64.b32encode(drawn)[:12].decode()


def _news(case: Case) -> dict[str, Any]:
    """The event that tells whoever handed a case in what became of it."""
    told: dict[str, Any] = {"at": stamp(case.decided_at or 0.0), "reference": case.reference, "receipt": case.receipt}
    if case.is_recording:
        return {"kind": "recording", **told, "nik": case.form["nik"], "state": case.state}
    if case.rejection:
        return {"kind": "rejected", **told, "rejection": rejection(case.rejection)}
    return {"kind": "issued", **told, "documents": [msgspec.to_builtins(document) for document in case.documents]}


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()
