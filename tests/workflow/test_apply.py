"""A model annotates items in a real worker: what it has said is not asked again, what fails is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Cancelled, InvalidInput
from mlwf_tui.protocols.trainers import PREDICT_BATCH
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pipeline import PipelineResult, make_request, run_pipeline, submit_pipeline
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.transforming.finished_predictions import FinishedPredictions
from mlwf_tui.workspace import Workspace, open_workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.fakes.seeing import add_seer
from tests.making import make_voc
from tests.states import make_plain_item, set_state

SPOTS = [("spot", 4, 3, 20, 20)]
KEYS = [f"main/{number:03}.png" for number in range(3 * PREDICT_BATCH + 5)]
TEXT = "name: seen\nsources: [pool]\nsteps: [{apply: eye}]\noutputs: [{project: out}]\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home whose project `pool` has items for three whole batches and some more."""
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        set_state(workspace, "pool", [make_plain_item(key) for key in KEYS])
        yield workspace


def add_gated(workspace: Workspace, folder: Path) -> None:
    """Enter a model that stands still within the third batch until there is a file `gate`."""
    add_seer(
        workspace, "eye", SPOTS, trace=str(folder / "trace"), gate=str(folder / "gate"),
        waits_after=2 * PREDICT_BATCH + 3,
    )  # fmt: skip


def apply(workspace: Workspace, ref: str = "pool", **params: Any) -> Run:
    terms = Terms(wants=Wants())
    return submit_apply(workspace, "eye", ref, to="out", params={"device": "cpu", **params}, terms=terms)


def list_out(workspace: Workspace) -> list[Item]:
    return list(iter_items(workspace.store, workspace.catalog.projects.get("out").manifest))


def kill_within_the_third_batch(workspace: Workspace, run: Run, trace: Path) -> None:
    """Kill the worker with a signal that it cannot see, and wait until the run is settled as lost."""
    jobs.wait_until(
        lambda: trace.exists() and len(trace.read_text().splitlines()) == 2 * PREDICT_BATCH + 3,
        lambda: jobs.describe(workspace, run),
    )
    jobs.kill(jobs.find_worker(workspace, run))
    jobs.wait_until(
        lambda: get_run(workspace, run.id).state is RunState.LOST, lambda: jobs.describe(workspace, run)
    )


def test_after_a_kill_the_model_is_asked_only_of_what_it_had_not_said(
    home: Workspace, tmp_path: Path
) -> None:
    add_gated(home, tmp_path)
    run, trace = apply(home), tmp_path / "trace"
    kill_within_the_third_batch(home, run, trace)
    assert home.catalog.projects.find("out", "default") is None
    trace.unlink()
    (tmp_path / "gate").touch()
    done = jobs.wait_for_end(home, resume_run(home, run.id))
    assert done.state is RunState.DONE, jobs.describe(home, done)
    assert trace.read_text().splitlines() == KEYS[2 * PREDICT_BATCH :]
    assert done.result["items_resumed"] == 2 * PREDICT_BATCH
    assert [item.key for item in list_out(home)] == KEYS
    assert all(len(item.annotation.objects) == 1 for item in list_out(home))
    assert not list((home.home / "cache" / "predictions").iterdir())


def test_what_was_resumed_is_the_same_as_what_was_done_at_once(home: Workspace, tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    add_gated(home, tmp_path)
    with pytest.raises(Cancelled):
        run_text(home, tmp_path, StoppingObserver(looks_left=2 * PREDICT_BATCH))
    resumed = run_text(home, tmp_path)
    assert get_run(home, resumed.points[0].steps[0].run).result["items_resumed"] >= PREDICT_BATCH
    with open_workspace(tmp_path / "other") as other:
        set_state(other, "pool", [make_plain_item(key) for key in KEYS])
        add_seer(other, "eye", SPOTS)
        run_text(other, tmp_path)
        assert other.catalog.projects.get("out").manifest == home.catalog.projects.get("out").manifest


def run_text(workspace: Workspace, folder: Path, observer: KeepingObserver | None = None) -> PipelineResult:
    (folder / "p.yaml").write_text(TEXT, "utf-8")
    request = make_request(workspace, str(folder / "p.yaml"))
    return run_pipeline(workspace, request, observer=observer or KeepingObserver())


def test_a_step_of_a_killed_pipeline_goes_on_where_it_was(home: Workspace, tmp_path: Path) -> None:
    add_gated(home, tmp_path)
    (tmp_path / "p.yaml").write_text(TEXT, "utf-8")
    request = make_request(home, str(tmp_path / "p.yaml"), params={"apply.device": "cpu"})
    run, trace = submit_pipeline(home, request, terms=Terms(wants=Wants())), tmp_path / "trace"
    kill_within_the_third_batch(home, run, trace)
    trace.unlink()
    (tmp_path / "gate").touch()
    result = run_pipeline(home, request, observer=KeepingObserver())
    assert trace.read_text().splitlines() == KEYS[2 * PREDICT_BATCH :]
    step = get_run(home, result.points[0].steps[0].run)
    assert step.result["items_resumed"] == 2 * PREDICT_BATCH
    assert not list((home.home / "cache" / "predictions").iterdir())


def test_other_parameters_or_other_images_are_not_taken_from_what_was_said(
    home: Workspace, tmp_path: Path
) -> None:
    items = [make_plain_item(key) for key in KEYS[:PREDICT_BATCH]]
    recipe = home.catalog.projects.get("pool").manifest
    first = FinishedPredictions(home.home, recipe)
    first.note(items, [])
    first.close()
    again = FinishedPredictions(home.home, recipe)
    assert again.find(items) == ()
    assert again.find(items[:-1]) is None
    assert again.find([make_plain_item(items[0].key, pixels="x"), *items[1:]]) is None
    other = home.catalog.projects.get("cells").manifest
    assert FinishedPredictions(home.home, other).find(items) is None


def test_collect_lets_go_of_predictions_nobody_came_back_for(home: Workspace) -> None:
    finished = FinishedPredictions(home.home, home.catalog.projects.get("pool").manifest)
    finished.note([make_plain_item(KEYS[0])], [])
    finished.close()
    collect(home, KeepingObserver(), is_dry_run=False)
    assert list((home.home / "cache" / "predictions").iterdir())
    collect(home, KeepingObserver(), is_dry_run=False, grace_s=0)
    assert not list((home.home / "cache" / "predictions").iterdir())


def test_an_image_that_cannot_be_used_is_listed_and_its_item_stays_as_it_was(
    home: Workspace, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    add_seer(home, "eye", SPOTS, broken=["003.png"], trace=str(trace))
    done = jobs.wait_for_end(home, apply(home))
    assert done.state is RunState.DONE, jobs.describe(home, done)
    assert done.result["problems"] == [
        {"path": KEYS[3], "reason": "The image cannot be decoded.", "is_taken": False}
    ]
    assert "partly: 1 of the images" in done.result["summary"]
    assert [item.key for item in list_out(home) if not item.annotation.objects] == [KEYS[3]]
    trace.unlink()
    again = jobs.wait_for_end(home, apply(home))  # only its batch is tried again
    assert trace.read_text().splitlines() == KEYS[:PREDICT_BATCH]
    assert again.result["items_resumed"] == len(KEYS) - PREDICT_BATCH


def test_a_command_that_is_done_partly_says_so_with_its_exit_code(
    home: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS, broken=["003.png", "004.png"])
    words = ("--home", str(home.home), "apply", "eye", "pool", "--to", "out", "-p", "device=cpu")
    assert main([*words, "--gpus", "0"]) == 3
    told = capsys.readouterr().out
    assert f"failed: {KEYS[3]}: The image cannot be decoded." in told
    (tmp_path / "p.yaml").write_text(TEXT, "utf-8")
    assert main(["--home", str(home.home), "pipeline", str(tmp_path / "p.yaml")]) == 3
    assert f"failed: {KEYS[4]}: " in capsys.readouterr().out


def test_where_no_image_can_be_used_nothing_is_changed(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", SPOTS, broken=[key.rpartition("/")[2] for key in KEYS])
    with pytest.raises(InvalidInput, match=r"None of 53 images can be used; the first, main/000\.png"):
        run_text(home, tmp_path)
    assert home.catalog.projects.find("out", "default") is None


def test_the_result_comes_into_a_dataset_beside_what_the_project_has(
    home: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace"
    add_seer(home, "eye", SPOTS, trace=str(trace))
    make_voc(tmp_path / "voc", {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": []})
    import_folder(home, tmp_path / "voc", "drawn", observer=KeepingObserver())
    set_state(home, "out", [make_plain_item("main/old.png")])
    words = ("--home", str(home.home), "apply", "eye", "drawn", "-p", "device=cpu", "--gpus", "0",
             "--to", "out", "--dataset", "guessed")  # fmt: skip
    assert main(words) == 0
    assert "out@2" in capsys.readouterr().out
    placed = {item.key: len(item.annotation.objects) for item in list_out(home)}
    assert list(placed.values()) == [1, 1, 0]
    first, *_, old = placed
    assert (first.startswith("guessed/"), old) == (True, "main/old.png")
    trace.unlink()
    assert main(words) == 0, "the very same is no clash"
    assert not trace.exists(), "the model is not asked again"
    assert main([*words, "-p", "confidence=0.9"]) == 1
    assert f"another item {first}" in capsys.readouterr().err
    assert not trace.exists(), "a clash is told before the model is asked"
    assert main([*words[:-1], "../x"]) == 2
