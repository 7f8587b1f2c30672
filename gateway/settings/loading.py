"""Reads the config file and the environment's overrides into `Settings`, or says everything that is wrong."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.settings.agreement import disagreements
from gateway.settings.checking import checked, take_out
from gateway.settings.faults import ConfigFaults
from gateway.settings.locate import lines_of
from gateway.settings.model import Settings
from gateway.settings.source import Source, dotted
from gateway.settings.syntax import parse, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.settings.checking import Checked
    from gateway.settings.faults import ConfigFault
    from gateway.settings.locate import KeyPath

OVERRIDES: Mapping[str, KeyPath] = types.MappingProxyType(
    {
        "SIAK_GATEWAY_PORT": ("server", "port"),
        "SIAK_GATEWAY_OPERATOR_PORT": ("server", "operator_port"),
        "SIAK_GATEWAY_TLS_CERT": ("server", "tls_cert"),
        "SIAK_GATEWAY_TLS_KEY": ("server", "tls_key"),
        "SIAK_GATEWAY_VAR": ("data", "folder"),
        "SIAK_GATEWAY_CENTRE_URL": ("centre", "url"),
        "SIAK_GATEWAY_CENTRE_ROOTS": ("documents", "roots_file"),
    }
)
"""Environment variables that override a key; an empty one counts as unset."""

CONFIG_VARIABLE = "SIAK_GATEWAY_CONFIG"
DEFAULT_FILE = Path("config/gateway.toml")

_SECRET_KEY = re.compile(
    r"(^|_)(pass|passwd|password|secret|token|api_?key|kata_?sandi|sandi|credentials?)$", re.IGNORECASE
)
_SECRET_IN_ADDRESS = re.compile(r"://[^/@\s:]*:[^@\s]+@|[?&](?:\w+_)?pass(?:word|wd)?=", re.IGNORECASE)


def config_path(option: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Which file is the config: the option, else `SIAK_GATEWAY_CONFIG`, else `config/gateway.toml` if it is there."""
    if option is not None:
        return option
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The config of a file and the environment; the built-in defaults where `path` is None.

    The tables of extensions are left to the registry, which knows what each extension accepts.

    Raises:
        ConfigFaults: Something is wrong; all of it is told at once.
    """
    return loads("" if path is None else read_text(path), path, environ)


def loads(text: str, path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The config of a text that stands, or is about to stand, in the file `path`.

    Raises:
        ConfigFaults: Something is wrong; all of it is told at once.
    """
    file = str(path) if path is not None else Source().file
    data = parse(text, file)
    overrides = _override(data, environ)
    source = Source(file, path, lines_of(text), types.MappingProxyType(overrides))
    secrets = list(_secrets(data, source))
    for wrong, _ in secrets:
        take_out(data, wrong)
    found = checked(Settings, data, source)
    found.wrong.update(wrong for wrong, _ in secrets)
    faults = [fault for _, fault in secrets] + found.faults + list(_disagreeing(found, source))
    if faults or found.value is None:
        raise ConfigFaults(tuple(sorted(faults, key=lambda fault: (fault.line, fault.key))))
    return found.value.placed(source)


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[KeyPath, str]:
    """Put the environment's values into the data; which keys they set."""
    used: dict[KeyPath, str] = {}
    for variable, (table, key) in OVERRIDES.items():
        value = environ.get(variable)
        holder = data.setdefault(str(table), {})
        if value and isinstance(holder, dict):
            holder[key] = int(value) if key in {"port", "operator_port"} and _digits(value) else value
            used[table, key] = variable
    return used


def _digits(value: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", value) is not None


def _disagreeing(found: Checked[Settings], source: Source) -> Iterator[ConfigFault]:
    if found.value is None:
        return
    for path, message, cure in disagreements(found.value):
        if not found.spoiled(path):
            yield source.fault(path, message, cure)


def _secrets(node: object, source: Source, path: KeyPath = ()) -> Iterator[tuple[KeyPath, ConfigFault]]:
    """Every secret that stands in the config itself."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _secrets(value, source, (*path, key))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _secrets(value, source, (*path, position))
    elif isinstance(node, str) and path:
        if _SECRET_IN_ADDRESS.search(node):
            yield path, source.fault(path, "holds a password in an address", _address_cure(path))
        elif _SECRET_KEY.search(str(path[-1])):
            yield path, source.fault(path, "a secret must not stand in the config", _secret_cure(path))


def _address_cure(path: KeyPath) -> str:
    if path[0] == "database":
        return "take it out; put the whole address into a variable or file and name it with url_env or url_file"
    return "take the password out of the address"


def _secret_cure(path: KeyPath) -> str:
    if path[0] == "rights" and len(path) > 1:
        name = f"SIAK_GATEWAY_SECRET_{str(path[1]).upper()}_PASSWORD"
        return f"remove it and set {name}, or {name}_FILE to the name of a file that holds it"
    return f"remove it and name a variable with {dotted(path)}_env"
