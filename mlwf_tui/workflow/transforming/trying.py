"""Lets an operation look at its parameters before there are items for it, or before they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.protocols.operations import Operation, SourceItem
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.transforming.blaming import blaming
from mlwf_tui.workflow.transforming.planning import join_source_schemas, transform_schema
from mlwf_tui.workflow.transforming.recipes import Recipe


def check_params(store: Store, recipe: Recipe) -> None:
    """Refuse parameters that do not fit together, or not the classes and tags; no item is read.

    Raises:
        InvalidInput: they do not fit, or an expression does not parse.
        PluginError: the operation falls over its own code.
    """
    schema = join_source_schemas(store, recipe)
    transform_schema(recipe.operation, schema, recipe.params)
    try_out(recipe.operation, schema, recipe.params)


def try_out(operation: Operation, schema: LabelSchema, params: Any) -> None:
    """Let an operation say what is wrong with its parameters, up to where it looks at the first item.

    Raises:
        InvalidInput: they do not fit together, or an expression does not parse.
        PluginError: the operation falls over its own code.
    """
    with suppress(_ItemsWanted), blaming(operation.name, passing=(_ItemsWanted,)):
        next(iter(operation.plan(_NotYet(), schema, params, seed=0)), None)


class _ItemsWanted(Exception):
    """An operation has looked at its parameters, and goes on to the items."""


class _NotYet(Sequence[SourceItem]):
    """Stands for items that there are not yet."""

    def __len__(self) -> int:
        raise _ItemsWanted

    def __getitem__(self, position: Any) -> Any:
        raise _ItemsWanted

    def __iter__(self) -> Iterator[SourceItem]:
        raise _ItemsWanted
