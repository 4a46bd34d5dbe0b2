"""What a pipeline is told before anything of it is done."""

from __future__ import annotations

import pytest

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.formats.pipeline_texts import write_pipeline
from mlwf_tui.formats.pipelines import read_pipeline
from mlwf_tui.workflow.pipelines.piping import plan_pipeline
from mlwf_tui.workflow.pipelines.plans import Plan
from mlwf_tui.workflow.pipelines.values import change_pipeline
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace
from tests.fakes.models import add_model

HEAD = "sources: [cells]\n"
TAIL = "outputs: [{project: out}]\n"


def plan(workspace: Workspace, text: str) -> tuple[Plan, ...]:
    return plan_pipeline(workspace, read_pipeline(text.encode(), "p.yaml"))


def faults(workspace: Workspace, text: str) -> list[str]:
    before = list_runs(workspace)
    with pytest.raises(InvalidParameter) as caught:
        plan(workspace, text)
    assert list_runs(workspace) == before, "nothing is begun"
    message = caught.value.message
    return message.splitlines() if "\n" in message else [f"{message} {caught.value.hint}"]


def step(words: str) -> str:
    return f"{HEAD}steps:\n  - {{{words}}}\n{TAIL}"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("operation: filtr", "p.yaml:3: there is no operation 'filtr'. Did you mean filter?"),
        ("operation: filter, params: {min_objcts: 1}", "parameter 'min_objcts'. Did you mean min_objects?"),
        ("operation: filter, params: {min_objects: -1}", "is -1, out of its range. It may be ≥ 0."),
        ("operation: filter, params: {min_objects: 1.5}", "is 1.5, which is not a whole number"),
        ("operation: filter, params: {min_objects: true}", "is true, which is not a whole number"),
        ("operation: filter, params: {min_objects: [1]}", "is [1], which is not a whole number"),
        ("operation: filter, params: {min_objects: many}", "is 'many', which is not a whole number"),
        ("operation: split, params: {stratified: 1}", "stratified is 1, which is not true or false"),
        ("operation: split, params: {train: half}", "train is 'half', which is not a number"),
        ("operation: filter, params: {classes: [true]}", "classes is true, which is not a text"),
        ("operation: filter, params: {classes: [cel]}", "there is no class 'cel'. "),
        ("operation: split, params: {train: 0.9}", "add up to 1.2, not to 1."),
        ("operation: crop, params: {min_size: 0.9, max_size: 0.2}", "min_size=0.9 is above max_size=0.2. "),
        ("operation: compress, params: {low: 60, high: 20}", "low=60 is above high=20. "),
        ("operation: mixup, params: {low: 0.6, high: 0.4}", "low=0.6 is above high=0.4. "),
        ("operation: corrupt, params: {lowest: 4}", "lowest=4 is above severity=3. "),
        ("operation: filter, params: {min_objects: 3, max_objects: 1}", "objects=3 is above max_objects=1."),
        ("apply: nobody", "there is no model 'nobody'."),
        ("operation: flip, from: nowhere", "the step flip reads 'nowhere', which is not there."),
        ("operation: flip, from: cels", "which is not there. Did you mean cells?"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_is_told(imported: Workspace, words: str, told: str) -> None:
    lines = faults(imported, step(words))
    assert len(lines) == 1
    assert lines[0].startswith("p.yaml:3: ")
    assert told in lines[0]


def test_a_parameter_is_told_at_its_own_line(imported: Workspace) -> None:
    text = f"{HEAD}steps:\n  - operation: drop_classes\n    params:\n      classes: [cell, spt]\n{TAIL}"
    assert faults(imported, text)[0].startswith("p.yaml:5: drop_classes: there is no class 'spt'.")


def test_a_class_that_an_earlier_step_dropped_is_missed(imported: Workspace) -> None:
    steps = "steps:\n  - {operation: drop_classes, params: {classes: [spot]}}\n"
    steps += "  - {operation: filter, params: {classes: [spot]}}\n"
    assert faults(imported, HEAD + steps + TAIL)[0].startswith("p.yaml:4: filter: there is no class 'spot'.")


def test_a_class_that_an_earlier_step_made_is_known(imported: Workspace) -> None:
    add_model(imported, "eye", class_names=("eye",))
    steps = "steps:\n  - {operation: rename_classes, params: {names: {spot: dot}}}\n  - {apply: eye}\n"
    steps += "  - {operation: filter, params: {classes: [dot, eye]}}\n"
    (planned,) = plan(imported, HEAD + steps + TAIL)
    assert planned.steps[-1].schema.class_names == ("dot", "eye")


def test_circles_are_told_by_their_steps(imported: Workspace) -> None:
    steps = "steps:\n  - {name: a, operation: flip, from: c}\n  - {name: b, operation: flip, from: a}\n"
    steps += "  - {name: c, operation: flip, from: [b, cells]}\n"
    assert "the steps go in a circle: a reads c reads b reads a." in faults(imported, HEAD + steps + TAIL)[0]


def test_a_step_that_reads_itself_or_its_own_branch_is_a_circle(imported: Workspace) -> None:
    assert "circle: flip reads flip" in faults(imported, step("operation: flip, from: flip"))[0]
    text = f"{HEAD}branches:\n  b: [{{operation: flip, from: b}}]\noutputs: [{{from: b, project: x}}]\n"
    assert "circle: flip reads flip" in faults(imported, text)[0]


def test_sources_that_cannot_be_read_are_told(imported: Workspace) -> None:
    assert faults(imported, "sources: [ghosts]\n" + TAIL)[0].startswith(
        "p.yaml:1: source ghosts: there is no project 'ghosts'."
    )
    assert (
        "still to be given. Run it with --source data=PROJECT"
        in faults(imported, "sources: {data: }\n" + TAIL)[0]
    )
    assert "no version yet" in faults(imported, "sources: [cells@7]\n" + TAIL)[0]


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ("[{from: x, project: a}]", "the output a reads 'x', which is not there"),
        ("[{project: ../a}]", "holds a path separator"),
        ("[{project: a}, {project: a}]", "two outputs go to the project a"),
        ("[{project: 'a-{cels}'}]", "there is nothing to fill {cels} with. Did you mean cells?"),
    ],
)
def test_outputs_that_cannot_be_are_told(imported: Workspace, outputs: str, told: str) -> None:
    lines = faults(imported, f"{HEAD}outputs: {outputs}\n")
    assert lines[0].startswith("p.yaml:2: ") and told in lines[0]


def test_all_faults_of_a_file_are_told_at_once(imported: Workspace) -> None:
    steps = "steps:\n  - {operation: flp}\n  - {operation: split, from: cells, params: {trian: 1}}\n"
    assert [line.split()[0] for line in faults(imported, HEAD + steps + TAIL)] == ["p.yaml:3:", "p.yaml:4:"]


def test_steps_that_do_not_say_what_they_read_or_go_in_a_circle_hide_no_other_fault(
    imported: Workspace,
) -> None:
    text = """\
sources: {one: cells, two: cells}
steps:
  - {operation: flp}
  - {name: a, operation: flip, from: b, params: {copis: 2}}
  - {name: b, operation: flip, from: a}
  - {name: c, operation: filter, from: one, params: {classes: [nosuch]}}
outputs: [{project: out}]
"""
    lines = faults(imported, text)
    assert [line.partition(": ")[2].partition(".")[0] for line in lines] == [
        "the step flp does not say which source it reads",
        "there is no operation 'flp'",
        "the steps go in a circle: a reads b reads a",
        "flip has no parameter 'copis'",
        "c: there is no class 'nosuch'",
    ]


def test_what_nobody_uses_is_a_warning_and_left_out(imported: Workspace) -> None:
    text = """\
sources: {a: cells, b: cells}
steps:
  - {name: kept, operation: flip, from: a}
  - {name: lonely, operation: noise, from: a}
branches:
  lost: [{name: step, operation: flip, from: b}]
outputs: [{from: kept, project: x}]
"""
    (planned,) = plan(imported, text)
    assert [found.name for found in planned.steps] == ["kept"]
    assert planned.warnings == (
        "p.yaml:6: the branch lost is used by nobody and left out.",
        "p.yaml:4: the step lonely is used by nobody and left out.",
        "p.yaml:1: the source b is used by nobody.",
    )


def test_a_step_may_read_one_that_comes_later_in_the_file(imported: Workspace) -> None:
    steps = "steps:\n  - {name: b, operation: flip, from: a}\n  - {name: a, operation: noise, from: cells}\n"
    (planned,) = plan(imported, HEAD + steps + "outputs: [{from: b, project: x}]\n")
    assert [found.name for found in planned.steps] == ["a", "b"]


def test_the_plan_writes_every_parameter_and_seed_in_full(imported: Workspace) -> None:
    (planned,) = plan(imported, "seed: 5\n" + step("operation: filter, params: {min_objects: 2}"))
    written = write_pipeline(planned.pipeline)
    assert "min_objects: 2" in written and "splits: []" in written and "seed: 5" in written
    (again,) = plan(imported, written)
    assert write_pipeline(again.pipeline) == written


def test_what_is_given_beside_the_file_is_in_its_place(imported: Workspace) -> None:
    pipeline = read_pipeline(step("operation: filter, params: {min_objects: 1}").encode(), "p.yaml")
    changed = change_pipeline(
        pipeline, sources={"": "cells@1"}, to={"filter": "y"}, params={"filter.min_objects": "2"}, seed=4
    )
    assert (changed.sources[0].ref, changed.outputs[0].project, changed.seed) == ("cells@1", "y", 4)
    assert changed.steps[0].params == {"min_objects": "2"}
    for options in (
        {"params": {"filtr.x": 1}},
        {"params": {"x": 1}},
        {"to": {"z": "q"}},
        {"sources": {"z": "q"}},
    ):
        with pytest.raises(InvalidParameter):
            change_pipeline(pipeline, **({"sources": {}, "to": {}, "params": {}} | options))


def test_a_sweep_is_a_plan_for_each_combination(imported: Workspace) -> None:
    text = step("operation: noise") + "sweep: {noise.copies: [1, 2], noise.seed: [7, 8]}\n"
    planned = plan(imported, text)
    assert [dict(point.values) for point in planned] == [
        {"noise.copies": copies, "noise.seed": seed} for copies in (1, 2) for seed in (7, 8)
    ]
    assert [(point.steps[0].params.copies, point.steps[0].seed) for point in planned] == [
        (1, 7), (1, 8), (2, 7), (2, 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ("{noise.copies: [1, 0]}", "copies is 0, out of its range"),
        ("{noise.copie: [1]}", "noise has no parameter 'copie'"),
        ("{nois.copies: [1]}", "there is no step 'nois'. Did you mean noise?"),
        (f"{{noise.seed: {list(range(300))}}}", "the sweep has 300 points."),
    ],
)
def test_every_point_of_a_sweep_is_checked_before_the_first_is_done(
    imported: Workspace, sweep: str, told: str
) -> None:
    lines = faults(imported, step("operation: noise") + f"sweep: {sweep}\n")
    assert lines[0].startswith("p.yaml:5: ") and told in lines[0]


def test_what_depends_on_the_items_is_left_to_the_run(imported: Workspace) -> None:
    (planned,) = plan(imported, step("operation: sample, params: {n: 1000}"))
    assert planned.steps[0].params.n == 1000


def test_an_expression_that_does_not_parse_is_told(imported: Workspace) -> None:
    (line,) = faults(imported, step("operation: filter, params: {where: 'count(cell >= 2'}"))
    assert line.startswith("p.yaml:3: filter: ")
