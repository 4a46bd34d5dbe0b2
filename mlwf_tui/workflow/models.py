"""models: what has been trained, as a table of experiments that is searched, filtered and sorted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from mlwf_tui.entities.experiment import (
    FIRST_FIELDS,
    Experiment,
    list_fields,
    make_experiment,
    matches_words,
    sort_experiments,
)
from mlwf_tui.entities.metric import matches
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.names import suggest_name
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.expressions.fields import ValueType
from mlwf_tui.expressions.parse import parse_fact_condition
from mlwf_tui.workspace import Workspace

_NUMBERS: Final = frozenset({"classes", "image_size", "weights_bytes", "seed", "took_s"})
_CONDITION: Final = re.compile(r"[<>=~]|\s(in|not)\s*\(|^\s*not\s|^\s*starred\s*$")


def list_models(workspace: Workspace) -> tuple[Model, ...]:
    """Return all models, newest first."""
    return workspace.catalog.models.list()


def read_experiments(workspace: Workspace) -> tuple[Experiment, ...]:
    """Return all models with what their runs were asked for, newest first."""
    models = list_models(workspace)
    runs = {run.id: run for run in workspace.catalog.runs.list(limit=None, ids={m.run_id for m in models})}
    return tuple(make_experiment(model, runs.get(model.run_id)) for model in models)


def choose_experiments(
    experiments: Sequence[Experiment],
    *,
    query: str = "",
    where: str = "",
    sort: str = "",
    is_reversed: bool = False,
) -> tuple[Experiment, ...]:
    """Return those in which all words of `query` occur and that meet the condition, sorted by a field.

    Raises:
        InvalidParameter: the condition does not parse, or there is no such field.
    """
    words = query.casefold().split()
    found = [one for one in experiments if not words or matches_words(one, words)]
    if where:
        test = parse_fact_condition(where, find_types(experiments))
        found = [one for one in found if test(one.facts)]
    if sort:
        found = sort_experiments(found, find_field(experiments, sort), is_reversed=is_reversed)
    elif is_reversed:
        found.reverse()
    return tuple(found)


def filter_experiments(experiments: Sequence[Experiment], text: str) -> tuple[Experiment, ...]:
    """Return those that a person means who writes a condition, or words that are to be found.

    Raises:
        InvalidParameter: it is a condition, and does not parse.
    """
    if _CONDITION.search(text):
        return choose_experiments(experiments, where=text)
    return choose_experiments(experiments, query=text)


def find_types(experiments: Sequence[Experiment]) -> Mapping[str, ValueType]:
    """Return what kind of value each field has."""
    types: dict[str, ValueType] = {
        name: ValueType.NUMBER if name in _NUMBERS else ValueType.TEXT for name in FIRST_FIELDS
    }
    types["starred"] = ValueType.FLAG
    for experiment in experiments:
        for name in (*experiment.metrics, *experiment.params):
            fact = experiment.facts[name]
            if fact is None:
                types.setdefault(name, ValueType.ANY)
                continue
            kind = ValueType.NUMBER
            if isinstance(fact, bool):
                kind = ValueType.FLAG
            elif isinstance(fact, str):
                kind = ValueType.TEXT
            types[name] = kind if types.get(name, kind) is kind else ValueType.ANY
    return types


def find_field(experiments: Sequence[Experiment], asked: str) -> str:
    """Return the field of that name, or the metric that is meant by it.

    Raises:
        InvalidParameter: there is none.
    """
    groups = list_fields(experiments)
    names = [name for group in groups.values() for name in group]
    if asked in names:
        return asked
    meant = next((name for name in groups["metrics"] if matches(asked, name)), None)
    if meant is None:
        raise InvalidParameter(f"No model has a field {asked!r}.", hint=suggest_name(asked, names))
    return meant
