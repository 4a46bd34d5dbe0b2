"""A model is applied to a folder and to a video in one go, and never over what people have drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, NotFound, Untrusted
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.apply import ApplyParams, digest_apply, submit_apply
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.using.outside import read_video
from mlwf_tui.workflow.using.samples import draw_picture
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import StoppingObserver
from tests.fakes.seeing import add_seer
from tests.filming import write_video

SPOTS = [("spot", 4, 3, 20, 20)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    for number in range(5):
        (made / f"{number}.png").write_bytes(draw_picture(32, number))
    return made


def apply(workspace: Workspace, ref: str, to: str, **params: object) -> Run:
    terms = Terms(wants=Wants())
    run = submit_apply(workspace, "eye", ref, to=to, params={"device": "cpu", **params}, terms=terms)
    ended = jobs.wait_for_end(workspace, run)
    assert ended.state is RunState.DONE, jobs.describe(workspace, run)
    return ended


def list_items(workspace: Workspace, project: str) -> list[Item]:
    return list(iter_items(workspace.store, workspace.catalog.projects.get(project).manifest))


def test_a_stop_is_heard_however_far_the_frames_lie_apart(home: Workspace, tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.avi", frames=90)
    with record(home, "apply", params={}) as run, pytest.raises(Cancelled):
        read_video(run, film, every=30, observer=StoppingObserver(looks_left=1))


def test_a_folder_is_imported_and_annotated_in_one(home: Workspace, folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    add_seer(home, "eye", SPOTS, trace=str(trace))

    run = apply(home, str(folder), "slides")

    assert run.result["items_in"] == run.result["items_out"] == 5
    assert [len(item.annotation.objects) for item in list_items(home, "slides")] == [1] * 5
    assert {one.kind for one in run.inputs} == {ArtifactKind.MODEL, ArtifactKind.VERSION}
    verbs = [one.verb for one in home.catalog.runs.list()]
    assert verbs.count("import") == 1

    (folder / "6.png").write_bytes(draw_picture(32, 6))
    again = apply(home, str(folder), "slides")
    assert again.result["items_out"] == 6
    with pytest.raises(Conflict, match="holds something else"):
        submit_apply(home, "eye", str(folder), to="cells", params={})


def test_a_video_becomes_a_project_with_tracks(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", SPOTS)
    video = write_video(tmp_path / "street scene.avi", frames=10)

    run = apply(home, str(video), "street", every=3, track=True)

    items = list_items(home, "street")
    assert [item.key for item in items] == [f"street_scene/{number:08}.jpg" for number in (0, 3, 6, 9)]
    assert {tag.value for item in items for one in item.annotation.objects for tag in one.tags} == {1.0}
    manifest = home.catalog.projects.get("street").manifest
    assert [tag.name for tag in read_summary(home.store, manifest).schema.tags] == ["track"]
    assert [one.title for one in run.inputs if one.kind is ArtifactKind.FILE] == [str(video)]
    assert run.outputs[0].title == "street@1"


def test_what_is_neither_a_ref_nor_a_folder_nor_a_video_is_refused(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", SPOTS)
    text = tmp_path / "a.txt"
    text.write_text("no video")
    with pytest.raises(InvalidInput, match="neither a folder nor a video"):
        submit_apply(home, "eye", str(text), to="out", params={})
    with pytest.raises(NotFound, match="nowhere") as caught:
        submit_apply(home, "eye", "nowhere", to="out", params={})
    assert "path" in caught.value.hint


def test_weights_that_may_run_code_need_a_word(
    home: Workspace, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS, danger=True)
    with pytest.raises(Untrusted):
        submit_apply(home, "eye", str(folder), to="out", params={})
    words = [
        "apply",
        "eye",
        str(folder),
        "--to",
        "out",
        "--home",
        str(home.home),
        "--json",
        "-p",
        "device=cpu",
    ]
    assert main(words) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "untrusted"
    assert main([*words, "--trust"]) == 0
    assert json.loads(capsys.readouterr().out)["items_out"] == 5


def test_a_new_parameter_that_is_not_used_changes_no_recipe(home: Workspace) -> None:
    model = add_seer(home, "eye", SPOTS)

    def digest(**values: object) -> str:
        return digest_apply(model, ApplyParams(**values), [])  # type: ignore[arg-type]

    assert digest() == digest(device="cpu", tile=0)
    assert len({digest(), digest(tile=640), digest(max_objects=9), digest(confidence=0.3)}) == 4
