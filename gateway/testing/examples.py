"""Example cases of an extension, as files; run by `run_example`, by the licence and as the fire drill's traffic.

```
examples/
  config.toml                 the extension's table for all its examples, where it needs one
  secrets.toml                its secrets by name, such as desk_key = "{key}"
  <case>/request.json         {"method", "path", "json" | "form" | "text", "headers", "key": false, "operator": true}
  <case>/answer.json          {"status", "json" | "contains": [...], "headers"}
  <case>/centre.json          how the centre behaves in this case, such as {"mode": "refuse"}
```

Within texts `{nik}`, `{no_kk}` and `{name}` stand for one synthetic resident, `{nik:deceased}` and the like for one of
that group, `{key}` for the caller's key, `{password:USER}` for a password at the mocked centre, `{hand_in}` for a name
of one hand-in about that resident, the same each time it is repeated, such as its Idempotency-Key: an example that has
it *hands in*. In an answer `"..."` stands for any value, and as a member's name for further members.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from gateway.mock_siak.accounts import demo_password
from gateway.registry.finding import found
from gateway.registry.manifest import folder_of
from gateway.testing.processes import SEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gateway.testing.stage import Heard, Person, Stage

ANY = "..."
_FORM = "application/x-www-form-urlencoded"
_PLACEHOLDER = re.compile(r"\{(nik|no_kk|name|key|hand_in|nik:[a-z_]+|password:[a-z_]+)\}")


class ExampleFault(Exception):  # its text is the message
    """A file of an example cannot be used."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`request.json`.

    Attributes:
        method: HTTP method.
        path: Full path and query, such as `/apps/village_desk/greetings`.
        json: Body as JSON; None sends none.
        form: Body as a form.
        text: Body as it is.
        headers: Header fields.
        key: Whether the caller's key is sent as a bearer token.
        operator: Whether it goes to the operator listener.
    """

    method: str
    path: str
    json: Any = None
    form: dict[str, str] | None = None
    text: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    key: bool = True
    operator: bool = False

    @property
    def personal(self) -> bool:
        """Whether it asks about one resident."""
        return self._names("nik", "no_kk", "name")

    @property
    def hands_in(self) -> bool:
        """Whether it hands something in."""
        return self._names("hand_in")

    def _names(self, *words: str) -> bool:
        told = msgspec.json.encode(self).decode()
        return any(f"{{{word}}}" in told for word in words)


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`answer.json`.

    Attributes:
        status: HTTP status.
        json: The body; None looks at none.
        contains: Texts that stand in the body.
        headers: Header fields, names in lower case.
    """

    status: int
    json: Any = None
    contains: tuple[str, ...] = ()
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def names_body(self) -> bool:
        """Whether it says anything of the body."""
        return self.json is not None or bool(self.contains)


@dataclass(frozen=True, slots=True)
class Example:
    """One case.

    Attributes:
        name: Its folder's name.
        request: What is asked.
        answer: What comes back.
        centre: How the centre behaves; None leaves it well.
    """

    name: str
    request: Asked
    answer: Expected
    centre: Mapping[str, Any] | None = None


def read_examples(folder: Path) -> tuple[Example, ...]:
    """All cases below an extension's `examples/`, by name; none where there is no such folder.

    Raises:
        ExampleFault: A file is missing, no JSON, or says something no example knows.
    """
    places = sorted(path for path in folder.glob("*") if path.is_dir()) if folder.is_dir() else []
    places = [place for place in places if not (place / "request.http").exists()]  # recordings to the byte are no cases
    return tuple(_example(place) for place in places)


def recorded_in(folder: Path) -> set[tuple[str, str]]:
    """Method and path of each recording to the byte (`<case>/request.http`), which tests of its own put."""
    lines = [file.read_text(encoding="utf-8").partition("\n")[0].split() for file in folder.glob("*/request.http")]
    return {(line[0], line[1].partition("?")[0]) for line in lines if len(line) > 1}


def examples_of(name: str) -> tuple[Example, ...]:
    """The cases of an installed extension.

    Raises:
        LookupError: No extension of that name is installed as a package.
        ExampleFault: As of `read_examples`.
    """
    point = found().get(name)
    folder = folder_of(point) if point is not None else None
    if folder is None:
        raise LookupError(f"no extension {name} is installed")
    return read_examples(folder / "examples")


def config_of(folder: Path) -> dict[str, Any]:
    """The table of `examples/config.toml`; empty without one.

    Raises:
        ExampleFault: It is no TOML.
    """
    return _table(folder / "config.toml")


def secrets_of(folder: Path, key: str) -> dict[str, str]:
    """The secrets of `examples/secrets.toml` by name, placeholders filled in; empty without one.

    Raises:
        ExampleFault: It is no TOML.
    """
    known = {"key": key}

    def value(place: re.Match[str]) -> str:
        word, _, user = place[1].partition(":")
        return demo_password(SEED, user) if word == "password" else known.get(word, place[0])

    return {name: _PLACEHOLDER.sub(value, text) for name, text in _table(folder / "secrets.toml").items()}


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExampleFault(f"examples/{file.name}: {error}") from None


def ask(stage: Stage, request: Asked, person: Person, key: str | None, *, headers: Mapping[str, str]) -> Heard:
    """Send an example's request about one resident."""
    fill = _filler(stage, person, key or "")
    fields = {**{name: fill(value) for name, value in request.headers.items()}, **headers}
    body: object = None if request.json is None else _filled(request.json, fill)
    if request.form is not None:
        fields.setdefault("Content-Type", _FORM)
        body = urlencode({name: fill(value) for name, value in request.form.items()}).encode()
    elif request.text is not None:
        body = fill(request.text).encode()
    sent_key = key if request.key else None
    return stage.request(request.method, fill(request.path), body, fields, key=sent_key, operator=request.operator)


def differences(stage: Stage, answer: Expected, heard: Heard, person: Person, key: str | None) -> list[str]:
    """What an answer has other than expected, one line each; empty when it is as the example says."""
    fill = _filler(stage, person, key or "")
    unlike = [f"status {heard.status}, not {answer.status}"] if heard.status != answer.status else []
    for name, value in answer.headers.items():
        if not _same_text(fill(value), heard.headers.get(name.lower(), "")):
            unlike.append(f"header {name} is {heard.headers.get(name.lower(), 'absent')!r}")
    text = heard.body.decode("utf-8", "replace")
    unlike += [f"the body does not contain {fill(part)!r}" for part in answer.contains if fill(part) not in text]
    if answer.json is None:
        return unlike
    try:
        got = msgspec.json.decode(heard.body)
    except msgspec.DecodeError:
        return [*unlike, "the body is no JSON"]
    return [*unlike, *_unlike(_filled(answer.json, fill), got, "")]


def run_example(stage: Stage, example: Example, *, key: str | None, person: Person | None = None) -> list[str]:
    """Run one case on a stage; what is other than expected.

    Args:
        stage: Runs with the extension enabled.
        example: The case.
        key: The caller's key; None sends none.
        person: The resident it is about; the first if left out.
    """
    person = person or stage.people()[0]
    stage.behave(**(example.centre or {}))
    try:
        heard = ask(stage, example.request, person, key, headers={})
    finally:
        stage.behave()
    return differences(stage, example.answer, heard, person, key)


def _example(place: Path) -> Example:
    centre = _decoded(place / "centre.json", dict[str, Any]) if (place / "centre.json").exists() else None
    return Example(
        place.name, _decoded(place / "request.json", Asked), _decoded(place / "answer.json", Expected), centre
    )


def _decoded(file: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ExampleFault(f"examples/{file.parent.name}/{file.name}: {reason}") from None


def _filler(stage: Stage, person: Person, key: str) -> Callable[[str], str]:
    hand_in = hashlib.sha256(person.nik.encode()).hexdigest()[:24]
    known = {"nik": person.nik, "no_kk": person.no_kk, "name": person.name, "key": key, "hand_in": hand_in}

    def value(place: re.Match[str]) -> str:
        word, _, group = place[1].partition(":")
        if word == "password":
            return demo_password(SEED, group)
        return stage.nik(group) if group else known[word]

    return lambda text: _PLACEHOLDER.sub(value, text)


def _filled(value: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, dict):
        return {fill(name): _filled(each, fill) for name, each in value.items()}
    return [_filled(each, fill) for each in value] if isinstance(value, list) else value


def _same_text(expected: str, got: str) -> bool:
    return re.fullmatch(".*?".join(re.escape(part) for part in expected.split(ANY)), got, re.DOTALL) is not None


def _unlike(expected: Any, got: Any, at: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        yield from (f"{at}/{name} is missing" for name in expected.keys() - got.keys() - {ANY})
        if ANY not in expected:
            yield from (f"{at}/{name} is not expected" for name in got.keys() - expected.keys())
        for name in expected.keys() & got.keys():
            yield from _unlike(expected[name], got[name], f"{at}/{name}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for place, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _unlike(one, other, f"{at}/{place}")
    elif isinstance(expected, str) and (expected == ANY or (isinstance(got, str) and _same_text(expected, got))):
        return
    elif expected != got or type(expected) is not type(got):
        yield f"{at or '/'} is {got!r}, not {expected!r}"
