"""Projects, the states their heads have stood on, and the versions that name such states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.ids import Digest, ProjectId, RunId, StateId, VersionId

DEFAULT_WORKSPACE = "default"


class ManifestSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest says of itself without its items being read."""

    digest: Digest
    schema: LabelSchema
    item_count: int
    object_count: int
    size_bytes: int  # of all images, each item counted


class ManifestContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest's items add up to: items by dataset and by split, objects by class."""

    datasets: Mapping[str, int]
    splits: Mapping[str, int]
    classes: Mapping[str, int]


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A tree of datasets of items; `head` is the state it stands on now."""

    id: ProjectId
    workspace: str
    name: str
    description: str
    head: StateId
    manifest: Digest  # of head
    item_count: int  # of head
    created_at: datetime
    updated_at: datetime
    latest_version: int | None  # its number
    is_changed: bool  # head differs from the latest version's manifest, or there is no version yet
    head_version: int | None = None  # the number of the newest version that holds what the head holds


class ProjectState(msgspec.Struct, frozen=True, kw_only=True):
    """One position that a project's head has taken; made by a run, never edited."""

    id: StateId
    project_id: ProjectId
    manifest: Digest
    item_count: int
    run_id: RunId | None
    created_at: datetime
    base: int = 0  # the number of the version that it comes behind, 0 before the first
    minor: int = 0  # its place behind that version: `project@base.minor`


class VersionKind(StrEnum):
    """Why a version was made."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"
    RESTORED = "restored"
    MERGED = "merged"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered, described, authored name for one immutable manifest."""

    id: VersionId
    project_id: ProjectId
    project_name: str
    number: int
    manifest: Digest
    message: str
    kind: VersionKind
    author: str
    created_at: datetime
    item_count: int
    parents: tuple[VersionId, ...] = ()
    tags: tuple[str, ...] = ()  # in the order of their letters; `project@tag` means this version

    @property
    def ref(self) -> str:
        """`project@number`, as a person writes it."""
        return f"{self.project_name}@{self.number}"

    @property
    def full_ref(self) -> str:
        """`project_id@number`, which means the same version whatever its project is called."""
        return f"{self.project_id}@{self.number}"
