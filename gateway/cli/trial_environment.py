"""Where a trial's secrets are, as a file that shells and `doctor` read: for commands beside a running trial.

It names files, `export SIAK_GATEWAY_SECRET_…_FILE=/…`, and holds no secret itself.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "environment"
"""Its name in the folder of secrets."""

_PREFIX = "SIAK_GATEWAY_SECRET_"


def exports(environ: Mapping[str, str]) -> str:
    """The file's text: every variable of the environment that names a file of a secret."""
    names = sorted(name for name in environ if name.startswith(_PREFIX) and name.endswith("_FILE"))
    return "".join(f"export {name}={shlex.quote(str(Path(environ[name]).resolve()))}\n" for name in names)


def with_exports(folder: Path, environ: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """The environment with what a trial wrote into a folder of secrets; what is set already counts first.

    Args:
        folder: The folder of secrets.
        environ: The environment.

    Returns:
        The environment, and whether the file gave anything.
    """
    try:
        lines = shlex.split((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no trial before, or a file that is not ours
        return dict(environ), False
    named = dict(word.split("=", 1) for word in lines if word.startswith(_PREFIX) and "=" in word)
    new = {name: file for name, file in named.items() if not {name, name.removesuffix("_FILE")} & environ.keys()}
    return {**new, **environ}, bool(new)
