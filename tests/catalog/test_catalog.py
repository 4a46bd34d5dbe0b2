from __future__ import annotations

import random
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.project import VersionKind
from mlwf_tui.errors import Busy, CorruptData, InvalidInput, NotFound, StorageFailed

COMMIT_25 = """
import sys
from pathlib import Path
from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.project import VersionKind
path, project_id, author = sys.argv[1:]
with Catalog(Path(path)) as catalog:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(25):
        version = catalog.versions.create(project_id, manifest="m", item_count=0, message="",
                                          kind=VersionKind.MANUAL, author=author)
        print(version.number)
"""

STOP_IN_TRANSACTION = """
import sys
from pathlib import Path
from mlwf_tui.catalog.catalog import Catalog
with Catalog(Path(sys.argv[1])) as catalog, catalog.transaction():
    catalog.projects.create("half", workspace="default", manifest="m", item_count=0)
    print(len(catalog.projects.list()), flush=True)
    sys.stdin.readline()
"""


def test_settings_are_those_for_safety_in_every_thread(catalog: Catalog) -> None:
    def read_pragmas() -> list[Any]:
        names = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        return [catalog._database.execute_sql(f"PRAGMA {name}")[0][0] for name in names]

    expected = ["wal", 1, 2, 30_000]
    assert read_pragmas() == expected
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(read_pragmas).result(timeout=30) == expected


def test_a_transaction_is_all_or_nothing(catalog: Catalog, make: Any) -> None:
    with pytest.raises(ZeroDivisionError), catalog.transaction():
        make.project("a")
        make.run()
        raise ZeroDivisionError
    assert catalog.projects.list() == ()
    assert catalog.runs.list() == ()
    assert catalog.journal.latest() == 0


def test_an_inner_transaction_can_fail_alone(catalog: Catalog, make: Any) -> None:
    with catalog.transaction():
        make.project("a")
        with pytest.raises(ZeroDivisionError), catalog.transaction():
            make.project("b")
            raise ZeroDivisionError
        make.project("c")
    assert [project.name for project in catalog.projects.list()] == ["a", "c"]


def test_nobody_sees_a_transaction_before_its_end(catalog: Catalog, make: Any, path: Path) -> None:
    with Catalog(path) as other:
        with catalog.transaction():
            make.project("a")
            assert other.projects.list() == ()
        assert len(other.projects.list()) == 1


def test_threads_create_versions_with_distinct_consecutive_numbers(catalog: Catalog, make: Any) -> None:
    project = make.project()
    barrier = threading.Barrier(4)

    def commit(_: int) -> list[int]:
        barrier.wait(timeout=30)
        return [make.version(project).number for _ in range(25)]

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for made in pool.map(commit, range(4), timeout=60) for number in made]
    assert sorted(numbers) == list(range(1, 101))


def test_processes_create_versions_with_distinct_consecutive_numbers(
    catalog: Catalog, make: Any, path: Path, start_process: Any
) -> None:
    project = make.project()
    processes = [start_process(COMMIT_25, path, project.id, f"p{n}") for n in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    numbers = sorted(int(line) for output in outputs for line in output.split())
    assert numbers == list(range(1, 101))
    assert {version.author for version in catalog.versions.list(project.id)} == {"p0", "p1", "p2", "p3"}


def test_a_process_killed_in_a_transaction_leaves_no_trace(
    catalog: Catalog, make: Any, path: Path, start_process: Any
) -> None:
    make.project("whole")
    latest = catalog.journal.latest()
    process = start_process(STOP_IN_TRANSACTION, path)
    assert process.stdout.readline() == "2\n"  # it sees its own project
    process.kill()
    process.wait(timeout=30)
    assert [project.name for project in catalog.projects.list()] == ["whole"]
    assert catalog.journal.latest() == latest
    assert make.project("after").name == "after"
    check = catalog._database.execute_sql("PRAGMA integrity_check")[0][0]
    assert check == "ok"


def test_a_catalog_held_for_too_long_is_busy(path: Path) -> None:
    with Catalog(path) as holder, Catalog(path, busy_timeout_s=0.05) as waiting, holder.transaction():
        with pytest.raises(Busy, match="held by another"):
            waiting.projects.create("a", workspace="default", manifest=Digest("m"), item_count=0)
        assert waiting.projects.list() == ()  # readers need not wait


def test_a_full_disk_is_said_to_be_full_and_leaves_the_catalog_whole(catalog: Catalog, make: Any) -> None:
    project = make.project()
    pages = catalog._database.execute_sql("PRAGMA page_count")[0][0]
    catalog._database.execute_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageFailed, match="full"), catalog.transaction():
        for _ in range(1000):
            make.version(project, message="x" * 1000)
    assert catalog.versions.list(project.id) == ()
    catalog._database.execute_sql("PRAGMA max_page_count = 1000000")
    assert make.version(project).number == 1


def test_a_catalog_that_may_not_be_written_says_so(catalog: Catalog, make: Any) -> None:
    catalog._database.execute_sql("PRAGMA query_only = 1")
    with pytest.raises(StorageFailed, match="cannot be written"):
        make.project()
    assert catalog.projects.list() == ()


def test_a_folder_that_is_not_there_is_a_storage_failure(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        Catalog(tmp_path / "missing" / "catalog.sqlite")
    with pytest.raises(StorageFailed):
        Catalog(tmp_path)


def test_a_file_that_is_no_database_is_corrupt(path: Path) -> None:
    content = b"this is a note and no database, " * 100
    path.write_bytes(content)
    with pytest.raises(CorruptData) as caught:
        Catalog(path)
    assert "backup" in caught.value.hint
    assert path.read_bytes() == content


def test_a_damaged_catalog_is_corrupt(path: Path) -> None:
    with Catalog(path) as catalog:
        project = catalog.projects.create("a", workspace="w", manifest=Digest("m"), item_count=0)
        for _ in range(100):
            catalog.versions.create(
                project.id, manifest=Digest("m"), item_count=0, message="x" * 500,
                kind=VersionKind.MANUAL, author="",
            )  # fmt: skip
    content = bytearray(path.read_bytes())
    content[8192:] = random.Random(0).randbytes(len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(CorruptData), Catalog(path) as catalog:
        catalog.versions.list(project.id)


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.commit()
    connection.close()
    content = path.read_bytes()
    with pytest.raises(InvalidInput, match="another program"):
        Catalog(path)
    assert path.read_bytes() == content


def test_a_failed_opening_leaves_nothing_open(path: Path) -> None:
    path.write_bytes(b"no database" * 100)
    with pytest.raises(CorruptData):
        Catalog(path)
    path.unlink()
    with Catalog(path) as catalog, pytest.raises(NotFound):
        catalog.projects.get("a")
