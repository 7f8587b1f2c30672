"""The config: strict TOML and a few environment variables, read into one frozen `Settings`.

```
file ─► tomllib ─► environment's overrides ─► types and ranges (pydantic) ─► agreement between keys ─► Settings
            └──────────── every fault with file, line, key and cure ────────────► ConfigFaults
```
"""

from gateway.settings.checking import checked
from gateway.settings.extensions import ExtensionTables
from gateway.settings.faults import ConfigFault, ConfigFaults
from gateway.settings.loading import OVERRIDES, config_path, load
from gateway.settings.model import Settings, schema
from gateway.settings.rights import RightSettings
from gateway.settings.secret import SecretMissing, secret
from gateway.settings.source import Source, dotted

__all__ = [
    "OVERRIDES",
    "ConfigFault",
    "ConfigFaults",
    "ExtensionTables",
    "RightSettings",
    "SecretMissing",
    "Settings",
    "Source",
    "checked",
    "config_path",
    "dotted",
    "load",
    "schema",
    "secret",
]
