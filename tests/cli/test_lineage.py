"""Questions to the lineage and tracking from a shell, as scripts see them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.cli.run import _read_command_line
from mlwf_tui.workspace import open_workspace
from tests.tui.homes import fill_finished

SCRIPT = """
set -e
mlwf() {{ {python} -c "import sys; from mlwf_tui.cli.main import main; sys.exit(main(sys.argv[1:]))" "$@"; }}
export MLWF_RUN=$(mlwf run start shrink -p size=64 --pid $$ --title "Shrink the plates")
mlwf run add-input project cells@1
echo 1 > {folder}/result.txt
mlwf run add-output file {folder}/result.txt
mlwf run log-metric loss 0.5 --step 1
mlwf run log-metric loss 0.25 --step 2
mlwf run finish --summary "all small"
echo $MLWF_RUN
"""


class Shell:
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
    with open_workspace(tmp_path / "home") as workspace:
        fill_finished(workspace, tmp_path)
    return Shell(tmp_path / "home", capsys)


def test_that_something_was_deleted_is_said_once(shell: Shell) -> None:
    shell("delete", "cells@1", "--force")
    line = next(line for line in shell("trace", "cells@2", "--up").splitlines() if "cells@1 " in line)
    assert "deleted first plate" in line
    assert line.count("deleted") == 1


def test_trace_answers_as_json_and_in_words(shell: Shell) -> None:
    found = shell.json("trace", "cells@2", "--down", "--kind", "model")
    assert found.keys() == {"ref", "starts", "nodes", "edges"}
    assert [(node["title"], node["distance"]) for node in found["nodes"]] == [("yolov10n-cells-1", 2)]
    way = shell.json("trace", "cells@1", "--to", "cells-val-1")
    assert way["path"][0] == way["starts"][0]
    assert "→ report cells-val-1" in shell("trace", "cells@1", "--to", "cells-val-1")
    item = shell.json("trace", "cells@2", "--item", "main/cell-05.jpg")
    assert item.keys() == {"ref", "key", "blob", "places", "nodes", "unread"}
    assert {node["effect"] for node in item["nodes"]} == {"holds", "trained", "downstream"}
    assert "trained" in shell("trace", "cells@2", "--item", "main/cell-05.jpg")
    shell("trace", "nothing", code=4)
    shell("trace", "cells", "--kind", "modell", code=2)
    shell("trace", "cells", "--item", "main/cell-05.jpg", "--up", code=2)


def test_a_trace_names_runs_so_that_another_command_takes_them(shell: Shell) -> None:
    (line,) = [line for line in shell("trace", "yolov10n-cells-1", "--up").splitlines() if " train " in line]
    run = line[line.index(" train ") :].split()[1]
    assert shell.json("show", run)["id"] == run
    back = shell("trace", "cells-val-1", "--to", "cells@1").splitlines()
    forth = shell("trace", "cells@1", "--to", "cells-val-1").splitlines()
    assert {line[0] for line in back[1:] if line[0] != "("} == {"←"}, "the arrows go as the data went"
    assert {line[0] for line in forth[1:] if line[0] != "("} == {"→"}


def test_what_was_deleted_is_told_so_once(shell: Shell) -> None:
    shell("delete", "cells@1", "--yes", "--force")
    told = shell("trace", "cells@2", "--up")
    (line,) = [line for line in told.splitlines() if "cells@1 " in line]
    assert line.count("deleted") == 1


def test_the_log_of_a_model_is_that_of_its_run_and_a_stop_says_whose_it_is(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shell.json("show", "yolov10n-cells-1")
    run = model["run"] if isinstance(model["run"], str) else model["run"]["id"]
    assert shell.json("logs", "yolov10n-cells-1")["run"] == run
    assert main(["--home", str(shell.home), "stop", "yolov10n-cells-1"]) == 4
    assert f"yolov10n-cells-1 is a model, made by the run {run}." in capsys.readouterr().err
    assert main(["--home", str(shell.home), "stop", "nothing"]) == 4
    assert "is a model" not in capsys.readouterr().err


def test_a_hostile_path_does_not_act_on_the_terminal(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "a\x1b]0;owned\x07\u202eb\x9bc"
    folder.mkdir()
    run = shell("run", "start", "look").strip()
    said = [shell("run", "add-input", "folder", str(folder), "--run", run), shell("trace", run, "--up")]
    said += [shell("show", run), shell("graph", run)]
    for text in said:
        assert "a]0;ownedbc" in text
        assert not set(text) & set("\x1b\x07\u202e\x9b")
    assert main(["--home", str(shell.home), "run", "add-input", "folder", f"{folder}/no", "--run", run]) == 4
    assert not set(shell.capsys.readouterr().err) & set("\x1b\x07\u202e\x9b")


def test_a_process_that_has_just_ended_has_no_command_line() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait(timeout=60)
    assert _read_command_line(ended.pid) == []
    assert _read_command_line(os.getpid())


def test_two_models_are_compared(shell: Shell) -> None:
    found = shell.json("diff", "yolov10n-cells-1", "yolov10n-cells-1")
    assert found["is_same"]
    assert found.keys() == {"before", "after", "is_same", "params", "environment", "inputs", "metrics"}
    assert "METRIC" in shell("diff", "yolov10n-cells-1", "yolov10n-cells-1")


def test_the_graph_is_written_into_a_file(shell: Shell, tmp_path: Path) -> None:
    target = tmp_path / "graph.html"
    assert shell.json("graph", "--format", "html", "-o", str(target))["nodes"] > 5
    written = target.read_text("utf-8")
    assert written.startswith("<!DOCTYPE html>")
    shell("graph", "-o", str(target), code=5)
    assert target.read_text("utf-8") == written
    assert all(
        json.loads(line)["eventType"] for line in shell("graph", "--format", "openlineage").splitlines()
    )
    assert json.loads(shell("graph", "cells@1", "--format", "prov"))["activity"]
    shell("graph", "-o", str(tmp_path / "no" / "such" / "folder"), code=1)


def test_history_lint_and_reproduce_say_what_they_found(shell: Shell) -> None:
    shell("describe", "cells", "blood cells")
    changes = shell.json("history", "cells")["changes"]
    assert {"at", "author", "what", "text", "before", "ref"} == changes[0].keys()
    assert "blood cells" in shell("history", "cells")
    assert [one["number"] for one in shell.json("versions", "cells", "--minor")["minor_versions"]] == ["2.1"]
    found = shell.json("lint", code=1)
    assert found.keys() == {"ok", "coverage", "described", "describable", "remarks"}
    assert shell.json("lint", "--fix", "all")["fixed"]
    assert shell.json("lint", "--kind", "undocumented")["ok"]
    run = next(run for run in shell.json("runs")["runs"] if run["verb"] == "train")
    assert shell.json("reproduce", run["id"], "--check") == {
        "run": run["id"], "is_reproducible": True, "lacks": [], "changes": [],
    }  # fmt: skip
    assert shell.json("reproduce", shell.json("runs")["runs"][-1]["id"])["is_same"], "an import"
    commit = next(run for run in shell.json("runs")["runs"] if run["verb"] == "commit")
    shell("reproduce", commit["id"], code=1)


def test_a_shell_script_is_put_on_the_lineage(shell: Shell, tmp_path: Path) -> None:
    script = SCRIPT.format(python=sys.executable, folder=tmp_path)
    environment = {**os.environ, "MLWF_HOME": str(shell.home)}
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment, check=True, timeout=240
    )
    run_id = done.stdout.split()[-1]
    run = shell.json("show", run_id)
    assert (run["state"], run["params"], run["result"]) == ("done", {"size": 64}, {"summary": "all small"})
    assert [one["name"] for one in run["inputs"]] == ["cells@1"]
    assert run["metrics"] == {"loss": 0.25}
    assert run["environment"]["program"].startswith("bash -c")
    titles = [node["title"] for node in shell.json("trace", "cells@1", "--down", "--depth", "1")["nodes"]]
    assert "Shrink the plates" in titles
    late = shell.json("run", "log-metric", "loss", "1", "--run", run_id, code=5)
    assert late["error"]["kind"] == "conflict"
    missing = shell.json("run", "add-input", "file", "/no/such/file", "--run", run_id, code=5)
    assert missing["error"]["kind"] == "conflict"
    shell.json("run", "start", "lost", "--pid", "4194304", code=4)


def test_a_script_tells_numbers_reports_and_is_told_json(shell: Shell, tmp_path: Path) -> None:
    words = ["size=640", "b=true", "lr=1e-3", 'code="640"', "name=small", "list=[1]", "id=007"]
    started = json.loads(
        shell("run", "--json", "start", "look", *(part for word in words for part in ("-p", word)))
    )
    run = started["run"]
    assert started["id"] == run
    shell("run", "log-params", "-p", "off=False", "--run", run)
    assert shell.json("show", run)["params"] == {
        "size": 640, "b": True, "lr": 0.001, "code": "640", "name": "small", "list": "[1]", "id": "007",
        "off": False,
    }  # fmt: skip
    (tmp_path / "report.html").write_text("<p>fine</p>")
    noted = shell.json("run", "add-output", "report", str(tmp_path / "report.html"), "--run", run)
    node = next(
        one for one in shell.json("graph", "--format", "json")["nodes"] if one["id"] == f"file:{noted['id']}"
    )
    assert node["card"]["icon"] == "assignment"
    version = shell.json("show", "cells@1")
    assert shell.json("show", version["id"]) == version
    shell("show", "0" * 12, code=4)


def test_a_parameter_that_was_told_is_not_overwritten(shell: Shell) -> None:
    run = shell("run", "start", "look", "-p", "size=640").strip()
    assert shell("run", "log-params", "-p", "size=640", "--run", run) == "1 parameter noted\n"
    words = ("run", "log-params", "-p", "more=1", "-p", "size=1280", "--run", run)
    refused = shell.json(*words, code=5)["error"]["message"]
    assert refused == f"The run {run} has the parameter size already, as 640."
    assert shell.json("show", run)["params"] == {"size": 640}


def test_a_program_that_fell_silent_is_told_as_such(shell: Shell) -> None:
    run = shell("run", "start", "look", "--timeout", "3s").strip()
    os.utime(shell.home / "runs" / run / "heartbeat", (0, 0))
    assert shell.json("show", run)["error"] == "Nothing was heard of it for 3 s."


def test_a_program_that_may_be_silent_for_ever_keeps_nobody_from_looking(shell: Shell) -> None:
    shell.json("run", "start", "look", "--timeout", "999999999w", code=2)
    run = shell("run", "start", "look", "--timeout", "5000w").strip()
    assert "patience    840000:00:00\n" in shell("show", run)
    heartbeat = shell.home / "runs" / run / "heartbeat"
    heartbeat.write_text(json.dumps({"patience_s": 1e300}))
    assert run in [found["id"] for found in shell.json("runs")["runs"] if found["state"] == "running"]


def test_what_is_hidden_and_tagged_is_told_and_left_out(shell: Shell) -> None:
    run = next(run["id"] for run in shell.json("runs")["runs"] if run["verb"] == "train")
    assert shell.json("hide", run, "cells@1")["nodes"][0] == f"run:{run}"
    assert len(shell.json("hide", "--list")["nodes"]) == 2
    assert "cells@1" in shell("hide", "--list")
    assert "train" not in shell("graph", "cells", "--format", "dot")
    assert f"run:{run}" in shell("graph", "cells", "--format", "dot", "--hidden")
    nodes = {node["id"]: node for node in shell.json("graph", "--format", "json")["nodes"]}
    assert nodes[f"run:{run}"]["card"]["is_hidden"], "JSON tells of everything"
    shell("hide", code=2)
    shell("hide", "nothing", code=4)
    shell("hide", "--list", run, code=2)
    assert len(shell.json("unhide", "--all")["nodes"]) == 2
    assert shell.json("unhide", "--all")["nodes"] == []
    assert shell.json("tag", run, "baseline")["tags"] == ["baseline"]
    assert "is tagged baseline" in shell("tag", run, "baseline")
    assert shell.json("show", run)["tags"] == ["baseline"]
    assert shell.json("untag", run, "baseline")["tags"] == []
    shell("untag", run, "baseline", code=4)
    assert {change["what"] for change in shell.json("history", run)["changes"]} >= {"visibility", "tag"}


def test_points_without_a_step_are_counted_on_and_none_is_lost(shell: Shell) -> None:
    run = shell("run", "start", "fit").strip()
    steps = [
        shell.json("run", "log-metric", "train/loss", value, "--run", run)["step"]
        for value in ("0.5", "-0.5", "-1e-3", "nan")
    ]
    assert steps == [0, 1, 2, 3]
    assert shell("run", "log-metric", "train/loss", "7", "--step", "9", "--run", run) == "train/loss 7 at 9\n"
    assert shell("run", "log-metric", "train/loss", "8", "--step", "9", "--run", run) == "train/loss 8 at 9\n"
    early = shell.json("run", "log-metric", "train/loss", "1", "--step", "5", "--run", run, code=2)
    assert "come to step 9" in early["error"]["message"]
    assert shell.json("run", "log-metric", "train/loss", "6", "--run", run)["step"] == 10
    assert shell.json("run", "log-metric", "other", "1", "--step", "-1", "--run", run)["step"] == -1
    told = shell("metrics", run, "-k", "LOSS*", "--csv").splitlines()[1:]
    assert [line.split(",")[4] for line in told] == ["0.5", "-0.5", "-0.001", "nan", "8.0", "6.0"]
    for value, words in (("-1", "unexpected extra arguments (--stpe 4)"), ("1", "No such option '--stpe'")):
        wrong = shell.json("run", "log-metric", "x", value, "--stpe", "4", "--run", run, code=2)
        assert words in wrong["error"]["message"]


def test_what_no_table_can_show_is_refused(shell: Shell) -> None:
    run = shell("run", "start", "fit").strip()
    for key in ("", " ", "a\nb", "a\x1b[2J", "x" * 300):
        shell("run", "log-metric", key, "1", "--run", run, code=2)
    shell("run", "log-metric", "loss", "1", "--step", "9" * 20, "--run", run, code=2)
    shell("metrics", run, code=4)
    shell("run", "progress", "5", "3", "--run", run, code=2)
    shell("run", "progress", "-1", "3", "--run", run, code=2)
    shell("run", "progress", "3", "3", "-m", "a\x1b[2J\nb", "--run", run)
    assert shell.json("watch", run, "--once")["progress"]["message"] == "a[2J b"


def test_a_folder_is_noted_by_its_plain_path(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    run = shell("run", "start", "make").strip()
    noted = shell.json("run", "add-output", "folder", f"{tmp_path}/made/../made/..", "--run", run)
    assert noted["name"] == str(tmp_path)
    shell("run", "add-output", "folder", f"{tmp_path}/gone/..", "--run", run, code=4)


def test_a_script_that_says_nonsense_is_told_so(shell: Shell, tmp_path: Path) -> None:
    made = tmp_path / "made.txt"
    made.write_text("made")
    title = "long\u202e\x1b[2J" + "x" * 10_000
    run = shell("run", "start", "prepare", "--title", title, "--icon", "folder").strip()
    shell("run", "add-output", "file", str(made), "--run", run)
    shell("run", "add-input", "file", str(made), "--run", run, code=5)  # it came of the run itself
    shell("run", "add-input", "file", str(tmp_path / "nothing"), "--run", run, code=4)
    shell("run", "add-input", "project", "nobody", "--run", run, code=4)
    shell("run", "add-input", "spaceship", "x", "--run", run, code=2)
    shell("run", "add-input", "run", run, "--run", run, code=5)
    shell("run", "log-metric", "loss", "1", "--run", "0" * 12, code=4)
    node = next(one for one in shell.json("graph", "--format", "json")["nodes"] if one["id"] == f"run:{run}")
    assert node["title"] == "long[2J" + "x" * 192 + "…"
    assert node["card"]["icon"] == "", "its colours were missing"
    assert "\x1b" not in shell("graph")
    assert "\u202e" not in shell("graph")
    shell("run", "finish", "--run", run)
    shell("run", "add-input", "project", "cells", "--run", run, code=5)
    shell("run", "finish", "--run", run, code=5)
