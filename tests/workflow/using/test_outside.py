"""A model is applied to a folder and to a video in one go, and never over what people have drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from mlwf_tui.cli.main import main
from mlwf_tui.entities.annotation import Annotation
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, NotFound, Untrusted
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.apply import perform_apply, submit_apply
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.importing.reading import MAX_IMAGE_BYTES
from mlwf_tui.workflow.pipeline import make_request, run_pipeline
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.using.annotating import ApplyParams, digest_apply
from mlwf_tui.workflow.using.outside import read_picture, read_video
from mlwf_tui.workflow.using.samples import draw_picture
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.fakes.seeing import add_seer
from tests.filming import write_video
from tests.states import make_object, make_plain_item, set_state

SEEN = "name: seen\nsources: [pool]\nsteps: [{apply: eye}]\noutputs: [{project: out}]\n"
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


def test_a_picture_that_is_too_large_is_not_read_into_memory(home: Workspace, tmp_path: Path) -> None:
    picture = tmp_path / "sky.png"
    with picture.open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)  # takes no room
    with record(home, "apply", params={}) as run, pytest.raises(InvalidInput, match="larger than 1024 MiB"):
        read_picture(run, picture)


def test_a_folder_is_imported_and_annotated_in_one(home: Workspace, folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    add_seer(home, "eye", SPOTS, trace=str(trace))

    run = apply(home, str(folder), "slides")

    assert run.result["items_in"] == run.result["items_out"] == 5
    assert [len(item.annotation.objects) for item in list_items(home, "slides")] == [1] * 5
    assert {one.kind for one in run.inputs} == {ArtifactKind.MODEL, ArtifactKind.VERSION}
    verbs = [one.verb for one in home.catalog.runs.list()]
    assert verbs.count("import") == 1

    set_state(home, "pool", [make_plain_item("main/a.png")])
    (tmp_path / "seen.yaml").write_text(SEEN)  # a step of a pipeline has applied the model to no path
    run_pipeline(home, make_request(home, str(tmp_path / "seen.yaml")), observer=KeepingObserver())
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


def draw_by_hand(workspace: Workspace, project: str) -> None:
    """Give the first item of a project an object more, as a sync does."""
    first, *others = list_items(workspace, project)
    drawn = make_object("car", 1, 2, 9)
    set_state(
        workspace,
        project,
        [replace(first, annotation=Annotation((*first.annotation.objects, drawn))), *others],
    )


def has_hand_drawn(workspace: Workspace, project: str) -> bool:
    objects = [one for item in list_items(workspace, project) for one in item.annotation.objects]
    return any(one.confidence is None for one in objects)


def test_what_people_drew_since_is_not_replaced_by_the_same_folder(
    home: Workspace, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    apply(home, str(folder), "slides")
    draw_by_hand(home, "slides")
    (folder / "6.png").write_bytes(draw_picture(32, 6))
    words = ["apply", "eye", str(folder), "--to", "slides", "--home", str(home.home), "-p", "device=cpu"]

    assert main(words) == 5

    told = capsys.readouterr().err
    assert "slides was changed since" in told
    assert "policy=keep" in told
    assert has_hand_drawn(home, "slides")
    apply(home, "slides", "slides", policy="merge")
    assert has_hand_drawn(home, "slides")


def test_what_a_person_drew_while_a_folder_waits_for_room_stands(home: Workspace, folder: Path) -> None:
    add_seer(home, "eye", SPOTS)
    apply(home, str(folder), "slides")
    params = {"model": "eye", "data": str(folder), "to": "slides"}
    draw_by_hand(home, "slides")
    model = home.catalog.models.get("eye")
    with pytest.raises(Conflict, match="was changed since"), record(home, "apply", params=params) as run:
        perform_apply(run, None, model, KeepingObserver())
    assert has_hand_drawn(home, "slides")


def test_after_a_failure_the_same_folder_is_taken_again(home: Workspace, folder: Path) -> None:
    names = [path.name for path in folder.iterdir()]
    add_seer(home, "eye", SPOTS, broken=names)
    run = submit_apply(home, "eye", str(folder), to="slides", params={"device": "cpu"})
    assert jobs.wait_for_end(home, run).state is RunState.FAILED
    add_seer(home, "other", SPOTS)
    again = submit_apply(home, "other", str(folder), to="slides", params={"device": "cpu"})
    assert jobs.wait_for_end(home, again).state is RunState.DONE, jobs.describe(home, again)


def test_a_version_does_not_replace_a_project_that_did_not_come_from_it(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    set_state(home, "pool", [make_plain_item("main/a.png")])
    apply(home, "pool", "seen")
    set_state(home, "pool", [make_plain_item("main/b.png")])
    apply(home, "pool", "seen", confidence=0.3)  # from the same project
    before = home.catalog.projects.get("cells").manifest
    words = ["apply", "eye", "pool@1", "--to", "cells", "--home", str(home.home), "-p", "device=cpu"]

    assert main(words) == 5

    assert "cells already, which holds something else" in capsys.readouterr().err
    assert home.catalog.projects.get("cells").manifest == before
    draw_by_hand(home, "seen")
    with pytest.raises(Conflict, match="seen was changed since"):
        submit_apply(home, "eye", "pool", to="seen", params={})


def test_a_version_that_was_deleted_since_still_says_what_a_project_was_made_of(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    set_state(home, "pool", [make_plain_item("main/a.png")])
    apply(home, "pool", "seen")
    set_state(home, "pool", [make_plain_item("main/b.png")])
    delete(home, "pool@1", is_forced=True)
    apply(home, "pool", "seen")
    assert [item.name for item in list_items(home, "seen")] == ["b.png"]


def test_an_old_version_does_not_replace_what_its_project_holds_now(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    set_state(home, "pool", [make_plain_item("main/a.png")])
    apply(home, "pool", "pool", policy="add")
    set_state(home, "pool", [make_plain_item("main/a.png", make_object(), split=Split.TEST)])
    with pytest.raises(Conflict, match="pool holds something else than pool@1"):
        submit_apply(home, "eye", "pool@1", to="pool", params={"policy": "add"})
    assert home.catalog.versions.latest(home.catalog.projects.get("pool").id) is not None


def test_what_a_project_itself_loses_to_a_model_is_told(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    set_state(home, "pool", [make_plain_item("main/a.png", make_object()), make_plain_item("main/b.png")])
    words = ["apply", "eye", "pool", "--to", "pool", "--home", str(home.home), "-p", "device=cpu"]
    assert main(words) == 0
    assert "1 objects that people drew were replaced: mlwf restore pool@1" in capsys.readouterr().out


def test_a_class_that_only_a_former_model_had_found_goes_with_its_objects(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    set_state(home, "pool", [make_plain_item("main/a.png")])
    apply(home, "pool", "pool")
    add_seer(home, "other", [("blob", 4, 3, 20, 20)])
    run = submit_apply(home, "other", "pool", to="pool", params={"device": "cpu"})
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    schema = read_summary(home.store, home.catalog.projects.get("pool").manifest).schema
    assert schema.class_names == ("car", "dog", "blob"), "car and dog are of people"


def test_files_of_a_folder_that_are_no_images_are_listed_again_and_again(
    home: Workspace, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace"
    add_seer(home, "eye", SPOTS, trace=str(trace))
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:60])
    (folder / "empty.jpg").touch()
    words = ["apply", "eye", str(folder), "--to", "slides", "--home", str(home.home), "-p", "device=cpu"]

    assert main([*words, "--json"]) == 3
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [one["path"] for one in problems] == ["cut.png", "empty.jpg"]

    assert main(words) == 3
    trace.unlink()
    assert main(words) == 3
    assert "failed: empty.jpg: is empty" in capsys.readouterr().out
    assert not trace.exists(), "what the model said of the others is known"


def test_the_same_again_makes_no_new_version(
    home: Workspace, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    assert apply(home, str(folder), "slides").result["created"] is True
    made = home.catalog.versions.latest(home.catalog.projects.get("slides").id)
    words = ["apply", "eye", str(folder), "--to", "slides", "--home", str(home.home), "-p", "device=cpu"]
    assert main(words) == 0
    assert "no new version" in capsys.readouterr().out
    assert home.catalog.versions.latest(home.catalog.projects.get("slides").id) == made


def test_a_picture_is_taken_as_a_folder_of_one(home: Workspace, folder: Path) -> None:
    add_seer(home, "eye", SPOTS)
    picture = folder / "0.png"

    run = apply(home, str(picture), "one")

    assert [item.key for item in list_items(home, "one")] == ["main/0.png"]
    assert [one.title for one in run.inputs if one.kind is ArtifactKind.FILE] == [str(picture)]
    broken = folder / "cut.png"
    broken.write_bytes(picture.read_bytes()[:60])
    failed = jobs.wait_for_end(
        home, submit_apply(home, "eye", str(broken), to="two", params={"device": "cpu"})
    )
    assert (failed.state, failed.error) == (RunState.FAILED, f"{broken} is cut off.")


def test_an_empty_folder_gets_no_advice_that_apply_does_not_take(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", SPOTS)
    (tmp_path / "empty").mkdir()
    run = submit_apply(home, "eye", str(tmp_path / "empty"), to="none", params={"device": "cpu"})
    failed = jobs.wait_for_end(home, run)
    assert "No images were found" in failed.error
    assert "--format" not in failed.hint


def test_what_is_neither_a_ref_nor_a_path_of_use_is_refused(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", SPOTS)
    text = tmp_path / "a.txt"
    text.write_text("no video")
    with pytest.raises(InvalidInput, match="no folder, no picture and no video"):
        submit_apply(home, "eye", str(text), to="out", params={})
    with pytest.raises(NotFound, match="nowhere") as caught:
        submit_apply(home, "eye", "nowhere", to="out", params={})
    assert "mlwf projects. Or give the path" in caught.value.hint


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


def find_frame(film: Path, number: int) -> int:
    """Return where a frame of an AVI begins, counted from 0."""
    data = film.read_bytes()
    at = data.index(b"movi")
    for _ in range(number + 1):
        at = data.index(b"00dc", at + 1)
    return at


def test_a_video_that_is_cut_off_says_how_many_of_its_frames_are_there(
    home: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    whole = write_video(tmp_path / "whole.avi", frames=12)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: find_frame(whole, 5)])
    words = ["--to", "street", "--home", str(home.home), "-p", "device=cpu"]

    assert main(["apply", "eye", str(cut), *words, "--json"]) == 3

    result = json.loads(capsys.readouterr().out)
    assert result["problems"] == [
        {"path": "cut.avi", "reason": "is cut off: 5 of 12 frames could be read", "is_taken": False}
    ]
    assert main(["apply", "eye", str(cut), *words]) == 3, "nor is it forgotten where the rest is known"
    assert "of 12 frames could be read" in capsys.readouterr().out
    with record(home, "apply", params={}) as run:
        every_ninth = read_video(run, cut, every=9, observer=KeepingObserver()).problems
        assert [one.reason for one in every_ninth] == ["is cut off: 1 of 2 frames could be read"]
        assert not read_video(run, whole, every=5, observer=KeepingObserver()).problems


def test_of_an_animation_it_is_said_that_only_its_first_frame_is_looked_at(
    home: Workspace, tmp_path: Path
) -> None:
    frames = [Image.new("RGB", (24, 24), color) for color in ("red", "green", "blue")]
    with record(home, "apply", params={}) as run:
        for suffix in ("gif", "png", "webp"):
            path = tmp_path / f"a.{suffix}"
            frames[0].save(path, save_all=True, append_images=frames[1:])
            (problem,) = read_picture(run, path).problems
            assert (problem.path, problem.is_taken) == (path.name, True)
            assert "an animation of 3 frames" in problem.reason
            frames[0].save(path)
            assert not read_picture(run, path).problems


def test_videos_in_a_folder_are_told_and_not_looked_at(
    home: Workspace, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    (folder / "films").mkdir()
    for name in ("films/b.MP4", "a.avi", ".hidden.avi", "code.ts"):
        (folder / name).write_bytes(b"")
    words = ["apply", "eye", str(folder), "--to", "slides", "--home", str(home.home), "-p", "device=cpu"]

    assert main([*words, "--json"]) == 3

    result = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in result["problems"]] == ["a.avi", "films/b.MP4"]
    assert "partly: 2 files were left out" in result["summary"]


def test_a_picture_of_several_pages_gets_the_advice_that_an_import_gives(
    home: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "scan.tif"
    Image.new("L", (9, 9)).save(path, save_all=True, append_images=[Image.new("L", (9, 9))])
    with record(home, "apply", params={}) as run, pytest.raises(InvalidInput, match="has 2 pages") as caught:
        read_picture(run, path)
    assert "convert scan.tif" in caught.value.hint
