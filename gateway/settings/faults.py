"""What can be wrong with a config: every fault with its place, what was expected, and the cure.

```
ConfigFaults                 all that is wrong with one config, raised at once
└── faults: ConfigFault…     file, line, key, message, cure
```
"""

from __future__ import annotations

from dataclasses import dataclass

ENVIRONMENT = "environment"
"""Stands for the file of a fault that came from an environment variable."""


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One thing that is wrong; no text ever repeats a text value of the config, since it might be a secret.

    Attributes:
        file: The config file, or `environment`.
        line: Line in it, from 1; 0 where there is none.
        key: Dotted key such as `server.port`, or the variable's name; empty for the whole file.
        message: What is wrong and what was expected.
        cure: What to do about it.
    """

    file: str
    line: int
    key: str
    message: str
    cure: str

    def __str__(self) -> str:
        """`file:line: key: message. Cure: …` on one line."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{place}: {self.key}" if self.key else place
        stop = "" if self.message.endswith("?") else "."
        return f"{subject}: {self.message}{stop} Cure: {self.cure}."


class ConfigFaults(Exception):
    """The config cannot be used; `faults` holds every reason."""

    def __init__(self, faults: tuple[ConfigFault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))
