"""tag and untag: names for versions, PROJECT@TAG; words on models, reports, runs, folders and files."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.project import Project, Version
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.graphs.refs_on_graph import find_card_node
from mlwf_tui.workflow.refs import check_tag, check_version_tag, resolve_version
from mlwf_tui.workspace import Workspace


class TagResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was tagged, or was until now, and all the tags it has now."""

    node: str  # kind:id
    tag: str
    tags: tuple[str, ...]
    project: str | None = None  # only of a version, as its number
    version: int | None = None


def tag(workspace: Workspace, ref: str, name: str, *, is_forced: bool = False) -> TagResult:
    """Let PROJECT@NAME mean the version `ref`; with `is_forced` also where it means another one now.

    A tag of anything else is a word to find it by, and others may have it too.

    Raises:
        NotFound: nothing is named so.
        InvalidParameter: a project was named without its version, or a tag cannot be named so.
        Conflict: the tag names another version.
    """
    catalog, author = workspace.catalog, workspace.settings.author
    with catalog.transaction():
        kind, node_id, entity = find_card_node(workspace, ref)
        match entity:
            case Project():
                resolve_version(workspace, ref)  # which says that there is none
                raise AssertionError("a project is no version")
            case Version():
                if catalog.tags.find_number(entity.project_id, name) is None:
                    check_version_tag(name)
                catalog.tags.set(entity, name, is_moving=is_forced, author=author)
                return _tell(workspace, entity, name)
        check_tag(name)
        node = f"{kind}:{node_id}"
        card = catalog.cards.change(
            node, lambda before: replace(before, tags=tuple(sorted({*before.tags, name}))), author=author
        )
    return TagResult(node=node, tag=name, tags=card.tags)


def untag(workspace: Workspace, ref: str, name: str) -> TagResult:
    """Take a tag off what has it. Of a project it is that of the version which PROJECT@NAME means.

    Raises:
        NotFound: nothing is named so, or it has no such tag.
    """
    catalog, author = workspace.catalog, workspace.settings.author
    with catalog.transaction():
        kind, node_id, entity = find_card_node(workspace, ref)
        match entity:
            case Project():
                number = catalog.tags.get_number(entity.id, name)
                entity = catalog.versions.get(entity.id, number)
            case Version():
                _check_tagged(ref, name, entity.tags)
        if isinstance(entity, Version):
            catalog.tags.remove(entity, name, author=author)
            return _tell(workspace, entity, name)
        node = f"{kind}:{node_id}"
        _check_tagged(ref, name, catalog.cards.get(node).tags)
        card = catalog.cards.change(
            node,
            lambda before: replace(before, tags=tuple(t for t in before.tags if t != name)),
            author=author,
        )
    return TagResult(node=node, tag=name, tags=card.tags)


def _check_tagged(ref: str, name: str, tags: Sequence[str]) -> None:
    if name not in tags:
        hint = f"It is tagged {', '.join(tags)}." if tags else "It has no tag."
        raise NotFound(f"{ref} is not tagged {name!r}.", hint=hint)


def _tell(workspace: Workspace, version: Version, name: str) -> TagResult:
    found = workspace.catalog.versions.get_by_id(version.id)
    return TagResult(
        node=f"version:{version.id}",
        tag=name,
        tags=found.tags,
        project=version.project_name,
        version=version.number,
    )
