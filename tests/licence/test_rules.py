"""Each rule in its finer points: every way of breaking it is told in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.testing import Unusable, check_extension

if TYPE_CHECKING:
    from pathlib import Path

    from tests.licence.conftest import Plant

HEAD = """
from gateway.contract import Health, hookimpl
from gateway.contract.web import CALLER, PUBLIC, Response, Route
from tests.licence.planted_desk import Desk, Whom

class Planted(Desk):
"""
ROUTES = (
    HEAD
    + """
    @hookimpl
    def gateway_routes(self):
        return [{routes}]

    async def page(self, request):
        return Response(b"<p lang='id'>Halo</p>", content_type="text/html")
"""
)
NAMES = 'Route("POST", "/names", CALLER, self.answer, "A name.", "Sebuah nama.", Whom)'
SPOILED = (
    HEAD
    + """
    async def name_of(self, request, nik):
        name = await super().name_of(request, nik)
        {act}
        return name
"""
)
MANIFEST = "manifest.toml"
CODE = "__init__.py"
ASKED = "examples/named/request.json"
AWAY = "examples/away/request.json"
POSTED = '{"method": "POST", "path": "/apps/planted/names", "json": {"nik": "{nik:papua}"}}'
QUOTA = '{"faults": [{"kind": "quota_exhausted", "rate": 1.0}]}'
EXCUSED = """
    async def answer(self, request):
        try:
            return await super().answer(request)
        except {caught}:
            return Response.json({{"name": {told!r}}})
"""

COUNTER = """
from tests.licence.planted_counter import Counter

class Planted(Counter):
    \"\"\"Hands in, and has an example that cannot be repeated.\"\"\"
"""
CARD = (
    '{"method": "POST", "path": "/apps/planted/cards", "headers": {"Idempotency-Key": "k"}, "json": {"nik": "{nik}"}}'
)

FINER: list[tuple[str, dict[str, str | None], str]] = [
    (
        "examples",
        {CODE: COUNTER, "examples/card/request.json": CARD, "examples/card/answer.json": '{"status": 202}'},
        "it hands in, but no example names {hand_in}",
    ),
    ("manifest", {MANIFEST: None}, "manifest.toml is missing"),
    ("manifest", {MANIFEST: 'name = "other"'}, "is missing"),
    ("imports", {CODE: "import importlib\nimportlib.import_module('gateway.http')"}, "2 imports gateway.http"),
    (
        "imports",
        {CODE: "import importlib\nimportlib.import_module('gate' + 'way.flows')"},
        "2 calls import_module with",
    ),
    ("imports", {CODE: "__import__(name='gateway.http')"}, "1 calls __import__ with"),
    ("imports", {CODE: "from importlib import import_module as get"}, "1 imports import_module under another name"),
    ("imports", {CODE: "from .. import neighbour"}, "imports .."),
    ("imports", {CODE: "from gateway import vault"}, "imports gateway.vault"),
    ("imports", {CODE: "import gateway"}, "imports gateway"),
    ("imports", {CODE: "from plugins.metrics import Metrics"}, "imports plugins.metrics"),
    ("imports", {CODE: "from plugins import metrics"}, "imports plugins.metrics"),
    ("imports", {CODE: "def ("}, "__init__.py:1 is no Python"),
    ("contract", {CODE: "import not_there_at_all"}, "cannot be imported"),
    (
        "contract",
        {CODE: f"{HEAD}    def __init__(self, config, host):\n        raise LookupError"},
        "build: LookupError",
    ),
    ("routes", {CODE: ROUTES.format(routes=NAMES.replace("CALLER", "None"))}, "POST /names has no rule"),
    ("routes", {CODE: ROUTES.format(routes=NAMES.replace("POST", "BREW"))}, "no method and path that can be served"),
    ("routes", {CODE: ROUTES.format(routes=f"{NAMES}, {NAMES}")}, "POST /names is there twice"),
    (
        "routes",
        {CODE: ROUTES.format(routes=NAMES.replace("Whom)", "Whom, absolute=True)"))},
        "POST /names is absolute, and its manifest's mounts do not name names",
    ),
    ("two_languages", {CODE: ROUTES.format(routes=NAMES.replace("Sebuah nama.", ""))}, "lacks a summary"),
    (
        "two_languages",
        {CODE: ROUTES.format(routes='Route("GET", "/", PUBLIC, self.page, "A", "B", content_type="text/html")')},
        'page /apps/planted/ has nothing marked lang="en"',
    ),
    (
        "health_check",
        {CODE: f"{HEAD}    async def check(self):\n        return Health(ok=False, detail='ill')"},
        "it is not well on an ordinary day: ill",
    ),
    ("life", {CODE: f"{HEAD}    async def open(self):\n        raise LookupError"}, "open: LookupError"),
    ("life", {CODE: f"{HEAD}    async def close(self):\n        raise LookupError"}, "close: LookupError"),
    ("examples", {ASKED: "{"}, "examples/named/request.json: Input data was truncated"),
    ("examples", {ASKED: None}, "examples/named/request.json: No such file"),
    ("examples", {"examples/config.toml": "="}, "examples/config.toml: "),
    ("examples", {"examples/named/answer.json": '{"status": 404}'}, "no example is answered well"),
    (
        "examples",
        {
            "examples/away/centre.json": '{"mode": "refuse"}',
            "examples/away/answer.json": '{"status": 200}',
            AWAY: POSTED,
        },
        "away: its answer names neither json nor contains",
    ),
    ("examples", {"examples/named/answer.json": '{"status": 201}'}, "named: status 200, not 201"),
    ("no_personal_data", {CODE: SPOILED.format(act='self.host.log.info("desk.x", nik=nik)')}, "no log may hold: nik"),
    ("no_personal_data", {CODE: SPOILED.format(act='self.host.log.info("desk.x", detail=nik)')}, "as long as a NIK"),
    ("no_personal_data", {CODE: SPOILED.format(act="print(nik)")}, "the NIK of a resident stands in what it prints"),
    ("tests", {ASKED: '{"method": "POST", "path": "/elsewhere"}'}, "POST /apps/planted/names has no example"),
]


@pytest.mark.parametrize(("rule", "files", "told"), FINER)
def test_it_is_told_in_its_own_words(plant: Plant, rule: str, files: dict[str, str | None], told: str) -> None:
    """The detail names the culprit."""
    plant(files=files)
    (line,) = check_extension("planted", only=(rule,)).lines
    assert line.verdict == "failed"
    assert told in "\n".join(line.details)


def test_what_is_stored_in_clear_is_found(plant: Plant) -> None:
    """A NIK in the extension's own table is found in the files of the database."""
    keeps = """
    @hookimpl
    def gateway_tables(self):
        return [Tables("planted.migrations")]

    async def name_of(self, request, nik):
        await self.host.transaction(lambda connection: add(connection, nik))
        return await super().name_of(request, nik)

def add(connection, nik):
    connection.execute(sa.text("INSERT INTO planted_asked VALUES (:nik)"), {"nik": nik})
"""
    revision = """
\"\"\"Asked.\"\"\"
import sqlalchemy as sa
from alembic import op
revision = "0001"
down_revision = None
def upgrade():
    op.create_table("planted_asked", sa.Column("nik", sa.Text))
"""
    code = f"import sqlalchemy as sa\nfrom gateway.contract import Tables\n{HEAD}{keeps}"
    plant(files={CODE: code, "migrations/__init__.py": "", "migrations/r0001_asked.py": revision})
    (line,) = check_extension("planted", only=("no_personal_data",)).lines
    assert any("the NIK of a resident stands in gateway.db" in detail for detail in line.details)


def test_what_it_is_exempt_from_or_has_to_do_is_shown_with_its_reason(plant: Plant) -> None:
    """An exemption is no failure; a rule above the tier that is not claimed is not looked at."""
    folder = plant()
    text = (folder / MANIFEST).read_text().replace('tier = "gold"', 'tier = "bronze"')
    text = text.replace('tests = "done"\n', 'tests = { status = "todo", reason = "next week" }\n')
    text = text.replace('readme = "done"', 'readme = { status = "exempt", reason = "it explains itself" }')
    (folder / MANIFEST).write_text(text.replace('typed = "done"\n', ""))
    report = check_extension("planted", only=("readme", "tests", "typed", "measured"))
    verdicts = {line.rule: (line.verdict, line.details) for line in report.lines}
    assert verdicts == {
        "readme": ("exempt", ("it explains itself",)),
        "tests": ("todo", ("next week",)),
        "measured": ("ok", ()),
    }
    assert report.passed


def test_what_cannot_be_looked_at_after_a_failure_is_left_out(plant: Plant) -> None:
    """Rules that need its code are left out once its code cannot be used; the report has not passed."""
    plant(files={CODE: "import not_there_at_all"})
    report = check_extension("planted", only=("contract", "life", "drill:burst"))
    assert [line.verdict for line in report.lines] == ["failed", "left out", "left out"]
    assert not report.passed


@pytest.mark.parametrize(
    ("caught", "told", "shown", "centre", "verdict"),
    [
        ("CentreError", "away", '{"status": 200, "json": {"name": "away"}}', '{"mode": "refuse"}', "ok"),
        ("CentreError", "nobody", '{"status": 200}', '{"mode": "refuse"}', "failed"),
        ("CentreError", "nobody", '{"status": 200, "contains": ["name"]}', '{"mode": "refuse"}', "failed"),
        ("GatewayError", "nobody", '{"status": 200, "json": {"name": "nobody"}}', '{"mode": "refuse"}', "failed"),
        ("CentreError", "spent", '{"status": 200, "json": {"name": "spent"}}', QUOTA, "failed"),
    ],
)
def test_a_form_of_its_own_excuses_only_what_it_says(
    plant: Plant, caught: str, told: str, shown: str, centre: str, verdict: str
) -> None:
    """What any answer, a good one, *not found* or the quota fits is no excuse while the centre is away."""
    code = f"from gateway.contract.errors import CentreError, GatewayError\n{HEAD}"
    code += EXCUSED.format(caught=caught, told=told)
    plant(files={CODE: code, AWAY: POSTED, "examples/away/answer.json": shown, "examples/away/centre.json": centre})
    (line,) = check_extension("planted", only=("drill:three_days_away",)).lines
    assert line.verdict == verdict
    assert verdict == "ok" or "wrong: 200" in "\n".join(line.details)


def test_without_an_example_there_is_no_drill(plant: Plant) -> None:
    """The drill says what it lacks."""
    plant(files={ASKED: None, "examples/named/answer.json": None})
    (line,) = check_extension("planted", only=("drill:burst",)).lines
    assert (line.verdict, line.details) == ("left out", ("no example to drive it with",))


@pytest.mark.parametrize(("name", "only"), [("nobody", ()), ("metrics", ("no_rule",))])
def test_unknown_names_are_told(name: str, only: tuple[str, ...]) -> None:
    """An extension that is not installed, and a rule that is none, with those there are."""
    with pytest.raises(Unusable, match=r"no extension nobody is installed|no rule is called no_rule; rules: manifest"):
        check_extension(name, only=only)


@pytest.mark.usefixtures("types_seen")
def test_a_config_of_the_folder_it_is_called_in_makes_no_rule_milder(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Types are checked without any config of mypy's."""
    plant("typed")
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_errors = true\n")
    monkeypatch.chdir(tmp_path)
    report = check_extension("planted", only=("typed",))
    (line,) = report.lines
    assert (line.verdict, report.passed) == ("failed", False)
    assert line.cure
    assert "Function is missing a type annotation" in "\n".join(line.details)


@pytest.mark.usefixtures("types_seen")
def test_a_comment_that_makes_mypy_milder_is_named(plant: Plant) -> None:
    """The file and its line are told, whatever mypy then says."""
    plant(files={CODE: "# mypy: ignore-errors\ndef untyped(x): return x\n"})
    (line,) = check_extension("planted", only=("typed",)).lines
    assert line.verdict == "failed"
    assert "1 sets mypy's options by a comment" in "\n".join(line.details)
