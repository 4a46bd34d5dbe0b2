"""The command line as scripts see it: documents, keys, exit codes, one stream for each reader."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.cli.main import COMMANDS, main
from tests.fakes.acting import install_plugins
from tests.making import make_voc, write_image

BOXES = {
    "a.jpg": [("cell", 2, 3, 20, 21)],
    "b.jpg": [("cell", 5, 5, 25, 25)],
    "c.jpg": [("cell", 5, 5, 25, 25)],
}


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    folder = tmp_path / "voc"
    make_voc(folder, BOXES, splits={"train": ["a", "b"], "val": ["c"]})
    return folder


class Shell:
    """Calls the command line in this process, in a home of its own."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        assert main(["--home", str(self.home), *words]) == code, self.capsys.readouterr()
        return self.capsys.readouterr().out

    def json(self, *words: str, code: int = 0) -> dict[str, Any]:
        document = json.loads(self(*words, "--json", code=code))
        assert isinstance(document, dict)
        return document


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "home", capsys)


def test_documents_have_the_keys_that_scripts_rely_on(shell: Shell, voc: Path) -> None:
    imported = shell.json("import", str(voc), "cells")
    assert imported.keys() >= {
        "project", "items_added", "items_updated", "items_unchanged", "problems", "run"
    }  # fmt: skip
    assert (imported["items_added"], imported["problems"]) == (3, [])
    assert imported["version"] is None
    named = shell.json("import", str(voc), "named", "-m", "as received")
    assert (named["version"], named["version_created"]) == (1, True)
    assert shell.json("versions", "named")["versions"][0]["message"] == "as received"
    assert "that is named@1 already" in shell("import", str(voc), "named", "-m", "again")
    assert shell.json("import", str(voc), "named", "-m", "again")["version_created"] is False
    assert [one["message"] for one in shell.json("versions", "named")["versions"]] == ["as received"]
    shell("delete", "named", "--yes")
    assert shell.json("commit", "cells", "-m", "one") == {"project": "cells", "version": 1, "created": True}
    transformed = shell.json("transform", "flip", "cells", "--to", "flipped")
    assert transformed.keys() >= {"project", "version", "items_in", "items_out", "cached", "run"}
    version = shell.json("versions", "cells")["versions"][0]
    assert version.keys() >= {"number", "message", "kind", "created_at", "author", "item_count"}
    assert version["created_at"].endswith("Z")
    project = shell.json("show", "cells")
    assert project.keys() >= {
        "kind", "id", "name", "description", "item_count", "classes", "datasets", "head", "latest_version"
    }  # fmt: skip
    diff = shell.json("diff", "cells@1", "flipped@1", "--items")
    assert (diff["added"], diff["removed"], diff["changed"]) == (2, 0, 0)
    assert diff["items"][0].keys() >= {"path", "change"}
    run = shell.json("runs")["runs"][0]
    assert run.keys() >= {"id", "verb", "state", "inputs", "outputs", "created_at", "finished_at"}
    graph = shell.json("graph", "--format", "json")
    assert graph["nodes"][0].keys() >= {"id", "kind", "title", "state"}
    assert graph["edges"][0].keys() >= {"source", "target"}
    assert shell.json("restore", "cells@1") == {
        "project": "cells", "version": 1, "created": False, "saved_version": None
    }  # fmt: skip
    assert shell.json("stats").keys() >= {"items", "logical_bytes", "stored_bytes"}
    verified = shell.json("verify")
    assert verified["ok"] is True
    assert verified["checked_bytes"] > 0
    assert shell.json("models") == {"models": []}
    assert {o["name"] for o in shell.json("operations")["operations"]} >= {"crop", "rotate", "noise", "split"}
    assert {p["name"] for p in shell.json("projects")["projects"]} == {"cells", "flipped"}


def test_a_dry_run_counts_and_does_nothing(shell: Shell, voc: Path) -> None:
    shell("import", str(voc), "cells")
    plan = shell.json("transform", "flip", "cells", "--dry-run")
    assert (plan["project"], plan["is_new_project"], plan["cached"]) == ("cells-flip", True, False)
    counts = [plan[f"items_{name}"] for name in ("in", "out", "added", "changed", "unchanged", "dropped")]
    assert (counts, plan["images"]) == ([3, 5, 2, 0, 3, 0], 2)
    assert [run["verb"] for run in shell.json("runs")["runs"]] == ["import"]
    dropped = shell.json("transform", "filter", "cells", "-p", "splits=val", "--dry-run")
    assert (dropped["items_unchanged"], dropped["items_dropped"]) == (1, 2)
    shell("transform", "filter", "cells", "-p", "min_objects=9", "--dry-run", code=1)


def test_a_transform_tells_what_becomes_of_the_objects(shell: Shell, voc: Path) -> None:
    shell("import", str(voc), "cells")
    words = ("transform", "prepare", "cells", "-p", "task=pose")
    plan = shell.json(*words, "--dry-run")
    assert (plan["items_dropped"], plan["objects_out"]) == (0, 0)
    told = f"{plan['objects_in']} objects in, 0 out"
    assert plan["objects_in"] > 0
    assert told in shell(*words, "--dry-run")
    assert told in shell(*words, "--to", "none")
    made = shell.json(*words, "--to", "none")  # known
    assert (made["objects_in"], made["objects_out"]) == (plan["objects_in"], 0)
    assert f"{plan['objects_in']} → 0 objects" in shell("show", made["run"])

    unknown = shell.json("transform", "flip", "cells", "--dry-run")
    assert (unknown["objects_in"], unknown["objects_out"]) == (plan["objects_in"], None)
    assert shell.json("transform", "flip", "cells")["objects_out"] > plan["objects_in"]
    assert shell.json("transform", "flip", "cells", "--dry-run")["objects_out"] > plan["objects_in"]


def test_a_transform_goes_into_a_new_project_a_dataset_or_in_place(shell: Shell, voc: Path) -> None:
    shell("import", str(voc), "cells")
    assert shell.json("transform", "flip", "cells")["project"] == "cells-flip"
    assert shell.json("transform", "flip", "cells")["project"] == "cells-flip-1"
    words = ("transform", "flip", "cells@1", "--to", "cells", "--dataset", "mirrored")
    assert shell.json(*words, "-p", "keep_originals=no")["items_out"] == 3
    assert [d["name"] for d in shell.json("show", "cells")["datasets"]] == ["main", "mirrored/main"]
    placed = shell.json("transform", "rename_classes", "cells", "--in-place", "-p", "names=cell=dot")
    assert (placed["project"], placed["version"], placed["items_changed"]) == ("cells", 3, 6)
    assert [c["name"] for c in shell.json("show", "cells")["classes"]] == ["dot"]
    shell("transform", "flip", "cells", "--in-place", "--to", "x", code=2)
    shell("transform", "flip", "cells@1", "--in-place", code=2)
    shell("transform", "flip", "cells", "--dataset", "x", code=2)


def test_a_partial_result_exits_with_three_and_a_strict_one_with_one(
    shell: Shell, voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = install_plugins(tmp_path / "plugins")
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(path.partition(":")[0])
    shell("import", str(voc), "cells")
    words = ("transform", "scribble", "cells", "--to", "drawn", "-p", "broken=b.jpg")
    shell(*words, "--strict", code=1)
    assert shell.json("projects")["projects"][0]["name"] == "cells"
    made = shell.json(*words, code=3)
    assert made["problems"] == [
        {"path": "main/b-0.png", "reason": "The image b.jpg cannot be decoded.", "is_taken": False}
    ]
    assert (made["items_added"], made["images_made"], made["images_resumed"]) == (2, 0, 2)  # since the strict
    assert "partly: 1 of the images" in shell("show", made["run"])


def test_the_nearest_name_is_suggested(shell: Shell, voc: Path) -> None:
    shell("import", str(voc), "cells")
    said = shell.json("transform", "flp", "cells", code=4)["error"]
    assert "Did you mean flip?" in said["hint"]
    said = shell.json("transform", "flip", "cells", "-p", "axes=vertical", code=2)["error"]
    assert "Did you mean axis?" in said["hint"]
    assert "Did you mean flip?" in shell.json("operations", "flp", code=4)["error"]["hint"]


@pytest.mark.parametrize("words", ["versions x", "star x", "report x", "logs x"])
def test_the_hint_for_a_name_that_is_not_there_names_a_command(shell: Shell, words: str) -> None:
    hint = shell.json(*words.split(), code=4)["error"]["hint"]
    name = hint.partition("mlwf ")[2].split()[0].rstrip(".")
    assert name in itertools.chain.from_iterable(COMMANDS.values()), hint


@pytest.mark.parametrize("words", ["pause x --wait nan", "machine --interval nan", "metrics x --smooth nan"])
def test_what_is_no_number_is_refused(shell: Shell, words: str) -> None:
    assert "'nan' is no number" in shell.json(*words.split(), code=2)["error"]["message"]


def test_exit_codes_are_the_documented_ones(shell: Shell, voc: Path, tmp_path: Path) -> None:
    (voc / "JPEGImages" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    assert len(shell.json("import", str(voc), "cells", code=3)["problems"]) == 1
    shell("commit", "cells", "-m", "one")
    shell("restore", "cells@9", code=4)
    shell("show", "nothing", code=4)
    shell("import", str(tmp_path / "nowhere"), "cells", code=4)
    shell("import", str(voc), "../cells", code=2)
    shell("import", str(voc), "cells", "--format", "zip", code=2)
    shell("transform", "flip", "cells", "--to", "x", "-p", "copies=many", code=2)
    shell("nonsense", code=2)
    shell("commit", code=2)
    shell("rename", "cells", "cells", code=0)
    shell("import", str(voc), "other", code=3)
    shell("rename", "other", "cells", code=5)
    (tmp_path / "empty").mkdir()
    shell("import", str(tmp_path / "empty"), "cells", code=1)
    shell("train", "cells", "--model", "yolov99z", code=2)
    shell("benchmark", "no-model", "cells", code=4)
    shell("apply", "no-model", "cells", "--to", "x", code=4)


def test_an_error_is_a_document_with_json_and_two_sentences_on_stderr(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(shell.home), "show", "ghost", "--json"]) == 4
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert error["kind"] == "not_found"
    assert "ghost" in error["message"]
    assert error["hint"]
    assert captured.err.splitlines() == [f"error: {error['message']}", f"hint:  {error['hint']}"]
    assert "Traceback" not in captured.err


def test_a_train_that_cannot_work_is_refused_at_once(shell: Shell, tmp_path: Path) -> None:
    write_image(tmp_path / "bare" / "x.jpg")
    shell("import", str(tmp_path / "bare"), "bare")
    assert shell.json("train", "bare", code=1)["error"]["kind"] == "invalid_input"
    assert [run["verb"] for run in shell.json("runs")["runs"]] == ["import"]


def test_without_a_terminal_the_app_is_not_opened(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(tmp_path / "home")]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 2
    assert "terminal" in done.stderr


def test_output_into_a_closed_pipe_is_no_traceback(shell: Shell, voc: Path) -> None:
    shell("import", str(voc), "cells")
    command = f"{sys.executable} -m mlwf_tui --home {shell.home} show cells | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("show nothing --json >/dev/full", 4),
        ("show nothing 2>/dev/full", 4),
        ("show nothing --json >&-", 4),
        ("show nothing 2>&-", 4),
        ("projects <&- >&- 2>&-", 1),
        ("projects --json >&-", 1),
        ("<&- >&-", 2),
    ],
)
def test_the_exit_code_stands_where_nobody_can_read_the_rest(shell: Shell, words: str, code: int) -> None:
    shell("projects")
    command = f"{sys.executable} -m mlwf_tui --home {shell.home} {words}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_the_home_of_another_user_is_refused(shell: Shell) -> None:
    shell.home.mkdir()
    os.chown(shell.home, 12345, 12345)
    assert "another user" in shell.json("projects", code=1)["error"]["message"]


def test_a_home_is_for_its_owner_alone(shell: Shell) -> None:
    shell("projects")
    assert shell.home.stat().st_mode & 0o777 == 0o700


def test_a_python_that_reads_names_as_no_utf8_is_refused_with_what_helps(tmp_path: Path) -> None:
    spoilt = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment = {**os.environ, **spoilt, "MLWF_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "mlwf_tui", "--json", "projects"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, "PYTHONUTF8=1" in json.loads(done.stdout)["error"]["hint"]) == (2, True)
    assert not list(tmp_path.iterdir())


def test_what_a_job_could_never_do_is_refused_before_it_is_queued(shell: Shell, voc: Path) -> None:
    shell("import", str(voc), "cells")
    shell("export", "cells", str(voc.parent / "out"), "--format", "nope", "--detach", code=2)
    shell("sync", str(voc), "--detach", code=4)
    assert [run["verb"] for run in shell.json("runs")["runs"]] == ["import"]
