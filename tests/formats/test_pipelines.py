"""Pipeline files: what they say, what is wrong with them, and their normalised text."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.pipeline import Branch, Fault, Output, Pipeline, Source, Sweep
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.formats.pipeline_texts import write_pipeline
from mlwf_tui.formats.pipelines import make_error, read_pipeline

WHOLE = """\
name: whole
description: everything that a file may say
seed: 7
sources:
  a: cells@2
  b:
steps:
  - name: kept
    operation: filter
    from: a
    params: {classes: [cell], min_objects: 1}
  - split
  - {apply: small, params: {policy: merge}, seed: 3}
branches:
  more:
    - {operation: noise, from: [kept, b]}
    - operation: noise
outputs:
  - {from: more, project: more}
  - {project: "{a}-x", message: as it came}
sweep:
  noise.copies: [1, 2]
train: {on: more, model: yolov10n, benchmark: val}
"""


def read(text: str) -> Pipeline:
    return read_pipeline(text.encode(), "p.yaml")


def refuse(text: str) -> list[str]:
    with pytest.raises(InvalidParameter) as caught:
        read(text)
    return caught.value.message.splitlines() if "\n" in caught.value.message else [
        f"{caught.value.message} {caught.value.hint}"
    ]  # fmt: skip


def test_everything_that_a_file_says_is_read() -> None:
    pipeline = read(WHOLE)
    assert (pipeline.name, pipeline.seed, pipeline.path) == ("whole", 7, "p.yaml")
    assert pipeline.sources == (Source(name="a", ref="cells@2", line=5), Source(name="b", ref=None, line=6))
    assert [(s.name, s.verb, s.inputs, s.branch) for s in pipeline.steps] == [
        ("kept", "filter", ("a",), ""),
        ("split", "split", ("kept",), ""),
        ("apply", "apply", ("split",), ""),
        ("noise", "noise", ("kept", "b"), "more"),
        ("noise-2", "noise", ("noise",), "more"),
    ]
    assert pipeline.steps[0].params == {"classes": ["cell"], "min_objects": 1}
    assert (pipeline.steps[2].model, pipeline.steps[2].seed) == ("small", 3)
    assert pipeline.branches == (Branch(name="more", last="noise-2", line=15),)
    assert pipeline.outputs == (
        Output(result="more", project="more", line=19),
        Output(result="apply", project="{a}-x", message="as it came", line=20),
    )
    assert pipeline.sweeps == (Sweep(step="noise", param="copies", values=(1, 2), line=22),)
    assert pipeline.training is not None and pipeline.training.benchmark == "val"


def test_the_normalised_text_says_the_same_and_is_its_own_normal_form() -> None:
    text = write_pipeline(read(WHOLE))
    assert write_pipeline(read(text)) == text
    again, first = read(text), read(WHOLE)
    assert [(s.name, s.inputs, s.params, s.seed) for s in again.steps] == [
        (s.name, s.inputs, s.params, s.seed) for s in first.steps
    ]
    assert again.training == first.training or again.training is not None


def test_texts_that_look_like_something_else_survive_normalising() -> None:
    text = (
        "sources: [a]\nsteps: [{operation: filter, params: {classes: ['no', '1', 'null', '# x', 'a: b']}}]\n"
    )
    pipeline = read(text + "outputs: [{project: x}]\n")
    again = read(write_pipeline(pipeline))
    assert again.steps[0].params == {"classes": ["no", "1", "null", "# x", "a: b"]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stepz: []", "p.yaml:2: there is no key 'stepz' here. Did you mean steps?"),
        ("steps: [{operation: x, apply: y}]", "p.yaml:2: a step has either"),
        ("steps: [{}]", "p.yaml:2: a step has either"),
        ("steps: 3", "p.yaml:2: steps is 3, not a list"),
        ("steps: [{name: a, operation: x}]", "p.yaml:2: the name 'a' is taken in line 1"),
        ("steps: [{operation: [x]}]", "p.yaml:2: operation is a list"),
        ("steps: [{operation: x, params: [1]}]", "p.yaml:2: params is a list"),
        ("seed: -1", "p.yaml:2: seed is -1."),
        ("seed: true", "p.yaml:2: seed is true or false."),
        ("sweep: {copies: [1]}", "p.yaml:2: 'copies' is not STEP.PARAMETER"),
        ("sweep: {a.copies: 1}", "p.yaml:2: sweep of a.copies is 1, not a list"),
        ("branches: {b: []}", "p.yaml:2: the branch b has no step"),
        ("branches: {b: }", "p.yaml:2: the branch b has no step"),
        ('name: "\\e[31mred"', "p.yaml:2: The name holds a control character"),
    ],
)
def test_every_fault_is_told_with_its_line(text: str, told: str) -> None:
    lines = refuse(f"sources: [a]\n{text}\noutputs: [{{project: x}}]\n")
    assert any(line.startswith(told) for line in lines), lines


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1, 2]", "p.yaml:1: A pipeline is a list"),
        ("sources: [a]\nsteps: [x]", "p.yaml:1: there is no output"),
        ("sources: [a]\noutputs: [{from: a}]", "p.yaml:2: an output names no project"),
        ("steps: [x]\noutputs: [{project: x}]", "p.yaml:1: no source is named"),
        ("sources: {a b: c}\noutputs: [{project: x}]", "p.yaml:1: 'a b' cannot be a name"),
    ],
)
def test_a_file_without_its_parts_is_told(text: str, told: str) -> None:
    assert any(line.startswith(told) for line in refuse(text)), refuse(text)


def test_all_faults_are_told_at_once_in_the_order_of_lines() -> None:
    lines = refuse("sources: [a]\nseed: x\nsteps: [{operation: y, form: a}]\noutput: []\n")
    assert [line.split(" ")[0] for line in lines] == ["p.yaml:1:", "p.yaml:2:", "p.yaml:3:", "p.yaml:4:"]


def test_the_faults_of_one_line_stay_in_the_order_in_which_they_were_found() -> None:
    faults = [Fault(3, word) for word in ("zebra", "ape", "mole", "zebra", "newt", "yak", "cow")]
    told = make_error("p.yaml", [*faults, Fault(1, "first")]).faults
    assert [fault.message for fault in told] == ["first", "zebra", "ape", "mole", "newt", "yak", "cow"]


def test_a_thousand_steps_are_refused() -> None:
    steps = "".join("  - flip\n" for _ in range(1000))
    assert "more than 200 steps" in refuse(f"sources: [a]\nsteps:\n{steps}outputs: [{{project: x}}]")[0]
