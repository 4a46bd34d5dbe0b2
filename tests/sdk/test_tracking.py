"""Programs that put themselves on the lineage, several at once, killed, wrong, and in any case unharmed."""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from mlwf_tui import sdk
from mlwf_tui.entities.card import MAX_TITLE
from mlwf_tui.entities.lineage import index_neighbours, sort_along
from mlwf_tui.entities.run import ArtifactKind, RunState
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound, StorageFailed
from mlwf_tui.sdk import Home, TrackedRun, WorkflowMeta, WorkflowSettings, attach_run, open_home, open_run
from mlwf_tui.sdk.tolerance import COMPLAINTS
from mlwf_tui.workflow.running.events import read_metrics

FIFTY = """
import os, sys
from pathlib import Path
from mlwf_tui.sdk import open_run
home, folder = Path(sys.argv[1]), Path(sys.argv[2])
children = []
for number in range(50):
    pid = os.fork()
    if pid == 0:
        with open_run(f"program {number}", home=home, is_strict=True) as run:
            run.add_input_project("cells", version_num=1)
            run.add_input_file(folder / "shared.txt")
            for part in range(3):
                path = folder / f"{number}-{part}.txt"
                path.write_text(path.name)
                run.add_output_file(path)
            run.log_metric("loss", 1 / (number + 1), 1)
        os._exit(0)
    children.append(pid)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children))
"""
KILLED = """
import os, signal, sys
from mlwf_tui.sdk import open_run
run = open_run("doomed", home=sys.argv[1], is_strict=True)
run.add_input_project("cells")
print(run.id, flush=True)
signal.pause()
"""
PARENT = """
import os, subprocess, sys
from mlwf_tui.sdk import open_run
with open_run("parent", home=sys.argv[1], is_strict=True) as run:
    run.log_metric("loss", 1.0, 1)
    child = "import sys; from mlwf_tui.sdk import attach_run\\n" \\
        "with attach_run(home=sys.argv[1], is_strict=True) as run:\\n" \\
        "    run.log_metric('loss', 0.5, 2); run.add_input_project('cells')"
    subprocess.run([sys.executable, "-c", child, sys.argv[1]], check=True)
    if os.fork() == 0:
        run.log_metric("loss", 0.25, 3)
        run.__exit__(None, None, None)
        os._exit(0)
    os.wait()
    run.log_metric("loss", 0.125, 4)
    print(run.id)
"""
SEVERAL = """
import os, sys
from mlwf_tui.sdk import attach_run, open_run
with open_run("several", home=sys.argv[1], is_strict=True) as run:
    run.log_metric("loss", -1)
    for number in range(3):
        if os.fork() == 0:
            with attach_run(run.id, home=sys.argv[1], is_strict=True) as part:
                for value in range(100):
                    part.log_metric("loss", number * 100 + value)
            os._exit(0)
    for _ in range(3):
        os.wait()
    run.log_metric("loss", 999)
    print(run.id)
"""
HELD = """
import os, signal, sys, threading
from mlwf_tui.sdk import open_run, tracking
at_work, may_go_on = threading.Event(), threading.Event()
class Held:
    def metric(self, *args):
        pass
    def close(self):
        pass
def open_slowly(*args, begins):
    if begins:
        at_work.set()
        may_go_on.wait()
    return Held()
tracking.verbs.open_events = open_slowly
run = open_run("parent", home=sys.argv[1], is_strict=True)
thread = threading.Thread(target=run.log_metric, args=("loss", 1.0, 1))
thread.start()
at_work.wait()
pid = os.fork()
if pid == 0:
    signal.alarm(30)
    run.log_metric("loss", 0.5, 2)
    os._exit(0)
status = os.waitpid(pid, 0)[1]
may_go_on.set()
thread.join()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    """Let each test hear the first complaint, whatever was said before."""
    COMPLAINTS.settle()
    yield
    sdk.enable()


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_fifty_programs_at_once_lose_no_edge(filled: Home, tmp_path: Path) -> None:
    (tmp_path / "shared.txt").write_text("read by all")
    process = start(FIFTY, filled.path, tmp_path)
    process.communicate(timeout=240)
    assert process.returncode == 0
    runs = [run for run in filled.jobs.runs(200) if run.verb.startswith("program")]
    assert len(runs) == 50
    assert {run.state for run in runs} == {RunState.DONE}
    assert {len(run.inputs) for run in runs} == {2}
    assert {len(run.outputs) for run in runs} == {3}
    assert len({run.inputs[1].id for run in runs}) == 1, "the file that all have read is one artifact"
    assert len({ref.id for run in runs for ref in run.outputs}) == 150
    assert len(filled.trace("cells@1", is_up=False, kinds=["file"]).nodes) == 150


def test_a_program_that_is_killed_is_lost_and_one_that_stands_still_is_not(filled: Home) -> None:
    process = start(KILLED, filled.path)
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    try:
        process.send_signal(signal.SIGSTOP)
        assert filled.jobs.get(run_id).state is RunState.RUNNING
        past = time.time() - 3_600
        os.utime(filled.path / "runs" / run_id / "heartbeat", (past, past))
        assert filled.jobs.get(run_id).state is RunState.RUNNING, "slow, and seen to be alive"
        assert filled.show(run_id).facts["heartbeat"]["is_late"]
    finally:
        process.kill()
        process.communicate(timeout=30)
    lost = filled.jobs.get(run_id)
    assert lost.state is RunState.LOST
    assert [ref.title for ref in lost.inputs] == ["cells@1"], "what it had said is kept"
    assert "mlwf logs" not in lost.hint, "there is none"
    assert f"mlwf show {run_id}" in lost.hint


def test_a_program_that_was_lost_ended_when_it_was_last_heard_of(filled: Home) -> None:
    process = start(KILLED, filled.path)
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    begun = filled.jobs.get(run_id).started_at
    assert begun is not None
    process.kill()
    process.communicate(timeout=30)
    heard = begun + timedelta(milliseconds=1)
    folder = filled.path / "runs" / run_id
    (folder / "events.jsonl").touch()
    for name, at in (("heartbeat", begun - timedelta(days=1)), ("events.jsonl", heard)):
        os.utime(folder / name, (at.timestamp(), at.timestamp()))
    lost = filled.jobs.get(run_id)
    assert lost.state is RunState.LOST
    assert lost.finished_at is not None
    assert abs(lost.finished_at - heard) < timedelta(milliseconds=0.1), "not when somebody looked"


def test_several_processes_write_to_one_run_and_the_first_ends_it(filled: Home) -> None:
    process = start(PARENT, filled.path)
    run_id = process.communicate(timeout=120)[0].strip()
    assert process.returncode == 0
    run = filled.jobs.get(run_id)
    assert run.state is RunState.DONE
    assert [ref.title for ref in run.inputs] == ["cells@1"]
    (curves,) = filled.jobs.metrics(run_id)
    assert list(curves.series[0].values) == [1.0, 0.5, 0.25, 0.125]


def test_a_forked_process_waits_for_no_thread_of_its_parent(filled: Home) -> None:
    process = start(HELD, filled.path)
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_a_file_that_cannot_be_read_is_told_as_such(filled: Home, tmp_path: Path) -> None:
    (tmp_path / "torn").symlink_to("/proc/self/mem")  # which has no first page
    with open_run("look", home=filled, is_strict=True) as run:
        with pytest.raises(InvalidInput, match="cannot be read"):
            run.add_input_file(tmp_path / "torn")
        with pytest.raises(InvalidInput, match="cannot be read"):
            run.add_output_file(tmp_path / "torn")


def test_a_folder_of_runs_that_cannot_be_written_is_told_as_such(filled: Home) -> None:
    with open_run("look", home=filled, is_strict=True) as run:
        runs = (filled.path / "runs").rename(filled.path / "away")
        (filled.path / "runs").touch()
        with pytest.raises(StorageFailed, match="folder of the run"):
            open_run("late", home=filled, is_strict=True)
        with pytest.raises(StorageFailed, match="folder of the run"):
            run.log_metric("loss", 0.5, 1)
        with pytest.raises(StorageFailed, match="folder of the run"):
            attach_run(run.id, home=filled, is_strict=True)
        (filled.path / "runs").unlink()
        runs.rename(filled.path / "runs")
    assert [run.verb for run in filled.jobs.runs()].count("late") == 0


def test_everything_that_a_run_can_read_and_make(filled: Home, tmp_path: Path) -> None:
    weights = tmp_path / "net.pt"
    weights.write_bytes(b"weights")
    with open_run("serve", home=filled, is_strict=True) as server:
        server.add_output_session()
    with (
        open_run("other", home=filled, is_strict=True) as other,
        open_run("all", home=filled, is_strict=True, params={"lr": 0.1}, seed=7) as run,
    ):
        run.add_input_project("cells", version_num=1)
        run.add_input_dataset("cells", "main", version_num=1)
        run.add_input_file(weights, is_weights=True)
        run.add_input_folder(tmp_path)
        run.add_input_task(server.id)
        run.add_input_job(17)
        model = run.add_output_model("net", [weights], class_names=["cell"], metrics={"map50": 0.5})
        run.add_output_report(weights)
        run.add_output_folder(tmp_path)
        run.add_output_task(other.id)
        run.add_output_job("relabel")
        run.add_output_session()
        filled.transform("sample", "cells@1", to="few", params={"n": 2})
        run.add_output_project("few")
        run.add_output_dataset("few", "main")
        run.log_params({"epochs": 3})
    found = filled.jobs.get(run.id)
    kinds = [ref.kind.value for ref in found.inputs]
    assert kinds == [
        "version", "dataset", "weights", "folder", "session", "labeling_job", "version"
    ]  # fmt: skip
    assert [ref.title for ref in found.inputs if ref.kind is ArtifactKind.VERSION] == ["cells@1", "few@1"]
    assert {ref.title for ref in found.outputs} >= {"net", "few@2", "few@2/main", "relabel"}
    assert dict(found.params) == {"lr": 0.1, "epochs": 3}
    assert found.seed == 7
    assert model is not None
    with open_run("read on", home=filled, is_strict=True) as reader:
        reader.add_input_model("net")
    assert "read on" in {t.node.title for t in filled.trace("net", is_up=False).nodes}
    assert [ref.kind for ref in filled.jobs.get(other.id).inputs] == [ArtifactKind.SESSION]


def test_a_finished_run_is_not_written_to(filled: Home, tmp_path: Path) -> None:
    with open_run("short", home=filled, is_strict=True) as run:
        pass
    with pytest.raises(Conflict):
        run.add_input_project("cells")
    with pytest.raises(Conflict):
        attach_run(run.id, home=filled, is_strict=True)
    assert filled.jobs.get(run.id).inputs == ()


def test_nothing_that_fails_reaches_the_program(
    filled: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), open_run("careless", home=filled) as run:
        assert run.add_input_project("nothing") is None
        assert run.add_input_file(tmp_path / "nothing") is None
        assert run.add_input_folder("bad\0name") is None
        assert run.add_input_project("cells", version_id="0123456789ab") is None
        assert run.add_output_dataset("cells", "nowhere") is None
        assert run.add_input_project("cells", meta={"customNodeSettings": {"colour": "red"}}) is not None
    found = filled.jobs.get(run.id)
    assert found.state is RunState.DONE
    assert len(found.inputs) == 1, "a bad card costs no edge"
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    first = [text.split()[1] for text in warned if "more" not in text]
    assert len(set(first)) == len(first), "each once a minute"
    assert {"add_input_project", "add_input_file", "add_input_folder", "add_output_dataset"} <= set(first)
    assert any(text.startswith("Tracking: add_input_project failed once more: ") for text in warned)


def test_a_loop_of_failures_warns_once_a_minute_and_sums_up_in_the_end(
    filled: Home, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), open_run("careless", home=filled) as run:
        for step in range(50):
            run.log_metric("loss", "much", step)  # type: ignore[arg-type]
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 2
    assert warned[1].startswith("Tracking: log_metric failed 49 more times: ")


def test_different_failures_of_one_method_are_all_told(
    filled: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), open_run("careless", home=filled) as run:
        for name in "abbcdefgg":
            run.add_output_file(tmp_path / name)
    *_, last = (r.getMessage() for r in caplog.records)
    assert last.startswith(
        f"Tracking: add_output_file failed 8 more times: There is no file {tmp_path}/b. (2×); "
    )
    assert last.endswith(f"There is no file {tmp_path}/f.; and 2 others")


def test_values_that_are_no_json_are_noted_as_their_text(filled: Home, tmp_path: Path) -> None:
    params = {"folder": tmp_path, "size": (640, 480), 5: float("inf")}
    with open_run("typed", home=filled, params=params, is_strict=True) as run:  # type: ignore[arg-type]
        run.log_params({"made by": str, "names": {"a": b"x"}})
        run.finish(result={"summary": "made", "at": tmp_path})
    found = filled.jobs.get(run.id)
    assert found.params == {
        "folder": str(tmp_path),
        "size": [640, 480],
        "5": float("inf"),
        "made by": str(str),
        "names": {"a": "eA=="},
    }
    assert found.result == {"summary": "made", "at": str(tmp_path)}


def test_what_was_told_before_can_be_told_again_and_not_otherwise(filled: Home) -> None:
    params = {"lr": float("nan"), "size": (640, 480), "most": float("inf"), "epochs": 3}
    with open_run("typed", home=filled, is_strict=True) as run:
        run.log_params(params)
        run.log_params(params)
        with pytest.raises(Conflict, match=r"size already, as \[640, 480\]"):
            run.log_params({"size": (640, 640), "more": 1})
    found = filled.jobs.get(run.id).params
    assert (found["size"], found["epochs"], math.isnan(found["lr"])) == ([640, 480], 3, True)
    assert "more" not in found


def test_numbers_of_numpy_are_numbers(filled: Home) -> None:
    params = {
        "lr": np.float64(0.5), "size": np.int64(640), "is_on": np.bool_(True), "mean": np.array(0.25),
        "half": np.float32(0.5), "name": np.str_("small"), "shape": np.array([1, 2]),
    }  # fmt: skip
    with open_run("typed", home=filled, params=params, is_strict=True) as run:
        run.finish(result={"score": np.float64(0.75)})
    found = filled.jobs.get(run.id)
    assert found.params == {
        "lr": 0.5, "size": 640, "is_on": True, "mean": 0.25, "half": 0.5, "name": "small", "shape": "[1 2]",
    }  # fmt: skip
    assert found.params["is_on"] is True
    assert found.result["score"] == 0.75


def test_a_model_whose_name_is_taken_gets_the_next(
    filled: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = tmp_path / "net.pt"
    weights.write_text("weights")
    names = []
    for _ in range(3):
        with open_run("fit", home=filled, is_strict=True) as run:
            made = run.add_output_model("keeper", [weights], metrics={"map50": np.float64(0.5)})
            assert made is not None
            names.append(made.name)
            with pytest.raises(Conflict, match="'keeper' already"):
                run.add_output_model("keeper", [weights], is_exact=True)
        assert [ref.title for ref in filled.jobs.get(run.id).outputs] == [made.name]
    assert names == ["keeper", "keeper-1", "keeper-2"]
    assert "there is a model keeper already, so this one is keeper-2" in caplog.text


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"task": "detection"}, "no task 'detection'"),
        ({"trainer": "me"}, "no trainer 'me'"),
        ({"image_size_px": -5}, "-5 pixels"),
    ],
)
def test_a_model_that_cannot_be_is_refused(
    filled: Home, tmp_path: Path, facts: dict[str, object], said: str
) -> None:
    (tmp_path / "net.pt").write_text("weights")
    with open_run("fit", home=filled, is_strict=True) as run, pytest.raises(InvalidParameter, match=said):
        run.add_output_model("keeper", [tmp_path / "net.pt"], **facts)  # type: ignore[arg-type]


def test_a_version_that_is_named_as_made_is_that_one_or_refused(filled: Home) -> None:
    first = filled.versions("cells")[-1]
    with open_run("make", home=filled, is_strict=True) as run:
        second = run.add_output_project("cells")
        assert second is not None
        filled.transform("sample", "cells@1", to="cells", params={"n": 2})
        again = run.add_output_project("cells", version_id=second.id)
        assert again == second
        with pytest.raises(Conflict, match="not what cells holds now"):
            run.add_output_project("cells", version_id=first.id)
        with pytest.raises(NotFound):
            run.add_output_project("cells", version_id="0" * 12)
    assert [ref.title for ref in filled.jobs.get(run.id).outputs] == ["cells@2"]


def test_an_end_that_could_not_be_noted_can_be_said_again(filled: Home) -> None:
    circle: dict[str, object] = {}
    circle["itself"] = circle
    with open_run("round", home=filled) as run:
        run.finish(result=circle)
        assert filled.jobs.get(run.id).state is RunState.RUNNING
    assert filled.jobs.get(run.id).state is RunState.DONE
    assert "MLWF_RUN" not in os.environ
    run.finish("failed")
    assert filled.jobs.get(run.id).state is RunState.DONE, "saying so twice does nothing"


def test_points_that_cannot_be_written_do_not_keep_a_run_from_its_end(filled: Home) -> None:
    with open_run("full", home=filled) as run:
        run.log_metric("loss", 1.0, 1)
        with Path("/dev/full").open("wb") as full:
            os.dup2(full.fileno(), run._get_writer()._writer._descriptor)
        run.log_metric("loss", 0.5, 2)
    assert filled.jobs.get(run.id).state is RunState.DONE


def test_points_without_a_step_are_counted_on_by_every_process(filled: Home) -> None:
    with open_run("fit", home=filled, is_strict=True) as run:
        for value in (0.5, 0.4):
            run.log_metric("loss", value)
        run._get_writer()._writer.flush()
        with attach_run(home=filled, is_strict=True) as again:
            again.log_metric("loss", 0.3)
            with pytest.raises(InvalidParameter, match="come to step 2"):
                again.log_metric("loss", 0.2, 1)
    points = read_metrics(filled.path / "runs" / run.id)
    assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.4), (2, 0.3)]


def test_processes_that_measure_at_once_lose_no_point(filled: Home) -> None:
    process = start(SEVERAL, filled.path)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    (curves,) = filled.jobs.metrics(output.strip())
    (loss,) = curves.series
    assert list(loss.steps) == list(range(302))
    assert sorted(loss.values) == [-1.0, *range(100), *range(100, 200), *range(200, 300), 999.0]


def test_an_ended_run_takes_no_point(filled: Home) -> None:
    run = open_run("short", home=filled, is_strict=True)
    other = attach_run(run.id, home=filled, is_strict=True)
    run.log_metric("loss", 1.0)
    assert run.is_tracking
    run.finish()
    assert not run.is_tracking
    for late in (run, other):
        with pytest.raises(Conflict, match="is finished"):
            late.log_metric("loss", 0.5)
        with pytest.raises(Conflict, match="is finished"):
            late.progress(1, 2)
    assert len(read_metrics(filled.path / "runs" / run.id)) == 1


def test_a_home_that_cannot_be_opened_leaves_the_program_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with open_run("anything", home=tmp_path / "file") as run:
        run.add_input_folder(tmp_path)
        run.log_metric("loss", 1.0)
    assert run.id == ""


def test_the_programs_own_failure_is_noted_and_goes_on(filled: Home) -> None:
    with pytest.raises(ZeroDivisionError), open_run("broken", home=filled) as run:
        _ = 1 / 0
    found = filled.jobs.get(run.id)
    assert (found.state, found.error) == (RunState.FAILED, "ZeroDivisionError: division by zero")
    with pytest.raises(SystemExit), open_run("leaving", home=filled) as run:
        sys.exit(0)
    assert filled.jobs.get(run.id).state is RunState.DONE


def test_nothing_is_tracked_while_tracking_is_off(filled: Home) -> None:
    sdk.disable()
    assert not sdk.is_enabled()
    with open_run("silent", home=filled) as run:
        run.add_input_project("cells")
    assert "silent" not in {found.verb for found in filled.jobs.runs()}
    sdk.enable()
    assert "MLWF_RUN" not in os.environ


def test_wrong_words_are_said_where_that_is_asked_for(filled: Home, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter):
        open_run("a" * 41, home=filled, is_strict=True)
    with open_run("strict", home=filled, is_strict=True) as run:
        with pytest.raises(NotFound):
            run.add_input_file(tmp_path / "nothing")
        with pytest.raises(InvalidInput):
            run.add_input_project("cells", meta={"customNodeSettings": {"icon": {"icon": "x"}}})
        with pytest.raises(Conflict):
            run.add_input_task(run.id)


def test_cards_are_shown_safely_and_halves_are_left_out(filled: Home, tmp_path: Path) -> None:
    hostile = "evil\x1b[31m\u202egnp.exe\n" + "x" * 10_000
    with open_run("cards", home=filled, title=hostile, is_strict=True) as run:
        settings = WorkflowSettings(title="Checkpoints", icon="folder", url="/x", url_title="Open")
        assert (settings.icon, settings.url) == (None, "/x")
        node = WorkflowSettings(description="trained for an hour")
        run.add_output_folder(tmp_path, meta=WorkflowMeta(settings, node))
    nodes = {node.id: node for node in filled.graph(run.id).nodes}
    own = nodes[f"run:{run.id}"]
    assert own.title.startswith("evil[31mgnp.exe x")
    assert len(own.title) == MAX_TITLE
    assert own.detail == "trained for an hour"
    folder = next(node for node in nodes.values() if node.kind == "folder")
    assert folder.title == "Checkpoints"
    assert folder.card is not None
    assert (folder.card.url, folder.card.url_title) == ("/x", "Open")
    with pytest.raises(ValueError, match="needs"):
        WorkflowMeta()


def test_a_file_is_the_same_until_it_changes(filled: Home, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("a,b")
    with open_run("files", home=filled, is_strict=True) as run:
        first = run.add_input_file(path)
        os.utime(path, (1, 1))
        assert run.add_input_file(path) == first, "its bytes are the same"
        path.write_text("a,b,c")
        changed = run.add_input_file(path)
        assert changed is not None
        assert changed != first


def test_a_run_that_is_opened_within_another_is_a_part_of_it(filled: Home) -> None:
    beside: list[TrackedRun] = []
    with open_run("search", home=filled, is_strict=True) as outer:
        with open_run("train", home=filled, is_strict=True) as inner:
            pass
        assert os.environ["MLWF_RUN"] == outer.id, "the outer one goes on"
        thread = Thread(target=lambda: beside.append(open_run("beside", home=filled, is_strict=True)))
        thread.start()
        thread.join()
        code = "import sys; from mlwf_tui.sdk import open_run\n" \
            "with open_run('child', home=sys.argv[1], is_strict=True) as run: print(run.id)"  # fmt: skip
        words = [sys.executable, "-c", code, str(filled.path)]
        child = subprocess.run(
            words, env={**os.environ, "MLWF_RUN": outer.id}, capture_output=True, text=True, check=True
        ).stdout.strip()
    beside[0].finish()
    runs = filled.door.open().catalog.runs
    assert runs.get(inner.id).parent == outer.id
    assert runs.get(child).parent == outer.id
    assert runs.get(beside[0].id).parent is None, "another thread's run is a part of none"
    with open_run("later", home=filled, is_strict=True) as later:
        pass
    assert runs.get(later.id).parent is None
    assert "MLWF_RUN" not in os.environ


def test_ids_of_another_home_mean_nothing_here(filled: Home, tmp_path: Path) -> None:
    with open_home(tmp_path / "other") as other:
        with open_run("elsewhere", home=other, is_strict=True) as far:
            session = far.add_output_session()
        assert session is not None
        version = filled.versions("cells")[0].id
        with open_run("here", home=other, is_strict=True) as run:
            with pytest.raises(NotFound, match="There is no project"):
                run.add_input_project("", version_id=version)
            with pytest.raises(NotFound, match="There is no project"):
                run.add_input_project("cells")
            with pytest.raises(NotFound):
                run.add_input_model(version)
    with open_run("back", home=filled, is_strict=True) as run:
        with pytest.raises(NotFound, match="There is no run"):
            run.add_input_task(far.id)
        with pytest.raises(NotFound, match="There is no run"):
            attach_run(far.id, home=filled, is_strict=True)
    assert filled.jobs.get(run.id).inputs == ()


def test_what_came_of_a_run_by_way_of_others_is_no_input_of_it(filled: Home, tmp_path: Path) -> None:
    names = [tmp_path / f"{number}.txt" for number in range(3)]
    for name in names:
        name.write_text(name.name)
    with open_run("first", home=filled, is_strict=True) as first:
        first.add_output_file(names[0])
        for before, after in pairwise(names):
            with open_run("next", home=filled, is_strict=True) as run:
                run.add_input_file(before)
                run.add_output_file(after)
        with pytest.raises(Conflict, match="came of the run"):
            first.add_input_file(names[-1])
        with pytest.raises(Conflict, match="came of the run"):
            first.add_input_file(names[0])
    graph = filled.graph(first.id)
    down, up = index_neighbours(graph)
    assert len(sort_along([node.id for node in graph.nodes], down, up)) == len(graph.nodes)
    assert filled.jobs.get(first.id).inputs == ()
