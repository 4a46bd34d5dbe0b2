"""What a dry run says of a training: checked, measured or learned from earlier ones, and not recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.cli.main import main
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import Checkpoint
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.trainers import STATE_NAME
from mlwf_tui.workflow.cards.reading import read_card
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.running.events import FILE_NAME
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workflow.training.plans import plan_train
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.models import add_model
from tests.fakes.observers import KeepingObserver
from tests.making import make_yolo
from tests.states import make_object, make_plain_item, set_state

BOXES = [("cat", 4.0, 4.0, 30.0, 30.0)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home with the project `pets`, in which workers and hands find the counting trainer."""
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        keys = [
            f"{split}/{number}.jpg" for split, count in (("train", 6), ("val", 3)) for number in range(count)
        ]
        make_yolo(tmp_path / "yolo", dict.fromkeys(keys, BOXES), class_names=("cat", "dog"))
        import_folder(workspace, tmp_path / "yolo", "pets", observer=KeepingObserver())
        yield workspace


def test_a_few_batches_tell_what_it_will_take(home: Workspace) -> None:
    before = list_runs(home)

    plan = plan_train(
        home, "pets", model="counter", params={"epochs": "5", "batch_s": "0.05"}, observer=KeepingObserver()
    )

    assert (plan.task, plan.data_format, dict(plan.splits)) == ("detect", "yolo", {"train": 6, "val": 3})
    assert plan.classes == {"cat": {"train": 6, "val": 3}, "dog": {}}
    assert plan.time is not None
    assert plan.time.basis == "measured just now on 3 batches"
    assert plan.time.epoch_s >= 0.2
    assert plan.time.seconds >= 5 * plan.time.epoch_s
    assert plan.memory_bytes is not None and plan.memory_bytes > 1 << 20
    assert plan.disk_bytes > 0
    assert plan.checkpoint_bytes == 1
    assert plan.warnings[0] == "Nothing is of the class dog."
    assert list_runs(home) == before
    assert not list(home.home.glob("trial-*"))


def test_an_image_that_is_left_out_is_told_before_and_after(
    home: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_yolo(tmp_path / "more", {"train/torn.jpg": BOXES}, class_names=("cat", "dog"))
    import_folder(home, tmp_path / "more", "pets", observer=KeepingObserver())
    told = "1 image could not be used and was left out, main/torn.jpg: The image is torn."

    plan = plan_train(home, "pets", model="counter", params={}, observer=KeepingObserver())
    code = main(["--home", str(home.home), "train", "pets", "--model", "counter", "-p", "batch_s=0"])

    assert f"When a few batches were tried, {told}" in plan.warnings
    assert code == 3
    assert f"{told}\n  failed: main/torn.jpg: The image is torn.\n" in capsys.readouterr().out
    (run,) = [run for run in list_runs(home) if run.verb == "train"]
    assert run.result["problems"] == [
        {"path": "main/torn.jpg", "reason": "The image is torn.", "is_taken": False}
    ]
    assert f"Of these {told}" in read_card(home, home.catalog.models.get(run.result["model"]))


def test_an_earlier_training_tells_the_time_without_measuring(home: Workspace) -> None:
    params = {"epochs": "2", "batch_s": "0.02"}
    done = jobs.wait_for_end(home, submit_train(home, "pets", model="counter", params=params))
    assert done.state is RunState.DONE, jobs.describe(home, done)

    plan = plan_train(home, "pets", model="counter", params=params, observer=KeepingObserver())

    assert plan.time is not None
    assert plan.time.basis == "from an earlier training in this home"
    assert plan.memory_bytes is None
    assert plan.time.seconds >= 0.16


def test_what_is_no_epoch_is_counted_once(home: Workspace) -> None:
    done = jobs.wait_for_end(home, submit_train(home, "pets", model="counter", params={"epochs": "3"}))
    tell(home, done, BEGIN, make_epoch(1, at=100.0), make_epoch(2, at=100.01), make_epoch(3, at=100.02))
    (job,) = home.catalog.jobs.list_of(done.id)
    assert job.ran_s is not None

    plan = plan_train(home, "pets", model="counter", params={"epochs": "50"}, observer=KeepingObserver())

    assert plan.time is not None
    assert plan.time.epoch_s == pytest.approx(0.01)
    assert plan.time.seconds == pytest.approx(job.ran_s - 3 * 0.01 + 50 * 0.01)


def test_an_epoch_that_was_alone_counts_from_its_first_batch(home: Workspace) -> None:
    done = jobs.wait_for_end(home, submit_train(home, "pets", model="counter", params={"epochs": "1"}))
    data = make_progress(5, None, at=90.0)  # of the data that are written before
    tell(home, done, BEGIN, data, make_progress(1, 4, at=100.0), make_epoch(1, at=100.3))

    plan = plan_train(home, "pets", model="counter", params={"epochs": "1"}, observer=KeepingObserver())

    assert plan.time is not None
    assert plan.time.epoch_s == pytest.approx(0.4)


def test_a_training_that_tells_no_epoch_tells_no_time(home: Workspace) -> None:
    done = jobs.wait_for_end(home, submit_train(home, "pets", model="counter", params={"epochs": "1"}))
    tell(home, done, BEGIN, make_epoch(1, at=100.0))

    plan = plan_train(home, "pets", model="counter", params={}, is_measured=False, observer=KeepingObserver())

    assert plan.time is None


def test_a_training_that_was_paused_tells_the_time_of_all_its_jobs(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    params = {"epochs": "2", "batch_s": "0.02", "gate": str(gate)}
    gate.with_name("gate-1").touch()
    run = jobs.wait_for_state(
        home, submit_train(home, "pets", model="counter", params=params), RunState.RUNNING
    )
    jobs.wait_until(lambda: (home.run_folder(run.id) / "fit" / "epoch").exists(), lambda: "no epoch")
    pause_run(home, run.id, is_urgent=True, wait_s=jobs.PATIENCE_S)
    jobs.wait_until(lambda: jobs.find_job(home, run).finished_at is not None, lambda: "its job goes on")
    gate.with_name("gate-2").touch()
    resume_run(home, run.id)
    done = jobs.wait_for_end(home, run)
    assert done.state is RunState.DONE, jobs.describe(home, done)
    took_s = sum(job.ran_s or 0.0 for job in home.catalog.jobs.list_of(run.id))
    first = (BEGIN, make_progress(1, 8, at=100.0), make_epoch(1, at=100.003))
    tell(home, done, *first, BEGIN, make_progress(6, 8, at=200.0), make_epoch(2, at=200.002))

    plan = plan_train(home, "pets", model="counter", params={"epochs": "2"}, observer=KeepingObserver())

    assert plan.time is not None
    assert plan.time.epoch_s == pytest.approx(0.004)
    assert plan.time.seconds == pytest.approx((took_s - 2 * 0.004) / 2 + 2 * 0.004)
    assert done.find_length_s() == pytest.approx(took_s)


BEGIN = {"type": "begin", "at": 1.0}


def make_progress(step: int, total: int | None, *, at: float) -> dict[str, object]:
    return {"type": "progress", "step": step, "total": total, "message": "", "at": at}


def make_epoch(epoch: int, *, at: float) -> dict[str, object]:
    """The end of an epoch of four batches."""
    return {"type": "metric", "key": "epoch", "value": epoch, "step": 4 * epoch, "at": at}


def tell(home: Workspace, run: Run, *events: Mapping[str, object]) -> None:
    """Let a run have told these events, and no others."""
    lines = "".join(f"{json.dumps(event)}\n" for event in events)
    (home.run_folder(run.id) / FILE_NAME).write_text(lines, "utf-8")


def test_a_training_that_goes_on_is_planned_on_its_own_version(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    params = {"data": "pets@1", "model": "yolov10p", "task": "detect", "name": "old", "imgsz": 96}
    with record(home, "train", params=params) as run:
        run.read_version("pets")
        run.write_model(
            name="old", architecture="yolov10p", task="detect", trainer="ultralytics",
            class_names=("cat", "dog"), image_size_px=96, metrics={},
            checkpoints=tuple(Checkpoint(name, Digest("0" * 64), 1) for name in ("best.pt", STATE_NAME)),
        )  # fmt: skip
    words = ["--home", str(home.home), "train", "--continue", run.run_id, "--dry-run", "--no-measure"]

    assert main([*words, "-p", "epochs=+2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ref"], told["model"], told["settings"]["epochs"]) == ("pets@1", "old", 2)
    assert told["settings"]["imgsz"] == 96
    assert main(words) == 2
    assert "how many more epochs" in capsys.readouterr().err


def test_a_trial_that_fails_is_a_warning(home: Workspace) -> None:
    items = [
        make_plain_item(f"main/{split}.jpg", make_object(), split=split) for split in (Split.TRAIN, Split.VAL)
    ]
    set_state(home, "nowhere", items)  # whose images are not in the store

    plan = plan_train(home, "nowhere", model="counter", params={}, observer=KeepingObserver())

    assert plan.time is None
    assert plan.warnings[-1].startswith("A few batches could not be tried: ")


def test_images_that_are_too_small_for_the_trainer_are_told(home: Workspace) -> None:
    splits = (Split.TRAIN, Split.VAL, Split.TEST)
    items = [make_plain_item(f"main/{split}.jpg", make_object(), split=split) for split in splits]
    set_state(home, "tiny", [replace(item, width_px=9) for item in items])

    plan = plan_train(
        home, "tiny", model="yolov10p", params={}, is_measured=False, observer=KeepingObserver()
    )

    assert "2 images have a side under 10 pixels, and will be left out." in plan.warnings


def test_data_that_does_not_fit_is_refused(home: Workspace) -> None:
    with pytest.raises(InvalidInput, match="no polygons or masks"):
        plan_train(
            home, "pets", model="yolo11n-seg", params={}, is_measured=False, observer=KeepingObserver()
        )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--after", "nope"], 4, "no run 'nope'"),
        (["--slots", "1000"], 2, "wants 1000 CPU slots"),
        (["--gpus", "99"], 2, "99 GPUs are not there"),
        (["--name", "a/b"], 2, "The model name 'a/b'"),
        (["--name", "old"], 5, "a model named 'old' already"),
    ],
)
def test_a_dry_run_refuses_what_the_training_would(
    home: Workspace, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    add_model(home, name="old")
    train = ["--home", str(home.home), "train", "pets", "--model", "counter", *words]

    assert main([*train, "--dry-run", "--no-measure"]) == code
    refused = capsys.readouterr().err
    assert message in refused
    assert main(train) == code
    assert capsys.readouterr().err == refused


def test_the_command_line_shows_the_plan(home: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--home", str(home.home), "train", "pets", "--model", "yolov10p", "--dry-run", "--no-measure"]

    assert main([*words, "-p", "preset=thorough"]) == 0
    text = capsys.readouterr().out
    assert "yolov10p would learn to detect on pets" in text
    assert "epochs 300" in text
    assert "free, and its checkpoints, which --measure finds out" in text
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dry_run"], told["task"], told["time"]) == (True, "detect", None)
    assert told["checkpoint_bytes"] is None
    add_model(home, "known")
    assert main(words) == 0
    assert "which --measure finds out" not in capsys.readouterr().out
    assert main(["--home", str(home.home), "train", "pets", "--continue", "abc"]) == 2
    assert main(["--home", str(home.home), "train"]) == 2
