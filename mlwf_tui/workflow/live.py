"""Marks all that the catalog names, for those who delete bytes; not a verb."""

from __future__ import annotations

from datetime import datetime

from mlwf_tui.errors import CorruptData
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.references import LiveSet
from mlwf_tui.workflow.transforming.finished_drafts import iter_kept_blobs
from mlwf_tui.workspace import Workspace


def mark_live(
    workspace: Workspace, live: LiveSet, observer: Observer, *, since: datetime | None = None
) -> None:
    """Add to `live` what the catalog names now, and images of transforms that have yet to end.

    See `Roots.read` for `since`.

    Raises:
        CorruptData: something cannot be read, so what it needs is not known.
    """
    roots = workspace.catalog.roots.read(since=since)
    for count, root in enumerate(roots, start=1):
        observer.check_cancelled()
        observer.progress(count, len(roots), f"marking {root.title}")
        if not root.is_manifest:
            live.mark_blob(root.digest)
            continue
        try:
            live.mark_manifest(root.digest)
        except CorruptData as error:
            if not root.is_optional:
                raise _refuse(root.title, error) from error
    for blob in iter_kept_blobs(workspace.home, since):
        live.mark_blob(blob)
    try:
        live.mark_chunks()
    except CorruptData as error:
        raise _refuse("a large file", error) from error


def _refuse(title: str, error: CorruptData) -> CorruptData:
    return CorruptData(
        f"What {title} needs cannot be told, so nothing is deleted. {error.message}",
        hint="mlwf verify lists the damage, mlwf verify --repair-from BACKUP mends it.",
    )
