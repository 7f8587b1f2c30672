"""An extension's own tables: made before it opens, named after it, kept apart from everybody else's."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Protocol

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gateway.cli import main
from gateway.testing import Stage
from gateway.testing.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = """
import sqlalchemy as sa
from gateway.contract import Extension, ExtensionConfig, Tables, hookimpl
from gateway.contract.web import PUBLIC, Response, Route

class Ext(Extension):
    name = "keeper"
    api_version = 1

    @hookimpl
    def gateway_tables(self):
        return [Tables("keeper.migrations")] * {folders}

    @hookimpl
    def gateway_routes(self):
        return [Route("POST", "/notes", PUBLIC, self._note, "Notes.", "Catat.")]

    async def _note(self, request):
        await self.host.transaction(add)
        return Response.json(await self.host.read(count))

def add(connection):
    connection.execute(sa.text("INSERT INTO keeper_notes VALUES (1)"))

def count(connection):
    return connection.execute(sa.text("SELECT COUNT(*) FROM keeper_notes")).scalar_one()
"""
REVISION = '''
"""A revision.

Revision ID: 0001
Revises:
"""
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

def upgrade():
    op.create_table("{table}", sa.Column("number", sa.Integer))
'''


class Install(Protocol):
    """Installs the keeper."""

    def __call__(self, table: str = "keeper_notes", folders: int = 1) -> None:
        """With a revision that makes this table, and so many folders of revisions."""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs an adapter with a table, as pip would."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    def add(table: str = "keeper_notes", folders: int = 1) -> None:
        (site / "keeper" / "migrations").mkdir(parents=True)
        (site / "keeper" / "__init__.py").write_text(SOURCE.format(folders=folders))
        (site / "keeper" / "migrations" / "__init__.py").touch()
        (site / "keeper" / "migrations" / "r0001_notes.py").write_text(REVISION.format(table=table))
        facts = site / "keeper-1.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: keeper\nVersion: 1\n")
        (facts / "entry_points.txt").write_text("[siak_gateway]\nkeeper = keeper:Ext\n")
        importlib.invalidate_caches()

    yield add
    for name in [name for name in sys.modules if name.partition(".")[0] == "keeper"]:
        del sys.modules[name]


def failures(stage: Stage) -> list[tuple[str, str]]:
    """Stage and reason of each extension that failed."""
    return [(each.stage, each.reason) for each in stage.gateway.generation.registry.failures]


def tables(stage: Stage) -> set[str]:
    """The tables of the gateway's database."""
    found: set[str] = stage.run(
        stage.gateway.database.read(lambda connection: set(sa.inspect(connection).get_table_names()))
    )
    return found


def test_its_rows_outlive_a_restart(install: Install, tmp_path: Path) -> None:
    """The table is there before the first request, what is written is durable, and its version table is its own."""
    install()
    with Stage(tmp_path, adapters=["keeper"]) as stage:
        assert stage.request("POST", "/apps/keeper/notes").json == 1
        assert {"keeper_notes", "migrations_keeper", "migrations_core"} <= tables(stage)
        stage.restart()
        assert stage.request("POST", "/apps/keeper/notes").json == 2


def test_tables_of_others_are_refused_and_nothing_is_kept(install: Install, tmp_path: Path) -> None:
    """A revision that makes a table outside its name leaves the extension out, and the schema as it was."""
    install("notes")
    with Stage(tmp_path, adapters=["keeper"]) as stage:
        ((failed, reason),) = failures(stage)
        assert (failed, "may only make and change tables named keeper_" in reason) == ("tables", True)
        assert {"notes", "migrations_keeper"}.isdisjoint(tables(stage))
        assert stage.request("GET", "/health/live").status == 200


def test_two_folders_of_revisions_are_refused(install: Install, tmp_path: Path) -> None:
    """One line of history each: more leaves the extension out."""
    install(folders=2)
    with Stage(tmp_path, adapters=["keeper"]) as stage:
        assert failures(stage) == [("register", "gateway_tables gives more than one folder of revisions")]


@pytest.mark.postgres
def test_on_postgresql_the_admin_makes_them(install: Install, tmp_path: Path) -> None:
    """Without `migrate` the extension is left out and says what to run; after it, it serves."""
    install()
    with PostgresServer() as server:
        config = tmp_path / "config.toml"
        url = f'[database]\nurl = "{server.new_database()}"\n'
        config.write_text(url)
        assert CliRunner().invoke(main, ["migrate", "--config", str(config)]).exit_code == 0
        with Stage(tmp_path, adapters=["keeper"], config=url) as stage:
            assert failures(stage)[0][0] == "tables"
            assert "run: siak-gateway migrate" in failures(stage)[0][1]
        config.write_text(f"{url}[adapters]\nenabled = {json.dumps(['keeper'])}\n")
        assert (
            "pending: keeper:0001" in CliRunner().invoke(main, ["migrate", "--check", "--config", str(config)]).output
        )
        assert "applied: keeper:0001" in CliRunner().invoke(main, ["migrate", "--config", str(config)]).output
        with Stage(tmp_path, adapters=["keeper"], config=url) as stage:
            assert stage.request("POST", "/apps/keeper/notes").json == 1
