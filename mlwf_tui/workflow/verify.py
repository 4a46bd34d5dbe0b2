"""verify: read every stored byte, ask for all that the catalog names, and mend from a backup if asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from mlwf_tui.catalog.roots import Root
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import CorruptData, InvalidParameter, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.references import find_unreadable
from mlwf_tui.store.repair import repair_packs
from mlwf_tui.store.store import Store
from mlwf_tui.store.verify import StoreCheck
from mlwf_tui.workflow.hits import describe_hits
from mlwf_tui.workflow.inspecting import make_inspection
from mlwf_tui.workspace import Workspace

Scope = Literal["all", "new", "sample"]


class VerifyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found. A problem's path is a file of the home, or an item as `PROJECT@N: KEY`."""

    ok: bool
    checked_bytes: int
    problems: tuple[Problem, ...]
    repaired: int = 0  # records that were taken from the backup


class _Check(msgspec.Struct, frozen=True, kw_only=True):
    packs: StoreCheck
    missing: frozenset[bytes]  # what the catalog names and the index does not
    problems: tuple[Problem, ...]

    @property
    def damaged_packs(self) -> frozenset[str]:
        return frozenset(damage.pack for damage in self.packs.damages if not damage.is_of_index)

    @property
    def has_wrong_index(self) -> bool:
        return any(damage.is_of_index for damage in self.packs.damages)


def verify(
    workspace: Workspace,
    observer: Observer,
    *,
    scope: Scope = "all",
    share: float = 1.0,
    is_rebuilding: bool = False,
    repair_from: Path | None = None,
) -> VerifyResult:
    """Check packs against their digests, the index against the packs, and ask for all that is named.

    Scope `new` reads only packs that were not found sound since they were written; `sample` reads
    `share` of all, those first that were verified longest ago. A check that was stopped goes on with
    `new`. What the catalog names is asked for in any scope. With `is_rebuilding` the store's index is
    made again from the packs first. What was found damaged is stored again by an import of its file. With
    `repair_from`, the home of a backup, what is damaged or missing is taken from there and checked again.

    Raises:
        InvalidParameter: `share` is no part of one.
        NotFound: `repair_from` is no home; nothing was read.
        Busy: a collect or another repair is at work.
        StorageFailed: the disk refused.
    """
    if not 0 < share <= 1:
        raise InvalidParameter(f"{share:g} is no share of the packs.", hint="Give 0.1 for a tenth.")
    with ExitStack() as stack:
        backup = stack.enter_context(_open_backup(workspace, repair_from)) if repair_from else None
        if is_rebuilding:
            workspace.store.rebuild_index()
        found = _check(workspace, observer, scope, share)
        if backup is None or not found.problems:
            return _sum_up(found, 0)
        return _repair(workspace, observer, found, backup)


def _repair(workspace: Workspace, observer: Observer, found: _Check, backup: Store) -> VerifyResult:
    """Mend until nothing more can be: a manifest's node that comes back may name more that is missing."""
    store, repaired = workspace.store, 0
    if found.has_wrong_index:
        store.rebuild_index()
        found = _check(workspace, observer, "all", 1.0)
    while found.problems:
        wanted = found.missing | found.packs.lost.keys()
        fetched = repair_packs(store, found.damaged_packs, wanted, backup.read_record)
        is_changed = bool(fetched or found.damaged_packs)
        repaired += fetched
        if not is_changed:
            break
        found = _check(workspace, observer, "new", 1.0)
    return _sum_up(found, repaired)


def _check(workspace: Workspace, observer: Observer, scope: Scope, share: float) -> _Check:
    """Check once; nothing is collected meanwhile, or it would look like a loss."""
    store = workspace.store
    with store.hold_shared():
        try:
            damage = workspace.catalog.roots.find_damage()
            roots = workspace.catalog.roots.read()
        except CorruptData as error:
            damage, roots = error.message, ()
        problems = [Problem("catalog.sqlite", damage)] if damage else []
        missing: frozenset[bytes] = frozenset()
        with ThreadPoolExecutor(1, thread_name_prefix="ask") as aside:
            asking = aside.submit(_find_missing, store, roots, observer)
            packs = store.verify(
                observer,
                share=share if scope == "sample" else 1.0,
                is_new_only=scope == "new",
                inspect_all=make_inspection(workspace.home, store),
            )
        if packs.is_index_lost:
            problems += packs.problems
        else:
            missing = asking.result()
            problems += describe_hits(store, packs, missing, roots)
    return _Check(packs=packs, missing=missing, problems=tuple(problems))


def _find_missing(store: Store, roots: Sequence[Root], observer: Observer) -> frozenset[bytes]:
    """Return what the catalog and the manifests name and the index does not."""
    named = {bytes.fromhex(root.digest) for root in roots if not root.is_manifest}
    nodes = find_unreadable(store, [root.digest for root in roots if root.is_manifest], observer)
    return frozenset(nodes | store.find_missing(named))


def _sum_up(found: _Check, repaired: int) -> VerifyResult:
    return VerifyResult(
        ok=not found.problems,
        checked_bytes=found.packs.checked_bytes,
        problems=found.problems,
        repaired=repaired,
    )


@contextmanager
def _open_backup(workspace: Workspace, path: Path) -> Iterator[Store]:
    home = expand_path(path)
    if not (home / "store" / "packs").is_dir() or home.samefile(workspace.home):
        raise NotFound(f"There is no backup at {path}.", hint="Give the folder that mlwf backup wrote.")
    with Store(home / "store") as store:
        yield store
