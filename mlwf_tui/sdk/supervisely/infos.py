"""What Supervisely's apps know things as, and how ids and errors cross over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from mlwf_tui.entities.project import Project, Version
from mlwf_tui.errors import NotFound
from mlwf_tui.sdk.home import Home
from mlwf_tui.sdk.tolerance import COMPLAINTS

T = TypeVar("T")
HOME_NUMBER = 1  # of the team and the workspace: there is one of each


class ProjectInfo(NamedTuple):
    """A project as apps know it; `version` is what its newest version is, None where it has none."""

    id: int
    name: str
    description: str
    items_count: int
    type: str
    created_at: str
    updated_at: str
    version: dict[str, Any] | None
    custom_data: dict[str, Any]


class VersionInfo(NamedTuple):
    """A version as apps know it: `name` is its title, the first line of its message here."""

    id: int
    project_id: int
    created_by: str
    version: int
    name: str
    description: str
    status: str
    created_at: str
    updated_at: str


class FileInfo(NamedTuple):
    """A file: Team Files are the files of this machine."""

    id: int
    path: str
    name: str
    sizeb: int
    team_id: int = HOME_NUMBER
    full_storage_url: str = ""


def to_number(id: str) -> int:
    """Return an id of ours as the number that apps know it by."""
    return int(id, 16)


def to_id(ref: int | str) -> str:
    """Return our id of a number, and whatever else is a ref as it is."""
    return f"{ref:012x}" if isinstance(ref, int) else ref


def find_project(home: Home, project: int | str | ProjectInfo) -> Project:
    """Return a project by its number, id, name or info. Raises NotFound."""
    wanted = to_id(project.id) if isinstance(project, ProjectInfo) else to_id(project)
    found = next((p for p in home.projects() if wanted in (p.id, p.name)), None)
    if found is None:
        raise NotFound(f"There is no project {project!r}.", hint="See mlwf projects.")
    return found


def calmly(what: str, work: Callable[[], T]) -> T | None:
    """Return what some work gives, or None and a line in the log: nothing raises at this border."""
    try:
        return work()
    except Exception as error:  # the border to a stranger's program, as in tolerance.py
        COMPLAINTS.say(what, error)
        return None


def to_project_info(project: Project) -> ProjectInfo:
    """Return a project as apps know it."""
    version = None if project.latest_version is None else {"version": project.latest_version}
    return ProjectInfo(
        id=to_number(project.id),
        name=project.name,
        description=project.description,
        items_count=project.item_count,
        type="images",
        created_at=project.created_at.isoformat(),
        updated_at=project.updated_at.isoformat(),
        version=version,
        custom_data={},
    )


def to_version_info(version: Version) -> VersionInfo:
    """Return a version as apps know it."""
    title, _, description = version.message.partition("\n")
    at = version.created_at.isoformat()
    return VersionInfo(
        id=to_number(version.id),
        project_id=to_number(version.project_id),
        created_by=version.author,
        version=version.number,
        name=title,
        description=description,
        status="committed",
        created_at=at,
        updated_at=at,
    )
