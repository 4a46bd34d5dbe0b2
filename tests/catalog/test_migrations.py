from __future__ import annotations

from pathlib import Path
from typing import Any

import peewee as pw
import pytest

from mlwf_tui.catalog.catalog import Catalog, read_clock
from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.migrations import MIGRATIONS, Migration, migrate
from mlwf_tui.catalog.tables import TABLES, MigrationRow
from mlwf_tui.entities.model import ReportKind
from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import InvalidInput

OPEN = """
import sys
from pathlib import Path
from mlwf_tui.catalog.catalog import Catalog
print("ready", flush=True)
sys.stdin.readline()
with Catalog(Path(sys.argv[1])) as catalog:
    catalog.journal.append("opened", sys.argv[2])
    print("done")
"""
NEXT = Migration(len(MIGRATIONS) + 1, "more", ("ALTER TABLE project ADD COLUMN color TEXT",))
FIRST_ROWS = (
    "PRAGMA foreign_keys = OFF",  # a project and its state name each other
    """INSERT INTO project (id, workspace, name, description, head_id, latest_version_id, created_at,
    updated_at)
    VALUES ('p', 'default', 'bccd', '', 's', 'v', 1, 1)""",
    """INSERT INTO project_state (id, project_id, manifest, item_count, created_at)
    VALUES ('s', 'p', 'm', 364, 1)""",
    """INSERT INTO version (id, project_id, number, manifest, item_count, message, kind, author, parents,
    created_at) VALUES ('v', 'p', 1, 'm', 364, 'as received', 'manual', 'ada', '[]', 1)""",
)
RUNS_BEFORE_THE_QUEUE = (
    *(
        f"""INSERT INTO run (id, verb, params, state, author, workspace, environment, result, summary, error,
        hint, created_at)
        VALUES ('{name}', 'train', '{{}}', '{state}', 'ada', 'default', '{{}}', '{{}}', '', '', '', 1)"""
        for name, state in (("a", "queued"), ("b", "running"))
    ),
    """INSERT INTO job (id, run_id, boot_id, pid, start_ticks, started_at)
    VALUES ('j', 'b', 'boot:1', 42, 7, 1)""",
)

MODEL_BEFORE_FILES = (
    "UPDATE version SET manifest = printf('%064d', 1)",
    "UPDATE project_state SET manifest = printf('%064d', 1)",
    """INSERT INTO run (id, verb, params, state, author, workspace, environment, result, summary, error,
    hint, created_at)
    VALUES ('r', 'train', '{}', 'done', 'ada', 'default', '{}', '{}', '', '', '', 1)""",
    f"""INSERT INTO model (id, name, description, architecture, task, trainer, class_names, image_size_px,
    checkpoints, metrics, run_id, created_at) VALUES ('m', 'small', '', 'yolov10n', 'detect', 'ultralytics',
    '["cell"]', 64, '[{{"name": "best.pt", "blob": "{"c" * 64}", "size_bytes": 7}}]', '{{"map": 0.5}}',
    'r', 1)""",
    f"""INSERT INTO report (id, name, description, model_id, version_id, split, metrics, speed, settings,
    evaluation, run_id, created_at)
    VALUES ('b', 'small-on-bccd', '', 'm', 'v', 'val', '{{"map": 0.4}}', '{{}}', '{{}}', '{"e" * 64}',
    'r', 1)""",
)


def open_database(path: Path) -> Database:
    return Database(path, clock=read_clock, busy_timeout_s=30)


def read_applied(database: Database) -> list[tuple[int, str]]:
    return [(row.number, row.name) for row in database.fetch(MigrationRow.select())]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table._meta.table_name)
def test_the_models_have_the_columns_that_the_migrations_make(
    catalog: Catalog, table: type[pw.Model]
) -> None:
    rows = catalog._database.execute_sql(f"PRAGMA table_info({table._meta.table_name})")
    columns = {name: bool(not_null or is_key) for _, name, _, not_null, _, is_key in rows}
    assert columns == {name: not field.null for name, field in table._meta.columns.items()}


def test_all_tables_have_a_model(catalog: Catalog) -> None:
    tables = {name for name in catalog._database.list_tables() if not name.startswith("sqlite_")}
    assert tables == {table._meta.table_name for table in TABLES}


def test_numbers_are_consecutive() -> None:
    assert [step.number for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_each_migration_is_applied_once(path: Path) -> None:
    for _ in range(2):
        with Catalog(path) as catalog:
            assert read_applied(catalog._database) == [(step.number, step.name) for step in MIGRATIONS]


def test_a_catalog_gets_the_migrations_it_lacks_and_keeps_its_rows(catalog: Catalog, make: Any) -> None:
    make.project()
    migrate(catalog._database, (*MIGRATIONS, NEXT))
    assert read_applied(catalog._database)[-1] == (NEXT.number, "more")
    assert catalog.projects.get("bccd").name == "bccd"


def test_a_catalog_of_the_first_migration_is_brought_up_to_date(path: Path) -> None:
    database = open_database(path)
    migrate(database, MIGRATIONS[:1])
    for statement in FIRST_ROWS:
        database.execute_sql(statement)
    database.close()
    with Catalog(path) as catalog:
        project = catalog.projects.get("bccd")
        version = catalog.versions.get(project.id, 1)
        assert (version.message, version.tags, version.item_count) == ("as received", (), 364)
        assert (project.latest_version, project.is_changed) == (1, False)
        catalog.tags.set(version, "raw", is_moving=False)
        catalog.versions.delete(version.id)
        assert catalog.versions.list(project.id) == ()
        assert read_applied(catalog._database) == [(step.number, step.name) for step in MIGRATIONS]


def test_states_of_before_get_their_places_behind_the_versions(path: Path) -> None:
    database = open_database(path)
    migrate(database, MIGRATIONS[:5])
    for statement in FIRST_ROWS:  # the version was made at 1
        database.execute_sql(statement)
    for project, name, at in (("p", "b", 0), ("p", "c", 0), ("p", "d", 2), ("q", "e", 3), ("p", "f", 4)):
        database.execute_sql(
            f"""INSERT INTO project_state (id, project_id, manifest, item_count, created_at)
            VALUES ('{name}', '{project}', 'm', 1, {at})"""
        )
    migrate(database)
    places = database.execute_sql("SELECT id, base, minor FROM project_state ORDER BY id")
    assert places == [("b", 0, 1), ("c", 0, 2), ("d", 1, 1), ("e", 0, 0), ("f", 1, 2), ("s", 0, 0)]


def test_runs_and_jobs_of_before_the_queue_are_kept_and_are_not_of_it(path: Path) -> None:
    database = open_database(path)
    migrate(database, MIGRATIONS[:2])
    for statement in RUNS_BEFORE_THE_QUEUE:
        database.execute_sql(statement)
    database.close()
    with Catalog(path) as catalog:
        waiting, going = sorted(catalog.runs.list(), key=lambda run: run.id)
        assert (waiting.state, going.state) == (RunState.QUEUED, RunState.RUNNING)
        assert not waiting.is_detached
        assert catalog.queue.read_state() is None
        assert catalog.queue.list_waiting() == catalog.queue.list_going() == ()
        (job,) = catalog.jobs.list_unfinished()
        assert (job.process.pid, job.worker, job.leases) == (42, None, ())
        catalog.runs.start(waiting.id)
        catalog.jobs.finish(job.id, 0)
        catalog.runs.finish(going.id, RunState.DONE, result={})


def test_models_and_reports_of_before_are_kept_and_every_report_is_a_benchmark(path: Path) -> None:
    database = open_database(path)
    migrate(database, MIGRATIONS[:6])
    for statement in (*FIRST_ROWS, *MODEL_BEFORE_FILES):
        database.execute_sql(statement)
    database.close()
    with Catalog(path) as catalog:
        model = catalog.models.get("small")
        assert (model.files, model.is_starred, model.metrics) == ((), False, {"map": 0.5})
        (report,) = catalog.reports.list(model_id=model.id)
        assert (report.name, report.version_ref, report.metrics) == ("small-on-bccd", "bccd@1", {"map": 0.4})
        assert (report.kind, report.predictions) == (ReportKind.BENCHMARK, None)
        assert {root.digest for root in catalog.roots.read()} >= {"c" * 64, "e" * 64}
        assert catalog.models.star(model.id, is_starred=True).is_starred


def test_a_catalog_of_a_newer_program_is_refused(path: Path) -> None:
    database = open_database(path)
    migrate(database, (*MIGRATIONS, NEXT))
    database.close()
    with pytest.raises(InvalidInput, match="newer") as caught:
        Catalog(path)
    assert "Update" in caught.value.hint


def test_a_migration_that_fails_leaves_no_trace(path: Path) -> None:
    with Catalog(path) as catalog:
        broken = Migration(NEXT.number, "broken", (*NEXT.statements, "ALTER TABLE nothing DROP COLUMN x"))
        with pytest.raises(pw.OperationalError):
            migrate(catalog._database, (*MIGRATIONS, broken))
        assert len(read_applied(catalog._database)) == len(MIGRATIONS)
        migrate(catalog._database, (*MIGRATIONS, NEXT))  # the column is not there twice


def test_processes_that_open_a_new_catalog_at_once_all_succeed(path: Path, start_process: Any) -> None:
    processes = [start_process(OPEN, path, n) for n in range(6)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in processes] == ["done\n"] * 6
    with Catalog(path) as catalog:
        assert len(read_applied(catalog._database)) == len(MIGRATIONS)
        assert sorted(event.subject for event in catalog.journal.read_since(0)) == list("012345")
