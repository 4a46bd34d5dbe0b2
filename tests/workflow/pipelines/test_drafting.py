"""A pipeline is put together change by change, and can be read as a file after each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Output, Pipeline, Source, Step, Sweep, Training
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.formats.pipeline_texts import write_pipeline
from mlwf_tui.formats.pipelines import read_pipeline
from mlwf_tui.workflow.pipelines import drafting


def make(*operations: str) -> Pipeline:
    """Return a pipeline of `cells` with a step for each operation, one behind the other."""
    pipeline = drafting.make_pipeline(["cells@2"])
    for operation in operations:
        pipeline = drafting.add_step(pipeline, Step(name="", operation=operation))
    return pipeline


def list_links(pipeline: Pipeline) -> list[str]:
    """Return `NAME<INPUT,INPUT` for each step, and `>RESULT` for each output."""
    steps = [f"{step.name}<{','.join(step.inputs)}" for step in pipeline.steps]
    return [*steps, *(f">{output.result}" for output in pipeline.outputs)]


def test_steps_come_one_behind_the_other_and_the_output_takes_the_last() -> None:
    assert list_links(make("filter", "flip", "flip")) == [
        "filter<cells",
        "flip<filter",
        "flip-2<flip",
        ">flip-2",
    ]


def test_a_step_put_between_two_is_read_by_the_second() -> None:
    pipeline = drafting.add_step(make("filter", "split"), Step(name="", operation="flip"), after="filter")
    assert list_links(pipeline) == ["filter<cells", "flip<filter", "split<flip", ">split"]


def test_a_step_behind_a_source_is_the_first() -> None:
    pipeline = drafting.add_step(make("filter"), Step(name="", operation="flip"), after="cells")
    assert list_links(pipeline) == ["flip<cells", "filter<flip", ">filter"]


def test_what_read_a_deleted_step_reads_what_that_has_read() -> None:
    pipeline = make("filter", "flip", "split")
    assert list_links(drafting.delete_step(pipeline, "flip")) == ["filter<cells", "split<filter", ">split"]
    assert list_links(drafting.delete_step(pipeline, "split")) == ["filter<cells", "flip<filter", ">flip"]
    alone = drafting.delete_step(make("filter"), "filter")
    assert list_links(alone) == [">cells"]


def test_a_step_that_does_not_say_what_it_reads_can_be_moved_and_deleted() -> None:
    text = b"sources: [a, b]\nsteps: [flip, noise]\noutputs: [{from: flip, project: x}]\n"
    pipeline = read_pipeline(text, "p.yaml")
    assert list_links(pipeline) == ["flip<", "noise<flip", ">flip"]
    assert list_links(read_pipeline(write_pipeline(pipeline).encode(), "p.yaml")) == list_links(pipeline)
    assert list_links(drafting.delete_step(pipeline, "flip")) == ["noise<", ">a"]
    assert list_links(drafting.move_step(pipeline, "flip", 1)) == ["noise<", "flip<noise", ">noise"]


def test_data_go_through_moved_steps_in_their_new_order() -> None:
    pipeline = make("filter", "flip", "split")
    up = drafting.move_step(pipeline, "split", -1)
    assert list_links(up) == ["filter<cells", "split<filter", "flip<split", ">flip"]
    assert list_links(drafting.move_step(up, "split", 1)) == list_links(pipeline)
    assert drafting.move_step(pipeline, "filter", -1) == pipeline
    assert drafting.move_step(pipeline, "split", 1) == pipeline


def test_what_read_a_moved_step_reads_the_one_in_its_place() -> None:
    outputs = b"outputs: [{from: filter, project: x}, {from: split, project: y}]\n"
    pipeline = read_pipeline(b"sources: [cells]\nsteps: [filter, flip, split]\n" + outputs, "p.yaml")
    down = drafting.move_step(pipeline, "filter", 1)
    assert list_links(down) == ["flip<cells", "filter<flip", "split<filter", ">flip", ">split"]
    assert list_links(drafting.move_step(down, "filter", -1)) == list_links(pipeline)
    up = drafting.move_step(pipeline, "split", -1)
    assert list_links(up) == ["filter<cells", "split<filter", "flip<split", ">filter", ">flip"]


def test_a_moved_step_keeps_its_sweep() -> None:
    pipeline = drafting.set_sweep(make("filter", "flip"), Sweep(step="filter", param="seed", values=(1, 2)))
    assert drafting.move_step(pipeline, "filter", 1).sweeps == pipeline.sweeps


def test_a_copy_comes_behind_its_step_with_a_name_of_its_own() -> None:
    pipeline = drafting.duplicate_step(make("filter", "flip"), "filter")
    assert list_links(pipeline) == ["filter<cells", "filter-2<filter", "flip<filter-2", ">flip"]


def test_a_branch_goes_on_from_the_last_step_also_where_that_is_a_new_one() -> None:
    pipeline = drafting.add_step(
        make("filter"), Step(name="", operation="flip", branch="side"), after="filter"
    )
    pipeline = drafting.add_step(pipeline, Step(name="", operation="blur"), after="flip")
    assert list_links(pipeline) == ["filter<cells", "flip<filter", "blur<flip", ">filter"]
    assert [(branch.name, branch.last) for branch in pipeline.branches] == [("side", "blur")]
    pipeline = drafting.add_step(pipeline, Step(name="", operation="split"))
    assert list_links(pipeline) == ["filter<cells", "split<filter", "flip<split", "blur<flip", ">split"]
    gone = drafting.delete_step(drafting.delete_step(pipeline, "blur"), "flip")
    assert not gone.branches


def test_outputs_of_a_branch_that_is_gone_take_what_it_went_on_from() -> None:
    pipeline = drafting.add_step(
        make("filter"), Step(name="", operation="flip", branch="side"), after="filter"
    )
    pipeline = drafting.add_output(pipeline, Output(result="side", project="other"))
    assert list_links(drafting.delete_step(pipeline, "flip")) == ["filter<cells", ">filter", ">filter"]


def test_a_new_name_is_followed_by_all_that_names_the_step() -> None:
    pipeline = drafting.set_sweep(make("filter", "flip"), Sweep(step="flip", param="copies", values=(1, 2)))
    pipeline = drafting.replace_output(
        pipeline, 0, Output(result="flip", project="{cells}-{flip.copies}", message="{other} {flip.seed}")
    )
    pipeline = drafting.set_training(pipeline, Training(project="flip", model="m", name="{flip.copies}"))
    step = drafting.find_step(pipeline, "flip")
    assert step is not None
    named = drafting.replace_step(pipeline, "flip", replace(step, name="mirrored"))
    assert named.outputs[0].result == "mirrored"
    assert named.outputs[0].project == "{cells}-{mirrored.copies}"
    assert named.outputs[0].message == "{other} {mirrored.seed}"
    assert named.sweeps[0].target == "mirrored.copies"
    assert named.training is not None
    assert (named.training.project, named.training.name) == ("mirrored", "{mirrored.copies}")
    source = drafting.replace_source(named, "cells", Source(name="data", ref="cells"))
    assert source.outputs[0].project == "{data}-{mirrored.copies}"
    assert list_links(source)[0] == "filter<data"


@pytest.mark.parametrize("name", ["filter", "cells", "a b", "", "x" * 65])
def test_a_name_that_is_taken_or_none_is_refused(name: str) -> None:
    pipeline = make("filter", "flip")
    step = drafting.find_step(pipeline, "flip")
    assert step is not None
    with pytest.raises(InvalidParameter):
        drafting.replace_step(pipeline, "flip", replace(step, name=name))


def test_the_last_source_and_output_stay_and_so_does_a_source_that_is_read() -> None:
    pipeline = make("filter")
    with pytest.raises(InvalidParameter, match="needs a source"):
        drafting.delete_source(pipeline, "cells")
    with pytest.raises(InvalidParameter, match="needs an output"):
        drafting.delete_output(pipeline, 0)
    more = drafting.add_source(pipeline, "parts")
    with pytest.raises(InvalidParameter, match="cells is read by filter"):
        drafting.delete_source(more, "cells")
    assert drafting.delete_source(more, "parts") == pipeline


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "between", "branch", "delete", "up", "down", "copy", "source", "output"]),
        st.integers(0, 7),
    ),
    max_size=14,
)


@given(CHANGES)
def test_after_any_changes_the_text_says_the_same_pipeline(changes: list[tuple[str, int]]) -> None:
    pipeline = drafting.make_pipeline(["cells"])
    for change, number in changes:
        pipeline = apply_change(pipeline, change, number)
    read = read_pipeline(write_pipeline(pipeline).encode(), "draft.yaml")
    assert write_pipeline(read) == write_pipeline(pipeline)
    assert list_links(read) == list_links(pipeline)
    known = {name for name, _ in pipeline.iter_names()}
    assert {name for step in pipeline.steps for name in step.inputs} <= known
    assert {output.result for output in pipeline.outputs} <= known


def apply_change(pipeline: Pipeline, change: str, number: int) -> Pipeline:
    names = [step.name for step in pipeline.steps]
    name = names[number % len(names)] if names else ""
    step = Step(name="", operation="flip")
    match change:
        case "add":
            return drafting.add_step(pipeline, step)
        case "between" if name:
            return drafting.add_step(pipeline, step, after=name)
        case "branch":
            branch = drafting.find_free_name(pipeline, "side")
            return drafting.add_step(pipeline, replace(step, branch=branch), after=name or "cells")
        case "delete" if name:
            return drafting.delete_step(pipeline, name)
        case "up" | "down" if name:
            return drafting.move_step(pipeline, name, -1 if change == "up" else 1)
        case "copy" if name:
            return drafting.duplicate_step(pipeline, name)
        case "source":
            return drafting.add_source(pipeline, "parts")
        case "output":
            return drafting.add_output(pipeline, Output(result=name or "cells", project="more"))
    return pipeline
