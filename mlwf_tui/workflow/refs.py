"""Turns what a person writes (PROJECT@N, a name, a prefix of an id) into the thing that is meant."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import check_name
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.workspace import Workspace

MAX_NUMBER_DIGITS = 9
Entity = Project | Version | Model | Report | Run


def resolve_project_ref(workspace: Workspace, ref: str) -> tuple[Project, int | None]:
    """Return the project that `PROJECT` or `PROJECT@N` names, and N or None.

    Raises:
        NotFound: there is no such project.
        InvalidParameter: what follows the @ is not a number.
    """
    name, at, number = ref.rpartition("@")
    if not at:
        return workspace.catalog.projects.get(ref), None
    if not number.isdecimal() or len(number) > MAX_NUMBER_DIGITS:
        raise InvalidParameter(
            f"{ref!r} does not name a version.", hint="Write PROJECT@N, N a version's number."
        )
    return workspace.catalog.projects.get(name), int(number)


def resolve_manifest(workspace: Workspace, ref: str) -> tuple[Project, Digest]:
    """Return the project and manifest that a ref means: a version's, or the head's."""
    project, number = resolve_project_ref(workspace, ref)
    if number is None:
        return project, project.manifest
    return project, workspace.catalog.versions.get(project.id, number).manifest


def resolve(workspace: Workspace, ref: str) -> Entity:
    """Return whatever a ref names: a version, or the project, model, report or run of that name or id.

    A whole name comes before the beginning of an id, whatever kind has it.

    Raises:
        NotFound: nothing has that name or an id that begins so.
        InvalidParameter: several ids begin so.
    """
    if "@" in ref:
        project, number = resolve_project_ref(workspace, ref)
        return project if number is None else workspace.catalog.versions.get(project.id, number)
    named = _find_named(workspace, ref)
    if named is not None:
        return named
    found = _find_by_id(workspace, ref)
    if len(found) > 1:
        titles = ", ".join(f"{type(entity).__name__.lower()} {entity.id}" for entity in found)
        raise InvalidParameter(f"{ref!r} may be {titles}.", hint="Write more of the id, or the name.")
    if found:
        return found[0]
    raise NotFound(
        f"Nothing is named {ref!r}.",
        hint="mlwf projects, models and runs list what there is; versions are written PROJECT@N.",
    )


def _find_named(workspace: Workspace, name: str) -> Project | Model | Report | None:
    catalog = workspace.catalog
    group, slash, short = name.rpartition("/")
    return (
        catalog.projects.find(short, group if slash else workspace.settings.workspace)
        or catalog.models.find(name)
        or catalog.reports.find(name)
    )


def _find_by_id(workspace: Workspace, ref: str) -> list[Entity]:
    catalog = workspace.catalog
    lookups: tuple[Callable[[str], Entity], ...] = (
        catalog.projects.get, catalog.models.get, catalog.reports.get, catalog.runs.get,
    )  # fmt: skip
    found: list[Entity] = []
    for look_up in lookups:
        with suppress(NotFound):
            found.append(look_up(ref))
    return found


def check_project_name(name: str) -> str:
    """Return a name that a new project may have.

    Raises:
        InvalidParameter: it has a separator, a control character, an @, or begins with a dash.
    """
    check_name(name, "project name")
    if "@" in name or name.startswith("-") or name != name.strip():
        raise InvalidParameter(
            f"The project name {name!r} cannot be used.", hint="Leave out @, a leading dash and outer spaces."
        )
    return name


def with_dataset(dataset: str, prefix: str) -> str:
    """Return `dataset` moved below `prefix`; either may be empty."""
    return "/".join(part for part in (prefix, dataset) if part)
