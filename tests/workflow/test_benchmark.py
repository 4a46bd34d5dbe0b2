"""benchmark: parts, what is known already, a killed worker, odd data; by a trainer without a library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.cli.main import main
from mlwf_tui.entities.measurement import Thresholds
from mlwf_tui.entities.part import ALL, AUTO, Part
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.benchmarking.after_training import plan_for, queue_planned
from mlwf_tui.workflow.benchmarking.parts import read_keys
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.reporting.thresholds import open_sweep, read_threshold
from mlwf_tui.workflow.reports import get_report, list_reports, read_evaluation
from mlwf_tui.workflow.reproduce import conclude, submit_again
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.train import perform_train, submit_train
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.fakes.seeing import add_seer
from tests.fakes.watching import WatchingStore
from tests.making import make_voc
from tests.workflow.reporting import add_model, fill_val

CELL = ("cell", 4, 4, 24, 24)
SPOT = ("spot", 34, 30, 50, 46)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home with `cells`: six items to measure on, and one to train on."""
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        fill_val(workspace, tmp_path / "val", images=6, project="seen")
        yield workspace


def measure(home: Workspace, model: str = "eye", **asked: object) -> Run:
    run = submit_benchmark(home, model, "seen@1", **asked)  # type: ignore[arg-type]
    return jobs.wait_for_end(home, run)


@pytest.mark.slow
def test_another_part_or_threshold_asks_the_model_nothing(home: Workspace, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    add_seer(home, "eye", [CELL, SPOT], trace=str(trace))
    whole = measure(home)
    assert whole.state is RunState.DONE, whole.error
    assert (whole.result["items"], whole.result["cached"]) == (6, False)
    asked = trace.read_text()
    assert len(asked.splitlines()) == 6

    part = measure(home, part=Part(classes=("cell",), where="name in ('000.png', '001.png')"))
    stricter = measure(home, params={"confidence": 0.95, "speed": "off"})

    assert part.state is RunState.DONE, part.error
    assert (part.result["items"], part.result["cached"]) == (2, True)
    assert part.result["metrics"]["truth_count"] == 2
    assert part.result["metrics"]["map50"] == pytest.approx(1.0)
    report = get_report(home, part.result["report"])
    assert report.part.classes == ("cell",)
    evaluation = read_evaluation(home, report)
    assert (evaluation.part, [of.name for of in evaluation.classes]) == (report.part, ["cell"])
    assert evaluation.measured == part.result["measured"] != whole.result["measured"]
    assert (stricter.result["cached"], stricter.result["metrics"]["recall"]) == (True, 0.0)
    assert (whole.result["speed"], stricter.result["speed"]) == ({"images_per_second": 1.0}, {})
    assert trace.read_text() == asked

    elsewhere = measure(home, params={"runtime": "onnxruntime"})
    assert (elsewhere.result["cached"], elsewhere.result["speed"]) == (True, {})
    speed = read_evaluation(home, get_report(home, elsewhere.result["report"])).speed
    assert speed is not None
    assert speed.missing == "The trainer seer cannot be timed with onnxruntime."
    with pytest.raises(InvalidParameter, match="runtime"):
        measure(home, params={"runtime": "abacus"})

    assert measure(home).id == whole.id  # the same is there already
    assert len(list_reports(home)) == 4
    again = measure(home, is_again=True)
    assert (again.id != whole.id, again.result["items_known"]) == (True, 0)
    assert len(trace.read_text().splitlines()) == 12

    repeated = jobs.wait_for_end(home, submit_again(home, part.id, observer=KeepingObserver()))
    assert repeated.result["measured"] == part.result["measured"]
    assert conclude(home, part, repeated).is_same


def test_a_killed_benchmark_goes_on_where_it_was_and_nothing_half_is_listed(
    home: Workspace, tmp_path: Path
) -> None:
    trace, gate = tmp_path / "trace", tmp_path / "gate"
    add_seer(home, "eye", [CELL, SPOT], trace=str(trace), gate=str(gate), waits_after=4)
    run = submit_benchmark(home, "eye", "seen@1")
    jobs.wait_until(
        lambda: trace.exists() and len(trace.read_text().splitlines()) == 4,
        lambda: jobs.describe(home, run),
    )
    job = home.catalog.jobs.latest(run.id)
    assert job is not None
    assert job.worker is not None
    jobs.kill(job.worker)
    assert jobs.wait_for_end(home, run).state is RunState.LOST
    assert list_reports(home) == ()

    gate.touch()
    resume_run(home, run.id)
    done = jobs.wait_for_end(home, run)

    assert done.state is RunState.DONE, done.error
    assert done.result["items_known"] == 4
    seen = trace.read_text().splitlines()
    assert (len(seen), len(set(seen))) == (6, 6)
    assert done.result["metrics"]["map50"] > 0.9
    assert not list((home.home / "cache" / "predictions").glob("*"))


@pytest.mark.slow
def test_what_cannot_be_measured_is_said_and_not_counted_as_zero(home: Workspace) -> None:
    add_seer(home, "half", [CELL, SPOT], broken=["002.png"])
    add_seer(home, "blind", [], told_classes=["cell"])
    add_seer(home, "wide", [("cell", -40, 4, 24, 24), SPOT])
    add_seer(home, "over", [CELL], confidence=1.5)
    add_seer(home, "none", [CELL], confidence=math.nan)
    add_seer(home, "dark", [CELL], broken=[f"{n:03d}.png" for n in range(6)])

    half = measure(home, "half")
    assert half.state is RunState.DONE, half.error
    assert [problem["path"] for problem in half.result["problems"]] == ["main/002.png"]
    assert half.result["metrics"]["image_count"] == 5  # not six with one of which all is missed
    assert "partly" in half.result["summary"]
    assert any("reach beyond" in note for note in measure(home, "wide").result["notes"])
    for name, words in (("over", "confidence 1.5"), ("none", "confidence nan"), ("dark", "None of the 6")):
        failed = measure(home, name)
        assert failed.state is RunState.FAILED
        assert words in failed.error
        assert failed.hint
    one = measure(home, "half", part=Part(keys=("main/001.png",)))
    assert any("One image" in note for note in one.result["notes"])
    assert not read_evaluation(home, get_report(home, one.result["report"])).intervals


def test_a_part_that_is_none_is_refused_before_a_run_is_made(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", [CELL])
    add_seer(home, "cars", [("car", 1, 1, 9, 9)])
    before = len(home.catalog.runs.list())
    for part, words in (
        (Part(split="nosuch"), "nosuch"),
        (Part(where="nosuch == 3"), "nosuch"),
    ):
        with pytest.raises(InvalidParameter, match=words):
            submit_benchmark(home, "eye", "seen@1", part=part)
    for part, words, hint in (
        (Part(classes=("car",)), "class 'car'", "There is: cell, spot."),
        (Part(datasets=("nowhere",)), "dataset 'nowhere'", "There is: main."),
        (Part(tags=("dusk",)), "tag 'dusk'", "There is none."),
        (Part(keys=("main/x.png",)), "x.png", "DATASET/NAME"),
    ):
        with pytest.raises(NotFound, match=words) as missing:
            submit_benchmark(home, "eye", "seen@1", part=part)
        assert hint in missing.value.hint
    for part, words in (
        (Part(split="test"), "test split"),
        (Part(split="val", keys=("main/z.png",)), "val, 1 named items"),
    ):
        with pytest.raises(InvalidInput, match=words) as narrowed:
            submit_benchmark(home, "eye", "seen@1", part=part)
        assert narrowed.value.hint == "It has val (6), train (1). Measure whatever the split: --split all."
    with pytest.raises(InvalidInput, match="no class in common") as caught:
        submit_benchmark(home, "cars", "seen@1")
    assert "car" in caught.value.hint
    assert "cell" in caught.value.hint
    assert len(home.catalog.runs.list()) == before

    listing = tmp_path / "items"
    listing.write_text("# two\nmain/000.png\n\nmain/001.png\nmain/000.png\n")
    assert read_keys(listing) == ("main/000.png", "main/001.png")
    listing.write_text("\n")
    with pytest.raises(InvalidParameter, match="names no items"):
        read_keys(listing)
    listing.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidParameter, match="it is no UTF-8"):
        read_keys(listing)
    with pytest.raises(NotFound, match=r"^There is no file .*/none\.$"):
        read_keys(tmp_path / "none")


def test_what_is_read_again_of_a_report_is_what_it_has_measured(home: Workspace) -> None:
    add_seer(home, "eye", [CELL, ("spot", 40, 30, 60, 45)])
    run = measure(home, part=Part(classes=("cell",)), params={"confidence": 0.2})
    report = get_report(home, run.result["report"])

    counted = read_threshold(home, report).count()
    tuned = open_sweep(home, report, read_evaluation(home, report)).evaluate(
        Thresholds(report.metrics["confidence"])
    )

    assert counted.confidence == report.metrics["confidence"] == 0.2
    for name in ("precision", "recall", "f1", "mean_iou"):
        assert getattr(counted, name) == tuned.metrics[name] == report.metrics[name]
    assert [of.name for of in counted.classes] == ["cell"]


def test_all_splits_are_measured_together(home: Workspace) -> None:
    add_seer(home, "eye", [CELL])
    run = measure(home, part=Part(split=ALL))
    assert run.result["items"] == 7
    assert any("does not know spot" in note for note in run.result["notes"])


def fill_without_split(home: Workspace, folder: Path, tested: Sequence[str] = ()) -> None:
    """Commit `loose`: three images, those `tested` of the test split and the others of none."""
    boxes = {name: [CELL] for name in ("a.png", "b.png", "c.png")}
    make_voc(folder, boxes, splits={"test": tested} if tested else None)
    import_folder(home, folder, "loose", observer=KeepingObserver())
    commit(home, "loose", message="no split")


@pytest.mark.parametrize("split", [AUTO, ALL, "none"])
def test_items_without_a_split_are_measured(home: Workspace, tmp_path: Path, split: str) -> None:
    fill_without_split(home, tmp_path / "loose")
    add_seer(home, "eye", [CELL])

    run = jobs.wait_for_end(home, submit_benchmark(home, "eye", "loose@1", split=split))

    assert run.state is RunState.DONE, run.error
    assert (run.result["items"], run.result.get("problems")) == (3, None)
    assert run.result["metrics"]["map50"] == pytest.approx(1.0)


@pytest.mark.slow
def test_of_a_version_with_some_splits_the_others_are_measured_as_well(
    home: Workspace, tmp_path: Path
) -> None:
    fill_without_split(home, tmp_path / "loose", tested=["b"])
    add_seer(home, "eye", [CELL])

    def count(split: str) -> object:
        run = submit_benchmark(home, "eye", "loose@1", split=split, is_again=True)
        done = jobs.wait_for_end(home, run)
        assert done.state is RunState.DONE, done.error
        return done.result["items"], done.result["split"], done.result.get("problems")

    assert count(ALL) == (3, ALL, None)
    assert count("none") == (2, "none", None)
    assert count(AUTO) == (1, "test", None)


@pytest.mark.slow
def test_a_finished_training_queues_its_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch, "benchmark_after_training = true\n") as home:
        fill_val(home, tmp_path / "val", images=3, project="seen")
        trained = jobs.wait_for_end(home, submit_train(home, "seen@1", model="counter", params={"epochs": 1}))
        assert trained.state is RunState.DONE, trained.error
        told = trained.result["benchmark"]
        assert told["split"] == "val"
        measured = jobs.wait_for_end(home, home.catalog.runs.get(told["run"]))
        assert measured.state is RunState.DONE, measured.error
        assert measured.result["model"] == trained.result["model"]
        assert any("found nothing at all" in note for note in measured.result["notes"])

        off = submit_train(home, "seen@1", model="counter", params={"epochs": 1}, is_benchmarked=False)
        off = jobs.wait_for_end(home, off)
        assert off.result["benchmark"] == {"run": None, "reason": "It was switched off."}
        assert len(list_reports(home)) == 1


@pytest.mark.slow
def test_a_stopped_training_tells_of_its_model_and_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch, "benchmark_after_training = true\n") as home:
        fill_val(home, tmp_path / "val", images=3, project="seen")
        params = {"epochs": 5, "gate": str(tmp_path / "gate")}
        run = submit_train(home, "seen@1", model="counter", params=params)
        (tmp_path / "gate-1").touch()
        jobs.wait_for_text(home.run_folder(run.id) / "events.jsonl", "epoch 2")
        assert main(["--home", str(home.home), "stop", run.id]) == 0
        stopped = home.catalog.runs.get(run.id)
        told = capsys.readouterr().out
        assert f"is stopped; the model {stopped.result['model']} has its best weights" in told
        assert stopped.result["benchmark"]["run"] is None
        assert "mlwf benchmark counter-seen-1 seen@1" in stopped.result["benchmark"]["reason"]
        assert not [run for run in home.catalog.runs.list() if run.verb == "benchmark"]


def test_a_training_reads_no_items_while_others_wait_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch, "benchmark_after_training = true\n") as home:
        fill_val(home, tmp_path / "val", images=3, project="seen")
        home.catalog.queue.set_paused(home.place, is_paused=True, author="")
        run = submit_train(home, "seen@1", model="counter", params={"epochs": 1})
        home.run_folder(run.id).mkdir(parents=True)
        with WatchingStore(home.store.folder, home.home / "catalog.sqlite") as store:
            recorder = Recorder(replace(home, store=store), home.catalog.runs.start(run.id))
            perform_train(recorder, resolve_version(home, "seen@1"), KeepingObserver())

        done = home.catalog.runs.get(run.id)
        assert done.state is RunState.DONE, done.error
        queued = home.catalog.runs.get(done.result["benchmark"]["run"])
        assert (queued.state, queued.params["model"]) == (RunState.QUEUED, done.result["model"])
        assert (store.read_count > 0, store.held_count) == (True, 0)


def test_a_benchmark_whose_version_is_deleted_after_it_was_planned_is_not_queued(
    workspace: Workspace, tmp_path: Path
) -> None:
    fill_val(workspace, tmp_path / "val", images=3)
    model = add_model(workspace, "one")
    version = resolve_version(workspace, "cells@1")
    planned = plan_for(workspace, workspace.catalog.runs.get(model.run_id), version, model)
    workspace.catalog.versions.delete(version.id)

    with workspace.catalog.transaction():
        told = queue_planned(workspace, planned, model.id)

    assert told == {"run": None, "reason": "cells@1 was deleted."}
    assert not [run for run in workspace.catalog.runs.list() if run.state is RunState.QUEUED]
