"""The files that are drawn from the code: `python -m tests.generated` writes them, `--check` names the stale ones.

```
settings' schema ─► config/schema.json, docs/reference/config.md      click ─► docs/reference/cli.md
error tree       ─► docs/reference/errors.md                          hook specifications ─► docs/reference/hooks.md
rules, cases     ─► docs/reference/licence.md
route table      ─► docs/reference/openapi.json, openapi-dukcapil_ws.json
metric families ─► docs/reference/metrics.md
schemas of forms ─► docs/reference/forms.md
calls of loggers ─► docs/reference/events.md   (with the meanings in docs/reference/meanings.toml)
```
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs import (
    api_page,
    cli_page,
    config_page,
    error_page,
    event_page,
    form_page,
    hook_page,
    licence_page,
    metric_page,
)
from tests.docs.markdown import Unexplained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
"""The working copy."""

FILES: Mapping[str, Callable[[Path], str]] = {
    "config/schema.json": config_page.schema_file,
    "docs/reference/openapi.json": api_page.openapi_file,
    "docs/reference/openapi-dukcapil_ws.json": api_page.adapter_file,
    "docs/reference/config.md": config_page.page,
    "docs/reference/cli.md": cli_page.page,
    "docs/reference/errors.md": error_page.page,
    "docs/reference/events.md": event_page.page,
    "docs/reference/forms.md": form_page.page,
    "docs/reference/hooks.md": hook_page.page,
    "docs/reference/licence.md": licence_page.page,
    "docs/reference/metrics.md": metric_page.page,
}
"""Each generated file, and what makes its text from the working copy."""


def complaints(root: Path, *, mend: bool) -> list[str]:
    """What is wrong with the generated files, one line each.

    Args:
        root: The working copy.
        mend: Write the stale files; only what people have to explain is left to complain of.
    """
    found: list[str] = []
    for name, make in FILES.items():
        try:
            text = make(root)
        except Unexplained as error:
            found.append(f"{name}: {error}")
            continue
        if _holds(root / name, text):
            continue
        if mend:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        else:
            found.append(f"{name} is stale; run: make format")
    return found


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check; the exit code is 1 when something is left to complain of."""
    parser = argparse.ArgumentParser(prog="python -m tests.generated", description="Write the generated files.")
    parser.add_argument("--check", action="store_true", help="only name the stale ones; exit 1 if there are any")
    left = complaints(ROOT, mend=not parser.parse_args(arguments).check)
    sys.stdout.write("".join(f"{line}\n" for line in left))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
