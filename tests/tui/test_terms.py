"""Forms ask on what terms a run is queued, and what they ask for is what the run gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.terms import read_detached_terms, read_terms
from mlwf_tui.tui.widgets.choice_field import ChoiceField
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.workflow.queue import list_queue, pause_queue
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.tui.driving import Driver, drive
from tests.tui.homes import fill_projects, write_images

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home whose queue is paused, so that nothing starts."""
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 2\n") as workspace:
        pause_queue(workspace)
        yield workspace


async def fill(app: Driver, name: str, text: str) -> None:
    """Put the focus on a field of the form, and write into it."""
    app.top.query_one(f"#field-{name}").focus()
    await app.pilot.pause()
    await app.press("end", *["backspace"] * 8)
    await app.write(text)


async def choose(app: Driver, name: str, value: str) -> None:
    """Go through a field's choices with → until it shows this one."""
    field = app.top.query_one(f"#field-{name}", ChoiceField)
    field.focus()
    await app.pilot.pause()
    for _ in range(20):
        if field.value == value:
            return
        await app.press("right")
    raise AssertionError(f"{name} never shows {value}")


def find_queued(home: Workspace, verb: str) -> Run | None:
    return next((run for run in list_runs(home) if run.verb == verb and run.is_detached), None)


async def test_a_training_gets_the_terms_that_the_form_asked_for(home: Workspace, tmp_path: Path) -> None:
    fill_projects(home, tmp_path / "source")
    first = jobs.act(home, "")
    async with drive(home) as app:
        await app.select("cells")
        await app.press("t")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        await fill(app, "model", "counter")
        await fill(app, "slots", "2")
        await choose(app, "after", first.id)
        await app.until_text("transform out-0 · queued")
        await fill(app, "priority", "5")
        await fill(app, "timeout", "12h")
        await fill(app, "retries", "3")
        await fill(app, "backoff", "1m")
        words = f"--slots 2 --after {first.id} --priority 5 --timeout 12h --retries 3 --backoff 1m"
        form = app.top
        assert isinstance(form, Form)
        assert words in command_lines.write_train(form.collect())
        await app.press("enter")
        await app.until(lambda: find_queued(home, "train") is not None, "the training")
        await app.until_text("The train run waits for ")
    train = find_queued(home, "train")
    assert train is not None
    assert (train.state, train.priority) == (RunState.QUEUED, 5)
    assert train.terms == Terms(
        wants=Wants(slots=2), priority=5, after=(first.id,), retries=3, backoff_s=60.0, timeout_s=43200.0
    )


@pytest.mark.slow
async def test_a_benchmark_of_a_training_that_goes_on_comes_after_it(home: Workspace, tmp_path: Path) -> None:
    fill_projects(home, tmp_path / "source")
    async with drive(home) as app:
        await app.select("cells")
        await app.press("t")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        await fill(app, "model", "counter")
        await app.press("enter")
        await app.until(lambda: find_queued(home, "train") is not None, "the training")
        train = find_queued(home, "train")
        assert train is not None
        await app.select("train")
        await app.press("b")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        await app.until_text(f"mlwf benchmark {train.id}")
        await app.press("enter")
        await app.until(lambda: find_queued(home, "benchmark") is not None, "the benchmark")
    benchmark = find_queued(home, "benchmark")
    assert benchmark is not None and benchmark.terms is not None
    assert (benchmark.terms.after, benchmark.params["model"]) == ((train.id,), train.id)


@pytest.mark.slow
async def test_an_import_goes_on_by_itself_where_it_is_asked_to(home: Workspace, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "m", {"train/a.jpg": 1})  # short, or the form's last line is broken
    async with drive(home) as app:
        await app.press("i")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        await fill(app, "path", str(folder))
        await fill(app, "project", "more")
        await fill(app, "message", "first")
        await fill(app, "priority", "2")  # which only the queue knows
        await app.until_text("--detach --message")
        await app.press("enter")
        await app.until(lambda: find_queued(home, "import") is not None, "the import")
    run = find_queued(home, "import")
    assert run is not None
    assert (run.priority, run.call["path"], run.call["project"]) == (2, str(folder), "more")
    assert run.call["message"] == "first"
    assert [waiting.id for waiting in list_queue(home).waiting] == [run.id]


async def test_words_that_mean_nothing_are_refused_in_place(home: Workspace) -> None:
    async with drive(home) as app:
        await app.select("cells")
        await app.press("t")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        await fill(app, "gpus", "two")
        await app.press("enter")
        await app.until_text("'two' names no GPUs. Write 2 for any two, or 0,1 for these.")
        await fill(app, "gpus", "0,1")
        await fill(app, "timeout", "soon")
        await app.press("enter")
        await app.until_text("'soon' is no time.")
        await fill(app, "timeout", "")
        await fill(app, "retries", "101")
        await app.press("enter")
        await app.until_text("retries must be 0–100")


def test_values_that_were_not_touched_leave_everything_to_the_verb() -> None:
    assert read_terms({}) == Terms()
    assert read_detached_terms({}) is None
    assert read_detached_terms({"detach": "yes"}) == Terms(wants=Wants())


def test_gpus_are_asked_for_by_number_or_by_index() -> None:
    assert read_terms({"gpus": "2"}).wants == Wants(gpus=2)
    assert read_terms({"gpus": "1,0"}).wants == Wants(gpu_indices=(0, 1))
    assert read_terms({"gpus": "0", "slots": "3"}).wants == Wants(slots=3)
