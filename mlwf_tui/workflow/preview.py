"""preview: an operation applied to a few items, to be looked at before it is run; nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import CorruptData, StorageFailed
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import Draft, PlannedItem, SourceItem
from mlwf_tui.workflow.hands import Hands, open_hands
from mlwf_tui.workflow.refs import resolve_manifest, resolve_project_ref
from mlwf_tui.workflow.transforming.making_hand import Shown, ShowTask, Task
from mlwf_tui.workflow.transforming.planning import (
    Counts,
    Fate,
    Planned,
    Survey,
    join_source_schemas,
    transform_schema,
)
from mlwf_tui.workflow.transforming.recipes import Recipe, check_recipe, name_sources
from mlwf_tui.workflow.transforming.sources import Source, Sources
from mlwf_tui.workspace import Workspace

T = TypeVar("T")
_encoder = msgspec.msgpack.Encoder()
_shown_decoder = msgspec.msgpack.Decoder(Shown)


class PreviewImage(msgspec.Struct, frozen=True):
    """An item and its image as a file (JPEG, PNG, …); `image` is empty where it cannot be read."""

    item: Item
    image: bytes


class PreviewPair(msgspec.Struct, frozen=True, kw_only=True):
    """One item before and after. `before` has several for a mosaic; `after` is None for what is dropped.

    `problem` says why an image cannot be made, in words; `after` is None then.
    """

    fate: Fate
    before: tuple[PreviewImage, ...]
    after: PreviewImage | None
    problem: str = ""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """Some items before and after, in key order of the sources, and what would become of all."""

    pairs: tuple[PreviewPair, ...]
    counts: Counts
    schema: LabelSchema  # of the sources, with their colours
    result_schema: LabelSchema


def preview(
    workspace: Workspace,
    operation: str,
    refs: Sequence[str],
    *,
    params: Mapping[str, Any],
    seed: int = 0,
    keys: Collection[str] = (),
    count: int = 4,
    observer: Observer,
) -> Preview:
    """Apply an operation to a few items and return them before and after, with the counts of all.

    The results are the very ones that `transform` makes with the same arguments. `keys` are those of the
    source items to show (`dataset/name`, behind `PROJECT/` where there are several refs); without any,
    `count` results are chosen, spread over the project, those that change something first. Where items
    are dropped, some of them are among the pairs. At most `count` pairs come of each key.

    Images are changed in a process of their own, whose start takes about a second; whoever shows one
    preview after the other keeps a `Previewer`, which starts it once.

    Raises: what `transform` would, but for an operation that leaves no item: that has no results to show.
    """
    with Previewer(workspace) as previewer:
        return previewer.preview(
            operation, refs, params=params, seed=seed, keys=keys, count=count, observer=observer
        )


class Previewer:
    """Shows previews one after the other by one process, started when an image is first to be changed.

    A context manager; used by one thread at a time.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stack = ExitStack()
        self._hands: Hands | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def preview(
        self,
        operation: str,
        refs: Sequence[str],
        *,
        params: Mapping[str, Any],
        seed: int = 0,
        keys: Collection[str] = (),
        count: int = 4,
        sources: Sequence[Source] = (),
        observer: Observer,
    ) -> Preview:
        """As the function `preview`; `sources`, where there are any, take the place of what `refs` name."""
        workspace = self._workspace
        named = tuple(sources) or self._open(refs)
        recipe = check_recipe(workspace, operation, params, seed, named)
        schema = join_source_schemas(workspace.store, recipe)
        result_schema = transform_schema(recipe.operation, schema, recipe.params)
        items = Sources(workspace.store, recipe.sources, between=observer.check_cancelled)
        survey = Survey(recipe, items, schema)
        chosen = _choose(survey, keys, count, observer)
        pairs = []
        for one in chosen:
            observer.check_cancelled()
            pairs.append(self._show(recipe, items, one))
        return Preview(pairs=tuple(pairs), counts=survey.counts, schema=schema, result_schema=result_schema)

    def _open(self, refs: Sequence[str]) -> tuple[Source, ...]:
        workspace = self._workspace
        found = [(*resolve_project_ref(workspace, ref), resolve_manifest(workspace, ref)[1]) for ref in refs]
        return name_sources([(project.name, number, manifest) for project, number, manifest in found])

    def _show(self, recipe: Recipe, sources: Sources, chosen: Planned | int) -> PreviewPair:
        if isinstance(chosen, int):
            return PreviewPair(fate=Fate.DROPPED, before=(_read(sources[chosen]),), after=None)
        result = chosen.result
        if isinstance(result, PlannedItem):
            source = sources[result.source]
            before = _read(source)
            return PreviewPair(
                fate=chosen.fate,
                before=(before,),
                after=PreviewImage(result.item, before.image),
                problem=result.problem,
            )
        shown = self._make(recipe, sources, result)
        after = None if shown.item is None else PreviewImage(shown.item, shown.image)
        return PreviewPair(
            fate=chosen.fate,
            before=tuple(_read(sources[at]) for at in result.sources),
            after=after,
            problem=shown.problem,
        )

    def _make(self, recipe: Recipe, sources: Sources, draft: Draft) -> Shown:
        if self._hands is None:
            self._hands = self._stack.enter_context(open_hands(self._workspace.home, "show", b"", count=1))
        task = Task(_encoder.encode(draft), tuple(sources.place(at) for at in draft.sources))
        told = ShowTask(recipe.operation.name, asdict(recipe.params), recipe.sources, task)
        try:
            (answer,) = self._hands.map([_encoder.encode(told)])
        except StorageFailed:
            self._hands = None  # it died; the next preview starts another
            raise
        return _shown_decoder.decode(answer)


def _choose(survey: Survey, keys: Collection[str], count: int, observer: Observer) -> list[Planned | int]:
    """Go through the plan and return the results to show, and positions of dropped items, in order."""
    wanted = {at for at, source in enumerate(survey.sources) if source.item.key in keys} if keys else None
    telling: _Spread[Planned] = _Spread(count * (len(wanted) if wanted else 1))
    others: _Spread[Planned] = _Spread(telling.most)
    for planned in survey.iter_planned(observer):
        if wanted is None or not wanted.isdisjoint(_list_positions(planned.result)):
            (others if planned.fate is Fate.UNCHANGED else telling).add(planned)
    dropped: _Spread[int] = _Spread(telling.most)
    for at, is_used in enumerate(survey.is_used):
        if not is_used and (wanted is None or at in wanted):
            dropped.add(at)
    return _mix(telling.most, [*telling, *others], list(dropped), is_all=wanted is not None)


def _mix(most: int, results: list[Planned], dropped: list[int], *, is_all: bool) -> list[Planned | int]:
    """Return up to `most` of both, in order; dropped items take half of the room where it is scarce."""
    if is_all:
        return sorted([*results[:most], *dropped], key=_rank)
    room = min(len(dropped), max(most // 2, most - len(results)))
    return sorted([*results[: most - room], *_thin(dropped, room)], key=_rank)


def _rank(chosen: Planned | int) -> int:
    return chosen if isinstance(chosen, int) else _list_positions(chosen.result)[0]


def _list_positions(result: PlannedItem | Draft) -> tuple[int, ...]:
    return (result.source,) if isinstance(result, PlannedItem) else result.sources


def _read(source: SourceItem) -> PreviewImage:
    try:
        return PreviewImage(source.item, source.read_image())
    except CorruptData:
        return PreviewImage(source.item, b"")


class _Spread(Generic[T]):
    """Takes any number of things and keeps a few, evenly spread over all that came."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: list[T] = []
        self._step = 1
        self._seen = 0

    def add(self, thing: T) -> None:
        """Take a thing: every `step`-th is kept, and `step` doubles where twice too many are."""
        if self.most and not self._seen % self._step:
            self._kept.append(thing)
            if len(self._kept) == 2 * self.most:
                self._kept = self._kept[::2]
                self._step *= 2
        self._seen += 1

    def __iter__(self) -> Iterator[T]:
        """Yield at most `most` of what is kept, spread as evenly as that goes."""
        return iter(_thin(self._kept, self.most))


def _thin(things: list[T], most: int) -> list[T]:
    """Return at most `most` of the things, evenly spread."""
    return things if len(things) <= most else [things[at * len(things) // most] for at in range(most)]
