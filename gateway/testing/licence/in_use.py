"""Rules that are watched while the extension is used: examples, personal data, life, memory."""

from __future__ import annotations

import contextlib
import gc
import http.client
import io
import json
import sys
import threading
import types
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.contract.web import Who
from gateway.log import BLOT
from gateway.testing.drill.play import Traffic, playing
from gateway.testing.drill.receipts import handed_in
from gateway.testing.examples import (
    ExampleFault,
    ask,
    config_of,
    read_examples,
    recorded_in,
    run_example,
    secrets_of,
)
from gateway.testing.licence.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.testing.drill.play import Play
    from gateway.testing.licence.subject import Subject
    from gateway.testing.stage import Heard, Person, Stage

MARKED = 12
"""Residents whose data are looked for afterwards."""

_GRACE = 2.0
"""Seconds a thread may take to end after everything was closed."""

ROUND = 150
"""Questions of one round of the look at memory."""


def examples(subject: Subject) -> Iterator[str]:
    """Each runs as it says; an adapter has one that is answered well, which the drill is driven with."""
    if subject.folder is None:
        return
    try:
        config_of(subject.folder / "examples")
        secrets_of(subject.folder / "examples", "")
        cases = read_examples(subject.folder / "examples")
    except ExampleFault as fault:
        yield str(fault)
        return
    if Traffic(subject).lead is None and Traffic(subject, writes=True).lead is None:
        yield "no example is answered well (status 2xx), so nothing shows how it is used"
    elif subject.hands_in and Traffic(subject, writes=True).lead is None:
        yield "no example that names {hand_in} is answered well (status 2xx)"
    for case in cases:
        if case.centre is not None and not case.answer.names_body and case.answer.status < http.client.BAD_REQUEST:
            yield f"{case.name}: its answer names neither json nor contains, so that any answer fits"
    if not cases:
        return
    with subject.stage() as stage:
        key = subject.key_of(stage)
        for case in cases:
            yield from (f"{case.name}: {unlike}" for unlike in run_example(stage, case, key=key))
        if not subject.hands_in and any(one.adapter == subject.name for one in handed_in(stage)):
            yield "it hands in, but no example names {hand_in}, so that nothing shows what becomes of a repetition"


def tests(subject: Subject) -> Iterator[str]:
    """Each route has an example, and one example at least is there."""
    asked = {(each.request.method, each.request.path.partition("?")[0]) for each in subject.examples}
    asked |= recorded_in(subject.folder / "examples") if subject.folder is not None else set()
    if not asked:
        yield "it has no examples"
    for mounted in subject.member.routes:
        route = mounted.placed()
        if route.method == "OPTIONS":  # a browser's preflight promises nothing by itself
            continue
        shape = route.path.split("/")
        if not any(method == route.method and _fits(path.split("/"), shape) for method, path in asked):
            yield f"{route.method} {route.path} has no example"


def _fits(path: list[str], shape: list[str]) -> bool:
    return len(path) == len(shape) and all(
        part.startswith("{") or part == given for given, part in zip(path, shape, strict=True)
    )


def no_personal_data(subject: Subject) -> Iterator[str]:
    """Asked about marked residents, with the centre well and broken, it leaves no mark but in good answers."""
    written = io.BytesIO()
    printed = io.TextIOWrapper(written, "utf-8", write_through=True)
    told: list[bytes] = []
    with subject.stage() as stage:
        key, people = subject.key_of(stage), stage.people()[:MARKED]
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            for behaviour in ({}, {"mode": "refuse"}, {"faults": [{"kind": "truncated_json", "rate": 1.0}]}):
                stage.behave(**behaviour)
                told += _tell(subject, stage, people, key)
            told += [_get(stage, path) for path in _operator_pages(subject)]
            stage.close()
        places = {
            "its log": stage.logged.getvalue(),
            "what it prints": written.getvalue(),
            "its refusals and operator pages": b"\n".join(told),
            **{f"{file.name} at rest": file.read_bytes() for file in _files(stage)},
        }
    yield from _marked(places, people)
    yield from _dropped(places["its log"], subject.name)


def _tell(subject: Subject, stage: Stage, people: list[Person], key: str) -> Iterator[bytes]:
    """Ask every example about each of them; all that came back but bodies of good answers."""
    lead = Traffic(subject).lead
    for example in subject.examples or ((lead,) if lead is not None else ()):
        for person in people if example.request.personal else people[:1]:
            heard = ask(stage, example.request, person, key, headers={"X-Request-Deadline": "1"})
            yield _but_good_bodies(heard)


def _but_good_bodies(heard: Heard) -> bytes:
    head = json.dumps(dict(heard.headers)).encode()
    return head if heard.status == http.client.OK else head + heard.body


def _operator_pages(subject: Subject) -> list[str]:
    routes = [each.placed() for each in subject.member.routes]
    return [each.path for each in routes if each.rule.who is Who.OPERATOR and each.method == "GET"]


def _get(stage: Stage, path: str) -> bytes:
    return stage.request("GET", path, operator=True).body


def _files(stage: Stage) -> list[Any]:
    return [path for path in stage.data.rglob("*") if path.is_file() and "secrets" not in path.parts]


def _marked(places: Mapping[str, bytes], people: list[Person]) -> Iterator[str]:
    marks = {
        mark: word
        for person in people
        for word, mark in (("NIK", person.nik), ("KK number", person.no_kk), ("name", person.name))
        if word != "name" or " " in mark  # a single word may stand anywhere
    }
    for place, data in places.items():
        words = sorted({word for mark, word in marks.items() if mark.encode() in data})
        yield from (f"the {word} of a resident stands in {place}" for word in words)


def _dropped(log: bytes, name: str) -> Iterator[str]:
    """What the log's own net caught: it would have been a leak anywhere else."""
    for line in map(json.loads, log.splitlines()):
        if line.get("extension") != name:
            continue
        if line.get("redacted"):
            yield f"it logs fields that no log may hold: {', '.join(line['redacted'])}"
            return
        if BLOT in json.dumps(line):
            yield f"it logs a number as long as a NIK with {line['event']}"
            return


def life(subject: Subject) -> Iterator[str]:
    """It opens and closes in time, and leaves no thread behind."""
    before = set(threading.enumerate())
    with subject.stage() as stage:
        registry = stage.gateway.generation.registry
        yield from (f"{each.stage}: {each.reason}" for each in registry.failures)
        stage.close()
        yield from (f"close: {each.reason}" for each in registry.failures if each.stage == "close")
    left = sorted(thread.name for thread in set(threading.enumerate()) - before if _goes_on(thread))
    if left:
        yield f"it leaves threads behind: {', '.join(left)}"


def _goes_on(thread: threading.Thread) -> bool:
    """Whether a thread is still there after it had time to end."""
    thread.join(_GRACE)
    return thread.is_alive()


def bounded_memory(subject: Subject) -> Iterator[str]:
    """Two equal rounds of new residents: in the second nothing it holds grows with the questions."""
    with playing(subject) as play:
        if play.traffic.lead is None:
            return
        _round(play)
        before = _held(subject, play)
        _round(play)
        grown = _held(subject, play) - before
    if grown >= ROUND:
        yield f"what it keeps grew by {grown} entries in {ROUND} questions about new residents"


def _round(play: Play) -> None:
    play.ask_all(play.people(ROUND), at_once=8)


def _held(subject: Subject, play: Play) -> int:
    """Entries of all containers reachable from the extension and its modules, the gateway's own left out."""
    members = play.stage.gateway.generation.registry.members
    own = [vars(each.extension) for each in members if each.name == subject.name]
    module = subject.point.module
    own += [vars(each) for name, each in sys.modules.items() if name == module or name.startswith(f"{module}.")]
    seen: set[int] = set()
    waiting: list[object] = [
        value for holder in own for name, value in holder.items() if name not in {"host", "config", "__builtins__"}
    ]
    entries = 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _NOT_ITS_OWN) or _is_gateways(each):
            continue
        seen.add(id(each))
        if isinstance(each, Mapping | list | set | frozenset | tuple | deque):
            entries += len(each)
        waiting += gc.get_referents(each)
    return entries


_NOT_ITS_OWN = (type, types.ModuleType, types.FunctionType, types.MethodType, types.CodeType, str, bytes, int, float)


def _is_gateways(value: object) -> bool:
    return type(value).__module__.partition(".")[0] in {"gateway", "asyncio", "structlog", "pydantic", "pluggy"}


RULES = (
    Rule("life", "It opens and closes in time and leaves nothing running.", "end in close() what open() began", life),
    Rule("examples", "Its example cases run as they say.", "mend the case or the code; see gateway.testing", examples),
    Rule(
        "no_personal_data",
        "Nothing it logs, prints, stores in clear or shows outside its answers identifies a person.",
        "log with self.host.log and known fields only; store keyed hashes or nothing",
        no_personal_data,
        "bronze",
    ),
    Rule("tests", "Each of its routes has an example.", "add a folder to examples/", tests, "silver"),
    Rule(
        "bounded_memory",
        "What it keeps in memory has an upper bound.",
        "bound it (an LRU of fixed size), or keep it in its tables",
        bounded_memory,
        "silver",
    ),
)
"""What is watched in use."""
