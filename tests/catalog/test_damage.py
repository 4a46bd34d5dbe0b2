"""One flipped bit anywhere in the file: said to be damage, or harmless; never an error of Python's own."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.catalog.copies import read_origin
from mlwf_tui.catalog.faults import translated_faults
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.model import Checkpoint
from mlwf_tui.entities.project import ManifestContent, VersionKind
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, ProcessIdentity, RunState
from mlwf_tui.errors import CorruptData, MlwfError, StorageFailed

MANIFEST = Digest("5" * 64)


def fill(path: Path) -> None:
    """Put one of everything into a catalog."""
    with Catalog(path) as catalog:
        project = catalog.projects.create("cells", workspace="default", manifest=MANIFEST, item_count=5)
        version = catalog.versions.create(
            project.id, manifest=MANIFEST, item_count=5, message="m", kind=VersionKind.MANUAL, author="ada"
        )
        catalog.tags.set(version, "golden", is_moving=False)
        catalog.contents.keep(
            MANIFEST, ManifestContent(datasets={"main": 5}, splits={"train": 5}, classes={"cell": 5})
        )
        for number in range(3):
            run = catalog.runs.create(
                "train", params={"epochs": 3}, seed=number, author="ada", workspace="default",
                environment={"python": "3.11"},
            )  # fmt: skip
            catalog.runs.add_input(run.id, ArtifactRef(ArtifactKind.VERSION, version.id))
            job = catalog.jobs.create(run.id, ProcessIdentity("boot:1", 4711, 99))
            model = catalog.models.create(
                name=f"model-{number}", architecture="yolov10n", task="detect", trainer="ultralytics",
                class_names=("cell",), image_size_px=640, metrics={"map50": 0.5}, run_id=run.id,
                checkpoints=(Checkpoint("best", Digest("7" * 64), 10),),
            )  # fmt: skip
            catalog.runs.add_output(run.id, ArtifactRef(ArtifactKind.MODEL, model.id))
            catalog.jobs.finish(job.id, 0)
        catalog.runs.finish(run.id, RunState.DONE, result={"model": model.name})
        catalog.reports.create(
            name="report", model_id=model.id, version_id=version.id, split="val", metrics={"map50": 0.5},
            speed={"ms": 2.0}, evaluation=Digest("8" * 64), run_id=run.id,
        )  # fmt: skip


@pytest.fixture
def filled(path: Path) -> Path:
    fill(path)
    return path


def change(path: Path, statement: str) -> None:
    """Let the file hold what no catalog writes."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement)


def list_readers(catalog: Catalog) -> list[Callable[[], object]]:
    """Return calls that together read every table."""

    def read_ancestors() -> object:
        versions = catalog.versions.list(catalog.projects.get("cells").id)
        return [catalog.versions.find_common_ancestor(version.id, version.id) for version in versions]

    return [
        catalog.projects.list,
        read_ancestors,
        lambda: catalog.tags.get_number(catalog.projects.get("cells").id, "golden"),
        lambda: catalog.projects.get_state(catalog.projects.get("cells").head),
        lambda: catalog.contents.find(MANIFEST),
        catalog.runs.list,
        catalog.models.list,
        catalog.reports.list,
        catalog.lineage.read_graph,
        catalog.jobs.list_unfinished,
        lambda: [catalog.jobs.latest(run.id) for run in catalog.runs.list()],
        catalog.roots.read,
        catalog.roots.find_damage,
        lambda: catalog.journal.read_since(0),
    ]


def read_all(path: Path) -> list[MlwfError]:
    """Read everything, and return what was refused; no other error may come out."""
    refused = []
    try:
        with Catalog(path) as catalog:
            for read in list_readers(catalog):
                try:
                    read()
                except MlwfError as error:
                    refused.append(error)
    except MlwfError as error:
        refused.append(error)
    return refused


def test_a_whole_catalog_is_read_whole(filled: Path) -> None:
    assert read_all(filled) == []


@pytest.mark.parametrize("count", [250, pytest.param(2_000, marks=pytest.mark.slow)])
def test_a_flipped_bit_is_told_as_the_projects_own_error_or_does_no_harm(filled: Path, count: int) -> None:
    whole = filled.read_bytes()
    used = [at for at in range(len(whole)) if whole[at]]  # most of a small file is empty pages
    draw = random.Random(7)
    for _ in range(count):
        for suffix in ("-wal", "-shm"):
            filled.with_name(filled.name + suffix).unlink(missing_ok=True)
        content = bytearray(whole)
        content[draw.choice(used)] ^= 1 << draw.randrange(8)
        filled.write_bytes(content)
        read_all(filled)
        with suppress(MlwfError):
            assert isinstance(read_origin(filled), int)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE version SET kind = 'mAnual'",
        "UPDATE version SET item_count = NULL",
        "UPDATE version SET item_count = x'ff'",
        "UPDATE version SET created_at = 9223372036854775807",
        "UPDATE version SET created_at = 'abc'",
        "UPDATE version SET parents = '[\"a]'",
        "UPDATE version SET parents = '7'",
        "UPDATE version SET message = CAST(x'ff41' AS TEXT)",
    ],
)
def test_a_value_that_no_catalog_writes_is_damage(filled: Path, statement: str) -> None:
    change(filled, "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'version'")
    change(filled, statement)
    with (
        Catalog(filled) as catalog,
        pytest.raises(CorruptData, match=r"catalog\.sqlite is damaged") as caught,
    ):
        catalog.versions.list(catalog.projects.get("cells").id)
    assert "backup" in caught.value.hint


@pytest.mark.parametrize(
    "statement",
    ["UPDATE run SET state = 'ronning'", "UPDATE run_edge SET kind = 'modem'", "UPDATE run SET params = '{'"],
)
def test_a_run_that_cannot_be_understood_is_damage(filled: Path, statement: str) -> None:
    change(filled, statement)
    with Catalog(filled) as catalog, pytest.raises(CorruptData, match="damaged"):
        catalog.runs.list()


def test_a_column_or_table_that_has_lost_its_name_is_damage(filled: Path) -> None:
    change(filled, "ALTER TABLE model RENAME TO modem")
    change(filled, "UPDATE sqlite_master SET sql = replace(sql, 'item_count', 'ite_count')")
    with Catalog(filled) as catalog:
        for read in (catalog.projects.list, catalog.models.list):
            with pytest.raises(CorruptData, match="damaged"):
                read()


def test_a_root_that_is_no_digest_is_damage(filled: Path) -> None:
    change(filled, "UPDATE report SET evaluation = '8x8'")
    with Catalog(filled) as catalog, pytest.raises(CorruptData, match="damaged"):
        catalog.roots.read()


def test_a_number_that_a_caller_gives_is_no_damage(filled: Path) -> None:
    with Catalog(filled) as catalog, pytest.raises(MlwfError, match="too large"):
        catalog.versions.get(catalog.projects.get("cells").id, 2**70)


@pytest.mark.parametrize(("free_blocks", "told"), [(3, "is full"), (1_000, "cannot be opened or read")])
def test_a_disk_without_room_is_not_told_as_one_that_does_not_work(
    filled: Path, monkeypatch: pytest.MonkeyPatch, free_blocks: int, told: str
) -> None:
    room = os.statvfs(filled.parent)
    values = [4096, 4096, room.f_blocks, free_blocks, free_blocks, *room[5:]]
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    with pytest.raises(StorageFailed, match=told), translated_faults(filled):
        raise error
