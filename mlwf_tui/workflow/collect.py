"""collect: free the room of what nothing names any more."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime, timedelta

from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.collect import Collected as Collected  # what the verb returns, for faces to name
from mlwf_tui.store.collect import collect as collect_store
from mlwf_tui.store.collect import plan_collect
from mlwf_tui.store.references import LiveSet
from mlwf_tui.workflow.live import mark_live
from mlwf_tui.workflow.transforming.finished_drafts import clear_drafts
from mlwf_tui.workflow.transforming.finished_predictions import clear_predictions
from mlwf_tui.workflow.using.package_files import clear_packages
from mlwf_tui.workspace import Workspace

GRACE_S = 7 * 24 * 3600.0


def collect(
    workspace: Workspace,
    observer: Observer,
    *,
    is_dry_run: bool = True,
    grace_s: float = GRACE_S,
    timeout_s: float | None = None,
) -> Collected:
    """Drop what no version, head, undo, redo, model or report needs; a dry run says what that would free.

    What was deleted, and every state that a head took, within the last `grace_s` seconds stays.
    Others may read and write meanwhile.

    Raises:
        Busy: others kept writing for `timeout_s`, or another collect is at work; nothing was deleted.
        CorruptData: a manifest cannot be read, so what it needs is not known; nothing was deleted.
        StorageFailed: the disk refused; nothing that is needed is gone.
    """
    live = LiveSet(workspace.store)

    def mark() -> Set[bytes]:
        # The time it is now, not when we began: another collect, which we may have waited for, has
        # freed what was let go meanwhile.
        since = datetime.now(UTC) - timedelta(seconds=grace_s)
        mark_live(workspace, live, observer, since=since)
        return live.digests

    if is_dry_run:
        return plan_collect(workspace.store, mark)
    let_go_before = datetime.now(UTC) - timedelta(seconds=grace_s)
    clear_drafts(workspace.home, let_go_before)
    clear_predictions(workspace.home, let_go_before)
    clear_packages(workspace.home, let_go_before)
    return collect_store(workspace.store, mark, observer, timeout_s=timeout_s)
