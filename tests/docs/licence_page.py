"""`docs/reference/licence.md`: its rules, the cases of the fire drill, the names of `gateway.testing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gateway.testing
from gateway.testing.drill.cases import CASES
from gateway.testing.licence.checking import DRILL, RULES
from tests.docs.hook_page import described
from tests.docs.markdown import head, table

if TYPE_CHECKING:
    from pathlib import Path

_INTRO = """
What `siak-gateway adapters check` and `plugins check` ask of an extension, and the names of `gateway.testing`, which
change only with `api_version`. How to use them: [Test an extension](../how-to/test-an-extension.md).
"""


def page(_root: Path) -> str:
    """Text of the page."""
    rules = [(f"`{rule.name}`", rule.tier or "all", rule.asks, rule.cure) for rule in RULES]
    cases = [(f"`{DRILL}{case.name}`", case.half, case.asks, case.cure) for case in CASES]
    text = head("Licence", _INTRO)
    text += "\n## Rules\n\n" + table(("rule", "tier", "asks", "cure"), rules)
    text += "\n## Fire drill\n\n" + table(("case", "half", "asks", "cure"), cases)
    text += "\n## gateway.testing\n"
    for name in gateway.testing.__all__:
        thing = getattr(gateway.testing, name)
        text += described(name, thing) if callable(thing) else f"\n### `{name}`\n\n{thing}\n"
    return text
