"""Changes of a pipeline as a person puts it together, each to another pipeline; pure, nothing is checked.

What is kept true through all of them is what a file needs to be read at all: there is a source and an output,
every name is there once, and every step says what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Branch, Output, Pipeline, Source, Step, Sweep, Training
from mlwf_tui.errors import InvalidParameter

_NAME = re.compile(r"[\w-]{1,64}")
_BLANK = re.compile(r"\{([\w-]+)((?:\.[^{}]*)?)\}")


def make_pipeline(refs: Sequence[str] = ()) -> Pipeline:
    """Return a pipeline without steps that reads some data, or what is to be given when it is run."""
    pipeline = Pipeline(name="draft")
    for ref in refs:
        pipeline = add_source(pipeline, ref)
    if not pipeline.sources:
        pipeline = replace(pipeline, sources=(Source(name="data", ref=None),))
    first = pipeline.sources[0].name
    return replace(pipeline, outputs=(Output(result=first, project=f"{{{first}}}-ready"),))


def find_free_name(pipeline: Pipeline, stem: str) -> str:
    """Return `stem`, with a number where a source, step or branch is called so."""
    taken = {name for name, _ in pipeline.iter_names()}
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name


def list_row(pipeline: Pipeline, branch: str) -> list[Step]:
    """Return the steps of a branch, or with "" those of none, in their order."""
    return [step for step in pipeline.steps if step.branch == branch]


def find_step(pipeline: Pipeline, name: str) -> Step | None:
    """Return the step of that name."""
    return next((step for step in pipeline.steps if step.name == name), None)


# --- steps -----------------------------------------------------------------------------------------


def add_step(pipeline: Pipeline, step: Step, *, after: str = "") -> Pipeline:
    """Put a step behind another one, or behind a source as the first; without `after` at the end.

    Unless it says what it reads, it reads `after`, and what read that in its row, or at its end, reads the
    new step instead.
    """
    before = find_step(pipeline, after)
    if before is None and not after:
        row = list_row(pipeline, "")
        before = row[-1] if row else None
    branch = step.branch or (before.branch if before is not None else "")
    step = replace(step, name=find_free_name(pipeline, step.name or step.verb), branch=branch)
    if step.inputs or (before is not None and branch != before.branch):  # a branch of its own begins here
        inputs = step.inputs or (before.name if before is not None else pipeline.sources[0].name,)
        return _put(pipeline, replace(step, inputs=inputs), before)
    read = before.name if before is not None else after or pipeline.sources[0].name
    put = _put(pipeline, replace(step, inputs=(read,)), before)
    return _pass_on(put, read, step.name)


def replace_step(pipeline: Pipeline, name: str, step: Step) -> Pipeline:
    """Put a step into another one's place; where it has another name, all that names it follows.

    Raises:
        InvalidParameter: the name is taken, or can be none.
    """
    if step.name != name:
        _check_name(pipeline, step.name)
    steps = tuple(replace(step, branch=s.branch) if s.name == name else s for s in pipeline.steps)
    return _settle(_rename(replace(pipeline, steps=steps), name, step.name))


def delete_step(pipeline: Pipeline, name: str) -> Pipeline:
    """Take a step out; what read it reads what it has read."""
    step = find_step(pipeline, name)
    if step is None:
        return pipeline
    gone = {name} | ({step.branch} if step.branch and len(list_row(pipeline, step.branch)) == 1 else set())
    steps = tuple(
        replace(s, inputs=_replace_names(s.inputs, gone, step.inputs))
        for s in pipeline.steps
        if s.name != name
    )
    read = step.inputs[0] if step.inputs else pipeline.sources[0].name  # it did not say which
    outputs = tuple(replace(o, result=read) if o.result in gone else o for o in pipeline.outputs)
    sweeps = tuple(sweep for sweep in pipeline.sweeps if sweep.step != name)
    training = pipeline.training
    if training is not None and training.project in gone:
        training = replace(training, project=read)
    return _settle(replace(pipeline, steps=steps, outputs=outputs, sweeps=sweeps, training=training))


def duplicate_step(pipeline: Pipeline, name: str) -> Pipeline:
    """Put a second one of a step behind it."""
    step = find_step(pipeline, name)
    assert step is not None
    return add_step(pipeline, replace(step, name=step.name, inputs=()), after=name)


def move_step(pipeline: Pipeline, name: str, by: int) -> Pipeline:
    """Let a step change places with the one before it (-1) or behind it (1) in its row.

    Where one of them reads the other alone, the data go through them in the new order, and what read the
    one reads the one that is in its place.
    """
    step = find_step(pipeline, name)
    row = list_row(pipeline, step.branch) if step is not None else []
    at = next((n for n, s in enumerate(row) if s.name == name), -1)
    if step is None or not 0 <= at + by < len(row):
        return pipeline
    first, second = (row[at - 1], row[at]) if by < 0 else (row[at], row[at + 1])
    if second.inputs == (first.name,):
        pipeline = _exchange_readers(pipeline, first, second)
    order = [s.name for s in pipeline.steps]
    a, b = order.index(first.name), order.index(second.name)
    steps = list(pipeline.steps)
    steps[a], steps[b] = steps[b], steps[a]
    return _settle(replace(pipeline, steps=tuple(steps)))


def _exchange_readers(pipeline: Pipeline, first: Step, second: Step) -> Pipeline:
    """Let two steps, of which the second reads the first, stand in each other's place for all that reads."""
    other = {first.name: second.name, second.name: first.name}
    inputs = {first.name: (second.name,), second.name: first.inputs}
    steps = tuple(
        replace(s, inputs=inputs.get(s.name, tuple(other.get(read, read) for read in s.inputs)))
        for s in pipeline.steps
    )
    outputs = tuple(replace(o, result=other.get(o.result, o.result)) for o in pipeline.outputs)
    training = pipeline.training
    if training is not None:
        training = replace(training, project=other.get(training.project, training.project))
    return replace(pipeline, steps=steps, outputs=outputs, training=training)


def _put(pipeline: Pipeline, step: Step, before: Step | None) -> Pipeline:
    """Put a step into its row: behind `before` where that is in it, else to the row's beginning."""
    steps = list(pipeline.steps)
    if before is not None and before.branch == step.branch:
        at = next(n for n, s in enumerate(steps) if s.name == before.name) + 1
    else:
        at = next((n for n, s in enumerate(steps) if s.branch == step.branch), len(steps))
    steps.insert(at, step)
    return _settle(replace(pipeline, steps=tuple(steps)))


def _pass_on(pipeline: Pipeline, read: str, name: str) -> Pipeline:
    """Let what followed `read` in the row of the step `name` follow that step.

    That is the next step of the row where it reads `read` alone; else, at the end of the row, the outputs
    that took `read`, and behind the last of the main steps the branches.
    """
    step = find_step(pipeline, name)
    assert step is not None
    row = list_row(pipeline, step.branch)
    at = [s.name for s in row].index(name)
    followers = {row[at + 1].name} if at + 1 < len(row) else set()
    if not followers and not step.branch:
        followers = {list_row(pipeline, branch.name)[0].name for branch in pipeline.branches}
    steps = tuple(
        replace(s, inputs=(name,)) if s.name in followers and s.inputs == (read,) else s
        for s in pipeline.steps
    )
    outputs = pipeline.outputs
    if at + 1 == len(row):
        outputs = tuple(replace(o, result=name) if o.result == read else o for o in outputs)
    return replace(pipeline, steps=steps, outputs=outputs)


# --- sources, outputs and the rest -----------------------------------------------------------------


def add_source(pipeline: Pipeline, ref: str | None, name: str = "") -> Pipeline:
    """Read something more, under the name of its project unless it is given one."""
    stem = re.sub(r"[^\w-]", "-", (ref or "data").rpartition("/")[2].partition("@")[0])[:60]
    source = Source(name=find_free_name(pipeline, name or stem), ref=ref or None)
    return replace(pipeline, sources=(*pipeline.sources, source))


def replace_source(pipeline: Pipeline, name: str, source: Source) -> Pipeline:
    """Read something else under a name, or the same under another one, which all that names it follows.

    Raises:
        InvalidParameter: the name is taken, or can be none.
    """
    if source.name != name:
        _check_name(pipeline, source.name)
    sources = tuple(source if s.name == name else s for s in pipeline.sources)
    return _rename(replace(pipeline, sources=sources), name, source.name)


def delete_source(pipeline: Pipeline, name: str) -> Pipeline:
    """Read one thing less.

    Raises:
        InvalidParameter: it is the only one, or something reads it.
    """
    readers = [step.name for step in pipeline.steps if name in step.inputs]
    readers += [f"the output {output.project}" for output in pipeline.outputs if output.result == name]
    if len(pipeline.sources) == 1:
        raise InvalidParameter("A pipeline needs a source.", hint="Let it read something else: ⏎.")
    if readers:
        raise InvalidParameter(f"{name} is read by {', '.join(readers)}.", hint="Change these first.")
    return replace(pipeline, sources=tuple(s for s in pipeline.sources if s.name != name))


def add_output(pipeline: Pipeline, output: Output) -> Pipeline:
    """Keep one more result."""
    return replace(pipeline, outputs=(*pipeline.outputs, output))


def replace_output(pipeline: Pipeline, at: int, output: Output) -> Pipeline:
    """Put another output into the place of that number."""
    return replace(pipeline, outputs=_set(pipeline.outputs, at, output))


def delete_output(pipeline: Pipeline, at: int) -> Pipeline:
    """Keep one result less.

    Raises:
        InvalidParameter: it is the only one.
    """
    if len(pipeline.outputs) == 1:
        raise InvalidParameter("A pipeline needs an output.", hint="Name another project: ⏎.")
    return replace(pipeline, outputs=pipeline.outputs[:at] + pipeline.outputs[at + 1 :])


def set_sweep(pipeline: Pipeline, sweep: Sweep) -> Pipeline:
    """Let a parameter take several values; without any it takes one again."""
    kept = tuple(s for s in pipeline.sweeps if s.target != sweep.target)
    return replace(pipeline, sweeps=(*kept, sweep) if sweep.values else kept)


def set_training(pipeline: Pipeline, training: Training | None) -> Pipeline:
    """Let a model be trained at the end, or none."""
    return replace(pipeline, training=training)


# --- keeping it whole ------------------------------------------------------------------------------


def check_new_name(pipeline: Pipeline, name: str) -> str:
    """Return what is wrong with a name for something new, or ""."""
    if not _NAME.fullmatch(name):
        return f"{name[:40]!r} cannot be a name here: use letters, digits, _ and -."
    if name in {taken for taken, _ in pipeline.iter_names()}:
        return f"The name {name} is taken."
    return ""


def _check_name(pipeline: Pipeline, name: str) -> None:
    fault = check_new_name(pipeline, name)
    if fault:
        raise InvalidParameter(fault, hint="Give each source, step and branch a name of its own.")


def _settle(pipeline: Pipeline) -> Pipeline:
    """Put the steps of branches behind the others, as in a file, and say which step of each is the last."""
    order = ["", *dict.fromkeys(branch.name for branch in pipeline.branches)]
    order += [s.branch for s in pipeline.steps if s.branch not in order]
    order = list(dict.fromkeys(order))
    steps = tuple(step for branch in order for step in list_row(pipeline, branch))
    lasts = {step.branch: step.name for step in steps if step.branch}
    branches = tuple(Branch(name=name, last=lasts[name]) for name in order if name in lasts)
    return replace(pipeline, steps=steps, branches=branches)


def _rename(pipeline: Pipeline, old: str, new: str) -> Pipeline:
    """Return the pipeline with another name wherever one is written."""
    if old == new:
        return pipeline

    def fill(text: str) -> str:
        return _BLANK.sub(lambda found: f"{{{new}{found[2]}}}" if found[1] == old else found[0], text)

    training = pipeline.training
    if training is not None:
        on = new if training.project == old else fill(training.project)
        training = replace(training, project=on, name=fill(training.name))
    return replace(
        pipeline,
        steps=tuple(replace(s, inputs=_replace_names(s.inputs, {old}, (new,))) for s in pipeline.steps),
        outputs=tuple(
            replace(
                o,
                result=new if o.result == old else o.result,
                project=fill(o.project), dataset=fill(o.dataset), message=fill(o.message),
            )
            for o in pipeline.outputs
        ),
        sweeps=tuple(replace(s, step=new) if s.step == old else s for s in pipeline.sweeps),
        training=training,
    )  # fmt: skip


def _replace_names(names: Iterable[str], gone: Collection[str], instead: Sequence[str]) -> tuple[str, ...]:
    pick: Callable[[str], Sequence[str]] = lambda name: instead if name in gone else (name,)  # noqa: E731
    return tuple(dict.fromkeys(new for name in names for new in pick(name)))


def _set(outputs: tuple[Output, ...], at: int, output: Output) -> tuple[Output, ...]:
    return (*outputs[:at], output, *outputs[at + 1 :])
