r"""Jinja2 as our pages use it: everything is escaped, what is not there is an error, nothing is compiled twice.

There is one environment for each language, so that the words a template asks for need no context and its imported
macros are made once.

| in a template | gives |
| --- | --- |
| `t("group.key", name=…)` | a text of our own catalogue |
| `say(indonesian, english)` | the one of two texts that is in the page's language |
| `both(indonesian, english)` | that one, and the other beside it in small type |
| `asset(file, owner)` | the address of an asset, of the gateway where no owner is named |
| `language` | `id` or `en` |
| `text \\| marked` | what stands in backticks as code |
| `instant \\| local_time` | an RFC 3339 instant as dd-mm-yyyy HH:MM WIB |
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from gateway.pages.texts import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.resources.abc import Traversable

    from gateway.pages.language import Language

WIB = timezone(timedelta(hours=7), "WIB")


def environment(
    language: Language, folders: Mapping[str, Traversable], address: Callable[[str, str], str]
) -> jinja2.Environment:
    """The environment of one language.

    Args:
        language: Of the pages it renders.
        folders: Folder of templates of each extension; they are named `apps/<extension>/<file>`.
        address: Finds the address of an asset by owner and file.
    """
    made = jinja2.Environment(
        loader=_loader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.globals.update(
        language=language,
        t=partial(text, language),
        say=_say_id if language == "id" else _say_en,
        both=partial(_both, language),
        asset=lambda file, owner="gateway": address(owner, file),
    )
    made.filters.update(marked=marked, local_time=local_time)
    return made


def _loader(folders: Mapping[str, Traversable]) -> jinja2.BaseLoader:
    own = resources.files(__package__).joinpath("templates")

    def load(name: str) -> str | None:
        home, path = own, name
        if name.startswith("apps/"):
            _, owner, path = name.split("/", 2)
            if owner not in folders:
                return None
            home = folders[owner]
        if ".." in path.split("/"):
            return None
        file = home.joinpath(*path.split("/"))
        return file.read_text(encoding="utf-8") if file.is_file() else None

    return jinja2.FunctionLoader(load)


def _say_id(indonesian: str, _english: str) -> str:
    return indonesian


def _say_en(_indonesian: str, english: str) -> str:
    return english


_BOTH = Markup('{} <small class="beside" lang="{}">{}</small>')


def _both(language: Language, indonesian: str, english: str) -> Markup:
    if indonesian == english:
        return escape(indonesian)
    first, other, beside = (indonesian, english, "en") if language == "id" else (english, indonesian, "id")
    return _BOTH.format(first, beside, other)


def marked(words: str) -> Markup:
    """What stands in backticks as code; everything is escaped."""
    parts = str(escape(words)).split("`")
    # every part was escaped above
    return Markup("".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)))  # noqa: S704


def local_time(instant: str | None) -> str:
    """An RFC 3339 instant as people here read it: dd-mm-yyyy HH:MM WIB; a dash for none."""
    if instant is None:
        return "–"
    return datetime.fromisoformat(instant).astimezone(WIB).strftime("%d-%m-%Y %H:%M WIB")
