"""Plans what an operation will make: every result counted and named before any is made; not a verb."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import check_dataset, check_name
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import Conflict, InvalidInput, PluginError
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import Draft, Operation, PlannedItem, SourceItem
from mlwf_tui.store.manifests import EncodedItem, encode, read_summary
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.importing.spool import ItemSpool
from mlwf_tui.workflow.transforming.blaming import blaming
from mlwf_tui.workflow.transforming.recipes import Recipe
from mlwf_tui.workflow.transforming.sources import Sources

_LOOKS_EVERY = 256  # results between two looks at whether it is still wanted
_encoder = msgspec.msgpack.Encoder()


class Fate(StrEnum):
    """What becomes of an item."""

    ADDED = "added"  # a result under a key that its source has neither here nor in its project
    CHANGED = "changed"  # a result under its source's key that differs from it
    UNCHANGED = "unchanged"
    DROPPED = "dropped"  # a source without a result under its key


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many items an operation reads, what becomes of them, and how many images it makes."""

    items_in: int
    items_added: int
    items_changed: int
    items_unchanged: int
    items_dropped: int
    images: int

    @property
    def items_out(self) -> int:
        return self.items_added + self.items_changed + self.items_unchanged


class Planned(NamedTuple):
    """One result as it is planned; `row` is None for a draft."""

    fate: Fate
    result: PlannedItem | Draft
    row: EncodedItem | None


@dataclass(slots=True)
class Survey:
    """Goes through a plan once, and counts what passes."""

    recipe: Recipe
    sources: Sources
    schema: LabelSchema  # of the sources
    fates: Counter[Fate] = field(default_factory=Counter)
    image_count: int = 0
    is_kept: bytearray = field(init=False)  # by position: whether a result has the source's key
    is_used: bytearray = field(init=False)  # by position: whether a result is made of it

    def __post_init__(self) -> None:
        self.is_kept, self.is_used = bytearray(len(self.sources)), bytearray(len(self.sources))

    @property
    def counts(self) -> Counts:
        """What has been counted so far; sources that have not come yet count as dropped."""
        return Counts(
            items_in=len(self.sources),
            items_added=self.fates[Fate.ADDED],
            items_changed=self.fates[Fate.CHANGED],
            items_unchanged=self.fates[Fate.UNCHANGED],
            items_dropped=len(self.sources) - sum(self.is_kept),
            images=self.image_count,
        )

    def iter_planned(self, observer: Observer) -> Iterator[Planned]:
        """Yield all results.

        Raises:
            InvalidInput: the parameters do not fit the items, or a result cannot be stored.
            PluginError: the operation names sources that there are not, or falls over its own code.
        """
        recipe = self.recipe
        name = recipe.operation.name
        with blaming(name):
            plan = iter(recipe.operation.plan(self.sources, self.schema, recipe.params, seed=recipe.seed))
        for number in count():
            with blaming(name):
                result = next(plan, None)
            if result is None:
                return
            if not number % _LOOKS_EVERY:
                observer.check_cancelled()
                observer.progress(number, None, "planning")
            planned = self._see_item(result) if isinstance(result, PlannedItem) else self._see_draft(result)
            self.fates[planned.fate] += 1
            yield planned

    def _see_item(self, result: PlannedItem) -> Planned:
        self._note_positions((result.source,))
        item = result.item
        row = self.sources.find_row(result.source, item)
        if row is not None:
            self.is_kept[result.source] = 1
            return Planned(Fate.UNCHANGED, result, row)
        row = encode(item)
        source = self.sources[result.source]
        if not _has_key(source, item.key):
            return Planned(Fate.ADDED, result, row)
        self.is_kept[result.source] = 1
        is_same = item == replace(source.item, dataset=item.dataset)
        return Planned(Fate.UNCHANGED if is_same else Fate.CHANGED, result, row)

    def _see_draft(self, draft: Draft) -> Planned:
        self._note_positions(draft.sources)
        check_dataset(draft.dataset)
        check_name(draft.name, "item name")
        self.image_count += 1
        key = f"{draft.dataset}/{draft.name}"
        first = draft.sources[0]
        if not _has_key(self.sources[first], key):
            return Planned(Fate.ADDED, draft, None)
        self.is_kept[first] = 1
        return Planned(Fate.CHANGED, draft, None)

    def _note_positions(self, positions: tuple[int, ...]) -> None:
        if not positions or not all(0 <= position < len(self.sources) for position in positions):
            raise PluginError(
                f"The operation {self.recipe.operation.name} names sources that there are not: {positions}.",
                hint="Its plan must number the items that it was given.",
            )
        for position in positions:
            self.is_used[position] = 1


def _has_key(source: SourceItem, key: str) -> bool:
    """Say whether a source is called so, among all sources or in its own project."""
    return key == source.item.key or (source.origin is not None and key == source.origin.key)


@dataclass(slots=True)
class Plan:
    """All results of a recipe in key order: those that are finished as rows, the others as drafts."""

    schema: LabelSchema  # of the results
    counts: Counts
    finished: ItemSpool
    drafts: ItemSpool  # a row is an encoded PlannedDraft
    object_count: int  # on those that are finished
    problems: list[Problem]  # images that the operation had to look at and could not; their items are kept


class PlannedDraft(msgspec.Struct, frozen=True, array_like=True):
    """A draft as it is spooled."""

    draft: Draft
    fate: Fate


@contextmanager
def plan_recipe(store: Store, home: Path, recipe: Recipe, observer: Observer) -> Iterator[Plan]:
    """Give the plan of a recipe; memory does not grow with its items.

    Raises:
        InvalidInput: the parameters do not fit the items, or no item would be left.
        InvalidParameter: the label schema has not what the parameters name.
        Conflict: two results would have one key.
    """
    schema = join_source_schemas(store, recipe)
    result_schema = transform_schema(recipe.operation, schema, recipe.params)
    with ExitStack() as stack:
        finished, drafts = ItemSpool(home), ItemSpool(home)
        stack.callback(finished.close)
        stack.callback(drafts.close)
        sources = Sources(store, recipe.sources, between=observer.check_cancelled)
        survey = Survey(recipe, sources, schema)
        problems: list[Problem] = []
        object_count = 0
        for planned in survey.iter_planned(observer):
            if isinstance(planned.result, PlannedItem) and planned.result.problem:
                problems.append(Problem(planned.result.item.key, planned.result.problem))
            if planned.row is not None:
                finished.add(planned.row)
                object_count += planned.row.object_count
            elif isinstance(planned.result, Draft):
                draft = planned.result
                row = _encoder.encode(PlannedDraft(draft, planned.fate))
                drafts.add(EncodedItem(f"{draft.dataset}/{draft.name}", row, 0, 0))
        plan = Plan(result_schema, survey.counts, finished, drafts, object_count, problems)
        _check_keys(plan)
        if not plan.counts.items_out:
            raise InvalidInput(
                f"{recipe.operation.name} leaves no item of {plan.counts.items_in:,}.",
                hint="Loosen its parameters; nothing was changed.",
            )
        yield plan


def count_objects(store: Store, recipe: Recipe) -> int:
    """Return how many objects the sources of a recipe have."""
    return sum(read_summary(store, source.manifest).object_count for source in recipe.sources)


def join_source_schemas(store: Store, recipe: Recipe) -> LabelSchema:
    """Return the label schema that the operation is given.

    Raises:
        InvalidInput: the operation does not join these.
    """
    schemas = {
        source.prefix or source.project: read_summary(store, source.manifest).schema
        for source in recipe.sources
    }
    return join_schemas(recipe.operation, schemas, recipe.params)


def transform_schema(operation: Operation, schema: LabelSchema, params: Any) -> LabelSchema:
    """Return the label schema of an operation's results.

    Raises:
        InvalidParameter: it has not what the parameters name.
        PluginError: the operation fell over it.
    """
    with blaming(operation.name):
        return operation.transform_schema(schema, params)


def join_schemas(operation: Operation | None, schemas: Mapping[str, LabelSchema], params: Any) -> LabelSchema:
    """Return one schema of several by name: the first to define a class or tag is followed.

    Raises:
        InvalidInput: the operation joins them in its own way, and they clash.
    """
    join = getattr(operation, "join_schemas", None)
    if join is not None:
        with blaming(getattr(operation, "name", "?")):
            joined: LabelSchema = join(schemas, params)
        return joined
    merged = LabelSchema()
    for schema in schemas.values():
        merged = merged.merge(schema)
    return merged


def _check_keys(plan: Plan) -> None:
    by_key = itemgetter(0)
    keys = (
        row.key for row in heapq.merge(plan.finished.iter_sorted(), plan.drafts.iter_sorted(), key=by_key)
    )
    for before, key in pairwise(keys):
        if before == key:
            raise Conflict(
                f"Two results would be called {key}; nothing was changed.",
                hint="Rename one of the items, or put the sources into different datasets.",
            )
