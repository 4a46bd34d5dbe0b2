"""A workflow module as apps for Supervisely have it, unchanged, against a local home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import InvalidInput
from mlwf_tui.sdk import Home
from mlwf_tui.sdk.supervisely import Api, env, install
from mlwf_tui.sdk.supervisely.infos import to_id, to_number

MODULE = """
import supervisely as sly
from supervisely.api.api import Api
from supervisely.api.file_api import FileInfo
from supervisely.api.project_api import ProjectInfo


def is_compatible(api: Api) -> bool:
    return sly.is_community() or sly.is_development() or api.is_version_supported("6.9.31")


def find_file(api: sly.Api, path: str) -> sly.api.file_api.FileInfo:
    assert is_compatible(api) and sly.is_production(), api.instance_version
    return api.file.get_info_by_path(sly.env.team_id(), path)


def workflow_input(api: sly.Api, project_info: sly.ProjectInfo, weights: str) -> None:
    version_id = api.project.version.create(
        project_info, "Train", f"Made automatically before the task {api.task_id}"
    )
    if version_id is None:
        sly.logger.warning("no version")
    api.app.workflow.add_input_project(project_info.id, version_id=version_id)
    file_info = api.file.get_info_by_id(find_file(api, weights).id)
    api.app.workflow.add_input_file(file_info, model_weight=True)


def workflow_output(api: sly.Api, folder: str, report: str) -> None:
    node_settings = sly.WorkflowSettings(
        title="Train net", url=f"/apps/sessions/{api.task_id}", url_title="Show Results"
    )
    relation_settings = sly.WorkflowSettings(
        title="Checkpoints", icon="folder", icon_color="#FFA500", icon_bg_color="#FFE8BE",
        url="/files/1", url_title="Open Folder",
    )
    api.app.workflow.add_output_folder(folder, meta=sly.WorkflowMeta(relation_settings, node_settings))
    api.app.workflow.add_output_file("http://example.org/report")
    api.app.workflow.add_output_file(report)
"""
PROGRAM = """
import sys
from mlwf_tui.sdk import supervisely
supervisely.install()
sys.path.insert(0, sys.argv[1])
import workflow
api = supervisely.Api.from_env()
project = api.project.get_info_by_name(1, "cells")
workflow.workflow_input(api, project, f"{sys.argv[1]}/net.pt")
workflow.workflow_output(api, sys.argv[1], f"{sys.argv[1]}/report.html")
if sys.argv[2:] == ["interrupt"]:
    raise KeyboardInterrupt
if len(sys.argv) > 2:
    raise RuntimeError("the app has failed")
"""


def run_app(home: Home, folder: Path, *words: str) -> int:
    folder.mkdir(exist_ok=True)
    (folder / "workflow.py").write_text(MODULE)
    (folder / "net.pt").write_text("weights")
    (folder / "report.html").write_text("<p>fine</p>")
    command = [sys.executable, "-c", PROGRAM, str(folder), *words]
    done = subprocess.run(
        command, env={"MLWF_HOME": str(home.path), "PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )
    return done.returncode


def test_a_workflow_module_runs_unchanged(filled: Home, tmp_path: Path) -> None:
    assert run_app(filled, tmp_path / "app") == 0
    run = next(run for run in filled.jobs.runs() if run.environment.get("program", "").startswith("-c"))
    assert run.state is RunState.DONE
    assert [ref.title.rpartition("/")[2] for ref in run.inputs] == ["cells@1", "net.pt"]
    assert [ref.title.rpartition("/")[2] for ref in run.outputs] == ["app", "report.html"], "a URL is no file"
    nodes = {node.id: node for node in filled.graph(run.id).nodes}
    own = nodes[f"run:{run.id}"]
    assert own.title == "Train net"
    assert own.card is not None
    assert own.card.url == f"/apps/sessions/{to_number(run.id)}"
    assert "Checkpoints" in {node.title for node in nodes.values()}


def test_an_app_that_fails_is_told_from_one_that_ends(filled: Home, tmp_path: Path) -> None:
    assert run_app(filled, tmp_path / "app", "fail") == 1
    run = next(run for run in filled.jobs.runs() if run.environment.get("program", "").startswith("-c"))
    assert (run.state, run.error) == (RunState.FAILED, "RuntimeError: the app has failed")
    assert len(run.outputs) == 2


def test_an_app_that_is_interrupted_is_stopped(filled: Home, tmp_path: Path) -> None:
    assert run_app(filled, tmp_path / "app", "interrupt") != 0
    run = next(run for run in filled.jobs.runs() if run.environment.get("program", "").startswith("-c"))
    assert run.state is RunState.STOPPED


def test_versions_are_made_listed_and_restored_by_their_numbers(filled: Home) -> None:
    api = Api(home=filled)
    project = api.project.get_info_by_id("cells")
    assert project is not None
    first = api.project.version.create(project, "again")
    assert first == api.project.version.get_id_by_number(project.id, 1), "nothing has changed since"
    filled.transform("sample", "cells@1", to="cells", params={"n": 2})
    versions = api.project.version.get_list(project.id)
    assert [version.version for version in versions] == [1, 2]
    api.project.version.update(versions[1].id, "few", "two of ten")
    told = api.project.version.get_info_by_id(project.id, versions[1].id)
    assert told is not None
    assert (told.name, told.description) == ("few", "two of ten")
    api.project.version.update(told.id, description="two of all ten")
    api.project.version.update(told.id)
    told = api.project.version.get_info_by_id(project.id, told.id)
    assert told is not None
    assert (told.name, told.description) == ("few", "two of all ten")
    restored = api.project.version.restore(project, version_num=1)
    assert restored is not None
    assert (restored.name, restored.items_count) == ("cells, from ver. 1", 10)
    assert restored.custom_data["restored_from"] == {"project_id": project.id, "version_num": 1}
    again = api.project.version.restore(project, version_id=versions[0].id)
    assert again is not None
    assert again.name == "cells, from ver. 1 (1)"


def test_a_version_is_linked_as_an_output_itself_or_not_at_all(filled: Home) -> None:
    api = Api(home=filled)
    first = api.project.version.get_id_by_number("cells", 1)
    made = api.app.workflow.add_output_project("cells", first)
    assert made["name"] == "cells@2", "cells@1 was made by the import, and this holds the same"
    filled.transform("sample", "cells@1", to="cells", params={"n": 2})
    assert api.app.workflow.add_output_project("cells", first) == {}
    assert api.app.workflow.add_output_project("cells", made["id"])["name"] == "cells@2"
    api.find_run(None).finish()


def test_an_app_finds_what_it_asks_of_itself(
    filled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api(home=filled)
    assert api.is_version_supported(api.instance_version)
    assert not api.is_version_supported("7.0.0")
    assert not api.is_version_supported("")
    monkeypatch.delenv("TASK_ID", raising=False)
    monkeypatch.delenv("MLWF_RUN", raising=False)
    assert env.task_id(raise_not_found=False) is None
    with pytest.raises(KeyError, match="TASK_ID"):
        env.task_id()
    number = api.task_id
    assert env.task_id() == number
    (tmp_path / "a b.txt").write_text("x")
    info = api.file.get_info_by_path(1, str(tmp_path / "a b.txt"))
    assert info is not None
    assert info.team_id == env.team_id()
    assert api.app.workflow.add_input_file(info.full_storage_url)["name"] == info.path
    assert api.file.get_info_by_id(info.id) == info
    assert api.file.get_info_by_id(-1) is None
    api.find_run(None).finish()


def test_nothing_of_it_raises(filled: Home, tmp_path: Path) -> None:
    api = Api(home=filled)
    workflow = api.app.workflow
    assert workflow.add_input_project() == {}
    assert workflow.add_input_project("cells", version_id=1, version_num=1) == {}
    assert workflow.add_input_dataset("nowhere") == {}
    assert workflow.add_input_file("/no/such/file") == {}
    assert workflow.add_input_task(12345) == {}
    assert workflow.add_output_project("nothing") == {}
    assert workflow.add_input_project("cells", meta={"customNodeSettings": 5}) != {}
    assert api.project.version.create("nothing") is None
    assert api.project.version.restore("cells", version_num=99) is None
    assert api.project.version.get_list("nothing") == []
    assert api.project.version.get_info_by_id("cells", "no number") is None
    assert api.file.get_info_by_path(1, "x" * 5_000) is None
    workflow.disable()
    assert not workflow.is_enabled()
    assert workflow.add_output_app() == {}
    workflow.enable()
    assert workflow.add_output_app()["type"] == "session"
    api.find_run(None).finish()


def test_a_home_that_cannot_be_opened_leaves_the_app_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MLWF_HOME", str(tmp_path / "file"))
    api = Api.from_env()
    assert api.task_id == 0
    assert api.app.workflow.add_output_app() == {}
    assert api.project.get_info_by_id("cells") is None
    assert api.project.version.get_list("cells") == []
    assert api.project.version.restore("cells", version_num=1) is None
    assert api.task.get_info_by_id("1234") is None


def test_nothing_is_opened_while_tracking_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLWF_HOME", str(tmp_path / "home"))
    workflow = Api.from_env().app.workflow
    workflow.disable()
    assert workflow.add_output_app() == {}
    workflow.enable()
    assert not (tmp_path / "home").exists()


def test_ids_are_numbers_and_come_back() -> None:
    assert to_id(to_number("00ab12cd34ef")) == "00ab12cd34ef"


def test_supervisely_itself_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervisely", sys)
    with pytest.raises(InvalidInput):
        install()


APPS = """
import os, sys
from mlwf_tui.sdk import supervisely
supervisely.install()
import supervisely as sly


class Workflow:
    '''As the workflow.py of an app has it: a class around the api, with a check and settings of its own.'''

    def __init__(self, api: sly.Api):
        self.api = api
        self._settings = sly.WorkflowSettings(title="Predictions", icon="image")  # two colours are missing

    def serve(self, folder: str) -> None:
        self.api.app.workflow.add_input_folder(folder)
        self.api.app.workflow.add_output_app(
            meta={
                "customNodeSettings": {
                    "title": "<h4>Serve net</h4>", "mainLink": {"url": "/s", "title": "Open"},
                }
            }
        )

    def predict(self, project_id: int, session: int) -> None:
        info = self.api.project.get_info_by_id(project_id)
        version_id = self.api.project.version.create(
            info, "Apply NN", f"Backup made automatically before the task {self.api.task_id}"
        )
        self.api.app.workflow.add_input_project(info.id, version_id=version_id)
        self.api.app.workflow.add_input_task(session)

    def output(self, project_id: int) -> None:
        meta = sly.WorkflowMeta(relation_settings=self._settings)
        self.api.app.workflow.add_output_project(project_id, meta=meta)

    def compare(self, session: int, reports: list[str], result: str) -> None:
        for report in reports:
            self.api.app.workflow.add_input_file(report)
        self.api.app.workflow.add_input_task(session)
        bad = {"customRelationSettings": {"titel": "no such key"}}
        self.api.app.workflow.add_output_file(result, meta=bad)


api = sly.Api.from_env()
workflow, what, words = Workflow(api), sys.argv[1], sys.argv[2:]
if what == "serve":
    workflow.serve(words[0])
elif what == "predict":
    project = api.project.get_info_by_name(1, words[0])
    workflow.predict(project.id, int(words[1]))
    workflow.output(project.id)
else:
    workflow.compare(int(words[0]), words[1:-1], words[-1])
print(api.task_id)
"""


def run_in_app(home: Home, *words: str) -> int:
    environment = {"MLWF_HOME": str(home.path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", APPS, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def test_apps_that_serve_predict_and_compare_hang_together(filled: Home, tmp_path: Path) -> None:
    weights, *reports = (tmp_path / name for name in ("net", "one.html", "two.html", "both.html"))
    weights.mkdir()
    for report in reports:
        report.write_text(report.name)
    serve = run_in_app(filled, "serve", str(weights))
    filled.transform("sample", "cells@1", to="cells", params={"n": 2})
    predict = run_in_app(filled, "predict", "cells", str(serve))
    compare = run_in_app(filled, "compare", str(serve), *map(str, reports))
    runs = {to_id(number): filled.jobs.get(to_id(number)) for number in (serve, predict, compare)}
    assert {run.state for run in runs.values()} == {RunState.DONE}
    assert runs[to_id(predict)].inputs[0].title == "cells@2"
    assert [ref.title for ref in runs[to_id(predict)].outputs] == ["cells@3"]
    session = runs[to_id(serve)].outputs[0].id
    assert session in [ref.id for ref in runs[to_id(predict)].inputs]
    assert session in [ref.id for ref in runs[to_id(compare)].inputs]
    assert [ref.title for ref in runs[to_id(compare)].outputs] == [str(reports[-1])], (
        "a bad meta costs no edge"
    )
    reached = {one.node.title for one in filled.trace(str(weights), is_up=False).nodes}
    assert {"Serve net", "cells@3", "both.html"} <= reached
