"""Brings a checkout back that was killed while files were written, or that a power cut took bytes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData, InvalidInput
from mlwf_tui.formats.supervisely import encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place
from mlwf_tui.processes import read_boot_id
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import find_rows, read_summary
from mlwf_tui.store.rows import ItemRow, decode_row
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.importing.reading import MAX_IMAGE_BYTES, read_stable
from mlwf_tui.workflow.importing.scan import scan_folder
from mlwf_tui.workflow.trees.files import clear_leftovers
from mlwf_tui.workflow.trees.plan import encode_file, plan_change
from mlwf_tui.workflow.trees.state import (
    TreeState,
    distrust,
    find_touched,
    may_have_lost,
    write_state,
)
from mlwf_tui.workflow.trees.tree import find_in_the_way, find_keys, forget_in_the_way, set_aside, settle
from mlwf_tui.workflow.trees.write import write_plan
from mlwf_tui.workspace import Workspace

_BATCH = 1000  # items looked up at once
_BLOCK_BYTES = 4096  # a file system's: it comes to the disk whole or not at all


def is_sound(state: TreeState) -> bool:
    """Say whether the files are those of the state's manifest, but for what somebody edited."""
    return not state.target and not may_have_lost(state)


class Recovered(NamedTuple):
    """The state of a folder that was brought back, and what that took."""

    state: TreeState
    written_count: int  # files
    removed_count: int


def recover(workspace: Workspace, folder: Path, state: TreeState, observer: Observer) -> Recovered:
    """Write what was lost or is not there yet.

    After a power cut each file is read once and compared with what should be there. One that is torn is
    written again. Files that are as no manifest has them, and not torn, were edited: they stay, and are
    edits of the manifest that the others become. Those that had given way are moved aside before that.
    The caller holds the folder.

    Raises:
        StorageFailed, CorruptData: as `write_plan`.
    """
    set_aside(folder, state)
    clear_leftovers(folder)
    listing = scan_folder(folder)
    target = state.target or state.manifest
    trusted = distrust(state) if may_have_lost(state) else state
    touched, judge = _judge(workspace, trusted, listing, observer)
    due = {path: key for path, key in touched.items() if path not in judge.done and path not in judge.edited}
    if not state.target:  # all names were durable: who is gone was removed by somebody
        due = {path: key for path, key in due.items() if path in judge.found}
    right = {*judge.done, *judge.edited}
    edited = {path: touched[path] for path in judge.edited}  # which no item takes along to its new name
    plan = plan_change(workspace.store, state.manifest, target, due | edited).without(right)
    written = write_plan(workspace, folder, plan, trusted.files, is_new=False, observer=observer)
    gone = plan.gone
    files = {path: sign for path, sign in trusted.files.items() if path not in gone}
    files |= settle(judge.done | written.files) | dict.fromkeys(judge.edited, b"")
    recovered = msgspec.structs.replace(
        forget_in_the_way(folder, trusted),
        manifest=target,
        target=Digest(""),
        verb="",
        files=files,
        boot=read_boot_id() if written.files else trusted.boot,
    )
    write_state(folder, recovered)
    return Recovered(recovered, len(written.files), written.removed)


def foresee(workspace: Workspace, state: TreeState, listing: FolderListing, observer: Observer) -> TreeState:
    """Return the state by which a folder in the middle of a verb has only what somebody edited to tell.

    Files of the former manifest and of that which they become are both known, and so are those that are
    torn or not there yet, or have given way and were not moved yet. Nothing is written.
    """
    trusted = distrust(state) if may_have_lost(state) else state
    touched, judge = _judge(workspace, trusted, listing, observer)
    given_up = find_in_the_way(listing.root, state)
    edited = {path: b"" for path in judge.edited if path not in given_up}
    ours = {path: judge.found[path] for path, key in touched.items() if path in judge.found and key}
    files = {path: sign for path, sign in trusted.files.items() if path in judge.found}
    if META_NAME in judge.found:
        ours[META_NAME] = judge.found[META_NAME]
    return msgspec.structs.replace(
        trusted, manifest=state.target or state.manifest, target=Digest(""), files=files | ours | edited
    )


def _judge(
    workspace: Workspace, trusted: TreeState, listing: FolderListing, observer: Observer
) -> tuple[dict[str, str], _Judge]:
    """Return the touched files with their items' keys, and whose doing each is."""
    found = listing.list_signatures()
    touched = find_keys(find_touched(trusted, found))
    target = trusted.target or trusted.manifest
    judge = _Judge(workspace.store, trusted.manifest, target, listing.root, found, observer)
    judge.look(touched)
    return touched, judge


@dataclass(slots=True)
class _Judge:
    """Tells touched files that are done, edited, or neither: torn, gone, or still the former ones."""

    store: Store
    before: Digest
    after: Digest
    root: Path
    found: Mapping[str, bytes]  # signatures by path
    observer: Observer
    done: dict[str, bytes] = field(default_factory=dict)  # and of those that are as they should be
    edited: list[str] = field(default_factory=list)

    def look(self, touched: Mapping[str, str]) -> None:
        """Read all touched files that are there; items are held in memory a few at a time."""
        paths: defaultdict[str, list[str]] = defaultdict(list)
        for path, key in touched.items():
            if path in self.found and (key or path == META_NAME):
                paths[key].append(path)
        if paths.pop("", None):
            self._judge_meta()
        count = 0
        for keys in _iter_batches(sorted(paths)):
            after, before = self._read_rows(self.after, keys), self._read_rows(self.before, keys)
            for key in keys:
                for path in paths[key]:
                    self._judge_item(path, after.get(key), before.get(key))
            count += len(keys)
            self.observer.check_cancelled()
            self.observer.progress(count, len(paths), "comparing files")

    def _read_rows(self, manifest: Digest, keys: Collection[str]) -> dict[str, ItemRow]:
        return {key: decode_row(row) for key, row in find_rows(self.store, manifest, keys)}

    def _judge_meta(self) -> None:
        content = self._read(META_NAME)
        if content is None:
            return
        wanted, former = (
            encode_meta(read_summary(self.store, one).schema) for one in (self.after, self.before)
        )
        if content != wanted:
            del self.done[META_NAME]
            if not is_torn(content, wanted) and not is_torn(content, former):
                self.edited.append(META_NAME)

    def _judge_item(self, path: str, after: ItemRow | None, before: ItemRow | None) -> None:
        content = self._read(path)
        place = find_place(path)
        assert place is not None  # it has a key
        if content is None or (after is not None and _is_whole(content, after, is_image=place.is_image)):
            return
        del self.done[path]
        known = [row for row in (after, before) if row is not None]
        if not any(self._is_left_of(content, row, is_image=place.is_image) for row in known):
            self.edited.append(path)

    def _read(self, path: str) -> bytes | None:
        """Return what a file holds and take it for done, or for edited where somebody is at it."""
        try:
            content, signature = read_stable(f"{self.root}/{path}", self.found[path], MAX_IMAGE_BYTES)
        except InvalidInput:
            self.edited.append(path)
            return None
        self.done[path] = signature
        return content

    def _is_left_of(self, content: bytes, row: ItemRow, *, is_image: bool) -> bool:
        """Say whether content is a file of this item, whole or torn; what cannot be compared is not."""
        if not is_image:
            return is_torn(content, encode_file(row))
        if len(content) > row.size_bytes:
            return False
        if _is_whole(content, row, is_image=True):
            return True
        try:
            return is_torn(content, self.store.read(Digest(row.blob.hex())))
        except CorruptData:  # somebody's work is not to be lost for that
            return False


def is_torn(content: bytes, wanted: bytes) -> bool:
    """Say whether content is what a power cut may leave of a file: its end is missing, or blocks are zeros.

    The whole file is, too.
    """
    if len(content) > len(wanted):
        return False
    for start in range(0, len(content), _BLOCK_BYTES):
        end = start + _BLOCK_BYTES
        if content[start:end] != wanted[start:end] and not wanted[start:end].startswith(
            content[start:end].rstrip(b"\0")
        ):
            return False
    return True


def _is_whole(content: bytes, row: ItemRow, *, is_image: bool) -> bool:
    if not is_image:
        return content == encode_file(row)
    return len(content) == row.size_bytes and compute_digest(content) == row.blob.hex()


def _iter_batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]
