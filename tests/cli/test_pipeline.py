"""`mlwf pipeline`: what it prints, and the codes it exits with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.cli.main import main
from tests.making import make_voc

BOXES = {
    "a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("spot", 5, 5, 25, 25)],
    "c.jpg": [("cell", 5, 5, 25, 25)], "d.jpg": [],
}  # fmt: skip
TEXT = """\
name: small
sources: [cells]
steps:
  - {name: kept, operation: filter, params: {min_objects: 1}}
  - {name: dealt, operation: split, params: {train: 0.5, val: 0.5, test: 0}}
outputs: [{project: out}]
"""


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    make_voc(tmp_path / "voc", BOXES)
    run(tmp_path / "home", "import", str(tmp_path / "voc"), "cells")
    (tmp_path / "p.yaml").write_text(TEXT, "utf-8")
    capsys.readouterr()
    return tmp_path / "home"


def run(home: Path, *words: str) -> int:
    return main(["--home", str(home), *words])


def tell(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> Any:
    assert run(home, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_pipeline_is_run_and_told(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tell(capsys, home, "pipeline", str(tmp_path / "p.yaml"))
    assert (told["pipeline"], told["cached"], told["is_dry_run"], told["warnings"]) == (
        "small",
        False,
        False,
        [],
    )
    steps = [[step[key] for key in ("name", "operation", "state", "items_out")] for step in told["steps"]]
    assert steps == [["kept", "filter", "done", 3], ["dealt", "split", "done", 3]]
    (output,) = told["outputs"]
    assert output == {"project": "out", "dataset": "", "version": 1, "item_count": 3, "is_new": True}
    assert tell(capsys, home, "show", told["run"])["state"] == "done"
    assert run(home, "show", told["run"]) == 0
    shown = capsys.readouterr().out
    assert [line.split() for line in shown.splitlines() if line.split()[:1] == ["STEP"]] == [
        ["STEP", "OPERATION", "READS", "ITEMS", "STATE", "RUN"]
    ]
    assert all(step["run"] in shown for step in told["steps"])
    assert run(home, "pipeline", str(tmp_path / "p.yaml")) == 0
    text = capsys.readouterr().out
    assert "known before" in text and "out@1: 3 items (it stood there already)" in text


def test_a_result_goes_into_a_dataset(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("pipeline", str(tmp_path / "p.yaml"), "--to", "cells", "--dataset", "kept/first")
    told = tell(capsys, home, *words)
    assert [(o["project"], o["dataset"], o["item_count"]) for o in told["outputs"]] == [
        ("cells", "kept/first", 3)
    ]
    assert tell(capsys, home, "show", "cells")["item_count"] == 7
    assert run(home, *words[:-1], "second") == 0
    assert "cells@3, dataset second: " in capsys.readouterr().out


def test_a_dry_run_does_nothing(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tell(capsys, home, "pipeline", str(tmp_path / "p.yaml"), "--dry-run")
    assert [step["state"] for step in told["steps"]] == ["waiting", "waiting"]
    assert [p["name"] for p in tell(capsys, home, "projects")["projects"]] == ["cells"]
    assert run(home, "pipeline", str(tmp_path / "p.yaml"), "--dry-run") == 0
    assert "Nothing was done" in capsys.readouterr().out


def test_a_sweep_is_one_line(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("pipeline", str(tmp_path / "p.yaml"), "--sweep", "kept.min_objects=0,1", "--to", "swept")
    told = tell(capsys, home, *words)
    assert [point["values"] for point in told["points"]] == [{"kept.min_objects": 0}, {"kept.min_objects": 1}]
    outputs = [output for point in told["points"] for output in point["outputs"]]
    assert [(o["project"], o["version"], o["item_count"]) for o in outputs] == [
        ("swept", 1, 4),
        ("swept", 2, 3),
    ]
    versions = tell(capsys, home, "versions", "swept")["versions"]
    assert {version["message"] for version in versions} == {
        "small: dealt (kept.min_objects=0)", "small: dealt (kept.min_objects=1)",
    }  # fmt: skip


def test_ready_recipes_are_listed_shown_and_run_by_name(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [recipe["name"] for recipe in tell(capsys, home, "pipeline", "--list")["recipes"]]
    assert {"clean-and-split", "k-fold", "pre-annotate", "small-object-tiles", "yolo-training-set"} <= set(
        names
    )
    assert run(home, "pipeline", "clean-and-split", "--show") == 0
    assert capsys.readouterr().out.startswith("name: clean-and-split\n")
    told = tell(capsys, home, "pipeline", "clean-and-split", "--source", "cells", "-p", "dealt.test=0",
                "-p", "dealt.train=0.8")  # fmt: skip
    assert told["outputs"][0]["project"] == "cells-ready"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "No pipeline was given"),
        (("ghost",), 4, "no pipeline 'ghost'"),
        (("ghost.yaml",), 4, "There is no file"),
        (("clean-and-split",), 2, "still to be given"),
        (("clean-and-split", "--source", "ghosts"), 2, "no project 'ghosts'"),
        (("clean-and-split", "--source", "cells", "-p", "dealt.trian=1"), 2, "Did you mean train?"),
        (("clean-and-split", "--source", "cells", "--sweep", "dealt=1"), 2, "not STEP.PARAMETER"),
        (("clean-and-split", "--source", "cells", "--after", "x"), 2, "--detach"),
        (("pre-annotate", "--source", "cells"), 2, "Run it with -p guessed.model=MODEL"),
        (("clean-and-split", "--source", "cells", "-p", "dealt.seed=x"), 2, "seed is 'x'."),
        (("clean-and-split", "--source", "cells", "-p", "dealt.seed=1.5"), 2, "seed is 1.5."),
        (("clean-and-split", "--source", "cells", "-p", "dealt.seed=9999999999"), 2, "of 0–2147483647"),
        (("clean-and-split", "--source", "cells", "-p", f"dealt.seed={9**30}"), 2, "of 0–2147483647"),
        (("clean-and-split", "--source", "cells", "--sweep", "dealt.seed=-1,3"), 2, "seed is -1."),
        (("clean-and-split", "--source", "cells", "--sweep", "dealt.seed=1,x"), 2, "seed is 'x'."),
    ],
)
def test_what_cannot_be_is_told_with_its_exit_code(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, told: str
) -> None:
    assert run(home, "pipeline", *words) == code
    assert told in capsys.readouterr().err


def test_all_faults_of_a_file_are_told_with_their_lines(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(TEXT.replace("filter", "filtr").replace("test: 0", "tset: 0"), "utf-8")
    assert run(home, "pipeline", str(bad), "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "usage"
    lines = error["message"].splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"{bad}:4", f"{bad}:5"]
    assert [(fault["line"], fault["hint"]) for fault in error["faults"]] == [
        (4, "Did you mean filter?"),
        (5, "Did you mean test?"),
    ]
    assert all(f"{bad}:{fault['line']}: {fault['message']} " in error["message"] for fault in error["faults"])


def test_faults_of_form_do_not_hide_those_of_meaning(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "sources: [nosuch]\n"
        "steps:\n"
        "  - {name: a, operation: filtr}\n"
        "  - {name: a, operation: flip}\n"
        "  - {operation: flip, from: zz}\n"
        "  - opration: flip\n"
        "outputs: [{from: q, project: out}]\n"
        "extra: 1\n",
        "utf-8",
    )
    assert run(home, "pipeline", str(bad), "--json") == 2
    lines = json.loads(capsys.readouterr().out)["error"]["message"].splitlines()
    told = [line.removeprefix(f"{bad}:").split(" ", 1) for line in lines]
    words = [
        ("1:", "no project 'nosuch'"),
        ("3:", "no operation 'filtr'"),
        ("4:", "'a' is taken"),
        ("5:", "reads 'zz', which is not there"),
        ("6:", "a step has either"),
        ("6:", "no key 'opration'"),
        ("7:", "reads 'q', which is not there"),
        ("8:", "no key 'extra'"),
    ]
    assert [line for line, _ in told] == [line for line, _ in words], lines
    assert all(any(word in text for at, text in told if at == line) for line, word in words), lines


def test_a_file_that_is_no_text_is_told(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"name: \xff\xfe")
    assert run(home, "pipeline", str(bad)) == 2
    assert "bad.yaml" in capsys.readouterr().err
