"""undelete: bring a project, version, model or report that was deleted back into sight."""

from __future__ import annotations

import msgspec

from mlwf_tui.catalog.roots import Root
from mlwf_tui.entities.deletion import Deleted
from mlwf_tui.entities.ids import VersionId
from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.references import find_unreadable
from mlwf_tui.workspace import Workspace


class UndeleteResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, and what it is called now; a version has those of its tags that were free."""

    kind: ArtifactKind
    id: str
    ref: str
    tags: tuple[str, ...] = ()
    tags_taken: tuple[str, ...] = ()  # that name another version by now


def list_deleted(workspace: Workspace) -> tuple[Deleted, ...]:
    """Return what was deleted and not collected yet, the newest first."""
    deletions = workspace.catalog.deletions
    return tuple(one for one in deletions.list() if _begins_there(workspace, deletions.list_roots(one)))


def undelete(workspace: Workspace, ref: str, *, name: str = "", observer: Observer) -> UndeleteResult:
    """Bring what is meant by a name, PROJECT@N or an id back, under another `name` where one is given.

    Of several of one name, it is the one that was deleted last. A project comes back with its versions and
    what it has to undo and redo, unless bytes of that were collected; a version with its tags, but for those
    that another has been given since.

    Raises:
        NotFound: nothing of that name was deleted, or some of its bytes are gone or damaged.
        InvalidParameter: things of several kinds are meant, or a version is to get a name.
        Conflict: another has its name.
    """
    deleted = _choose(workspace, ref)
    if name and deleted.kind is ArtifactKind.VERSION:
        raise InvalidParameter(f"{deleted.ref} keeps its number.", hint="Leave --name out.")
    with workspace.store.hold_shared():  # what is there stays there until the catalog names it
        missing = _count_missing(workspace, workspace.catalog.deletions.list_roots(deleted), observer)
        if missing:
            raise NotFound(
                f"{missing:,} files or parts of {deleted.ref} are gone or damaged.",
                hint="mlwf collect frees what was deleted a week ago. A backup may have it still.",
            )
        undoable = workspace.catalog.deletions.list_undo_roots(deleted)
        is_undoable = not _count_missing(workspace, undoable, observer)
        try:
            with workspace.catalog.transaction():
                title = workspace.catalog.deletions.take_back(deleted, name, author=workspace.settings.author)
                if not is_undoable:
                    workspace.catalog.deletions.forget_moves(deleted)
        except Conflict as error:
            raise Conflict(
                error.message, hint=f"Give it another name: mlwf undelete {deleted.id} --name NAME"
            ) from error
    tags, taken = _tell_tags(workspace, deleted)
    return UndeleteResult(kind=deleted.kind, id=deleted.id, ref=title, tags=tags, tags_taken=taken)


def _tell_tags(workspace: Workspace, deleted: Deleted) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tags that a version has again, and those that it had and another has now."""
    if deleted.kind is not ArtifactKind.VERSION:
        return (), ()
    versions = workspace.catalog.versions
    tags = versions.get_by_id(VersionId(deleted.id)).tags
    return tags, tuple(name for name in versions.read_deleted_tags(VersionId(deleted.id)) if name not in tags)


def _choose(workspace: Workspace, ref: str) -> Deleted:
    found = [one for one in workspace.catalog.deletions.list() if one.answers_to(ref)]
    if not found:
        raise NotFound(f"Nothing called {ref!r} was deleted.", hint="mlwf undelete lists what was.")
    if len({one.kind for one in found}) > 1:
        meant = ", ".join(f"the {one.kind} {one.id}" for one in found)
        raise InvalidParameter(f"{ref!r} may be {meant}.", hint="Write the id.")
    return found[0]


def _begins_there(workspace: Workspace, roots: tuple[Root, ...]) -> bool:
    """Return whether the first of what is needed can be read; cheap, where `_count_missing` asks for all."""
    return not roots or workspace.store.contains(roots[0].digest)


def _count_missing(workspace: Workspace, roots: tuple[Root, ...], observer: Observer) -> int:
    store = workspace.store
    blobs = {bytes.fromhex(root.digest) for root in roots if not root.is_manifest}
    manifests = [root.digest for root in roots if root.is_manifest]
    return len(find_unreadable(store, manifests, observer) | store.find_missing(blobs))
