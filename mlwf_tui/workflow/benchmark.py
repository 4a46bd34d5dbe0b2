"""benchmark: measure a model on a part of a version, in a worker process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.measurement import choose_main
from mlwf_tui.entities.model import Evaluation, Model, Report, describe_benchmark
from mlwf_tui.entities.part import AUTO, Part, read_part
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Problem, Run
from mlwf_tui.entities.speed import Speed
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.params import build_params, param
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import EvaluateResult
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.benchmarking.evaluating import (
    choose_evaluator,
    evaluate_items,
    find_lack,
)
from mlwf_tui.workflow.benchmarking.exported import OWN, RUNTIMES, check_runtime
from mlwf_tui.workflow.benchmarking.inference import Said, ask_model, digest_inference, forget
from mlwf_tui.workflow.benchmarking.noting import find_notes
from mlwf_tui.workflow.benchmarking.parts import choose_split, digest_items, select_items
from mlwf_tui.workflow.benchmarking.rules import note_rules
from mlwf_tui.workflow.benchmarking.timing import EFFORTS, OFF, measure_speed
from mlwf_tui.workflow.measuring import keep_predictions, list_class_names, make_request
from mlwf_tui.workflow.names import find_free
from mlwf_tui.workflow.refs import by_name, resolve_manifest
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.running.recorder import Recorder, pin_version
from mlwf_tui.workflow.using.trust import check_model
from mlwf_tui.workspace import Workspace

SCHEMA = 5  # of the body of a report


@dataclass(frozen=True, slots=True)
class BenchmarkParams:
    """How it is measured."""

    speed: str = param("quick", "how long the speed is measured", choices=(OFF, *EFFORTS))
    confidence: float | None = param(
        None, "threshold of precision, recall and F1; where F1 is largest if not given", low=0, high=1
    )
    evaluator: str = param("", "who measures; the one of the model's task if not given")
    runtime: str = param(
        OWN, "what the speed is measured with; figures of quality are PyTorch's", choices=tuple(RUNTIMES)
    )


class PlannedBenchmark(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark that nothing speaks against, still to be queued."""

    model: Model | str  # the name of one that a training will make
    ref: str  # by the id of its project where there is time between the plan and the run
    part: Part
    params: BenchmarkParams = BenchmarkParams()
    device: str = "auto"
    is_trusted: bool = False
    is_again: bool = False
    terms: Terms
    known: Run | None = None  # the finished run that has measured just this


class Measurable(Protocol):
    """What decides whether a model, entered or not, can be measured on data."""

    @property
    def name(self) -> str: ...

    @property
    def task(self) -> str: ...

    @property
    def class_names(self) -> tuple[str, ...]: ...


def submit_benchmark(
    workspace: Workspace,
    model_ref: str,
    ref: str,
    *,
    split: str = AUTO,
    part: Part | None = None,
    params: Mapping[str, Any] | None = None,
    device: str = "auto",
    is_trusted: bool = False,
    is_again: bool = False,
    terms: Terms | None = None,
) -> Run:
    """Pin the data and queue the run, which starts when there is room; return at once.

    `part` says more than a split. Where the same was measured before, the finished run that did it is
    returned, unless `is_again`. The model may be one that a training will make which the run is to come
    after.

    Raises:
        NotFound: there is no such model, project or version.
        InvalidParameter: there is no such split or class, a parameter does not fit, or what the runtime needs
            is not installed.
        InvalidInput: the model's task or classes do not fit the data, or there is nothing to measure on.
        Untrusted: opening the weights may run code of their maker, and nobody vouches for them.
    """
    planned = plan_benchmark(
        workspace, model_ref, ref, part or Part(split=split), params=params, device=device,
        is_trusted=is_trusted, is_again=is_again, terms=terms,
    )  # fmt: skip
    if planned.known is not None:
        return planned.known
    return start_queued(workspace, queue_benchmark(workspace, planned).run)


def plan_benchmark(
    workspace: Workspace,
    model_ref: str,
    ref: str,
    part: Part,
    *,
    params: Mapping[str, Any] | None = None,
    device: str = "auto",
    is_trusted: bool = False,
    is_again: bool = False,
    terms: Terms | None = None,
) -> PlannedBenchmark:
    """Check all of a benchmark, which reads its items, and enter nothing. Raises as `submit_benchmark`."""
    if part.split != AUTO:
        part.check()
    checked = build_params(BenchmarkParams, params or {})
    agreed = check_terms(workspace, terms or Terms(), uses_gpu=True, device=device)
    model = find_model(workspace, model_ref, agreed)
    _, manifest = resolve_manifest(workspace, ref)
    part = choose_split(workspace, manifest, part)
    known = None
    if model is not None:
        named = by_name(workspace, ref)
        items = check_fit(workspace, model, named, manifest, part, evaluator=checked.evaluator)
        check_model(workspace, model, is_trusted=is_trusted)
        check_runtime(workspace.registry.get_trainer(model.trainer), checked.runtime)
        known = None if is_again else _find_made(workspace, model, manifest, part, items, checked)
    return PlannedBenchmark(
        model=model or model_ref, ref=ref, part=part, params=checked, device=device, is_trusted=is_trusted,
        is_again=is_again, terms=agreed, known=known,
    )  # fmt: skip


def queue_benchmark(workspace: Workspace, planned: PlannedBenchmark) -> Recorder:
    """Enter the run, rows alone, in one transaction; whoever calls lets the queue go on.

    Raises:
        NotFound: the model or the version was deleted since it was planned.
    """
    model, part, default = planned.model, planned.part, BenchmarkParams()
    is_whole = part == Part(split=part.split)
    given = {key: value for key, value in asdict(planned.params).items() if value != getattr(default, key)}
    shown = {
        "model": model if isinstance(model, str) else model.name,
        "data": by_name(workspace, planned.ref),
        "split": part.split,
        "device": planned.device,
        **({} if is_whole else {"part": msgspec.json.encode(part).decode()}),
        **given,
        **({"is_trusted": True} if planned.is_trusted else {}),
    }
    with workspace.catalog.transaction():
        pin_version(workspace, planned.ref, verb="benchmark")
        call = {"is_again": True} if planned.is_again else None
        recorder = queue_run(workspace, "benchmark", shown, 0, terms=planned.terms, call=call)
        if not isinstance(model, str):
            recorder.read_model(model.id)
        recorder.read_version(planned.ref)
    return recorder


def read_params(run: Run) -> BenchmarkParams:
    """Return how a run of benchmark measures."""
    names = BenchmarkParams.__dataclass_fields__
    given = {key: value for key, value in run.params.items() if key in names}
    params: BenchmarkParams = build_params(BenchmarkParams, given)
    return params


def _digest_benchmark(
    model: Model, manifest: Digest, part: Part, items: Sequence[Item], params: BenchmarkParams
) -> Digest:
    decides = [
        digest_inference(model),
        manifest,
        msgspec.to_builtins(part),
        digest_items(items),
        asdict(params),
    ]
    return compute_digest(json.dumps([SCHEMA, *decides], sort_keys=True).encode())


def _find_made(
    workspace: Workspace,
    model: Model,
    manifest: Digest,
    part: Part,
    items: Sequence[Item],
    params: BenchmarkParams,
) -> Run | None:
    """Return the run that has measured just this, where its report is still there and left nothing out."""
    wanted = _digest_benchmark(model, manifest, part, items, params)
    for report in workspace.catalog.reports.list(model_id=model.id):
        if report.settings.get("benchmark") == wanted:
            try:
                run = workspace.catalog.runs.get(report.run_id)
            except NotFound:  # a report that came from elsewhere
                continue
            if not run.result.get("problems"):
                return run
    return None


def find_model(workspace: Workspace, ref: str, terms: Terms) -> Model | None:
    """Return a model, or None where a training will make it which the run is to come after.

    That one goes by the model's name, or by the training's own id.

    Raises:
        NotFound: there is no such model, and there will be none.
    """
    for earlier_id in terms.after:
        earlier = workspace.catalog.runs.get(earlier_id)
        is_meant = ref == earlier.params.get("name") or (len(ref) > 3 and earlier.id.startswith(ref))
        if earlier.verb == "train" and not earlier.state.is_finished and is_meant:
            return None
    try:
        return workspace.catalog.models.get(ref)
    except NotFound:
        if workspace.catalog.projects.find(ref.partition("@")[0], workspace.settings.workspace) is None:
            raise
        raise NotFound(
            f"There is no model {ref!r}; {ref} is data.",
            hint="The model goes first, then the data.",
        ) from None


def perform_benchmark(recorder: Recorder, version: Version, model: Model, observer: Observer) -> None:
    """Do a queued benchmark: called by the worker."""
    workspace, run = recorder.workspace, recorder.run
    part = read_part(run.params, run.params["split"])
    params = read_params(run)
    items = check_fit(workspace, model, version.ref, version.manifest, part, evaluator=params.evaluator)
    is_again = bool((run.call or {}).get("is_again"))
    said = ask_model(recorder, version, model, part, items, observer, is_again=is_again)
    left_out = {problem.path for problem in said.problems}
    usable = [item for item in items if item.key not in left_out]
    speed = measure_speed(recorder, model, usable, params.speed, observer, runtime=params.runtime)
    keep_benchmark(recorder, version, model, part, said, observer, speed=speed, params=params)
    forget(workspace, model)


def keep_benchmark(
    recorder: Recorder,
    version: Version,
    model: Model,
    part: Part | Split,
    said: Said | EvaluateResult,
    observer: Observer,
    *,
    speed: Speed | None = None,
    params: BenchmarkParams | None = None,
) -> Report:
    """Measure what the model said, keep it and the report, and close the run in one transaction.

    A split stands for all of its items.
    """
    workspace, params = recorder.workspace, params or BenchmarkParams()
    part = Part(split=part.value) if isinstance(part, Split) else part
    said = Said(result=said) if isinstance(said, EvaluateResult) else said
    left_out = {problem.path for problem in said.problems}
    items = select_items(workspace, version.manifest, part)
    asked = _digest_benchmark(model, version.manifest, part, items, params)
    items = tuple(item for item in items if item.key not in left_out)
    measured = digest_items(items)
    evaluation = _evaluate(workspace, version, part, items, model, said, params, observer)
    evaluation = replace(evaluation, schema=SCHEMA, part=part, measured=measured, speed=speed)
    is_timed = params.runtime == OWN and params.speed != OFF
    own = said.result.speed if is_timed else {}  # how fast it was asked says little, and was not asked for
    figures = {**own, **(speed.summarise() if speed is not None else {})}
    with recorder.writer() as writer:
        blob = writer.put(msgspec.json.encode(evaluation))
        predictions = keep_predictions(writer, said.result.predictions)
    with recorder.finishing():
        version = workspace.catalog.versions.find_any(version.id) or version  # by its present name
        taken = {report.name for report in workspace.catalog.reports.list()}
        report = recorder.write_report(
            name=find_free(f"{model.name}-on-{version.project_name}", taken),
            description=describe_benchmark(model.name, version.ref, part, evaluation),
            model_id=model.id,
            version_id=version.id,
            split=part.split,
            metrics=evaluation.metrics,
            speed=figures,
            evaluation=blob,
            predictions=predictions,
            settings={
                **{f"library_{key}": value for key, value in said.result.library_metrics.items()},
                "measured": measured,
                "evaluator": evaluation.evaluator,
                **note_rules(items, evaluation.evaluator),
                "inference": digest_inference(model),
                "benchmark": asked,
                **({"runtime": speed.runtime} if speed is not None and speed.runtime else {}),
                **({} if part == Part(split=part.split) else {"part": msgspec.json.encode(part).decode()}),
            },
        )
        recorder.result = {
            "report": report.name,
            "report_id": report.id,
            "model": model.name,
            "version": version.number,
            "split": part.split,
            "part": part.describe(),
            "measured": measured,
            "metrics": dict(evaluation.metrics),
            "speed": dict(figures),
            "items": len(items),
            "items_known": said.known_count,
            "cached": said.known_count > 0 and said.known_count >= len(items),
            "notes": list(evaluation.notes),
            **({"problems": msgspec.to_builtins(said.problems)} if said.problems else {}),
            "summary": _summarise(evaluation, part, said.problems),
        }
    return report


def _summarise(evaluation: Evaluation, part: Part, problems: Sequence[Problem]) -> str:
    partly = f", partly: {len(problems):,} images cannot be used" if problems else ""
    name = choose_main(evaluation.metrics)
    figure = f"{evaluation.metric_names.get(name, name)} {evaluation.metrics[name]:.3f} " if name else ""
    return f"{figure}on {part.describe()}{partly}"


def _evaluate(
    workspace: Workspace,
    version: Version,
    part: Part,
    items: Sequence[Item],
    model: Model,
    said: Said,
    params: BenchmarkParams,
    observer: Observer,
) -> Evaluation:
    notes = find_notes(workspace, version, model, part, items, said)
    names = part.classes or list_class_names(workspace, version.manifest, model.class_names)
    request = make_request(
        items, said.result.predictions, names, classes=part.classes, confidence=params.confidence
    )
    evaluator = choose_evaluator(workspace, model.task, params.evaluator)
    evaluation = evaluate_items(workspace, evaluator, request, items, observer)
    return replace(evaluation, notes=(*notes, *evaluation.notes))


def check_fit(
    workspace: Workspace, model: Measurable, ref: str, manifest: Digest, part: Part, *, evaluator: str = ""
) -> tuple[Item, ...]:
    """Return what is measured; refuse what no figure can come of."""
    choose_evaluator(workspace, model.task, evaluator)
    schema = read_summary(workspace.store, manifest).schema
    if not set(schema.class_names) & set(model.class_names):
        raise InvalidInput(
            f"The model {model.name} and {ref} have no class in common.",
            hint=f"The model knows {_list_some(model.class_names)}; the data has "
            f"{_list_some(schema.class_names)}.",
        )
    items = select_items(workspace, manifest, part)
    wanted = find_lack(items, model.task, part.classes or schema.class_names)
    if wanted:
        raise InvalidInput(
            f"In {ref} there are no {wanted} in what is to be measured: {part.describe()}.",
            hint="There is nothing to measure with.",
        )
    return items


def _list_some(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}" or "none"
