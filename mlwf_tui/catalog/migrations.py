"""The catalog's format, step by step: numbered migrations, each applied once in one transaction.

A migration that has been released is never edited; a change of format is a new one at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.tables import MigrationRow
from mlwf_tui.errors import InvalidInput


class Migration(msgspec.Struct, frozen=True):
    """One step of the format."""

    number: int
    name: str
    statements: tuple[str, ...]


def migrate(database: Database, migrations: Sequence[Migration] | None = None) -> None:
    """Bring the file to this program's format; of several processes one does it and the others wait.

    Raises:
        InvalidInput: the file belongs to another program, or to a newer version of this one.
    """
    steps = MIGRATIONS if migrations is None else migrations
    known = max(step.number for step in steps)
    found = _read_number(database)
    if found > known:
        raise InvalidInput(
            f"The catalog {database.path} was written by a newer mlwf: it has format {found}, "
            f"and this one knows formats up to {known}.",
            hint="Update mlwf, or choose another home.",
        )
    database.use_wal()
    for step in steps:
        if step.number > found:
            _apply(database, step)


def _read_number(database: Database) -> int:
    tables = set(database.list_tables())
    if not tables:
        return 0
    if "migration" not in tables:
        raise InvalidInput(
            f"{database.path} is a database of another program, not a catalog.",
            hint="Choose another home, or move that file away.",
        )
    return int(database.read_value(MigrationRow.select(pw.fn.MAX(MigrationRow.number))) or 0)


def _apply(database: Database, step: Migration) -> None:
    with database.transaction():
        if _read_number(database) >= step.number:
            return  # another process was faster
        for statement in step.statements:
            database.execute_sql(statement)
        database.execute(MigrationRow.insert(number=step.number, name=step.name, applied_at=database.now()))


_FIRST_TABLES = (
    """CREATE TABLE migration (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        applied_at INTEGER NOT NULL
    )""",
    """CREATE TABLE run (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        verb TEXT NOT NULL,
        params TEXT NOT NULL,
        state TEXT NOT NULL,
        seed INTEGER,
        author TEXT NOT NULL,
        workspace TEXT NOT NULL,
        environment TEXT NOT NULL,
        recipe TEXT,
        result TEXT NOT NULL,
        summary TEXT NOT NULL,
        error TEXT NOT NULL,
        hint TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        started_at INTEGER,
        finished_at INTEGER
    )""",
    "CREATE INDEX run_by_state ON run (state, sequence)",
    "CREATE INDEX run_by_workspace ON run (workspace, sequence)",
    "CREATE INDEX run_by_recipe ON run (recipe, state, sequence) WHERE recipe IS NOT NULL",
    # A project and its first state refer to each other, so one of the two is checked at the commit.
    """CREATE TABLE project (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        workspace TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        head_id TEXT NOT NULL REFERENCES project_state (id) DEFERRABLE INITIALLY DEFERRED,
        latest_version_id TEXT REFERENCES version (id),
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER
    )""",
    "CREATE UNIQUE INDEX project_by_name ON project (name, workspace) WHERE deleted_at IS NULL",
    "CREATE INDEX project_by_workspace ON project (workspace, name) WHERE deleted_at IS NULL",
    """CREATE TABLE project_state (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        project_id TEXT NOT NULL REFERENCES project (id),
        manifest TEXT NOT NULL,
        item_count INTEGER NOT NULL,
        run_id TEXT REFERENCES run (id),
        created_at INTEGER NOT NULL
    )""",
    """CREATE TABLE head_move (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        project_id TEXT NOT NULL REFERENCES project (id),
        before_id TEXT NOT NULL REFERENCES project_state (id),
        after_id TEXT NOT NULL REFERENCES project_state (id),
        verb TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('done', 'undone', 'discarded')),
        turn INTEGER NOT NULL REFERENCES journal (sequence)
    )""",
    "CREATE INDEX head_move_by_turn ON head_move (status, turn)",
    "CREATE INDEX head_move_by_project ON head_move (project_id, status, turn)",
    """CREATE TABLE version (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        project_id TEXT NOT NULL REFERENCES project (id),
        number INTEGER NOT NULL CHECK (number > 0),
        manifest TEXT NOT NULL,
        item_count INTEGER NOT NULL,
        message TEXT NOT NULL,
        kind TEXT NOT NULL,
        author TEXT NOT NULL,
        parents TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (project_id, number)
    )""",
    "CREATE INDEX version_by_manifest ON version (project_id, manifest)",
    """CREATE TABLE run_edge (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL REFERENCES run (id),
        direction TEXT NOT NULL CHECK (direction IN ('input', 'output')),
        kind TEXT NOT NULL,
        artifact_id TEXT NOT NULL,
        UNIQUE (run_id, direction, kind, artifact_id)
    )""",
    "CREATE INDEX run_edge_by_artifact ON run_edge (kind, artifact_id)",
    "CREATE UNIQUE INDEX run_edge_one_maker ON run_edge (kind, artifact_id) WHERE direction = 'output'",
    """CREATE TABLE job (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        run_id TEXT NOT NULL REFERENCES run (id),
        boot_id TEXT NOT NULL,
        pid INTEGER NOT NULL,
        start_ticks INTEGER NOT NULL,
        started_at INTEGER NOT NULL,
        finished_at INTEGER,
        exit_code INTEGER
    )""",
    "CREATE INDEX job_by_run ON job (run_id, sequence)",
    "CREATE INDEX job_unfinished ON job (sequence) WHERE finished_at IS NULL",
    """CREATE TABLE folder (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL,
        created_at INTEGER NOT NULL
    )""",
    "CREATE INDEX folder_by_path ON folder (path, sequence)",
    """CREATE TABLE model (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        architecture TEXT NOT NULL,
        task TEXT NOT NULL,
        trainer TEXT NOT NULL,
        class_names TEXT NOT NULL,
        image_size_px INTEGER NOT NULL,
        checkpoints TEXT NOT NULL,
        metrics TEXT NOT NULL,
        run_id TEXT NOT NULL REFERENCES run (id),
        created_at INTEGER NOT NULL,
        deleted_at INTEGER
    )""",
    "CREATE UNIQUE INDEX model_by_name ON model (name) WHERE deleted_at IS NULL",
    """CREATE TABLE report (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        model_id TEXT NOT NULL REFERENCES model (id),
        version_id TEXT NOT NULL REFERENCES version (id),
        split TEXT NOT NULL,
        metrics TEXT NOT NULL,
        speed TEXT NOT NULL,
        settings TEXT NOT NULL,
        evaluation TEXT NOT NULL,
        run_id TEXT NOT NULL REFERENCES run (id),
        created_at INTEGER NOT NULL,
        deleted_at INTEGER
    )""",
    "CREATE UNIQUE INDEX report_by_name ON report (name) WHERE deleted_at IS NULL",
    "CREATE INDEX report_by_model ON report (model_id, sequence)",
    """CREATE TABLE journal (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        author TEXT NOT NULL,
        payload TEXT NOT NULL
    )""",
)

_VERSION_TAGS = (
    "ALTER TABLE version ADD COLUMN deleted_at INTEGER",
    """CREATE TABLE version_tag (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        project_id TEXT NOT NULL REFERENCES project (id),
        name TEXT NOT NULL,
        version_id TEXT NOT NULL REFERENCES version (id),
        created_at INTEGER NOT NULL,
        UNIQUE (project_id, name)
    )""",
    "CREATE INDEX version_tag_by_version ON version_tag (version_id, name)",
    """CREATE TABLE manifest_content (
        manifest TEXT NOT NULL PRIMARY KEY,
        datasets TEXT NOT NULL,
        splits TEXT NOT NULL,
        classes TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX state_by_project ON project_state (project_id, sequence)",
)

_QUEUE = (
    "ALTER TABLE run ADD COLUMN terms TEXT",
    "ALTER TABLE run ADD COLUMN call TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE run ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE run ADD COLUMN waits_for TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE run ADD COLUMN not_before INTEGER",
    "ALTER TABLE run ADD COLUMN retry_count INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN worker_pid INTEGER",
    "ALTER TABLE job ADD COLUMN worker_start_ticks INTEGER",
    "ALTER TABLE job ADD COLUMN leases TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE job ADD COLUMN signal INTEGER",
    "ALTER TABLE job ADD COLUMN outcome TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE job ADD COLUMN ran_s REAL",
    "ALTER TABLE job ADD COLUMN cpu_s REAL",
    "ALTER TABLE job ADD COLUMN max_rss_bytes INTEGER",
    """CREATE TABLE queue (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        home TEXT NOT NULL,
        is_paused INTEGER NOT NULL
    )""",
)

_STANDINGS = (
    """CREATE TABLE run_standing (
        run_id TEXT NOT NULL PRIMARY KEY,
        size_bytes INTEGER NOT NULL,
        standing TEXT NOT NULL
    )""",
)

_PIPELINES = (
    "ALTER TABLE run ADD COLUMN parent_id TEXT REFERENCES run (id)",
    "CREATE INDEX run_by_parent ON run (parent_id, sequence) WHERE parent_id IS NOT NULL",
    """CREATE TABLE recipe (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        text TEXT NOT NULL,
        digest TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL
    )""",
    """CREATE TABLE intermediate (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        manifest TEXT NOT NULL,
        item_count INTEGER NOT NULL,
        run_id TEXT NOT NULL REFERENCES run (id),
        created_at INTEGER NOT NULL
    )""",
)

_TRACKING = (
    # What runs read and make that has no table of its own: files, datasets, sessions, labelling jobs.
    """CREATE TABLE artifact (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        signature TEXT NOT NULL,
        digest TEXT NOT NULL,
        size_bytes INTEGER,
        version_id TEXT REFERENCES version (id),
        run_id TEXT REFERENCES run (id),
        created_at INTEGER NOT NULL
    )""",
    "CREATE INDEX artifact_by_name ON artifact (kind, name, sequence)",
    "CREATE INDEX artifact_by_run ON artifact (run_id, sequence) WHERE run_id IS NOT NULL",
    """CREATE TABLE card (
        subject TEXT NOT NULL PRIMARY KEY,
        card TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX journal_by_subject ON journal (subject, sequence)",
    "ALTER TABLE project_state ADD COLUMN base INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE project_state ADD COLUMN minor INTEGER NOT NULL DEFAULT 0",
    """UPDATE project_state SET base = COALESCE((SELECT MAX(number) FROM version
        WHERE version.project_id = project_state.project_id
        AND version.created_at < project_state.created_at), 0)""",
    # Numbered in one pass: to count for each state those before it takes 14 s of 10,000.
    """UPDATE project_state SET minor = numbered.place - (base = 0) FROM (
        SELECT sequence, ROW_NUMBER() OVER (PARTITION BY project_id, base ORDER BY sequence) AS place
        FROM project_state
    ) AS numbered WHERE numbered.sequence = project_state.sequence""",
    "CREATE UNIQUE INDEX state_by_minor ON project_state (project_id, base, minor)",
)

_MODEL_FILES = (
    "ALTER TABLE model ADD COLUMN files TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE model ADD COLUMN is_starred INTEGER NOT NULL DEFAULT 0",
)

_PREDICTIONS = (
    "ALTER TABLE report ADD COLUMN predictions TEXT",
    "ALTER TABLE report ADD COLUMN kind TEXT NOT NULL DEFAULT 'benchmark'",
)

MIGRATIONS = (
    Migration(1, "first tables", _FIRST_TABLES),
    Migration(2, "tags and deleted versions", _VERSION_TAGS),
    Migration(3, "the queue", _QUEUE),
    Migration(4, "standings of runs", _STANDINGS),
    Migration(5, "pipelines", _PIPELINES),
    Migration(6, "artifacts and cards of other programs, minor versions", _TRACKING),
    Migration(7, "files and stars of models", _MODEL_FILES),
    Migration(8, "predictions of reports, and comparisons", _PREDICTIONS),
)
