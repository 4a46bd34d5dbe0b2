"""The commands that errors tell: read by the command line's own parser, they do what is meant."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.part import ALL, Part, read_part
from mlwf_tui.entities.run import Run
from mlwf_tui.workflow.benchmarking.apart import MOST_KEYS_SHOWN, ToMeasure, find_apart
from mlwf_tui.workflow.benchmarking.lacking import submit_missing
from mlwf_tui.workspace import Workspace
from tests.workflow.reporting import add_model, add_report, fill_val, predict

KEYS = ("main/000.png", "main/001.png")


@pytest.mark.parametrize(
    ("model", "part", "evaluator"),
    [
        ("one", Part(split="train"), ""),
        ("two; rm -rf ~", Part(split=ALL), "detect"),
        ("-3", Part(datasets=("main",), classes=("cell", "spot"), where="width < 400 and name != 'x y'"), ""),
        ("$HOME", Part(classes=("spot",), keys=KEYS), "semantic"),
    ],
)
def test_the_command_measures_just_what_measure_would(
    workspace: Workspace, tmp_path: Path, model: str, part: Part, evaluator: str
) -> None:
    fill_val(workspace, tmp_path / "val", project="my cells")
    add_model(workspace, model, ref="my cells@1")
    workspace.catalog.queue.set_paused(workspace.place, is_paused=True, author="")
    of = ToMeasure(model=model, version="my cells@1", part=part, evaluator=evaluator)

    (meant,) = submit_missing(workspace, [of], is_trusted=True)
    program, *words = shlex.split(of.write_command())
    assert program == "mlwf"
    assert main(["--home", str(workspace.home), words[0], "--detach", "--trust", *words[1:]]) == 0

    pasted = next(run for run in workspace.catalog.runs.list() if run.id != meant.id)
    assert _describe(workspace, pasted) == _describe(workspace, meant)
    assert read_part(meant.params, meant.params["split"]) == part


def test_a_command_that_would_name_many_items_is_that_of_the_comparison(
    workspace: Workspace, tmp_path: Path
) -> None:
    fill_val(workspace, tmp_path / "val", images=MOST_KEYS_SHOWN + 1)
    add_model(workspace, "other one")
    keys = tuple(sorted(predict(workspace)))
    report = add_report(workspace, add_model(workspace, "one"), predict(workspace), part=Part(keys=keys))

    apart = find_apart(workspace, ["other one", report.name], split="val")

    assert apart is not None and [of.part.keys for of in apart.missing] == [keys]
    assert apart.commands == (f"mlwf compare 'other one' {report.name} --split val --measure",)
    assert apart.commands[0] in apart.hint


def _describe(workspace: Workspace, run: Run) -> tuple[object, ...]:
    known = workspace.catalog.runs.get(run.id)
    return known.verb, known.params, known.call, known.terms, known.inputs
