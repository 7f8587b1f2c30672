"""Recorded questions, put to two servers of the same dialect: where do their answers differ, to the byte?

```
examples/<case>/request.http   head, a blank line, body; ${names} are filled in        adding a case = adding a folder
examples/<case>/answer.http    `200 <content type>`, a blank line, the body: what the first server said when recorded
examples/<case>/centre.json    a behaviour of the mock centre that the case needs; its answer is the gateway's alone
```

`Host`, `Content-Length` and `Connection` are added. What a server counts (`quotaLimiter`) is not compared.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from string import Template
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

ZONE = "Asia/Jakarta"
SECONDS = 30.0
"""How long a server may take for one answer."""

_BEHAVIOUR = "/_mock/behaviour"
_COUNTED = re.compile(rb'"quotaLimiter":\d+')
_EXCERPT = 32
_LETTER, _DIGIT = re.compile(rb"[A-Za-z\x80-\xff]"), re.compile(rb"[0-9]")

Verdict = Literal["same", "differs", "left out"]


class CaseFault(ValueError):
    """A case cannot be read; the text names it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a server answered.

    Attributes:
        status: HTTP status.
        content_type: Value of `Content-Type`.
        body: Its body.
    """

    status: int
    content_type: str
    body: bytes

    def compared(self) -> Told:
        """The same without what differs from call to call."""
        return Told(self.status, self.content_type, _COUNTED.sub(b'"quotaLimiter":0', self.body))

    def recorded(self) -> bytes:
        """As a file."""
        return f"{self.status} {self.content_type}\n\n".encode() + self.compared().body + b"\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded question.

    Attributes:
        name: Its folder's name.
        method: HTTP method.
        target: Path and query.
        headers: Header fields.
        body: Body; empty for none.
        answer: What was recorded, or None.
        centre: Behaviour of the mock centre it needs, or None.
    """

    name: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str
    answer: Told | None = None
    centre: Mapping[str, Any] | None = None

    def ask(self, url: str, values: Mapping[str, str]) -> Told:
        """Put it to a server, with the values filled in.

        Raises:
            KeyError: A value is missing; it is named.
            OSError, http.client.HTTPException: The server gave no answer.
        """

        def filled(text: str) -> str:
            return Template(text).substitute(values)

        place = urlsplit(url)
        secure = place.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=SECONDS)
        body = filled(self.body).encode()
        try:
            connection.putrequest(self.method, place.path.rstrip("/") + filled(self.target), skip_accept_encoding=True)
            for name, value in (*self.headers, ("Connection", "close")):
                connection.putheader(name, filled(value))
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return Told(answer.status, answer.headers.get("Content-Type", ""), answer.read())
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Compared:
    """Outcome of one case.

    Attributes:
        case: Its name.
        verdict: Whether both answers were the same.
        detail: Where they differ first, or why it was left out.
    """

    case: str
    verdict: Verdict
    detail: str = ""


def cases(folder: Path) -> tuple[Case, ...]:
    """All cases in a folder, by name.

    Raises:
        CaseFault: One cannot be read.
    """
    return tuple(_case(each) for each in sorted(folder.iterdir()) if (each / "request.http").is_file())


def _case(folder: Path) -> Case:
    head, _, body = (folder / "request.http").read_text(encoding="utf-8").partition("\n\n")
    first, *lines = head.splitlines()
    method, _, target = first.partition(" ")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    if not target.startswith("/") or not all(name and value for name, value in headers):
        raise CaseFault(f"{folder.name}: request.http begins with METHOD /target, then lines of Name: value")
    answer, centre = folder / "answer.http", folder / "centre.json"
    return Case(
        folder.name, method, target, headers, body.rstrip("\n"),
        _told(answer) if answer.is_file() else None,
        json.loads(centre.read_bytes()) if centre.is_file() else None,
    )  # fmt: skip


def _told(file: Path) -> Told:
    head, _, body = file.read_bytes().partition(b"\n\n")
    status, _, content_type = head.decode().partition(" ")
    if not status.isdecimal():
        raise CaseFault(f"{file.parent.name}: answer.http begins with a status and a content type")
    return Told(int(status), content_type, body.removesuffix(b"\n"))


def compare(
    recorded: Iterable[Case],
    ours: str,
    theirs: str,
    values: Mapping[str, str],
    *,
    show: bool = False,
    control: str = "",
) -> Iterator[Compared]:
    """Ask two servers the same questions, one after the other.

    Args:
        recorded: The questions; those that need a behaviour of the mock come last.
        ours: URL of the gateway.
        theirs: URL of the other server, such as the centre.
        values: What stands for the names in the questions.
        show: Whether differing bytes are told as they are, residents' data among them.
        control: URL of the control port where the other server is the gateway's own mock: then it is made to behave as
            a question needs it, and the gateway's answer is compared with the recorded one; empty leaves such
            questions out.
    """
    every = tuple(recorded)
    for case in (one for one in every if one.centre is None):
        yield _compared(case, partial(_from_both, case, ours, theirs, values), show=show)
    moody = [one for one in every if one.centre is not None]
    if not control:
        yield from (
            Compared(one.name, "left out", "it needs the gateway's own mock in a certain mode") for one in moody
        )
        return
    with _as_before(control):
        yield from (_compared(one, partial(_in_its_mood, one, ours, values, control), show=show) for one in moody)


def _compared(case: Case, ask: Callable[[], tuple[Told, Told]], *, show: bool) -> Compared:
    try:
        said, other = ask()
    except KeyError as missing:
        return Compared(case.name, "left out", f"nothing stands for {missing.args[0]}")
    except (OSError, http.client.HTTPException) as error:
        return Compared(case.name, "differs", f"no answer: {type(error).__name__}")
    detail = difference(said, other, show=show)
    return Compared(case.name, "differs" if detail else "same", detail)


def _from_both(case: Case, ours: str, theirs: str, values: Mapping[str, str]) -> tuple[Told, Told]:
    return case.ask(ours, values), case.ask(theirs, values)


def _in_its_mood(case: Case, ours: str, values: Mapping[str, str], control: str) -> tuple[Told, Told]:
    """The gateway's answer while the mock behaves as the case needs it, and the recorded one."""
    if case.answer is None:
        raise KeyError("its recorded answer")
    _put_behaviour(control, dict(case.centre or {}))
    return case.ask(ours, values), case.answer


@contextmanager
def _as_before(control: str) -> Iterator[None]:
    """Let the mock behave afterwards as it did before."""
    with urllib.request.urlopen(f"{control}{_BEHAVIOUR}", timeout=SECONDS) as answer:  # our own mock
        before = json.load(answer)
    try:
        yield
    finally:
        _put_behaviour(control, before)


def _put_behaviour(control: str, behaviour: Mapping[str, Any]) -> None:
    body = json.dumps(behaviour).encode()
    asked = urllib.request.Request(f"{control}{_BEHAVIOUR}", body, method="PUT")  # our own mock
    with urllib.request.urlopen(asked, timeout=SECONDS):  # as above
        return


def difference(one: Told, other: Told, *, show: bool = False) -> str:
    """Where two answers differ first; empty if nowhere. Letters and digits are masked unless they shall be shown."""
    one, other = one.compared(), other.compared()
    if one.status != other.status:
        return f"status {one.status} and {other.status}"
    if one.content_type != other.content_type:
        return f"content type {one.content_type} and {other.content_type}"
    if one.body == other.body:
        return ""
    shorter = min(len(one.body), len(other.body))
    at = next((place for place in range(shorter) if one.body[place] != other.body[place]), shorter)
    place = _place(one.body, other.body)
    texts = [_excerpt(told.body, at, show=show) for told in (one, other)]
    return f"byte {at}{f' in {place}' if place else ''}: {' and '.join(texts)}"


def _excerpt(body: bytes, at: int, *, show: bool) -> str:
    part = body[max(0, at - _EXCERPT // 2) : at + _EXCERPT // 2]
    return repr(part if show else _DIGIT.sub(b"0", _LETTER.sub(b"x", part)))[1:]


def _place(one: bytes, other: bytes) -> str:
    """Path of the first value that differs, such as `/content/0/NAMA_LGKP`; empty where either is no JSON."""
    try:
        return _differing(json.loads(one), json.loads(other), "")
    except ValueError:
        return ""


def _differing(one: Any, other: Any, at: str) -> str:
    pairs: Iterable[tuple[object, Any, Any]] = ()
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        pairs = ((name, one[name], other[name]) for name in one)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = ((place, *both) for place, both in enumerate(zip(one, other, strict=True)))
    for name, mine, theirs in pairs:
        if mine != theirs or type(mine) is not type(theirs):
            return _differing(mine, theirs, f"{at}/{name}")
    return at


def values_of(trial: Mapping[str, Any], now: float) -> dict[str, str]:
    """What stands for the names in the questions, from a trial's `demo.json`.

    Args:
        trial: Its content; the mock's control port is asked for more residents where it names one that answers.
        now: Unix seconds, for passwords that change daily.

    Returns:
        `user_<user>`, `password_<user>`, `daily_<user>` of accounts that the gateway serves too, `nik_<group>_<n>`,
        `no_kk_<n>`. A resident that the file gives none of is asked for at the mock.
    """
    day = datetime.fromtimestamp(now, ZoneInfo(ZONE)).strftime("%d%m%Y")
    found: dict[str, str] = {}
    for account in (one for one in trial["ws_accounts"] if one.get("gateway", True)):
        daily = hashlib.md5(f"{account['password']}{day}".encode(), usedforsecurity=False).hexdigest()
        user = account["user_id"]
        found |= {f"user_{user}": user, f"password_{user}": account["password"], f"daily_{user}": daily}
    groups = {"active": trial["sample_niks"], **_groups(trial.get("mock_control", ""))}
    found |= {f"nik_{group}_{n}": str(nik) for group, niks in groups.items() for n, nik in enumerate(niks)}
    return found | {f"no_kk_{n}": str(number) for n, number in enumerate(trial["sample_no_kks"])}


def _groups(control: str) -> dict[str, list[str]]:
    if not control:
        return {}
    try:
        with urllib.request.urlopen(f"{control}/_mock/samples", timeout=5) as answer:  # our own mock
            samples = json.load(answer)
    except OSError:
        return {}
    return {**samples["niks"], "unknown": samples["unknown_niks"]}
