from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.tables import EdgeRow, FolderRow, RunRow
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.lineage import LineageEdge
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, RunState


def artifact(kind: ArtifactKind, thing: Any) -> ArtifactRef:
    return ArtifactRef(kind, thing.id)


def test_the_way_from_a_folder_to_a_report(catalog: Catalog, make: Any) -> None:
    folder = catalog.lineage.add_folder("/data/cells")
    project = make.project("bccd")
    imports = make.run("import")
    catalog.runs.add_input(imports.id, folder)
    state = catalog.projects.move_head(
        project.id,
        expected=project.head,
        manifest=Digest("f" * 64),
        item_count=364,
        run_id=imports.id,
        verb="import",
    )
    catalog.runs.add_output(imports.id, ArtifactRef(ArtifactKind.PROJECT, state.id))
    catalog.runs.finish(imports.id, RunState.DONE, result={"project": "bccd", "items_added": 364})
    train = make.run("train")
    version = make.version(project, "m")
    catalog.runs.add_input(train.id, artifact(ArtifactKind.VERSION, version))
    model = make.model("cells", train)
    catalog.runs.add_output(train.id, artifact(ArtifactKind.MODEL, model))
    catalog.runs.finish(train.id, RunState.FAILED, result={}, error="Out of memory.\nMore", hint="")
    benchmark = make.run("benchmark")
    report = catalog.reports.create(
        name="first",
        model_id=model.id,
        version_id=version.id,
        split="val",
        metrics={"map50": 0.8649},
        speed={},
        evaluation=Digest(""),
        run_id=benchmark.id,
    )
    catalog.runs.add_input(benchmark.id, artifact(ArtifactKind.MODEL, model))
    catalog.runs.add_output(benchmark.id, artifact(ArtifactKind.REPORT, report))

    graph = catalog.lineage.read_graph()
    assert [(node.id, node.kind, node.title, node.state, node.detail) for node in graph.nodes] == [
        (f"folder:{folder.id}", "folder", "cells", "", "/data/cells"),
        (f"run:{imports.id}", "run", "import", "done", "items added 364"),
        (f"project:{state.id}", "project", "bccd@0.1", "", "364 items, not committed"),
        (f"run:{train.id}", "run", "train", "failed", "Out of memory."),
        (f"version:{version.id}", "version", "bccd@1", "manual", "364 items"),
        (f"model:{model.id}", "model", "cells", "", "yolov10n · mAP50 0.86"),
        (f"run:{benchmark.id}", "run", "benchmark", "running", ""),
        (f"report:{report.id}", "report", "first", "", "mAP50 0.86 on bccd@1 val"),
    ]
    assert graph.edges == (
        LineageEdge(f"folder:{folder.id}", f"run:{imports.id}"),
        LineageEdge(f"run:{imports.id}", f"project:{state.id}"),
        LineageEdge(f"version:{version.id}", f"run:{train.id}"),
        LineageEdge(f"run:{train.id}", f"model:{model.id}"),
        LineageEdge(f"model:{model.id}", f"run:{benchmark.id}"),
        LineageEdge(f"run:{benchmark.id}", f"report:{report.id}"),
    )


def test_an_empty_catalog_has_an_empty_graph(catalog: Catalog, make: Any) -> None:
    make.run()  # a run without an edge is no node
    make.version(make.project())
    graph = catalog.lineage.read_graph()
    assert (graph.nodes, graph.edges) == ((), ())


def test_a_state_that_a_version_names_is_committed(catalog: Catalog, make: Any) -> None:
    project, run = make.project("bccd", item_count=1), make.run("commit")
    version = make.version(project, "bccd", message="first\ncells")
    catalog.runs.add_input(run.id, ArtifactRef(ArtifactKind.PROJECT, project.head))
    catalog.runs.add_output(run.id, artifact(ArtifactKind.VERSION, version))
    details = {node.kind: node.detail for node in catalog.lineage.read_graph().nodes}
    assert details == {"project": "1 item", "run": "", "version": "first"}


def test_what_was_deleted_keeps_its_node(catalog: Catalog, make: Any) -> None:
    project, run = make.project("bccd"), make.run("train")
    version, model = make.version(project), make.model("cells", run)
    catalog.runs.add_input(run.id, artifact(ArtifactKind.VERSION, version))
    catalog.runs.add_output(run.id, artifact(ArtifactKind.MODEL, model))
    before = catalog.lineage.read_graph()
    catalog.projects.delete(project.id)
    catalog.models.delete(model.id)
    assert catalog.lineage.read_graph() == before
    assert [ref.title for ref in catalog.runs.get(run.id).inputs] == ["bccd@1"]


def test_a_deleted_version_stays_as_a_stub_and_tags_are_told(catalog: Catalog, make: Any) -> None:
    project, run = make.project("bccd"), make.run("commit")
    kept, gone = make.version(project, "a", message="as received"), make.version(project, "b")
    for version in (kept, gone):
        catalog.runs.add_input(run.id, artifact(ArtifactKind.VERSION, version))
    catalog.tags.set(kept, "raw", is_moving=False)
    catalog.versions.delete(gone.id)
    nodes = {n.title: (n.state, n.detail) for n in catalog.lineage.read_graph().nodes if n.kind == "version"}
    assert nodes == {
        "bccd@1": ("manual", "raw · as received"),
        "bccd@2": ("deleted", "deleted · 364 items"),
    }
    assert [ref.title for ref in catalog.runs.get(run.id).inputs] == ["bccd@1", "bccd@2"]


def test_the_readers_of_a_version_are_known(catalog: Catalog, make: Any) -> None:
    version = make.version(make.project())
    ref = artifact(ArtifactKind.VERSION, version)
    assert catalog.runs.list_readers(ref) == ()
    made = make.run("commit")
    catalog.runs.add_output(made.id, ref)
    reads = make.run("train")
    catalog.runs.add_input(reads.id, ref)
    assert [run.id for run in catalog.runs.list_readers(ref)] == [reads.id]


def test_a_workspace_shows_its_own_runs(catalog: Catalog, make: Any) -> None:
    for workspace in ("lab", "clinic"):
        run = make.run(workspace=workspace)
        catalog.runs.add_input(run.id, catalog.lineage.add_folder(f"/data/{workspace}"))
    graph = catalog.lineage.read_graph(workspace="lab")
    assert {node.title for node in graph.nodes} == {"lab", "import"}
    assert len(graph.edges) == 1
    assert len(catalog.lineage.read_graph().nodes) == 4


def test_a_folder_that_is_read_twice_is_one_artifact(catalog: Catalog) -> None:
    first = catalog.lineage.add_folder("/data")
    assert catalog.lineage.add_folder("/data") == first
    assert catalog.lineage.add_folder("/other").id != first.id


def test_a_folder_that_is_written_is_always_new(catalog: Catalog) -> None:
    read = catalog.lineage.add_folder("/data")
    written = [catalog.lineage.add_folder("/data", is_output=True) for _ in range(2)]
    assert len({read.id, *(ref.id for ref in written)}) == 3
    assert catalog.lineage.add_folder("/data") == written[1]


def test_a_folder_of_odd_bytes_can_be_kept(catalog: Catalog) -> None:
    odd = b"/data/caf\xe9".decode("utf-8", "surrogateescape")
    assert catalog.lineage.add_folder(odd).id == catalog.lineage.add_folder(odd).id


def add_chain(database: Database, first: int, count: int) -> None:
    """Add runs that each read the folder that the run before has made."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    texts = {"verb": "apply", "state": "done", "author": "", "workspace": "default"}
    texts |= {"summary": "", "error": "", "hint": ""}
    for start in range(first, first + count, 500):
        numbers = range(start, min(start + 500, first + count))
        runs = [
            {"id": f"r{n}", "params": {}, "environment": {}, "result": {}, "created_at": at} | texts
            for n in numbers
        ]
        inputs = [(f"r{n}", "input", "folder", f"f{n}") for n in numbers if n]
        outputs = [(f"r{n}", "output", "folder", f"f{n + 1}") for n in numbers]
        columns = (EdgeRow.run_id, EdgeRow.direction, EdgeRow.kind, EdgeRow.artifact_id)
        with database.transaction():
            database.execute(RunRow.insert_many(runs))
            folders = [{"id": f"f{n + 1}", "path": f"/{n}", "created_at": at} for n in numbers]
            database.execute(FolderRow.insert_many(folders))
            database.execute(EdgeRow.insert_many(inputs + outputs, columns))


def test_a_graph_of_ten_thousand_runs_takes_as_many_queries_as_one_of_ten(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    def count_queries(nodes: int, workspace: str | None) -> int:
        caplog.clear()
        with caplog.at_level("DEBUG", "peewee"):
            assert len(catalog.lineage.read_graph(workspace=workspace).nodes) == nodes
        return len(caplog.records)

    add_chain(catalog._database, 0, 10)
    few = [count_queries(20, workspace) for workspace in (None, "default")]
    add_chain(catalog._database, 10, 9_990)
    assert [count_queries(20_000, workspace) for workspace in (None, "default")] == few
    assert max(few) < 12
