"""Checks the data of a config against a model, and goes on past what is wrong until all faults are known.

```
data ─► model ─┬─ good ─► value
               └─ faults ─► the faulty keys are taken out ─► model … until the rest is good
```
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.settings.wording import DATE, worded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from gateway.settings.faults import ConfigFault
    from gateway.settings.locate import KeyPath
    from gateway.settings.source import Source

M = TypeVar("M", bound=BaseModel)


@dataclass
class Checked(Generic[M]):
    """What came of a check.

    Attributes:
        value: The model without the faulty keys; None if nothing is left to build it from.
        faults: Everything that is wrong.
        wrong: Paths that are wrong, so that later checks need not complain about them again.
    """

    value: M | None = None
    faults: list[ConfigFault] = field(default_factory=list)
    wrong: set[KeyPath] = field(default_factory=set)

    def spoiled(self, path: KeyPath) -> bool:
        """Whether something at, above or below a path is known to be wrong."""
        return any(path[: len(bad)] == bad or bad[: len(path)] == path for bad in self.wrong)


def checked(model: type[M], data: Mapping[str, Any], source: Source, at: KeyPath = ()) -> Checked[M]:
    """Check a table strictly, as JSON has it: no text for a number, but lists for tuples and words for enums.

    Args:
        model: What the table must be.
        data: The table, as `tomllib` gives it.
        source: Where it came from.
        at: Path of the table in the config.
    """
    found: Checked[M] = Checked()
    rest: dict[str, Any] = copy.deepcopy(dict(data))
    tried = ""
    while (text := json.dumps(rest, default=_not_json)) != tried:
        tried = text
        try:
            found.value = model.model_validate_json(text, strict=True)
        except ValidationError as failure:
            errors = [_Wrong.of(error, rest) for error in failure.errors(include_url=False)]
            fresh = [wrong for wrong in errors if not found.spoiled(at + wrong.path)]
            found.faults.extend(
                source.fault(at + wrong.path, *worded(wrong.error, model, wrong.path)) for wrong in fresh
            )
            found.wrong.update(at + wrong.path for wrong in fresh)
            for wrong in errors:
                take_out(rest, wrong.goes)
    return found


def take_out(data: dict[str, Any], path: KeyPath) -> None:
    """Remove what stands at a path, if it still does; the whole has no path and stays."""
    if not path:
        return
    holder: Any = data
    for part in path[:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else None
    if isinstance(holder, dict):
        holder.pop(path[-1], None)


@dataclass(frozen=True)
class _Wrong:
    """An error, where it is, and what must be taken out before the rest can be checked."""

    error: ErrorDetails
    path: KeyPath
    goes: KeyPath

    @classmethod
    def of(cls, error: ErrorDetails, data: dict[str, Any]) -> _Wrong:
        path = _path(error, data)
        goes = path[:-1] if error["type"] == "missing" else path
        while any(isinstance(part, int) for part in goes):  # a list with a wrong entry goes as a whole
            goes = goes[:-1]
        return cls(error, path, goes)


def _path(error: ErrorDetails, data: Any) -> KeyPath:
    """The path in the data; pydantic's own marks (`[key]`, names of union branches) are left out."""
    path: KeyPath = ()
    for part in error["loc"]:
        if _holds(data, part):
            data = data[part]
        elif error["type"] != "missing" or part != error["loc"][-1]:
            continue
        path = (*path, part)
    return path


def _holds(data: object, part: int | str) -> bool:
    return (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int))


def _not_json(value: object) -> dict[str, str]:
    """A TOML date or time: no key of a config is one, so it must not pass for a text."""
    return {DATE: str(value)}
