"""A run's log line by line: what is wanted of it, going along with it, rotation on the way."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack

import pytest

from mlwf_tui.entities.run import Job, Run, RunState
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.parts import list_parts
from mlwf_tui.logs.query import Query
from mlwf_tui.processes import identify_self
from mlwf_tui.workflow import logs
from mlwf_tui.workflow.logs import iter_log
from mlwf_tui.workflow.running.follow import log_path, rotate_log
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace, open_workspace

TEXT = "INFO one\n 10%|#    | 1/10\r100%|#####| 10/10\nWARNING two\n" + "ERROR three\n" + " 50%|##   | 5/10"


def make_run(workspace: Workspace, text: str) -> Run:
    """A run that is over, and left this log."""
    with record(workspace, "import", params={}) as recorder:
        write(workspace, recorder.run, text)
    return recorder.run


def write(workspace: Workspace, run: Run, text: str) -> None:
    path = log_path(workspace, run.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def read(workspace: Workspace, run: Run, query: Query, last: int | None = None) -> list[str]:
    return [line.text for batch in iter_log(workspace, run.id, query=query, last=last) for line in batch]


@pytest.mark.parametrize(
    ("query", "last", "expected"),
    [
        (Query(), None, ["INFO one", "100%|#####| 10/10", "WARNING two", "ERROR three", " 50%|##   | 5/10"]),
        (Query(), 2, ["ERROR three", " 50%|##   | 5/10"]),
        (Query(), 0, []),
        (Query(level=Level.INFO), None, ["INFO one", "100%|#####| 10/10", "WARNING two", "ERROR three"]),
        (Query(level=Level.WARNING), None, ["WARNING two", "ERROR three"]),
        (Query("o"), None, ["INFO one", "WARNING two", "ERROR three"]),
        (Query("o", is_inverted=True), None, ["100%|#####| 10/10", " 50%|##   | 5/10"]),
        (Query("t", Level.WARNING), 1, ["ERROR three"]),
    ],
)
def test_only_what_is_wanted_is_read(
    workspace: Workspace, query: Query, last: int | None, expected: list[str]
) -> None:
    assert read(workspace, make_run(workspace, TEXT), query, last) == expected


def test_a_hopeless_expression_is_refused(workspace: Workspace) -> None:
    run = make_run(workspace, ("a" * 60 + "b\n") * 60)
    with pytest.raises(InvalidParameter, match="takes too long"):
        read(workspace, run, Query("(a+)+$"))


def test_a_log_is_followed_to_the_end_of_its_run_line_by_line(workspace: Workspace) -> None:
    texts: list[str] = []
    with ExitStack() as going:
        run = going.enter_context(record(workspace, "import", params={})).run
        write(workspace, run, "one\n 10%|#    | 1/10")
        for batch in iter_log(workspace, run.id, follow=True, with_unfinished=True):
            texts += [line.text for line in batch if line.is_finished]
            being_written = [line.text for line in batch if not line.is_finished]
            if being_written == [" 10%|#    | 1/10"]:
                write(workspace, run, "\r 90%|#### | 9/10\ntwo\nthr")
            elif being_written == ["thr"]:
                write(workspace, run, "ee\n")
                going.close()  # the run is done
    assert texts == ["one", " 90%|#### | 9/10", "two", "three"]


def finish_with_a_worker_left(workspace: Workspace) -> tuple[Run, Job]:
    """A run that is done while the process that did it has still to end."""
    runs = workspace.catalog.runs
    run = runs.create("import", params={}, seed=None, author="ada", workspace="lab", environment={})
    job = workspace.catalog.jobs.create(run.id, identify_self())
    write(workspace, run, "one\n")
    runs.finish(run.id, RunState.DONE, result={})
    return runs.get(run.id), job


def test_what_a_worker_says_after_its_run_is_done_is_followed_too(workspace: Workspace) -> None:
    run, job = finish_with_a_worker_left(workspace)
    batches = iter_log(workspace, run.id, follow=True)
    texts = [line.text for line in next(batches)]
    write(workspace, run, "import is done\n")
    workspace.catalog.jobs.finish(job.id, 0)
    texts += [line.text for batch in batches for line in batch]
    assert texts == ["one", "import is done"]


def test_a_worker_that_does_not_end_is_not_waited_for_without_end(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LAST_WORDS_S", 0.3)
    run, _ = finish_with_a_worker_left(workspace)
    texts = [line.text for batch in iter_log(workspace, run.id, follow=True) for line in batch]
    assert texts == ["one"]


@pytest.mark.slow
def test_a_log_is_rotated_at_the_size_that_the_settings_say(workspace: Workspace) -> None:
    (workspace.home / "settings.toml").write_text("log_part_mb = 1\n")
    with open_workspace(workspace.home) as opened:
        run = make_run(opened, "")
        path = log_path(opened, run.id)
        code = "for n in range(60_000): print(f'line {n:>8} that the job writes')"
        with path.open("ab") as file:
            subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
        assert rotate_log(opened, run.id) == 2
        assert len(list_parts(path)) == 2
        lines = read(opened, run, Query())
        assert lines == [f"line {number:>8} that the job writes" for number in range(60_000)]


@pytest.mark.parametrize("line", ['log_part_mb = "1"', "log_part_mb = -1", "log_part_mb = true", "size = 1"])
def test_a_setting_of_another_kind_is_refused(workspace: Workspace, line: str) -> None:
    from mlwf_tui.errors import InvalidInput

    (workspace.home / "settings.toml").write_text(f"{line}\n")
    with pytest.raises(InvalidInput, match="not a setting"), open_workspace(workspace.home):
        pass
