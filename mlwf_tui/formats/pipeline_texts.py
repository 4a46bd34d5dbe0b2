"""A Pipeline as YAML again, normalised; pipelines.py reads it."""

from __future__ import annotations

from typing import Any

import msgspec

from mlwf_tui.entities.pipeline import Output, Pipeline, Step, Training


def write_pipeline(pipeline: Pipeline) -> str:
    """Return the normalised text: every name and reference in full, the same for the same pipeline."""
    import yaml  # 15 ms that other commands do without

    document: dict[str, Any] = {"name": pipeline.name}
    if pipeline.description:
        document["description"] = pipeline.description
    document["seed"] = pipeline.seed
    document["sources"] = {source.name: source.ref for source in pipeline.sources}
    document["steps"] = [_write_step(step) for step in pipeline.steps if not step.branch]
    branches: dict[str, list[dict[str, Any]]] = {branch.name: [] for branch in pipeline.branches}
    for step in pipeline.steps:
        if step.branch:
            branches[step.branch].append(_write_step(step))
    document["branches"] = branches
    document["outputs"] = [_write_output(output) for output in pipeline.outputs]
    document["sweep"] = {sweep.target: list(sweep.values) for sweep in pipeline.sweeps}
    if pipeline.training is not None:
        document["train"] = _write_training(pipeline.training)
    plain = {key: msgspec.to_builtins(value) for key, value in document.items() if value not in ({}, [])}
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)


def write_part(part: Step | Output | Training) -> str:
    """Return a step, an output or a training in one line, as a file may have it."""
    import yaml  # 15 ms that other commands do without

    match part:
        case Step():
            plain = _write_step(part)
        case Output():
            plain = _write_output(part)
        case Training():
            plain = _write_training(part)
    text: str = yaml.safe_dump(
        msgspec.to_builtins(plain), sort_keys=False, allow_unicode=True, default_flow_style=True, width=10_000
    )
    return text.rstrip()


def _write_step(step: Step) -> dict[str, Any]:
    verb = {"operation": step.operation} if step.operation else {"apply": step.model or None}
    seed = {} if step.seed is None else {"seed": step.seed}
    params = {"params": dict(step.params)} if step.params else {}
    inputs = step.inputs[0] if len(step.inputs) == 1 else list(step.inputs)
    return {"name": step.name, **verb, "from": inputs, **params, **seed}


def _write_output(output: Output) -> dict[str, Any]:
    beside = {"dataset": output.dataset, "message": output.message}
    written = {"from": output.result, "project": output.project}
    return {**written, **{key: value for key, value in beside.items() if value}}


def _write_training(training: Training) -> dict[str, Any]:
    document = {
        "on": training.project, "model": training.model, "name": training.name, "params": training.params,
        "seed": training.seed, "benchmark": training.benchmark,
    }  # fmt: skip
    return {key: value for key, value in document.items() if value not in ("", None, {})}
