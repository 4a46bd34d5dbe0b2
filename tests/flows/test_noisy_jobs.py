"""Jobs that print what nobody should: a line of ten megabytes, bytes that are no text, lines without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.logs.log_file import MAX_LINE_BYTES
from mlwf_tui.logs.parts import list_parts
from mlwf_tui.workflow.logs import iter_log
from mlwf_tui.workflow.running.follow import log_path
from mlwf_tui.workspace import Workspace
from tests import jobs

LINES = 400_000

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch, "log_part_mb = 2\n") as workspace:
        yield workspace


def read_lines(home: Workspace, run: Run) -> list[str]:
    return [line.text for batch in iter_log(home, run.id) for line in batch]


def read_bytes(home: Workspace, run: Run) -> bytes:
    """Return all that a run has written, from the log and its parts."""
    path = log_path(home, run.id)
    paths = [*(part.path for part in list_parts(path)), path]
    return b"".join(path.read_bytes().lstrip(b"\0") for path in paths)


def test_lines_as_fast_as_a_process_can_print_them_all_arrive(home: Workspace) -> None:
    """Some 100,000 a second and more, while the log is put into parts and somebody follows it."""
    code = f"for number in range({LINES}):\n    print('line', number)\nsys.stdout.flush()\nyield"
    run = jobs.act(home, code)
    followed = [line.text for batch in iter_log(home, run.id, follow=True) for line in batch]
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    wanted = [f"line {number}" for number in range(LINES)]
    for lines in (followed, read_lines(home, run)):
        assert [line for line in lines if line.startswith("line ")] == wanted


def test_a_line_of_ten_megabytes_and_binary_are_lines_like_others(
    home: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        "print('a' * 10_000_000)\n"
        "sys.stdout.flush()\n"
        "os.write(1, bytes(range(256)) * 4096 + b'\\n')\n"
        "subprocess.run([sys.executable, '-c', 'print(\"from below\")'], check=True)\n"
        "print('the end', flush=True)"
    )
    run = jobs.act(home, code)
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    lines = read_lines(home, run)
    assert read_bytes(home, run).count(b"a") >= 10_000_000
    assert max(map(len, lines)) <= MAX_LINE_BYTES  # it is whole in the file, and cut where it is shown
    assert lines.index("from below") < lines.index("the end")
    capfd.readouterr()
    assert main(["--home", str(home.home), "logs", run.id]) == 0
    written = capfd.readouterr().out
    assert "the end" in written
    assert not {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))} & set(written)


def test_a_log_that_grows_without_end_is_kept_in_parts_while_it_goes(home: Workspace) -> None:
    code = "while True:\n    print('x' * 100 * 1000, flush=True)\n    time.sleep(0.01)\n    yield"
    run = jobs.act(home, code)  # without a pause it would fill the disk of a fast machine before it is ended
    jobs.wait_until(lambda: len(list_parts(log_path(home, run.id))) >= 3, lambda: jobs.describe(home, run))
    assert log_path(home, run.id).stat().st_blocks * 512 < log_path(home, run.id).stat().st_size
