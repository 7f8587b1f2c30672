"""Run revision files with Alembic, but without its command, its config file or an `env.py`.

Loaded only when there is something to apply: Alembic costs a tenth of a second of every start otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa
    from alembic.runtime.migration import MigrationContext, RevisionStep


def upgrade(connection: sa.Connection, folder: Path, version_table: str) -> None:
    """Apply all pending revisions of a folder in the connection's transaction.

    Args:
        connection: In a transaction that may change the schema.
        folder: Holds the revision files.
        version_table: Says which revision the database is at.
    """
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder)])

    def steps(revision: Any, _context: MigrationContext) -> list[RevisionStep]:
        return scripts._upgrade_revs("heads", revision)  # noqa: SLF001 # what Alembic's own command calls

    with EnvironmentContext(Config(), scripts, fn=steps, as_sql=False) as environment:
        environment.configure(
            connection=connection,
            version_table=version_table,
            transactional_ddl=True,
            render_as_batch=connection.dialect.name == "sqlite",
        )
        environment.run_migrations()
