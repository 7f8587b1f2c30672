"""The docs lead nowhere wrong and leave nothing out."""

from __future__ import annotations

import re
import textwrap
import tomllib
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

import gateway.testing
from gateway.contract.errors import every_error
from gateway.contract.host import Host
from gateway.settings import schema
from gateway.settings.loading import loads
from gateway.testing.drill.cases import CASES
from gateway.testing.licence.checking import DRILL, RULES
from gateway.wiring.chain import ORDER
from tests.docs import cli_page, config_page, event_page, hook_page, metric_page
from tests.docs.markdown import Unexplained, meanings
from tests.generated import FILES, ROOT, complaints

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "plugins").rglob("*.md")])
ADRS = sorted((ROOT / "docs/adr").glob("0*.md"))
PARTS = ("## Status", "## Context", "## Decision", "## Consequences")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    """A page's path in the working copy, for test ids."""
    return str(page.relative_to(ROOT))


def anchors_of(page: Path) -> set[str]:
    """The anchors GitHub makes of a page's headings."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Links of a page to files or headings that are not there."""
    broken: list[str] = []
    for link in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)
    return broken


def page_text(name: str) -> str:
    """A reference page."""
    return (ROOT / "docs/reference" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    """Each relative link names a file that exists and, with an anchor, a heading in it."""
    assert broken_links(page) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    """A missing file, a missing heading and nothing else are told."""
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](gone.md) [b](#here) [c](#there) [d](https://example.org/x)\n", encoding="utf-8")
    assert broken_links(page) == ["gone.md", "#there"]


def test_every_page_of_the_docs_is_in_their_index() -> None:
    """docs/README.md leads to each page; decisions are led to by their own index."""
    index = {(ROOT / "docs" / link).resolve() for link in _LINK.findall((ROOT / "docs/README.md").read_text("utf-8"))}
    index |= {(ROOT / "docs/adr" / link).resolve() for link in _LINK.findall((ROOT / "docs/adr/README.md").read_text())}
    missing = {page for page in (ROOT / "docs").rglob("*.md") if page.resolve() not in index}
    assert missing == {ROOT / "docs/README.md"}


@pytest.mark.parametrize("adr", ADRS, ids=name_of)
def test_every_decision_has_its_four_parts(adr: Path) -> None:
    """An ADR has status, context, decision and consequences, in that order, and fits on about a page."""
    text = adr.read_text(encoding="utf-8")
    places = [text.find(f"\n{part}\n") for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)
    assert text.startswith(f"# {adr.name[:4]}. ")
    assert len(text.splitlines()) <= 50


def test_the_order_of_the_links_is_the_decided_one() -> None:
    """The chain's tuple is the order that the first decision names."""
    decided = re.search(r"## Decision\n\n`([a-z, ]+)`", (ROOT / "docs/adr/0001-order-of-the-links.md").read_text())
    assert decided is not None
    names = [link.__name__.removeprefix("Centre").lower() for link in ORDER]
    assert names == decided[1].split(", ")


def test_stale_files_are_named_and_mended(tmp_path: Path) -> None:
    """Checking names each file that is missing or differs; mending writes them all."""
    for name in ("gateway", "plugins", "adapters"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs/reference").mkdir(parents=True)
    (tmp_path / "docs/reference/meanings.toml").symlink_to(ROOT / "docs/reference/meanings.toml")
    assert len(complaints(tmp_path, mend=False)) == len(FILES)
    assert complaints(tmp_path, mend=True) == []
    assert complaints(tmp_path, mend=False) == []
    (tmp_path / "docs/reference/cli.md").write_text("old", encoding="utf-8")
    assert complaints(tmp_path, mend=False) == ["docs/reference/cli.md is stale; run: make format"]


def test_a_name_without_meaning_is_named(tmp_path: Path) -> None:
    """Events and errors need a meaning, and meanings need something in the code."""
    file = tmp_path / "docs/reference/meanings.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[errors]\n[events]\n"a.b" = "x"\n"c.d" = "y"\n', encoding="utf-8")
    assert meanings(tmp_path, "events", ["a.b", "c.d"]) == {"a.b": "x", "c.d": "y"}
    with pytest.raises(Unexplained, match=r"e\.f has no meaning; c\.d is not in the code"):
        meanings(tmp_path, "events", ["a.b", "e.f"])
    named = [line.partition(":")[0] for line in complaints(tmp_path, mend=True)]
    assert named == ["docs/reference/errors.md", "docs/reference/events.md"]


def test_every_config_key_is_documented() -> None:
    """Each property in the schema, however deep, has its row under its table."""
    page = page_text("config.md")
    keys = {name for table in [schema(), *schema()["$defs"].values()] for name in table.get("properties", {})}
    told = {key for _, _, keys_of in config_page.tables() for key, _, _ in keys_of}
    tables = {part for name, _, _ in config_page.tables() for part in name.split(".")}
    assert keys <= told | tables
    assert all(f"## `[{name}]`" in page for name, _, _ in config_page.tables())
    assert all(re.search(rf"^\| `{key}`( ↻)? \|", page, re.MULTILINE) for key in told)


def test_every_key_of_the_default_config_is_documented() -> None:
    """Whatever config/gateway.toml sets is on the page."""
    page = page_text("config.md")
    for name, table in tomllib.loads((ROOT / "config/gateway.toml").read_text(encoding="utf-8")).items():
        keys = [key for key, value in table.items() if not isinstance(value, dict)]
        assert all(f"`{key}`" in page for key in keys), name


def test_every_error_code_is_documented() -> None:
    """Each leaf of the error tree has a heading."""
    page = page_text("errors.md")
    assert [error.code for error in every_error() if f"## `{error.code}`\n" not in page] == []


def test_every_hook_is_documented() -> None:
    """Each hook specification has a heading."""
    page = page_text("hooks.md")
    assert [name for name in hook_page.hooks() if f"### `{name}`\n" not in page] == []


def test_everything_an_extension_may_use_is_documented() -> None:
    """Each role, host method, class of the contract and name of the test kit stands on its page."""
    page = page_text("hooks.md")
    names = [role.__name__ for role in hook_page.role_protocols()]
    names += [*hook_page.values(), *hook_page.web_values()]
    assert [name for name in names if f"### `{name}`\n" not in page] == []
    assert {"Route", "Request", "Tables", "Question", "Policy"} <= set(names)
    methods = [name for name in vars(Host) if not name.startswith("_")]
    assert [name for name in methods if not re.search(rf"^- `(async )?{name}\b", page, re.MULTILINE)] == []
    kit = page_text("licence.md")
    assert [name for name in gateway.testing.__all__ if f"### `{name}`\n" not in kit] == []
    how_to = (ROOT / "docs/how-to/test-an-extension.md").read_text(encoding="utf-8")
    told = {"Stage", "read_examples", "examples_of", "run_example", "check_extension", "API_VERSION"}
    assert [name for name in told if name not in how_to] == []


def test_every_rule_and_case_of_the_licence_is_documented() -> None:
    """Each has its row, with what it asks and the cure."""
    page = page_text("licence.md")
    assert [rule.name for rule in RULES if f"| `{rule.name}` |" not in page] == []
    assert [case.name for case in CASES if f"| `{DRILL}{case.name}` |" not in page] == []


def test_every_metric_is_documented() -> None:
    """Each family has its row."""
    page = page_text("metrics.md")
    assert [
        family.name for family in metric_page.families() if f"| `{metric_page.shown_name(family)}`" not in page
    ] == []


def test_every_log_event_is_documented() -> None:
    """Each event that a logger is called with has its row."""
    page = page_text("events.md")
    found = event_page.events(ROOT)
    assert {"gateway.started", "centre.circuit.moved", "registry.extension.opened", "python.logged"} <= set(found)
    assert [name for name in found if f"| `{name}` |" not in page] == []


def test_every_command_is_documented_with_an_example() -> None:
    """Each command has a heading, and its help shows an example."""
    page = page_text("cli.md")
    for name, command in cli_page.commands():
        assert f"## `{name}`\n" in page
        assert (command.epilog or "").startswith("Example: siak-gateway"), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_a_page_names_is_there(page: Path) -> None:
    """What a page tells to type after `siak-gateway` is a command."""
    known = {name.removeprefix("siak-gateway").strip() for name, _ in cli_page.commands()} - {""}
    groups = {name.split()[0] for name in known if " " in name}
    named = re.findall(
        r"(?:^|[ `/])siak-gateway ([a-z-]+)(?: ([a-z]+)\b)?", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    wrong = [f"{first} {second}" for first, second in named if first not in known]
    wrong += [
        f"{first} {second}" for first, second in named if first in groups and f"{first} {second}".strip() not in known
    ]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_piece_of_config_on_a_page_is_right(page: Path) -> None:
    """Each TOML block that sets tables of the config is accepted as a config of its own."""
    blocks = re.findall(r"^ *```toml\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for block in map(textwrap.dedent, blocks):
        if set(tomllib.loads(block)) <= set(schema()["properties"]):
            assert loads(block, None, {}).source.path is None


def test_the_picture_says_what_it_shows() -> None:
    """The flow picture is well formed and has a title and a description for those who cannot see it."""
    root = ET.parse(ROOT / "docs/images/flow.svg").getroot()  # noqa: S314 # our own picture
    told = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    assert told["title"]
    assert all(word in told["desc"] for word in ("cache", "coalesce", "retry", "allowance", "limiter", "breaker"))


def test_no_page_names_a_machine_path_or_a_private_address() -> None:
    """Docs work on any machine: no home folders and no package index."""
    odd = re.compile(r"/(home|root)/|(index|find)-(url|links)", re.IGNORECASE)
    assert [name_of(page) for page in PAGES if odd.search(page.read_text(encoding="utf-8"))] == []
