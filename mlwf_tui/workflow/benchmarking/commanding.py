"""The command lines that errors and offers tell, quoted for a shell; nothing here does what they say."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from mlwf_tui.entities.part import Part


def write_benchmark(model: str, ref: str, part: Part, *, evaluator: str = "") -> str:
    """Return the command that measures a model on just this part of a version."""
    options = [*_iter_options(part), *(("-p", f"evaluator={evaluator}") if evaluator else ())]
    return _join("benchmark", (model, ref), options)


def write_measured_compare(
    refs: Sequence[str], *, on: str | None, split: str | None, evaluator: str | None
) -> str:
    """Return the command that compares, and measures first what is lacking."""
    given = (("--on", on), ("--split", split), ("--evaluator", evaluator))
    options = [word for name, value in given if value for word in (name, value)]
    return _join("compare", refs, [*options, "--measure"])


def _iter_options(part: Part) -> Iterator[str]:
    yield from ("--split", part.split)
    several = (("dataset", part.datasets), ("class", part.classes), ("tag", part.tags), ("item", part.keys))
    for name, values in several:
        for value in values:
            yield from (f"--{name}", value)
    if part.where:
        yield from ("--select", part.where)


def _join(verb: str, names: Sequence[str], options: Sequence[str]) -> str:
    """Put the names first, as people do, but where one begins as an option does."""
    if any(name.startswith("-") for name in names):
        return shlex.join(["mlwf", verb, *options, "--", *names])
    return shlex.join(["mlwf", verb, *names, *options])
