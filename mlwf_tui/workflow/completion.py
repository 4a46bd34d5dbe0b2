"""What a word that a person has begun to type may become: names of the home, of plug-ins, of parameters."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from mlwf_tui.catalog.glimpse import Listed, read_deleted_names, read_names, read_version_names
from mlwf_tui.registry import Registry

Kind = Literal[
    "project", "data", "model", "start", "report", "run", "thing", "deleted", "operation", "importer",
    "exporter",
]  # fmt: skip
Candidate = tuple[str, str]  # the word, and what it is
Declared = tuple[str, str, tuple[str, ...]]  # of a parameter: name, help, choices
_TABLES: dict[str, tuple[Listed, ...]] = {
    "project": ("project",), "data": ("project",), "model": ("model",), "start": ("model",),
    "report": ("report",), "run": ("run",), "thing": ("project", "model", "report", "run"),
}  # fmt: skip


def complete(home: Path, kind: Kind, word: str) -> list[Candidate]:
    """Return what `word` may become where something of a kind is asked for; [] where nothing can be read."""
    registry = Registry()
    match kind:
        case "operation":
            return _begin_so(registry.list_names("operations"), word)
        case "importer":
            return _begin_so(["auto", *registry.list_names("importers")], word)
        case "exporter":
            return _begin_so(registry.list_names("exporters"), word)
        case _:
            named = _complete_names(home, kind, word)
            return named + (_list_architectures(registry, word) if kind == "start" else [])


def _complete_names(home: Path, kind: Kind, word: str) -> list[Candidate]:
    catalog = home / "catalog.sqlite"
    project, at, which = word.rpartition("@")
    try:
        if kind == "deleted":
            return read_deleted_names(catalog, word)
        if at and kind in ("data", "thing"):
            versions = read_version_names(catalog, project)
            return [(f"{project}@{name}", words) for name, words in versions if name.startswith(which)]
        return [found for table in _TABLES[kind] for found in read_names(catalog, table, word)]
    except sqlite3.Error:  # no home yet, or one that is busy: there is nothing to offer
        return []


def _list_architectures(registry: Registry, word: str) -> list[Candidate]:
    trainers = registry.list_names("trainers")
    return _begin_so([a for name in trainers for a in registry.get_trainer(name).list_architectures()], word)


def complete_assignment(
    params: Callable[[], Iterable[tuple[str, str, tuple[str, ...]]]], word: str
) -> list[Candidate]:
    """Return what `KEY=VALUE` may become, given each parameter's name, help and choices."""
    key, equals, value = word.partition("=")
    if equals:
        choices = next((choices for name, _, choices in params() if name == key), ())
        return [(f"{key}={choice}", "") for choice in choices if choice.startswith(value)]
    return [(f"{name}=", help_) for name, help_, _ in params() if name.startswith(key)]


def _begin_so(names: Iterable[str], word: str) -> list[Candidate]:
    return [(name, "") for name in names if name.startswith(word)]
