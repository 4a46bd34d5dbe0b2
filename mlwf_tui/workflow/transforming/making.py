"""Makes the drafts of a plan: by hands, and none again that was made before; not a verb."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import EncodedItem
from mlwf_tui.workflow.hands import open_hands
from mlwf_tui.workflow.transforming.finished_drafts import (
    FinishedDraft,
    FinishedDrafts,
    digest_draft,
    place_drafts,
)
from mlwf_tui.workflow.transforming.making_hand import Made, MakingSetup, Outcome, Task
from mlwf_tui.workflow.transforming.planning import Fate, Plan, PlannedDraft
from mlwf_tui.workflow.transforming.recipes import Recipe
from mlwf_tui.workflow.transforming.sources import Sources
from mlwf_tui.workspace import Workspace

_FEWEST_FOR_ALL = 100
"""Fewer are made by one hand: each loads the libraries that change images, which takes as long."""
_MOST_HANDS = 16  # unless more are asked for: each takes 150 MB
_MOST_TASKS = 4  # of a message
_MOST_KNOWN = 256

Map = Callable[[Iterator[bytes]], Iterator[bytes]]
_encoder = msgspec.msgpack.Encoder()
_made_decoder = msgspec.msgpack.Decoder(Made)
_planned_decoder = msgspec.msgpack.Decoder(PlannedDraft)


def count_makers() -> int:
    """Return how many hands are worth having for making images, on the cores that this process may use."""
    return min(len(os.sched_getaffinity(0)), _MOST_HANDS)


@dataclass(slots=True)
class Tally:
    """What has become of the drafts so far."""

    made: int = 0
    resumed: int = 0  # made by an earlier run that did not end
    emptied: Counter[Fate] = field(default_factory=Counter)  # nothing was left of these
    problems: list[Problem] = field(default_factory=list)
    libraries: dict[str, str] = field(default_factory=dict)  # versions of those that have changed pixels


class _Asked(NamedTuple):
    """One draft under way; `known` is what an earlier run has made of it."""

    key: str
    fate: Fate
    known: FinishedDraft | None


@contextmanager
def open_drafts(
    workspace: Workspace,
    recipe: Recipe,
    plan: Plan,
    observer: Observer,
    *,
    workers: int | None = None,
    is_strict: bool = False,
) -> Iterator[tuple[Iterator[EncodedItem], Tally]]:
    """Give the rows of all drafts in key order, made as they are asked for, and how many there were.

    Leaving normally makes their images durable. `workers` is how many processes make them.

    Raises, also as the rows are asked for:
        InvalidInput: `is_strict`, and an image could not be made.
        StorageFailed: the disk refused, or a hand died.
        Cancelled: the observer wants it; what is made by then is not made again.
    """
    tally = Tally()
    finished = FinishedDrafts(workspace.store, place_drafts(workspace.home, recipe.digest))
    try:
        left = _count_left(plan, finished)
        hand_count = workers or (1 if left < _FEWEST_FOR_ALL else count_makers())
        with _open_map(workspace, recipe, hand_count if left else 0) as answer:
            work = _Work(workspace, recipe, plan, observer, finished, tally, is_strict)
            yield work.iter_rows(answer), tally
    finally:
        finished.close()


def _count_left(plan: Plan, finished: FinishedDrafts) -> int:
    """Return how many drafts no earlier run has made."""
    if not len(finished):
        return plan.drafts.count
    drafts = (_planned_decoder.decode(row.row).draft for row in plan.drafts.iter_sorted())
    return sum(digest_draft(_encoder.encode(draft)) not in finished for draft in drafts)


@contextmanager
def _open_map(workspace: Workspace, recipe: Recipe, hand_count: int) -> Iterator[Map]:
    """Give what answers messages; without hands nothing is left to make, which is the answer to all."""
    if not hand_count:
        yield lambda messages: (_encoder.encode(Made([], {})) for _ in messages)
        return
    told = MakingSetup(recipe.operation.name, asdict(recipe.params), recipe.sources, recipe.digest)
    with open_hands(workspace.home, "make", _encoder.encode(told), count=hand_count) as hands:
        yield hands.map


@dataclass(slots=True)
class _Work:
    """One pass over the drafts of a plan."""

    workspace: Workspace
    recipe: Recipe
    plan: Plan
    observer: Observer
    finished: FinishedDrafts
    tally: Tally
    is_strict: bool
    _asked: deque[list[_Asked]] = field(default_factory=deque)

    def iter_rows(self, map_messages: Map) -> Iterator[EncodedItem]:
        done, total = 0, self.plan.drafts.count
        self.observer.progress(0, total, self.recipe.operation.name)
        for answer in map_messages(self._iter_messages()):
            self.observer.check_cancelled()
            asked = self._asked.popleft()
            made = _made_decoder.decode(answer)
            self.tally.libraries |= made.libraries
            outcomes = iter(made.outcomes)
            for draft in asked:
                row = self._settle(draft, draft.known or next(outcomes))
                if row is not None:
                    yield row
            done += len(asked)
            self.observer.progress(done, total, asked[-1].key)

    def _iter_messages(self) -> Iterator[bytes]:
        """Yield drafts in batches, drawn a little ahead; each batch is noted as asked."""
        sources = Sources(self.workspace.store, self.recipe.sources)
        tasks: list[Task] = []
        asked: list[_Asked] = []
        for row in self.plan.drafts.iter_sorted():
            self.observer.check_cancelled()
            planned = _planned_decoder.decode(row.row)
            encoded = _encoder.encode(planned.draft)
            known = self.finished.find(digest_draft(encoded)) if len(self.finished) else None
            asked.append(_Asked(row.key, planned.fate, known))
            if known is None:
                tasks.append(Task(encoded, tuple(sources.place(at) for at in planned.draft.sources)))
            if len(tasks) == _MOST_TASKS or len(asked) == _MOST_KNOWN:
                self._asked.append(asked)
                yield _encoder.encode(tasks)
                tasks, asked = [], []
        if asked:
            self._asked.append(asked)
            yield _encoder.encode(tasks)

    def _settle(self, draft: _Asked, outcome: Outcome | FinishedDraft) -> EncodedItem | None:
        """Count what became of a draft, and return its row if there is one."""
        if isinstance(outcome, FinishedDraft):
            self.tally.resumed += 1
        elif outcome.problem:
            if self.is_strict:
                raise InvalidInput(
                    f"{draft.key} could not be made: {outcome.problem}",
                    hint="Nothing was changed. Leave out --strict to go on without such images.",
                )
            self.tally.problems.append(Problem(draft.key, outcome.problem))
        else:
            self.tally.made += 1
        if outcome.item is None:
            self.tally.emptied[draft.fate] += 1
        return outcome.item
