"""A model with all that its training was asked for and came to, as facts by their names; no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from mlwf_tui.entities.metric import has_best, is_better_low, normalise
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.run import ArtifactKind, Run

Fact = str | float | bool | None

OWN_PARAMS: Final = ("data", "model", "name")  # of a training run, beside what its trainer takes
MAIN_METRICS: Final = ("map5095", "map", "map50", "top1", "accuracy")
"""What a model is judged by first, as `normalise` writes it."""

FIRST_FIELDS: Final = (
    "name", "starred", "architecture", "task", "trainer", "project", "data", "classes", "image_size",
    "weights_bytes", "seed", "took_s", "author", "created", "run", "description",
)  # fmt: skip
"""What is known of every model; its metrics and parameters come after them."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """One model, and its facts: those of FIRST_FIELDS, then its metrics, then its run's parameters."""

    model: Model
    facts: Mapping[str, Fact]
    metrics: tuple[str, ...]  # the names of those facts that are metrics
    params: tuple[str, ...]  # of those that are parameters

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def main(self) -> tuple[str, float] | None:
        """The metric that it is judged by first, with its value."""
        return find_main_metric(self.model.metrics)


def make_experiment(model: Model, run: Run | None) -> Experiment:
    """Return the facts of a model and of the run that made it.

    A parameter that is called like a fact that is there already has `param.` before its name.
    """
    facts: dict[str, Fact] = {
        "name": model.name,
        "starred": model.is_starred,
        "architecture": model.architecture,
        "task": model.task,
        "trainer": model.trainer,
        "classes": len(model.class_names),
        "image_size": model.image_size_px,
        "weights_bytes": model.checkpoints[0].size_bytes if model.checkpoints else None,
        "created": model.created_at.isoformat(timespec="seconds"),
        "run": model.run_id,
        "description": model.description,
        **(_describe_run(run) if run is not None else {}),
    }
    metrics = {name if name not in facts else f"metric.{name}": v for name, v in model.metrics.items()}
    facts |= metrics
    given = {} if run is None else {k: v for k, v in run.params.items() if k not in OWN_PARAMS}
    params = {name if name not in facts else f"param.{name}": _to_fact(v) for name, v in given.items()}
    facts |= params
    return Experiment(model=model, facts=facts, metrics=tuple(metrics), params=tuple(params))


def _describe_run(run: Run) -> dict[str, Fact]:
    data = next((ref.title for ref in run.inputs if ref.kind is ArtifactKind.VERSION), "")
    seconds = run.find_length_s()
    return {
        "project": data.rpartition("@")[0],
        "data": data,
        "seed": run.seed,
        "took_s": None if seconds is None else round(seconds, 1),
        "author": run.author,
    }


def _to_fact(value: object) -> Fact:
    """Return a parameter as a fact; a text that is a number, as the command line gives them, is one."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return {"true": True, "false": False}.get(value.lower(), value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def list_fields(experiments: Iterable[Experiment]) -> dict[str, list[str]]:
    """Return the fields that some experiment has, in three groups: model, metrics, parameters."""
    metrics: dict[str, None] = {}
    params: dict[str, None] = {}
    for experiment in experiments:
        metrics.update(dict.fromkeys(experiment.metrics))
        params.update(dict.fromkeys(experiment.params))
    return {"model": list(FIRST_FIELDS), "metrics": list(metrics), "parameters": list(params)}


def find_main_metric(metrics: Mapping[str, float]) -> tuple[str, float] | None:
    """Return the metric that tells most of a model; None where there is none that can be judged by."""
    by_name = {normalise(name): name for name in metrics if has_best(name)}
    chosen = next((by_name[name] for name in MAIN_METRICS if name in by_name), None)
    chosen = chosen or next(iter(by_name.values()), None)
    return None if chosen is None else (chosen, metrics[chosen])


def sort_experiments(
    experiments: Sequence[Experiment], field: str, *, is_reversed: bool = False
) -> list[Experiment]:
    """Return the experiments by a field: metrics the best first, the rest from small to large.

    Those without the field are last in any case.
    """
    is_metric = any(field in experiment.metrics for experiment in experiments)
    is_down = (is_metric and not is_better_low(field)) != is_reversed
    known = [one for one in experiments if one.facts.get(field) is not None]
    missing = [one for one in experiments if one.facts.get(field) is None]
    return [*sorted(known, key=lambda one: order_fact(one.facts[field]), reverse=is_down), *missing]


def order_fact(fact: Fact) -> tuple[int, float, str]:
    """Return what facts are ordered by: numbers before texts."""
    if isinstance(fact, str):
        return (1, 0.0, fact.casefold())
    return (0, float(fact), "") if fact is not None else (2, 0.0, "")


def format_fact(field: str, fact: Fact) -> str:
    """Return a fact as a person reads it, short."""
    match fact:
        case None:
            return ""
        case bool():
            return {True: "★", False: ""}[fact] if field == "starred" else str(fact).lower()
        case int():
            return f"{fact:,}" if field.endswith("_bytes") else str(fact)
        case float():
            return f"{fact:.4g}" if abs(fact) < 1e5 or not fact.is_integer() else f"{fact:.0f}"
        case str():
            return fact.replace("\n", " ")


def matches_words(experiment: Experiment, words: Collection[str]) -> bool:
    """Whether each of the words is a part of something that is said of the model."""
    said = " ".join(str(fact) for fact in experiment.facts.values() if isinstance(fact, str)).casefold()
    return all(word in said for word in words)
