"""What a person can see of a place, and whether what a broken command left is old or new, and whole."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.verify import verify
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver

Contents = Mapping[str, str]
"""The digest of an item's bytes and annotation, by its key."""


@dataclass(frozen=True, slots=True)
class ProjectShape:
    """What a person can see of a project."""

    head: str
    versions: tuple[tuple[int, str, str, str], ...]  # number, manifest, message, kind
    tags: tuple[tuple[str, int], ...]


Projects = Mapping[str, ProjectShape]
"""The projects of a home, by name."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a person can see of a home, its backup, and a folder that is checked out."""

    projects: Projects
    backup: Projects
    files: Mapping[str, str]  # digest by path of the files in the work folder


@dataclass(slots=True)
class Known:
    """What every manifest holds, read once from sound homes."""

    contents: dict[str, Contents] = field(default_factory=dict)

    def learn(self, workspace: Workspace) -> None:
        for manifest in list_manifests(workspace):
            if manifest not in self.contents:
                self.contents[manifest] = read_contents(workspace, Digest(manifest))


def list_manifests(workspace: Workspace) -> set[str]:
    """Return the manifests of all heads and versions."""
    projects = workspace.catalog.projects.list()
    heads = {str(project.manifest) for project in projects}
    versions = [version for project in projects for version in workspace.catalog.versions.list(project.id)]
    return heads | {str(version.manifest) for version in versions}


def read_contents(workspace: Workspace, manifest: Digest) -> Contents:
    """Read every byte of a manifest; hashed here, so that the store's own hash is not believed."""
    items = iter_items(workspace.store, manifest)
    return {item.key: digest_item(item, workspace.store.read(item.blob)) for item in items}


def digest_item(item: Item, image: bytes) -> str:
    """Return one digest of all that an item is."""
    rest = repr((item.split, item.width_px, item.height_px, item.annotation)).encode()
    return hashlib.sha256(image + rest).hexdigest()


def read_projects(workspace: Workspace) -> Projects:
    """Return what a person can see of a home."""
    projects = {}
    for project in workspace.catalog.projects.list():
        versions = sorted(workspace.catalog.versions.list(project.id), key=lambda version: version.number)
        rows = tuple((v.number, str(v.manifest), v.message, str(v.kind)) for v in versions)
        tags = tuple(sorted((tag, version.number) for version in versions for tag in version.tags))
        projects[project.name] = ProjectShape(str(project.manifest), rows, tags)
    return projects


def read_files(work: Path) -> dict[str, str]:
    """Return the digest of every file of a folder but for what tools keep in it for themselves."""
    files = [path for path in sorted(work.rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(work)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not any(part.startswith(".") for part in path.relative_to(work).parts)
    }


def learn(place: Path, known: Known) -> Shape:
    """Return the shape of a sound place and remember what its manifests hold."""
    with open_workspace(place / "home") as workspace:
        known.learn(workspace)
        projects = read_projects(workspace)
    backup: Projects = {}
    if (inspected := copy_backup(place)) is not None:
        with open_workspace(inspected) as workspace:
            backup = read_projects(workspace)
    return Shape(projects, backup, read_files(place / "work"))


def copy_backup(place: Path) -> Path | None:
    """Copy a place's backup, which is a home that nobody may change, or return None where there is none."""
    inspected = place.with_name("inspected")
    shutil.rmtree(inspected, ignore_errors=True)
    if not (place / "backup" / "catalog.sqlite").exists():
        return None
    shutil.copytree(place / "backup", inspected)
    return inspected


def check(place: Path, before: Shape, after: Shape, known: Known, *, may_tear: bool = False) -> Shape:
    """Open the place as the next command would and fail unless all of it is old or new, and whole.

    With `may_tear` the work folder's files may be cut: nobody syncs them, and in an empty folder they
    are written in place.
    """
    projects = check_home(place / "home", before.projects, after.projects, known)
    backup: Projects = {}
    if (inspected := copy_backup(place)) is not None:
        backup = check_home(inspected, before.backup, after.backup, known)
    assert backup or not before.backup, "the former backup is gone"
    files = read_files(place / "work")
    if not may_tear:
        check_files(files, before.files, after.files)
    return Shape(projects, backup, files)


def check_home(home: Path, before: Projects, after: Projects, known: Known) -> Projects:
    """Fail unless a home is what it was, or on its way to what it becomes, with every byte."""
    with open_workspace(home) as workspace:
        check_runs(workspace)
        projects = read_projects(workspace)
        for name, project in projects.items():
            check_project(project, name, before.get(name), after.get(name))
        lost = (before.keys() & after.keys()) - projects.keys()
        assert not lost, f"projects are gone that nobody deleted: {lost}"
        verified = verify(workspace, KeepingObserver())
        assert verified.ok, verified.problems
        for manifest in list_manifests(workspace):
            assert read_contents(workspace, Digest(manifest)) == known.contents[manifest], manifest
        left = sorted(path.name for path in (home / "store" / "packs").glob("*.tmp"))
        assert not left, f"a dead writer's packs are left: {left}"
    return projects


def check_runs(workspace: Workspace) -> None:
    """Fail where a run of a dead process still counts as going on."""
    going = [(run.verb, run.state) for run in list_runs(workspace, 1000) if not run.state.is_finished]
    assert not going, f"these runs never end: {going}"
    unfinished = workspace.catalog.jobs.list_unfinished()
    assert not unfinished, unfinished


def check_project(found: ProjectShape, name: str, old: ProjectShape | None, new: ProjectShape | None) -> None:
    """Fail where a project is neither as it was nor on its way to what it becomes."""
    if old is None or new is None:
        assert found in (old, new), f"the project {name} is half there: {found}"
        return
    assert found.head in (old.head, new.head), f"the head of {name} is neither old nor new"
    assert found.tags in (old.tags, new.tags), f"the tags of {name} are neither old nor new"
    is_whole = found.versions in (old.versions, new.versions)
    is_longer = len(found.versions) > len(old.versions)
    is_between = is_longer and found.versions == new.versions[: len(found.versions)]
    assert is_whole or is_between, f"versions of {name} were changed: {found.versions}"


def check_files(found: Mapping[str, str], before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Fail where a file of the work folder is neither old nor new, or gone though both have it."""
    for path, digest in found.items():
        assert digest in (before.get(path), after.get(path)), f"{path} is neither old nor new"
    lost = (before.keys() & after.keys()) - found.keys()
    assert not lost, f"files are gone that nobody removed: {sorted(lost)}"
