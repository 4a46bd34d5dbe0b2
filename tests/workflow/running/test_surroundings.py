from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mlwf_tui.workflow.running.surroundings import describe_program, read_code_changes


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_no_program_that_a_repository_names_is_started(tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {started}\n")
    program.chmod(0o700)
    code = tmp_path / "code"
    for words in (
        ["init", str(code)],
        ["-C", str(code), "config", "core.fsmonitor", str(program)],
        ["-C", str(code), "config", "diff.external", str(program)],
        ["-C", str(code), "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.fsmonitor=false",
         "commit", "--allow-empty", "-m", "one"],
    ):  # fmt: skip
        subprocess.run(["git", *words], check=True, capture_output=True)
    (code / "a.py").write_text("one")
    subprocess.run(["git", "-C", str(code), "-c", "core.fsmonitor=false", "add", "."], check=True)

    assert describe_program(["./tool"], code)["code"] == "changed since the commit"
    assert b"+one" in (read_code_changes(code, max_bytes=10_000) or b"")
    assert not started.exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_code_with_names_that_are_no_text_is_told_and_not_touched(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    git("init")
    git("config", "core.quotepath", "false")
    odd = tmp_path / os.fsdecode(b"odd\xff.py")
    odd.write_text("one")
    git("add", ".")
    git("commit", "-m", "one")
    assert describe_program(["./tool"], tmp_path)["code"] == "as committed"
    index = tmp_path / ".git" / "index"
    before = index.read_bytes()
    os.utime(odd, (1, 1))  # looks changed, so that git would note in its index that it is not
    assert describe_program(["./tool"], tmp_path)["code"] == "as committed"
    assert index.read_bytes() == before, "the program's own repository is left alone"
    odd.write_text("two, which is longer")
    described = describe_program(["./tool"], tmp_path)
    assert described["code"] == "changed since the commit"
    assert len(described["commit"]) == 40
