"""`mlwf logs`: plain text to a pipe, colours and no code of the log's own on a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from mlwf_tui.workflow.running.follow import log_path
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import open_workspace

LOG = (
    b"\x1b]0;owned\x07INFO begins\n"
    b"  0%|     | 0/9\r\x1b[K100%|#####| 9/9\n"
    b"\x1b[34mtrain:\x1b[0m scanned\n"
    b"ERROR no room\n"
)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    home = tmp_path / "home"
    with open_workspace(home) as workspace:
        with record(workspace, "import", params={}) as recorder:
            path = log_path(workspace, recorder.run.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(LOG)
    return [sys.executable, "-m", "mlwf_tui", "logs", recorder.run.id, "--home", str(home)]


def run(words: list[str], *more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*words, *more], capture_output=True, check=False)


def test_a_pipe_gets_the_lines_that_a_terminal_would_show_without_a_code(words: list[str]) -> None:
    assert run(words).stdout == b"INFO begins\n100%|#####| 9/9\ntrain: scanned\nERROR no room\n"


def test_lines_are_chosen_by_expression_level_and_number(words: list[str]) -> None:
    assert run(words, "--grep", "SCAN|begins").stdout == b"INFO begins\n"
    assert run(words, "--grep", "scan|begins").stdout == b"INFO begins\ntrain: scanned\n"
    assert run(words, "--grep", "!scan", "-n", "2").stdout == b"100%|#####| 9/9\nERROR no room\n"
    assert run(words, "--level", "error").stdout == b"ERROR no room\n"
    done = run(words, "--grep", "nowhere")
    assert (done.stdout, done.returncode) == (b"", 0)
    assert b"no such line" in done.stderr
    assert run(words, "--level", "loud").returncode == 2


def test_what_is_no_expression_is_looked_for_as_it_is_written_and_that_is_told(words: list[str]) -> None:
    done = run(words, "--grep", "0%|###(")
    assert (done.stdout, done.returncode) == (b"", 0)
    assert b"is no regular expression (missing )" in done.stderr
    done = run(words, "--grep", "!(#")
    assert done.stdout == b"INFO begins\n100%|#####| 9/9\ntrain: scanned\nERROR no room\n"
    assert b"'(#' is no regular expression" in done.stderr


def test_no_line_of_a_log_is_not_called_no_log(words: list[str]) -> None:
    done = run(words, "-n", "0")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)


def test_json_has_the_same_lines(words: list[str]) -> None:
    document = json.loads(run(words, "--json", "-n", "1").stdout)
    assert document["lines"] == ["ERROR no room"]
    assert document["state"] == "done"


def test_a_terminal_gets_colours_and_nothing_else(words: list[str]) -> None:
    shown = read_terminal(words, {"TERM": "xterm-256color"})
    assert "\x1b[34mtrain:\x1b[0m scanned" in shown
    assert "\x1b[31mERROR no room\x1b[0m" in shown
    assert "owned" not in shown
    assert "\x1b" not in read_terminal(words, {"TERM": "xterm-256color", "NO_COLOR": "1"})


def read_terminal(words: list[str], environment: dict[str, str]) -> str:
    """Return what a command writes to a terminal."""
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    subprocess.run(words, stdin=theirs, stdout=theirs, env={**kept, **environment}, check=True)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # so does Linux say that nobody writes any more
        pass
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")
