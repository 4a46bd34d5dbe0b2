"""Imports, pipelines and applications are done again, to the digest; what they lack is said before."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pipeline import make_request, run_pipeline
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.reproduce import (
    conclude,
    find_lacks,
    find_maker,
    judge,
    needs_job,
    reproduce_now,
    submit_again,
)
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.fakes.seeing import add_seer
from tests.making import make_voc
from tests.states import make_plain_item, set_state

OBSERVER = KeepingObserver()
CHAIN = """\
name: chain
sources: [cells]
steps:
  - {name: kept, operation: filter, params: {min_objects: 1}}
  - {name: drawn, operation: noise}
outputs: [{project: out}]
"""
SEEN = "name: seen\nsources: [pool]\nsteps: [{apply: eye}]\noutputs: [{project: out}]\n"


def find_newest(workspace: Workspace, verb: str) -> Run:
    return next(run for run in workspace.catalog.runs.list(limit=None) if run.verb == verb)


def list_projects(workspace: Workspace) -> set[str]:
    return {project.name for project in workspace.catalog.projects.list()}


def test_an_import_is_done_again_from_its_folder(imported: Workspace) -> None:
    run = find_newest(imported, "import")
    found = reproduce_now(imported, run.id, observer=OBSERVER)
    assert found.is_same
    assert found.outputs[0].before == imported.catalog.projects.get("cells").manifest
    again = imported.catalog.runs.get(found.again)
    assert again.result["items_added"] == 5, "it was read anew"
    assert list_projects(imported) == {"cells"}


def test_the_run_that_made_something_is_found_by_its_name(imported: Workspace) -> None:
    imported_by = find_newest(imported, "import")
    commit(imported, "cells", message="first")
    transform(imported, "noise", ["cells"], to="out", params={}, observer=OBSERVER)
    assert find_maker(imported, "cells@1").id == imported_by.id, "a commit has made nothing"
    assert find_maker(imported, "out@1").id == find_newest(imported, "transform").id
    assert find_maker(imported, imported_by.id[:8]).id == imported_by.id
    for ref in ("cells@9", "nothing", str(imported.home)):
        with pytest.raises(NotFound):
            find_maker(imported, ref)


def test_an_import_into_what_was_there_begins_from_that(imported: Workspace, tmp_path: Path) -> None:
    """Not from what the project has become since."""
    commit(imported, "cells", message="first")
    make_voc(tmp_path / "more", {"x.jpg": [("tube", 1, 1, 9, 9)]})
    import_folder(imported, tmp_path / "more", "cells", dataset="more", observer=OBSERVER)
    run = find_newest(imported, "import")
    shutil.rmtree(tmp_path / "voc")
    rename(imported, "cells", "renamed")
    found = reproduce_now(imported, run.id, observer=OBSERVER)
    assert found.is_same
    assert list_projects(imported) == {"renamed"}


def test_an_archive_is_known_by_its_bytes(workspace: Workspace, voc: Path, tmp_path: Path) -> None:
    archive = tmp_path / "voc.tar"
    with tarfile.open(archive, "w") as file:
        file.add(voc, "voc")
    import_folder(workspace, archive, "cells", observer=OBSERVER)
    run = find_newest(workspace, "import")
    assert reproduce_now(workspace, run.id, observer=OBSERVER).is_same
    with archive.open("ab") as file:
        file.write(b"\0" * 512)
    (lack,) = find_lacks(workspace, run, OBSERVER)
    assert "does not hold the same files any more" in lack


def test_what_an_import_lacks_is_said_before_anything_is_read(imported: Workspace, voc: Path) -> None:
    run = find_newest(imported, "import")
    before = len(imported.catalog.runs.list(limit=None))
    (voc / "Annotations" / "a.xml").unlink()
    assert find_lacks(imported, run) == (), "no folder is looked through for a list"
    (lack,) = find_lacks(imported, run, OBSERVER)
    assert lack.startswith(str(voc))
    assert "it held" in lack
    shutil.rmtree(voc)
    with pytest.raises(InvalidInput, match="is gone"):
        reproduce_now(imported, run.id, observer=OBSERVER)
    assert len(imported.catalog.runs.list(limit=None)) == before
    assert list_projects(imported) == {"cells"}


def test_files_that_were_only_touched_or_copied_are_the_same(imported: Workspace, voc: Path) -> None:
    run = find_newest(imported, "import")
    for path in voc.rglob("*.xml"):
        path.touch()
    copy = voc.with_name("copy")
    shutil.copytree(voc, copy)
    shutil.rmtree(voc)
    copy.rename(voc)
    assert reproduce_now(imported, run.id, observer=OBSERVER).is_same


def test_an_edit_of_the_same_size_comes_out_differently(imported: Workspace, voc: Path) -> None:
    run = find_newest(imported, "import")
    path = voc / "Annotations" / "a.xml"
    text = path.read_text()
    path.write_text(re.sub(r"<xmin>\d", "<xmin>1", text, count=1))
    assert path.read_text() != text
    assert len(path.read_text()) == len(text)
    found = reproduce_now(imported, run.id, observer=OBSERVER)
    assert not found.is_same
    assert list_projects(imported) == {"cells", "cells-again-1"}, "to be compared"


def test_an_import_of_an_older_release_lacks_its_listing(imported: Workspace) -> None:
    run = find_newest(imported, "import")
    result = {key: value for key, value in run.result.items() if key != "listing"}
    older = imported.catalog.runs.create(
        "import", params=run.params, seed=None, author="", workspace="default", environment={}
    )
    imported.catalog.runs.finish(older.id, RunState.DONE, result=result)
    lacks = find_lacks(imported, imported.catalog.runs.get(older.id), OBSERVER)
    assert lacks == ("what its folder held was not noted",)


def do_chain(workspace: Workspace, folder: Path) -> Run:
    (folder / "p.yaml").write_text(CHAIN)
    request = make_request(workspace, str(folder / "p.yaml"))
    run_pipeline(workspace, request, observer=OBSERVER)
    return find_newest(workspace, "pipeline")


def test_a_pipeline_is_done_again_step_by_step(imported: Workspace, tmp_path: Path) -> None:
    run = do_chain(imported, tmp_path)
    set_state(imported, "cells", [make_plain_item("main/other.jpg")])  # it began from what was there then
    found = reproduce_now(imported, run.id, observer=OBSERVER)
    assert found.is_same
    assert [output.name for output in found.outputs] == ["kept", "drawn"]
    again = imported.catalog.runs.get(found.again)
    assert [step["state"] for step in again.result["steps"]] == ["done", "done"], "none was known"
    assert list_projects(imported) == {"cells", "out"}


def test_a_pipeline_lacks_the_version_that_was_deleted(imported: Workspace, tmp_path: Path) -> None:
    run = do_chain(imported, tmp_path)
    set_state(imported, "cells", [make_plain_item("main/other.jpg")])
    commit(imported, "cells", message="another")
    delete(imported, "cells@1", is_forced=True)
    assert find_lacks(imported, run, OBSERVER)
    before = len(imported.catalog.runs.list(limit=None))
    with pytest.raises(InvalidInput, match="cannot be done again"):
        reproduce_now(imported, run.id, observer=OBSERVER)
    assert len(imported.catalog.runs.list(limit=None)) == before


def test_a_step_is_done_again_with_its_pipeline(imported: Workspace, tmp_path: Path) -> None:
    run = do_chain(imported, tmp_path)
    last = next(r for r in imported.catalog.runs.list_parts(run.id) if r.params["step"] == "drawn")
    (lack,) = find_lacks(imported, last, OBSERVER)
    assert f"do the pipeline {run.id} again" in lack


def test_two_runs_of_different_verbs_are_not_compared(imported: Workspace, tmp_path: Path) -> None:
    run = do_chain(imported, tmp_path)
    with pytest.raises(InvalidInput, match="is pipeline and"):
        judge(imported, run, find_newest(imported, "import"))


@pytest.fixture
def seeing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home with jobs, a model `eye` and two images to look at."""
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        make_voc(tmp_path / "pool", {"a.jpg": [("spot", 1, 1, 9, 9)], "b.jpg": []})
        import_folder(workspace, tmp_path / "pool", "pool", observer=OBSERVER)
        add_seer(workspace, "eye", [("spot", 4, 3, 20, 20)], trace=str(tmp_path / "trace"))
        yield workspace


def test_an_application_asks_the_model_again(seeing: Workspace, tmp_path: Path) -> None:
    terms = Terms(wants=Wants())
    first = submit_apply(seeing, "eye", "pool", to="out", params={"device": "cpu"}, terms=terms)
    run = jobs.wait_for_end(seeing, first)
    assert run.state is RunState.DONE, jobs.describe(seeing, run)
    assert needs_job(seeing, run)
    trace = tmp_path / "trace"
    trace.unlink()
    again = jobs.wait_for_end(seeing, submit_again(seeing, run.id, observer=OBSERVER, terms=terms))
    assert again.state is RunState.DONE, jobs.describe(seeing, again)
    assert len(trace.read_text().splitlines()) == 2
    assert conclude(seeing, run, again).is_same
    assert list_projects(seeing) == {"cells", "pool", "out"}
    delete(seeing, "eye")
    assert find_lacks(seeing, run, OBSERVER) == ("the model eye was deleted",)


def test_a_pipeline_with_a_model_is_done_again_by_a_job(seeing: Workspace, tmp_path: Path) -> None:
    (tmp_path / "seen.yaml").write_text(SEEN)
    run_pipeline(seeing, make_request(seeing, str(tmp_path / "seen.yaml")), observer=OBSERVER)
    run = find_newest(seeing, "pipeline")
    assert needs_job(seeing, run)
    with pytest.raises(InvalidInput, match="done by a job"):
        reproduce_now(seeing, run.id, observer=OBSERVER)
    trace = tmp_path / "trace"
    trace.unlink()
    terms = Terms(wants=Wants())
    again = jobs.wait_for_end(seeing, submit_again(seeing, run.id, observer=OBSERVER, terms=terms))
    assert again.state is RunState.DONE, jobs.describe(seeing, again)
    assert len(trace.read_text().splitlines()) == 2
    assert conclude(seeing, run, again).is_same
    assert list_projects(seeing) == {"cells", "pool", "out"}
