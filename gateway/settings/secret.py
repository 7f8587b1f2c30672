"""Where secrets come from: an environment variable, or the file another variable names; never the config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 65_536


class SecretMissing(Exception):
    """A secret is not where it should be; the text names the variable, never a value."""


def secret(name: str, environ: Mapping[str, str]) -> str:
    """The secret called `name`: the variable itself, or the content of the file that `<name>_FILE` names.

    One line end behind it is cut off.

    Raises:
        SecretMissing: Neither is set, both are, the file cannot be read, or the secret is empty.
    """
    pointer = f"{name}_FILE"
    if name in environ and pointer in environ:
        raise SecretMissing(f"both {name} and {pointer} are set; unset one of them")
    if name in environ:
        value = environ[name]
    elif pointer in environ:
        value = read_secret(Path(environ[pointer]), pointer)
    else:
        raise SecretMissing(f"set {name}, or {pointer} to the name of a file that holds it")
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise SecretMissing(f"the secret {name} is empty")
    return value


def read_secret(path: Path, named_by: str) -> str:
    """The text of a secret's file, at most 64 KiB of UTF-8.

    Raises:
        SecretMissing: It cannot be read; the text tells what named the file.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SecretMissing(f"the file that {named_by} names cannot be read: {reason}") from error
    if len(text) > _LONGEST:
        raise SecretMissing(f"the file that {named_by} names is larger than a secret can be")
    return text
