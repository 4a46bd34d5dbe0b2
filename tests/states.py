"""Puts a project straight onto a given state, without a folder to import from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    LabelSchema,
    Tag,
    define_classes,
)
from mlwf_tui.entities.ids import Digest, ProjectId, VersionId
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.project import VersionKind
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.workspace import Workspace

SCHEMA = LabelSchema(define_classes(("car", "dog")))


def make_object(
    class_name: str = "car", left: float = 0, top: float = 0, size: float = 10, *, tags: Sequence[Tag] = ()
) -> AnnotatedObject:
    """Return a square object."""
    geometry = Geometry.rectangle(left, top, left + size, top + size)
    return AnnotatedObject(class_name, geometry, tags=tuple(tags))


def make_plain_item(
    key: str,
    *objects: AnnotatedObject,
    pixels: str = "",
    split: Split = Split.TRAIN,
    tags: Sequence[Tag] = (),
) -> Item:
    """Return an item whose blob is nowhere; `pixels` decides its digest, the key where it is empty."""
    dataset, _, name = key.rpartition("/")
    return Item(
        dataset=dataset,
        name=name,
        blob=Digest(hashlib.sha256((pixels or key).encode()).hexdigest()),
        size_bytes=100,
        width_px=64,
        height_px=48,
        split=split,
        annotation=Annotation(objects, tuple(tags)),
    )


def set_state(
    workspace: Workspace, name: str, items: Iterable[Item], *, schema: LabelSchema = SCHEMA
) -> None:
    """Let a project's head hold exactly `items`; the project is made where it is missing."""
    projects = workspace.catalog.projects
    with workspace.store.writer() as writer:
        empty = write_manifest(writer, LabelSchema(), ()).digest
        manifest = write_manifest(writer, schema, items)
    project = projects.find(name, "default") or projects.create(
        name, workspace="default", manifest=empty, item_count=0
    )
    projects.move_head(
        project.id,
        expected=project.head,
        manifest=manifest.digest,
        item_count=manifest.item_count,
        run_id=None,
        verb="import",
    )


def add_version(
    workspace: Workspace,
    name: str,
    items: Iterable[Item],
    *,
    schema: LabelSchema = SCHEMA,
    parents: Sequence[VersionId] = (),
) -> VersionId:
    """Let a project's head hold exactly `items`, give it its next version, and return that one's id."""
    set_state(workspace, name, items, schema=schema)
    project = workspace.catalog.projects.get(name)
    version = workspace.catalog.versions.create(
        ProjectId(project.id),
        manifest=project.manifest,
        item_count=project.item_count,
        message="",
        kind=VersionKind.MANUAL,
        author="a",
        parents=parents,
    )
    return version.id
