"""What a person gives beside a pipeline's file, and the values of a sweep, put in their places; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Fault, Pipeline, Step, Sweep
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.formats.pipelines import hint_at, make_error, read_seed
from mlwf_tui.formats.yaml_nodes import read_word


def change_pipeline(
    pipeline: Pipeline,
    *,
    sources: Mapping[str, str],
    to: Mapping[str, str],
    datasets: Mapping[str, str] | None = None,
    params: Mapping[str, Any],
    seed: int | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
) -> Pipeline:
    """Return the pipeline with what a person gave beside the file.

    That is refs, projects and datasets of outputs, and STEP.PARAMETER=VALUE.

    The name "" means the only source or output.

    Raises:
        InvalidParameter: there is no such source, output or step, or a seed is none.
    """
    for name, ref in sources.items():
        chosen = _pick(name, [source.name for source in pipeline.sources], "source")
        changed = (replace(s, ref=ref, line=0) if s.name == chosen else s for s in pipeline.sources)
        pipeline = replace(pipeline, sources=tuple(changed))
    for name, project in to.items():
        chosen = _pick(name, [output.result for output in pipeline.outputs], "output")
        outputs = (replace(o, project=project, line=0) if o.result == chosen else o for o in pipeline.outputs)
        pipeline = replace(pipeline, outputs=tuple(outputs))
    for name, dataset in (datasets or {}).items():
        chosen = _pick(name, [output.result for output in pipeline.outputs], "output")
        outputs = (replace(o, dataset=dataset, line=0) if o.result == chosen else o for o in pipeline.outputs)
        pipeline = replace(pipeline, outputs=tuple(outputs))
    for target, value in params.items():
        pipeline = _set_value(pipeline, *_split_target(target), value, line=0)
    if seed is not None:
        pipeline = replace(pipeline, seed=_take_seed(pipeline, seed, line=0))
    sweeps = [Sweep(step=step, param=param, values=tuple(values)) for (step, param), values in
              ((_split_target(target), values) for target, values in (sweep or {}).items())]  # fmt: skip
    kept = [s for s in pipeline.sweeps if s.target not in (sweep or {}) and s.target not in params]
    return replace(pipeline, sweeps=(*kept, *sweeps))


def iter_points(pipeline: Pipeline) -> Iterator[tuple[Pipeline, Mapping[str, Any]]]:
    """Yield the pipeline of each combination of swept values, without its sweep."""
    plain = replace(pipeline, sweeps=())
    for combination in product(*(sweep.values for sweep in pipeline.sweeps)):
        point = plain
        for sweep, value in zip(pipeline.sweeps, combination, strict=True):
            point = _set_value(point, sweep.step, sweep.param, value, line=sweep.line)
        yield point, {s.target: value for s, value in zip(pipeline.sweeps, combination, strict=True)}


def _pick(name: str, names: Sequence[str], what: str) -> str:
    if not name and len(names) == 1:
        return names[0]
    if name in names:
        return name
    if not name:
        raise InvalidParameter(
            f"There are {len(names)} {what}s.", hint=f"Write NAME=… for {', '.join(names)}."
        )
    raise InvalidParameter(f"There is no {what} {name!r}.", hint=hint_at(name, names))


def _split_target(target: str) -> tuple[str, str]:
    step, dot, param = target.partition(".")
    if not (dot and step and param):
        raise InvalidParameter(f"{target!r} is not STEP.PARAMETER.", hint="Write for example flip.copies=2.")
    return step, param


def _set_value(pipeline: Pipeline, name: str, param: str, value: Any, *, line: int) -> Pipeline:
    if name not in [step.name for step in pipeline.steps]:
        fault = Fault(line, f"there is no step {name!r}.", hint_at(name, [s.name for s in pipeline.steps]))
        raise make_error(pipeline.path, [fault])
    if param == "seed":
        value = _take_seed(pipeline, value, line=line)
    steps = [_set_param(s, param, value, line) if s.name == name else s for s in pipeline.steps]
    return replace(pipeline, steps=tuple(steps))


def _take_seed(pipeline: Pipeline, value: Any, *, line: int) -> int:
    seed = read_seed(read_word(value) if isinstance(value, str) else value, line)
    if isinstance(seed, Fault):
        raise make_error(pipeline.path, [seed])
    return seed


def _set_param(step: Step, param: str, value: Any, line: int) -> Step:
    if param == "seed":
        return replace(step, seed=value)
    if param == "model" and not step.operation:
        return replace(step, model=str(value))
    lines = {**step.param_lines, param: line}
    return replace(step, params={**step.params, param: value}, param_lines=lines)
