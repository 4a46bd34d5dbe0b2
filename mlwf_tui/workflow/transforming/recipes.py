"""Recipes: all that decides what an operation makes, and what the same one made before; not a verb."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.entities.run import Run
from mlwf_tui.params import build_params
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import Operation
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.store.references import find_unreadable
from mlwf_tui.workflow.transforming.sources import Source
from mlwf_tui.workspace import Workspace

LEFT_OUT = "files_left_out"
"""Of a run's result: those of its problems that came before the recipe, with files of a folder."""


class Recipe(msgspec.Struct, frozen=True):
    """An operation with its checked parameters, a seed, and what it reads."""

    operation: Operation
    params: Any
    seed: int
    sources: tuple[Source, ...]

    @property
    def digest(self) -> Digest:
        """The digest of all that decides the result, and of nothing else.

        Parameters that stand at their defaults are left out, so that a new one changes no recipe; and
        the seed, where nothing is drawn.
        """
        is_random = getattr(self.operation, "is_random", True)
        decisive = {
            "operation": self.operation.name,
            "operation_version": self.operation.version,
            "params": list_given(self.params),
            "seed": self.seed if is_random else 0,
            "sources": [{"manifest": source.manifest, "prefix": source.prefix} for source in self.sources],
        }
        return compute_digest(json.dumps(decisive, sort_keys=True).encode())


class Known(msgspec.Struct, frozen=True):
    """What a recipe has made before, and the run that did it."""

    manifest: ManifestSummary
    run: Run


def check_recipe(
    workspace: Workspace, operation: str, params: Mapping[str, Any], seed: int, sources: Sequence[Source]
) -> Recipe:
    """Return a recipe whose parameters are checked.

    Raises:
        NotFound: there is no such operation.
        InvalidParameter: a parameter is unknown or out of bounds.
    """
    chosen = workspace.registry.get_operation(operation)
    return Recipe(chosen, build_params(chosen.params_type, params), seed, tuple(sources))


def name_sources(found: Sequence[tuple[str, int | None, Digest]]) -> tuple[Source, ...]:
    """Return the sources of projects by name, number of the version, and manifest.

    Several get their project's name as a dataset, with the number where a project comes twice.
    """
    if len(found) == 1:
        return (Source(found[0][2], found[0][0]),)
    counts = Counter(name for name, _, _ in found)
    return tuple(
        Source(manifest, name, f"{name}@{number or 'head'}" if counts[name] > 1 else name)
        for name, number, manifest in found
    )


def list_given(params: Any) -> dict[str, Any]:
    """Return the parameters that do not stand at their defaults."""
    values = asdict(params)
    return {f.name: values[f.name] for f in fields(params) if values[f.name] != f.default}


def find_known(workspace: Workspace, recipe: Digest, observer: Observer) -> Known | None:
    """Return what the same recipe made before, if nothing was left out of it and the store still has it."""
    run = workspace.catalog.runs.find_by_recipe(recipe)
    if run is None or len(run.result.get("problems", ())) > len(run.result.get(LEFT_OUT, ())):
        return None
    manifest = Digest(run.result["manifest"])
    if find_unreadable(workspace.store, [manifest], observer):
        return None  # its project was deleted, and parts were collected
    return Known(read_summary(workspace.store, manifest), run)
