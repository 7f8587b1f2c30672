"""`siak-gateway adapters new`: writes a complete adapter that passes its own checks at once.

```
name ─► usable? ─► template/ with @words@ filled in ─► a folder beside ─► renamed into place
outside:  NAME/pyproject.toml  NAME/NAME/…            NAME/tests/test_NAME.py
in tree:  adapters/NAME/…      tests/adapters/test_NAME.py      one line in pyproject.toml
```
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import tomlkit

from gateway.contract.extension import RESERVED_NAMES
from gateway.registry.finding import found
from gateway.settings.editing import replace_file
from gateway.settings.sections import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

_SUFFIX = ".tmpl"
_OWN = "siak-gateway"


class NotWritten(Exception):  # its text is the message
    """The adapter was not written; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        files: Every file, in the order of their names.
        next: Commands to go on with.
    """

    files: tuple[Path, ...]
    next: tuple[str, ...]


def write_package(name: str, into: Path) -> Written:
    """Write an adapter as a package of its own, in a new folder.

    Raises:
        NotWritten: The name cannot be used, or something of that name is there.
    """
    _refuse_name(name)
    target = into / name
    if target.exists():
        raise NotWritten(f"{target} is there already; nothing is ever overwritten")
    words = _words(name, module=name)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=f".{name}.") as part:
        made = Path(part) / name
        _fill("project", made, words)
        _fill("package", made / name, words)
        _fill("tests", made / "tests", words)
        made.rename(target)
    return Written(_all(target), (f"pip install -e {target}", f"siak-gateway adapters check {name}"))


def write_in_tree(name: str, root: Path) -> Written:
    """Write an adapter among the built-in ones of a working copy.

    Raises:
        NotWritten: The name cannot be used, something of that name is there, or the folder is no working copy.
    """
    _refuse_name(name)
    project = root / "pyproject.toml"
    package, test = root / "adapters" / name, root / "tests" / "adapters" / f"test_{name}.py"
    text = project.read_text(encoding="utf-8") if project.is_file() else ""
    if not (root / "adapters" / "__init__.py").is_file() or tomlkit.parse(text).get("project", {}).get("name") != _OWN:
        raise NotWritten(f"{root} is no working copy of the gateway; leave --in-tree out, or go to its folder")
    for place in (package, test):
        if place.exists():
            raise NotWritten(f"{place} is there already; nothing is ever overwritten")
    words = _words(name, module=f"adapters.{name}")
    with tempfile.TemporaryDirectory(dir=root, prefix=f".{name}.") as part:
        _fill("package", Path(part) / name, words)
        _fill("tests", Path(part) / "tests", words)
        test.parent.mkdir(exist_ok=True)
        (Path(part) / "tests" / f"test_{name}.py").rename(test)
        (Path(part) / name).rename(package)
    replace_file(project, _with_entry_point(text, name, words))
    return Written((*_all(package), test, project), ("make check", f".venv/bin/siak-gateway adapters check {name}"))


def _refuse_name(name: str) -> None:
    if not re.fullmatch(NAME, name) or name.endswith("_") or "__" in name:
        raise NotWritten(
            f"{name!r} is no name for an adapter: small letters, digits and single _, such as village_desk"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise NotWritten(f"{name} is a word of Python; choose another, such as {name}_desk")
    if name in RESERVED_NAMES:
        raise NotWritten(f"{name} is a name of the gateway's own; choose another, such as {name}_desk")
    if name in found():
        raise NotWritten(f"an extension {name} is installed already")
    if importlib.util.find_spec(name) is not None:
        raise NotWritten(f"a Python package {name} is there already, and would be hidden; choose another name")


def _words(name: str, module: str) -> Mapping[str, str]:
    parts = name.split("_")
    return {
        "name": name,
        "module": module,
        "Class": "".join(part.capitalize() for part in parts) + "Adapter",
        "Title": " ".join(parts).capitalize(),
        "package": f"siak-adapter-{'-'.join(parts)}",
        "owner": "The SIAK gateway maintainers" if module != name else "The authors of this adapter",
    }


def _fill(part: str, target: Path, words: Mapping[str, str]) -> None:
    source = files("gateway.cli") / "template" / part
    for place, template in _templates(source, Path()):
        text = re.sub(r"@(\w+)@", lambda found: words[found[1]], template.read_text(encoding="utf-8"))
        file = target / str(place).removesuffix(_SUFFIX).replace("test_adapter.py", f"test_{words['name']}.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _templates(folder: Traversable, at: Path) -> Iterator[tuple[Path, Traversable]]:
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.is_dir():
            yield from _templates(each, at / each.name)
        elif each.name.endswith(_SUFFIX):
            yield at / each.name, each


def _with_entry_point(text: str, name: str, words: Mapping[str, str]) -> str:
    document = tomlkit.parse(text)
    points = document["project"]["entry-points"]["siak_gateway"]
    points[name] = f"{words['module']}:{words['Class']}"
    return tomlkit.dumps(document)


def _all(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
