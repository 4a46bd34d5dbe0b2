"""The tables as peewee sees them; migrations.py makes them, the repositories read and write them.

The models are bound to no database: each query is run by the Database that its repository was given.
References are plain columns, so that no attribute access ever reads behind the caller's back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import peewee as pw

from mlwf_tui.catalog.fields import Json, Text, Time


class Row(pw.Model):
    """What all tables share: `sequence` is the order of insertion, whatever the clock says."""

    sequence: pw.Field[int] = pw.AutoField()

    class Meta:
        database = None


class MigrationRow(pw.Model):
    number: pw.Field[int] = pw.IntegerField(primary_key=True)
    name: pw.Field[str] = Text()
    applied_at: pw.Field[datetime] = Time()

    class Meta:
        database = None
        table_name = "migration"


class ProjectRow(Row):
    id: pw.Field[str] = Text()
    workspace: pw.Field[str] = Text()
    name: pw.Field[str] = Text()
    description: pw.Field[str] = Text()
    head_id: pw.Field[str] = Text()
    latest_version_id: pw.Field[str | None] = Text(null=True)
    created_at: pw.Field[datetime] = Time()
    updated_at: pw.Field[datetime] = Time()
    deleted_at: pw.Field[datetime | None] = Time(null=True)

    class Meta:
        table_name = "project"


class StateRow(Row):
    id: pw.Field[str] = Text()
    project_id: pw.Field[str] = Text()
    manifest: pw.Field[str] = Text()
    item_count: pw.Field[int] = pw.IntegerField()
    run_id: pw.Field[str | None] = Text(null=True)
    created_at: pw.Field[datetime] = Time()
    base: pw.Field[int] = pw.IntegerField()
    minor: pw.Field[int] = pw.IntegerField()

    class Meta:
        table_name = "project_state"


class HeadMoveRow(Row):
    project_id: pw.Field[str] = Text()
    before_id: pw.Field[str] = Text()
    after_id: pw.Field[str] = Text()
    verb: pw.Field[str] = Text()
    status: pw.Field[str] = Text()
    turn: pw.Field[int] = pw.IntegerField()

    class Meta:
        table_name = "head_move"


class VersionRow(Row):
    id: pw.Field[str] = Text()
    project_id: pw.Field[str] = Text()
    number: pw.Field[int] = pw.IntegerField()
    manifest: pw.Field[str] = Text()
    item_count: pw.Field[int] = pw.IntegerField()
    message: pw.Field[str] = Text()
    kind: pw.Field[str] = Text()
    author: pw.Field[str] = Text()
    parents: pw.Field[list[str]] = Json()
    created_at: pw.Field[datetime] = Time()
    deleted_at: pw.Field[datetime | None] = Time(null=True)

    class Meta:
        table_name = "version"


class TagRow(Row):
    project_id: pw.Field[str] = Text()
    name: pw.Field[str] = Text()
    version_id: pw.Field[str] = Text()
    created_at: pw.Field[datetime] = Time()

    class Meta:
        table_name = "version_tag"


class ContentRow(pw.Model):
    manifest: pw.Field[str] = Text(primary_key=True)
    datasets: pw.Field[Mapping[str, int]] = Json()
    splits: pw.Field[Mapping[str, int]] = Json()
    classes: pw.Field[Mapping[str, int]] = Json()

    class Meta:
        database = None
        table_name = "manifest_content"


class RunRow(Row):
    id: pw.Field[str] = Text()
    verb: pw.Field[str] = Text()
    params: pw.Field[Mapping[str, Any]] = Json()
    state: pw.Field[str] = Text()
    seed: pw.Field[int | None] = pw.IntegerField(null=True)
    author: pw.Field[str] = Text()
    workspace: pw.Field[str] = Text()
    environment: pw.Field[Mapping[str, str]] = Json()
    recipe: pw.Field[str | None] = Text(null=True)
    result: pw.Field[Mapping[str, Any]] = Json()
    summary: pw.Field[str] = Text()
    error: pw.Field[str] = Text()
    hint: pw.Field[str] = Text()
    created_at: pw.Field[datetime] = Time()
    started_at: pw.Field[datetime | None] = Time(null=True)
    finished_at: pw.Field[datetime | None] = Time(null=True)
    terms: pw.Field[Mapping[str, Any] | None] = Json(null=True)
    call: pw.Field[Mapping[str, Any]] = Json()
    priority: pw.Field[int] = pw.IntegerField()
    waits_for: pw.Field[str] = Text()
    not_before: pw.Field[datetime | None] = Time(null=True)
    retry_count: pw.Field[int] = pw.IntegerField()
    parent_id: pw.Field[str | None] = Text(null=True)

    class Meta:
        table_name = "run"


class StandingRow(pw.Model):
    run_id: pw.Field[str] = Text(primary_key=True)
    size_bytes: pw.Field[int] = pw.BigIntegerField()
    standing: pw.Field[str] = pw.TextField()

    class Meta:
        database = None
        table_name = "run_standing"


class EdgeRow(Row):
    run_id: pw.Field[str] = Text()
    direction: pw.Field[str] = Text()
    kind: pw.Field[str] = Text()
    artifact_id: pw.Field[str] = Text()

    class Meta:
        table_name = "run_edge"


class JobRow(Row):
    id: pw.Field[str] = Text()
    run_id: pw.Field[str] = Text()
    boot_id: pw.Field[str] = Text()
    pid: pw.Field[int] = pw.IntegerField()
    start_ticks: pw.Field[int] = pw.IntegerField()
    started_at: pw.Field[datetime] = Time()
    finished_at: pw.Field[datetime | None] = Time(null=True)
    exit_code: pw.Field[int | None] = pw.IntegerField(null=True)
    worker_pid: pw.Field[int | None] = pw.IntegerField(null=True)
    worker_start_ticks: pw.Field[int | None] = pw.IntegerField(null=True)
    leases: pw.Field[list[str]] = Json()
    signal: pw.Field[int | None] = pw.IntegerField(null=True)
    outcome: pw.Field[str] = Text()
    ran_s: pw.Field[float | None] = pw.FloatField(null=True)
    cpu_s: pw.Field[float | None] = pw.FloatField(null=True)
    max_rss_bytes: pw.Field[int | None] = pw.BigIntegerField(null=True)

    class Meta:
        table_name = "job"


class QueueRow(pw.Model):
    id: pw.Field[int] = pw.IntegerField(primary_key=True)
    home: pw.Field[str] = Text()
    is_paused: pw.Field[int] = pw.IntegerField()

    class Meta:
        database = None
        table_name = "queue"


class FolderRow(Row):
    id: pw.Field[str] = Text()
    path: pw.Field[str] = Text()
    created_at: pw.Field[datetime] = Time()

    class Meta:
        table_name = "folder"


class RecipeRow(Row):
    id: pw.Field[str] = Text()
    name: pw.Field[str] = Text()
    text: pw.Field[str] = Text()
    digest: pw.Field[str] = Text()
    created_at: pw.Field[datetime] = Time()

    class Meta:
        table_name = "recipe"


class IntermediateRow(Row):
    id: pw.Field[str] = Text()
    title: pw.Field[str] = Text()
    manifest: pw.Field[str] = Text()
    item_count: pw.Field[int] = pw.IntegerField()
    run_id: pw.Field[str] = Text()
    created_at: pw.Field[datetime] = Time()

    class Meta:
        table_name = "intermediate"


class ArtifactRow(Row):
    id: pw.Field[str] = Text()
    kind: pw.Field[str] = Text()
    name: pw.Field[str] = Text()
    signature: pw.Field[str] = Text()
    digest: pw.Field[str] = Text()
    size_bytes: pw.Field[int | None] = pw.BigIntegerField(null=True)
    version_id: pw.Field[str | None] = Text(null=True)
    run_id: pw.Field[str | None] = Text(null=True)
    created_at: pw.Field[datetime] = Time()

    class Meta:
        table_name = "artifact"


class CardRow(pw.Model):
    subject: pw.Field[str] = Text(primary_key=True)
    card: pw.Field[Mapping[str, Any]] = Json()

    class Meta:
        database = None
        table_name = "card"


class ModelRow(Row):
    id: pw.Field[str] = Text()
    name: pw.Field[str] = Text()
    description: pw.Field[str] = Text()
    architecture: pw.Field[str] = Text()
    task: pw.Field[str] = Text()
    trainer: pw.Field[str] = Text()
    class_names: pw.Field[list[str]] = Json()
    image_size_px: pw.Field[int] = pw.IntegerField()
    checkpoints: pw.Field[list[dict[str, Any]]] = Json()
    metrics: pw.Field[Mapping[str, float]] = Json()
    run_id: pw.Field[str] = Text()
    created_at: pw.Field[datetime] = Time()
    deleted_at: pw.Field[datetime | None] = Time(null=True)
    files: pw.Field[list[dict[str, Any]]] = Json()
    is_starred: pw.Field[int] = pw.IntegerField()

    class Meta:
        table_name = "model"


class ReportRow(Row):
    id: pw.Field[str] = Text()
    name: pw.Field[str] = Text()
    description: pw.Field[str] = Text()
    model_id: pw.Field[str] = Text()
    version_id: pw.Field[str] = Text()
    split: pw.Field[str] = Text()
    metrics: pw.Field[Mapping[str, float]] = Json()
    speed: pw.Field[Mapping[str, float]] = Json()
    settings: pw.Field[Mapping[str, float | str]] = Json()
    evaluation: pw.Field[str] = Text()
    predictions: pw.Field[str | None] = Text(null=True)
    kind: pw.Field[str] = Text()
    run_id: pw.Field[str] = Text()
    created_at: pw.Field[datetime] = Time()
    deleted_at: pw.Field[datetime | None] = Time(null=True)

    class Meta:
        table_name = "report"


class JournalRow(Row):
    at: pw.Field[datetime] = Time()
    kind: pw.Field[str] = Text()
    subject: pw.Field[str] = Text()
    author: pw.Field[str] = Text()
    payload: pw.Field[Mapping[str, str]] = Json()

    class Meta:
        table_name = "journal"


TABLES: tuple[type[pw.Model], ...] = (
    MigrationRow, ProjectRow, StateRow, HeadMoveRow, VersionRow, TagRow, ContentRow, RunRow, StandingRow,
    EdgeRow, JobRow, QueueRow, FolderRow, RecipeRow, IntermediateRow, ArtifactRow, CardRow, ModelRow,
    ReportRow, JournalRow,
)  # fmt: skip
