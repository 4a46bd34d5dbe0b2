"""commit: give a project's present state a version."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mlwf_tui.entities.change import ChangeKind, Diff
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import check_text
from mlwf_tui.entities.project import Project, Version, VersionKind
from mlwf_tui.errors import Conflict
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.running.recorder import pin_head
from mlwf_tui.workspace import Workspace

MAX_NAMED_CLASSES = 3


class CommitResult(msgspec.Struct, frozen=True, kw_only=True):
    """The version that names the head; `created` is False where it had one already."""

    project: str
    version: int
    created: bool


def commit(workspace: Workspace, project: str, *, message: str | None = None) -> CommitResult:
    """Name the head of `project` as a version, in constant time.

    Without a message it gets one that says what changed; finding that out takes as long as there is
    difference.

    Raises:
        NotFound: there is no such project, or PROJECT@N was given, which is a version already.
        InvalidParameter: the message holds a control character.
        InvalidInput: the project has never held an item.
        Conflict: the head was moved while its change was summed up.
    """
    check_text(message or "", "message")
    found = workspace.catalog.projects.get(project)
    text = message or _summarise(workspace, found)
    with workspace.catalog.transaction():
        before = workspace.catalog.versions.latest(found.id)
        if not message and workspace.catalog.projects.get_by_id(found.id).head != found.head:
            raise Conflict(
                f"{found.name} was changed by somebody else meanwhile.", hint="Look at it and commit again."
            )
        version = pin_head(workspace, found, message=text, kind=VersionKind.MANUAL)
    is_new = before is None or version.id != before.id
    return CommitResult(project=found.name, version=version.number, created=is_new)


def summarise_head(workspace: Workspace, project: str) -> str:
    """Return what changed since the last version in a few words, `12 added, class car added`.

    Empty where nothing did.

    Raises:
        NotFound: there is no such project.
    """
    return _summarise(workspace, workspace.catalog.projects.get(project))


def summarise_version(workspace: Workspace, version: Version) -> str:
    """Return what a version changed since the one before it, in a few words; of the first what it holds."""
    found = diff(workspace, None, f"{version.project_id}@{version.number}", max_items=0)
    if not found.before:
        return _summarise_whole(workspace, version.manifest)
    return ", ".join(_tell(found)) or f"the same as {found.before.rpartition('@')[2]}"


def _summarise_whole(workspace: Workspace, manifest: Digest) -> str:
    summary = read_summary(workspace.store, manifest)
    return f"{_count(summary.item_count, 'item')}, {_count(len(summary.schema.classes), 'class', 'es')}"


def _summarise(workspace: Workspace, project: Project) -> str:
    if project.latest_version is None:
        return _summarise_whole(workspace, project.manifest)
    if not project.is_changed:
        return ""
    before = f"{project.id}@{project.latest_version}"
    return ", ".join(_tell(diff(workspace, before, project.id, max_items=0)))


def _tell(found: Diff) -> Iterator[str]:
    relabelled = sum(change.objects_relabelled_in for change in found.classes)
    for kind in ChangeKind:
        count = found.count(kind)
        if count:
            detail = f" ({relabelled:,} relabelled)" if kind is ChangeKind.CHANGED and relabelled else ""
            yield f"{count:,} {kind}{detail}"
    for kind in ChangeKind:
        names = [c.name for c in found.classes if c.kind is kind and c.before != c.after]
        if names:
            more = f" and {len(names) - MAX_NAMED_CLASSES} more" if len(names) > MAX_NAMED_CLASSES else ""
            noun = "class" if len(names) == 1 else "classes"
            yield f"{noun} {', '.join(names[:MAX_NAMED_CLASSES])}{more} {kind}"
    if found.tags:
        yield "tag definitions changed"
    if found.is_class_order_changed:
        yield "classes in another order"


def _count(count: int, noun: str, plural: str = "s") -> str:
    return f"{count:,} {noun}{'' if count == 1 else plural}"
