"""The revisions of an extension touch its own tables only, whatever they run: proven on both databases."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

import pytest
import sqlalchemy as sa

from gateway.contract.extension import RESERVED_NAMES
from gateway.database import Database
from gateway.database.migrate import CORE, CORE_TABLES, MigrationFailed, MigrationSet, migrate, pending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REVISION = '''
"""One step."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = {revision!r}, {after!r}
def upgrade():
    {body}
'''


class MakeSet(Protocol):
    """Makes an extension's set of revisions."""

    def __call__(self, name: str, *bodies: str) -> MigrationSet:
        """With one revision for each body."""


@pytest.fixture
def make_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeSet]:
    """Make an extension's set of revisions."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def make(name: str, *bodies: str) -> MigrationSet:
        package = f"{name}_fenced"
        (tmp_path / package).mkdir(exist_ok=True)
        (tmp_path / package / "__init__.py").touch()
        for number, body in enumerate(bodies, 1):
            text = _REVISION.format(revision=str(number), after=str(number - 1) if number > 1 else None, body=body)
            (tmp_path / package / f"r{number}.py").write_text(text)
        made.append(package)
        return MigrationSet(name, package, prefix=f"{name}_")

    yield make
    for package in made:
        sys.modules.pop(package, None)


def run(*statements: str) -> str:
    """The body of a revision that executes these."""
    return "\n    ".join(f"op.execute({each!r})" for each in statements)


def tables(url: str) -> frozenset[str]:
    """The tables there are."""
    database = Database.open(url)
    try:
        return frozenset(database.read_sync(lambda connection: sa.inspect(connection).get_table_names()))
    finally:
        database.close_sync()


HARM = {
    "dropped and made again": run("DROP TABLE submissions", "CREATE TABLE submissions (id TEXT)"),
    "dropped": run("DROP TABLE switches"),
    "altered": run("ALTER TABLE submissions ADD COLUMN more TEXT"),
    "emptied": run("DELETE FROM caller_changes"),
    "written": run("UPDATE caller_changes SET version = 7"),
    "filled": run(
        "INSERT INTO callers (id, name, priority, may_skip_cache, created_at) VALUES ('x', 'x', 1, TRUE, 1.0)"
    ),
    "indexed": run("CREATE INDEX desk_index ON submissions (id)"),
    "renamed away": run("CREATE TABLE desk_notes (id TEXT)", "ALTER TABLE desk_notes RENAME TO notes"),
    "made for others": run("CREATE TABLE notes (id TEXT)"),
    "a version of the core's": run("UPDATE migrations_core SET version_num = '0001'"),
    "committed": run("CREATE TABLE desk_notes (id TEXT)", "COMMIT"),
    "committed by Python": 'op.execute("CREATE TABLE desk_notes (id TEXT)"); op.get_bind().commit()',
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in HARM.items()])
def test_tables_of_others_cannot_be_touched(url: str, make_set: MakeSet, body: str) -> None:
    """Nothing of such a revision is kept, its version included, and the extension is named."""
    migrate(url)
    before = tables(url)
    desk = make_set("desk", body)
    with pytest.raises(MigrationFailed, match=r"^desk may only make and change tables named desk_…, not \w+"):
        migrate(url, (CORE, desk))
    assert tables(url) == before
    assert pending(url, (CORE, desk)) == ["desk:1"]


def test_a_refusal_that_is_swallowed_counts(sqlite_url: str, make_set: MakeSet) -> None:
    """A revision that tries and goes on is refused all the same."""
    migrate(sqlite_url)
    body = "try:\n        op.execute('DELETE FROM submissions')\n    except Exception:\n        pass"
    with pytest.raises(MigrationFailed, match="not submissions"):
        migrate(sqlite_url, (make_set("desk", body),))


@pytest.mark.parametrize(
    ("statement", "touched"),
    [
        ("CREATE TRIGGER desk_t AFTER INSERT ON desk_notes BEGIN DELETE FROM submissions; END", "trigger desk_t"),
        ("CREATE TEMP TRIGGER desk_t AFTER INSERT ON submissions BEGIN SELECT 1; END", "trigger desk_t"),
        ("PRAGMA writable_schema=ON", "writable_schema"),
        ("ATTACH DATABASE ':memory:' AS other", ":memory:"),
        ("INSERT INTO desk_notes SELECT secret_hash FROM caller_keys", "caller_keys"),
        ("DROP INDEX submissions_number", "submissions"),
    ],
)
def test_what_only_sqlite_knows(sqlite_url: str, make_set: MakeSet, statement: str, touched: str) -> None:
    """Triggers, pragmas, further files and reads of others' rows are refused before they run."""
    desk = make_set("desk", run("CREATE TABLE desk_notes (id BLOB)", statement))
    with pytest.raises(MigrationFailed, match=f"not {touched}$"):
        migrate(sqlite_url, (CORE, desk))
    assert tables(sqlite_url) == frozenset()


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE caller_changes",
        "ALTER TABLE submissions DROP CONSTRAINT submissions_pkey CASCADE",
        "CREATE RULE desk_r AS ON DELETE TO desk_notes DO INSTEAD DELETE FROM submissions",
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.desk_notes (id TEXT)",
        "GRANT ALL ON submissions TO PUBLIC",
        "SELECT 1; COMMIT",
    ],
)
def test_what_only_postgresql_knows(postgres_url: str, make_set: MakeSet, statement: str) -> None:
    """Truncated, loosened, ruled, elsewhere, opened to all: found by comparison, and undone."""
    desk = make_set("desk", run("CREATE TABLE desk_notes (id TEXT)", statement))
    with pytest.raises(MigrationFailed, match="desk may only"):
        migrate(postgres_url, (CORE, desk))
    assert tables(postgres_url) == frozenset()


def test_its_own_tables_are_its_to_change(url: str, make_set: MakeSet) -> None:
    """Columns, indexes, rows, renames and drops of its own pass; batch mode, which copies a table, does too."""
    desk = make_set(
        "desk",
        'op.create_table("desk_notes", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text))',
        run(
            "INSERT INTO desk_notes VALUES (1, 'a')",
            "ALTER TABLE desk_notes ADD COLUMN more TEXT",
            "CREATE INDEX desk_notes_text ON desk_notes (text)",
            "UPDATE desk_notes SET text = 'b' WHERE id IN (SELECT id FROM desk_notes)",
        ),
        'with op.batch_alter_table("desk_notes") as batch:\n        batch.alter_column("text", nullable=False)',
        run("ALTER TABLE desk_notes RENAME TO desk_marks", "CREATE TABLE desk_old (id TEXT)", "DROP TABLE desk_old"),
    )
    assert [each for each in migrate(url, (CORE, desk)) if each.startswith("desk:")] == [
        "desk:1",
        "desk:2",
        "desk:3",
        "desk:4",
    ]
    assert {"desk_marks", "migrations_desk"} <= tables(url)


def test_a_name_that_begins_alike_is_somebody_elses(url: str, make_set: MakeSet) -> None:
    """`village` and `village_desk` keep their hands off each other, whichever came first."""
    first = make_set("village_desk", 'op.create_table("village_desk_visits", sa.Column("id", sa.Integer))')
    second = make_set("village", run("DROP TABLE village_desk_visits"))
    with pytest.raises(MigrationFailed, match="not village_desk_visits"):
        migrate(url, (CORE, first, second))
    second = make_set("other", 'op.create_table("other_desk_visits", sa.Column("id", sa.Integer))')
    first = make_set("other_desk", run("DROP TABLE other_desk_visits"))
    with pytest.raises(MigrationFailed, match="not other_desk_visits"):
        migrate(url, (CORE, second, first))


def test_no_extension_is_named_like_a_table_of_the_core(sqlite_url: str) -> None:
    """The list of the core's tables is whole, and every name whose tables could be the core's is reserved."""
    migrate(sqlite_url)
    assert tables(sqlite_url) == CORE_TABLES
    beginnings = {"_".join(words[:n]) for words in (t.split("_") for t in CORE_TABLES) for n in range(1, len(words))}
    assert beginnings <= RESERVED_NAMES
