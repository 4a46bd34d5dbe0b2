from __future__ import annotations

from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, ProcessIdentity, RunState
from mlwf_tui.errors import Conflict


def test_events_come_back_in_order(catalog: Catalog) -> None:
    assert catalog.journal.latest() == 0
    assert catalog.journal.read_since(0) == ()
    sequences = [catalog.journal.append("demo", str(n), author="ada", step=str(n)) for n in range(5)]
    assert sequences == sorted(set(sequences))
    assert catalog.journal.latest() == sequences[-1]
    events = catalog.journal.read_since(sequences[1], limit=2)
    assert [event.sequence for event in events] == sequences[2:4]
    assert (events[0].kind, events[0].subject, events[0].author) == ("demo", "2", "ada")
    assert events[0].payload == {"step": "2"}


def test_every_change_leaves_its_event(catalog: Catalog, make: Any) -> None:
    project = make.project()
    make.move(project, "m")
    catalog.projects.undo_head(None, run_id=None)
    catalog.projects.redo_head(None, run_id=None)
    version = make.version(project)
    catalog.versions.describe(version.id, "")
    catalog.projects.describe(project.id, "")
    catalog.projects.rename(project.id, "x")
    catalog.projects.delete(project.id)
    run = make.run()
    job = catalog.jobs.create(run.id, ProcessIdentity("", 1, 1))
    catalog.jobs.finish(job.id, 0)
    catalog.runs.add_input(run.id, catalog.lineage.add_folder("/data"))
    catalog.runs.add_output(run.id, ArtifactRef(ArtifactKind.VERSION, version.id))
    catalog.runs.mark(run.id, RunState.STOPPING, expected={RunState.RUNNING})
    catalog.runs.finish(run.id, RunState.STOPPED, result={})
    assert [event.kind for event in catalog.journal.read_since(0)] == [
        "project.created", "head.moved", "head.undone", "head.redone", "version.created",
        "version.described", "project.described", "project.renamed", "project.deleted", "run.created",
        "job.started", "job.finished", "folder.added", "run.input", "run.output", "run.marked",
        "run.finished",
    ]  # fmt: skip


def test_a_change_that_fails_leaves_no_event(catalog: Catalog, make: Any) -> None:
    make.project()
    before = catalog.journal.latest()
    with pytest.raises(Conflict):
        make.project()
    assert catalog.journal.latest() == before
