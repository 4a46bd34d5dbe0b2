"""A hand that makes drafts: tasks in, rows of items out, images into packs of its own; not a verb."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import CorruptData, InvalidInput, NotFound, PluginError, StorageFailed
from mlwf_tui.params import build_params
from mlwf_tui.protocols.operations import Draft, ImageOperation, ResultItem, SourceItem
from mlwf_tui.registry import Registry
from mlwf_tui.store.manifests import EncodedItem, encode
from mlwf_tui.store.store import Store
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.messages import Work
from mlwf_tui.workflow.transforming.blaming import describe_fault
from mlwf_tui.workflow.transforming.finished_drafts import DraftLog, FinishedDraft, digest_draft, place_drafts
from mlwf_tui.workflow.transforming.sources import Place, Source

_SEAL_AFTER_S = 1.0
_SEAL_SHARE = 0.05
"""Of the time so far: what a kill can cost, against how many packs are left."""


class MakingSetup(msgspec.Struct, array_like=True, frozen=True):
    """What a making hand is told first."""

    operation: str
    params: Mapping[str, Any]
    sources: tuple[Source, ...]
    recipe: Digest


class Task(msgspec.Struct, array_like=True, frozen=True):
    """One draft to make, encoded, and where its sources stand."""

    draft: bytes
    places: tuple[Place, ...]


class Outcome(msgspec.Struct, array_like=True, frozen=True):
    """What became of a draft: an item's row, a problem, or neither where nothing of it was left."""

    item: EncodedItem | None = None
    problem: str = ""


class Made(msgspec.Struct, array_like=True, frozen=True):
    """The answer to some tasks, with the versions of the libraries that have a part in it."""

    outcomes: list[Outcome]
    libraries: Mapping[str, str]


class Shown(msgspec.Struct, array_like=True, frozen=True):
    """What a draft would become: an item and its image, a problem, or neither."""

    item: Item | None = None
    image: bytes = b""
    problem: str = ""


class ShowTask(msgspec.Struct, array_like=True, frozen=True):
    """A draft of any operation to show; nothing of it is stored."""

    operation: str
    params: Mapping[str, Any]
    sources: tuple[Source, ...]
    task: Task


_encoder = msgspec.msgpack.Encoder()
_setup_decoder = msgspec.msgpack.Decoder(MakingSetup)
_tasks_decoder = msgspec.msgpack.Decoder(list[Task])
_show_decoder = msgspec.msgpack.Decoder(ShowTask)
_draft_decoder = msgspec.msgpack.Decoder(Draft)


_LIBRARIES = {"albumentations": "albumentations", "cv2": "opencv", "numpy": "numpy", "PIL": "pillow"}
"""What changes pixels, by module: another version of it may make others."""


def describe_libraries() -> dict[str, str]:
    """Return the versions of the libraries for pixels that this process has loaded."""
    loaded = {name: sys.modules[module] for module, name in _LIBRARIES.items() if module in sys.modules}
    return {name: str(getattr(module, "__version__", "unknown")) for name, module in loaded.items()}


@contextmanager
def open_making(home: Path, setup: bytes) -> Iterator[Work]:
    """Be a hand that makes drafts. Whatever it ends by, what it has made is durable and noted then."""
    told = _setup_decoder.decode(setup)
    maker = Maker(told.operation, told.params, told.sources)
    gc.enable()  # libraries that change images do make cycles
    with Store(home / "store") as store, store.hold_shared(), ExitStack() as stack:
        log = stack.enter_context(closing(DraftLog(place_drafts(home, told.recipe))))
        keeper = stack.enter_context(closing(_Keeper(store, log)))

        def make(message: bytes) -> bytes:
            outcomes = [_make(maker, keeper, store, task) for task in _tasks_decoder.decode(message)]
            keeper.seal_if_due()
            return _encoder.encode(Made(outcomes, describe_libraries()))

        try:
            yield make
        except StorageFailed:
            raise  # the disk would refuse again
        except BaseException:
            keeper.seal()  # also where the process that it works for was killed: this much is done
            raise
        keeper.seal()


@contextmanager
def open_showing(home: Path, _: bytes) -> Iterator[Work]:
    """Be a hand that makes drafts to be looked at."""
    gc.enable()
    with Store(home / "store") as store:

        def show(message: bytes) -> bytes:
            told = _show_decoder.decode(message)
            maker = Maker(told.operation, told.params, told.sources)
            result, _, problem = maker.make(store, told.task)
            if result is None:
                return _encoder.encode(Shown(problem=problem))
            return _encoder.encode(Shown(replace(result.item, size_bytes=len(result.image)), result.image))

        yield show


class Maker:
    """Makes drafts of one operation."""

    def __init__(self, operation: str, params: Mapping[str, Any], sources: Sequence[Source]) -> None:
        """Load the operation.

        Raises:
            PluginError: it yields drafts, but has no `make`.
        """
        self._operation = cast(ImageOperation, Registry().get_operation(operation))
        if not hasattr(self._operation, "make"):
            raise PluginError(f"The operation {operation} drafts images, but has no `make`.")
        self._params = build_params(self._operation.params_type, params)
        self._sources = tuple(sources)

    def make(self, store: Store, task: Task) -> tuple[ResultItem | None, Sequence[SourceItem], str]:
        """Return what a draft becomes, what it was made of, and why it cannot be made, if so.

        Raises:
            StorageFailed: the store cannot be read.
        """
        draft = _draft_decoder.decode(task.draft)
        sources: list[SourceItem] = []
        try:
            sources += [self._sources[place.source].read_item(store, place.row) for place in task.places]
            result = self._operation.make(draft, sources, self._params)
        except (InvalidInput, CorruptData, NotFound) as error:
            return None, sources, error.message
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's code, and one image must not end hours of work
            return None, sources, f"{self._operation.name} failed: {describe_fault(error)}"
        if result is not None and (result.item.dataset, result.item.name) != (draft.dataset, draft.name):
            return None, sources, f"{self._operation.name} called the result {result.item.key}."
        return result, sources, ""


class _Keeper:
    """Stores what was made, and from time to time makes it durable and notes it."""

    def __init__(self, store: Store, log: DraftLog) -> None:
        self._store = store
        self._log = log
        self._stack = ExitStack()
        self._writer: StoreWriter | None = None
        self._unsealed: list[FinishedDraft] = []
        self._began_at = self._sealed_at = time.monotonic()

    def put(self, draft: bytes, made: ResultItem | None, sources: Sequence[SourceItem]) -> EncodedItem | None:
        """Store a result and return its row.

        Raises:
            InvalidInput: no manifest may hold the item.
            StorageFailed: the disk refused.
        """
        if made is None:
            self._unsealed.append(FinishedDraft(draft, b"", None))
            return None
        if self._writer is None:
            self._writer = self._stack.enter_context(self._store.writer())
        blob = self._writer.put(made.image)
        row = encode(fill_in(made, blob, sources))
        self._unsealed.append(FinishedDraft(draft, bytes.fromhex(blob), row))
        return row

    def seal_if_due(self) -> None:
        """Make durable what was made, if there is much that a kill would cost."""
        now = time.monotonic()
        if now - self._sealed_at >= max(_SEAL_AFTER_S, _SEAL_SHARE * (now - self._began_at)):
            self.seal()

    def seal(self) -> None:
        """Make durable what was made, and then note it.

        Raises:
            StorageFailed: the disk refused.
        """
        self._stack.close()
        self._writer = None
        self._log.append(self._unsealed)
        self._unsealed = []
        self._sealed_at = time.monotonic()

    def close(self) -> None:
        """Drop what is not sealed."""
        self._unsealed = []
        if self._writer is not None:
            self._stack.pop_all().__exit__(_Dropped, _Dropped(), None)


class _Dropped(Exception):
    """Tells a writer that what it holds is not wanted."""


def fill_in(made: ResultItem, blob: Digest, sources: Sequence[SourceItem]) -> Item:
    """Return a made item with what its operation could not know: its blob, its size, its origins."""
    roots = [root for source in sources for root in (source.item.origins or (source.origin,)) if root]
    origins = tuple(dict.fromkeys(roots))
    return replace(made.item, blob=blob, size_bytes=len(made.image), origins=origins)


def _make(maker: Maker, keeper: _Keeper, store: Store, task: Task) -> Outcome:
    made, sources, problem = maker.make(store, task)
    if problem:
        return Outcome(problem=problem)
    try:
        return Outcome(keeper.put(digest_draft(task.draft), made, sources))
    except InvalidInput as error:
        return Outcome(problem=error.message)
