"""The schema comes up to date once, whole, and whoever runs it: proven on both databases."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.database import Database, StorageFailed, StorageFault
from gateway.database.migrate import CORE, MigrationFailed, MigrationSet, current, migrate, pending, pending_in
from gateway.people.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_REVISION = '''
"""One step."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = {revision!r}, {after!r}
def upgrade():
    op.create_table({table!r}, sa.Column("id", sa.Integer, primary_key=True))
    {then}
'''


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """A database for use without a loop."""
    database = Database.open(url)
    yield database
    database.close_sync()


def tables(url: str) -> set[str]:
    """The tables there are."""
    with opened(url) as database:
        return set(database.read_sync(lambda connection: sa.inspect(connection).get_table_names()))


@pytest.fixture
def make_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MigrationSet]:
    """Make an extension's set of revisions; each is (revision, after, table, a further statement)."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, *steps: tuple[str, str | None, str, str]) -> MigrationSet:
        package = f"{name}_steps_{abs(hash(tmp_path))}"
        folder = tmp_path / package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        for revision, after, table, then in steps:
            text = _REVISION.format(revision=revision, after=after, table=table, then=then)
            (folder / f"r{revision}.py").write_text(text)
        return MigrationSet(name, package)

    return make


def test_a_new_database_is_brought_up_to_date_once(url: str) -> None:
    """All revisions are pending, are applied in order and named, and are not applied again."""
    assert current(url) == {"core": None}
    todo = pending(url)
    assert todo[0] == "core:0001"
    assert migrate(url) == todo
    assert migrate(url) == pending(url) == []
    assert current(url) == {"core": todo[-1].removeprefix("core:")}
    assert {"callers", "caller_keys", "caller_changes", "allowance_days", "migrations_core"} <= tables(url)


def test_pending_can_be_asked_of_an_open_database(url: str) -> None:
    """The readiness probe reads what is pending through a database that is open."""
    with opened(url) as database:
        assert database.read_sync(pending_in) == pending(url) != []
        migrate(url)
        assert database.read_sync(pending_in) == []


def test_the_migrated_schema_is_the_one_the_code_expects(url: str) -> None:
    """Alembic finds no difference between the migrated tables and those of the rooms."""
    migrate(url)

    def differences(connection: sa.Connection) -> list[object]:
        known = {*METADATA.tables}
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _parents: kind != "table" or name in known,
                "include_object": lambda _item, name, kind, *_: kind != "index" or name in known,
            },
        )
        return list(compare_metadata(context, METADATA))

    with opened(url) as database:
        assert database.read_sync(differences) == []


def test_processes_that_migrate_at_once_take_turns(url: str) -> None:
    """Of four processes that migrate the same new database exactly one does it, and none fails."""
    code = "import sys; from gateway.database.migrate import migrate; print(len(migrate(sys.argv[1])))"
    command = [sys.executable, "-c", code, url]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [process.communicate(timeout=60)[0].split()[-1] for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert sorted(answers) == ["0", "0", "0", str(len(CORE.revisions()))]


def test_an_extension_has_a_version_of_its_own(url: str, make_set: Callable[..., MigrationSet]) -> None:
    """An extension's revisions are applied beside the core's, and later ones alone."""
    stock = make_set("stock", ("1", None, "stock_items", "pass"))
    assert migrate(url, (CORE, stock))[-1] == "stock:1"
    stock = make_set("stock", ("1", None, "stock_items", "pass"), ("2", "1", "stock_moves", "pass"))
    assert pending(url, (CORE, stock)) == ["stock:2"]
    assert migrate(url, (CORE, stock)) == ["stock:2"]
    assert current(url, (CORE, stock))["stock"] == "2"
    assert {"stock_items", "stock_moves", "migrations_stock"} <= tables(url)


def test_a_failing_revision_undoes_all_of_them(url: str, make_set: Callable[..., MigrationSet]) -> None:
    """If one revision fails the database is as it was, the core's revisions of the same run included."""
    broken = make_set(
        "broken", ("1", None, "fine", "pass"), ("2", "1", "also_fine", 'op.execute("DROP TABLE never_made")')
    )
    with pytest.raises(MigrationFailed):
        migrate(url, (CORE, broken))
    assert tables(url) == set()
    assert migrate(url) != []


def test_a_database_that_is_newer_is_refused(url: str) -> None:
    """A revision this version does not know is named, and nothing is touched."""
    migrate(url)
    with opened(url) as database:
        database.write_sync(lambda c: c.exec_driver_sql("UPDATE migrations_core SET version_num = '9999'"))
    for use in (migrate, pending):
        with pytest.raises(MigrationFailed, match="revision 9999 of core"):
            use(url)
    assert current(url) == {"core": "9999"}


def test_file_names_tell_the_history() -> None:
    """Each of the core's revision files is named after its revision and follows the one before it by name."""
    scripts = ScriptDirectory(str(CORE.folder), version_locations=[str(CORE.folder)])
    history = [(script.revision, script.down_revision) for script in scripts.walk_revisions()][::-1]
    names = CORE.revisions()
    assert history == list(zip(names, [None, *names], strict=False))


def test_looking_does_not_load_alembic(sqlite_url: str) -> None:
    """Asking for what is pending, as each start does, is spared the cost of Alembic."""
    code = (
        "import sys; from gateway.database.migrate import current, pending;"
        "print(current(sys.argv[1]), pending(sys.argv[1]), 'alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, sqlite_url], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == f"{{'core': None}} {[f'core:{each}' for each in CORE.revisions()]} False"


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    """Migrating junk fails with the storage's error."""
    (tmp_path / "junk.db").write_bytes(b"junk" * 1000)
    with pytest.raises(StorageFailed) as caught:
        migrate(f"sqlite:///{tmp_path}/junk.db")
    assert caught.value.fault is StorageFault.CORRUPT
