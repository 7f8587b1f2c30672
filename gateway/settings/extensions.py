"""The tables of the config that name and configure extensions.

```toml
[plugins]
enabled = ["metrics", "caller_quota"]   # loaded in this order

[plugins.caller_quota]                  # checked against the extension's own Config
per_minute = 600
```
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from gateway.settings.centre import Section
from gateway.settings.sections import Name


class ExtensionTables(Section):
    """Which extensions of one kind are loaded, in order, and the settings of each."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, dict[str, Any]] = Field(init=False)

    enabled: tuple[Name, ...] = Field(
        default=(), description="Extensions that are loaded, in the order they are asked."
    )

    def table(self, name: str) -> Mapping[str, Any]:
        """The settings of an extension; empty if it has no table."""
        return self.__pydantic_extra__.get(name, {})

    def tables(self) -> tuple[str, ...]:
        """Names of all extensions that have a table, loaded or not."""
        return tuple(self.__pydantic_extra__)
