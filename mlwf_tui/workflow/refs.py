"""Turns what a person writes (PROJECT@N, PROJECT@TAG, a name, a prefix of an id) into what is meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from mlwf_tui.catalog.lookup import hint_undelete
from mlwf_tui.entities.ids import Digest, VersionId, is_id
from mlwf_tui.entities.item import check_name, check_own_name
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, ProjectState, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.workspace import Workspace

MAX_NUMBER_DIGITS = 9
IS_MINOR = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")
Entity = Project | Version | Model | Report | Run


def resolve_project_ref(workspace: Workspace, ref: str) -> tuple[Project, int | None]:
    """Return the project that `PROJECT`, `PROJECT@N` or `PROJECT@TAG` names, and the number or None.

    Raises:
        NotFound: there is no such project or tag.
        InvalidParameter: what follows the @ is neither a number nor a tag.
    """
    name, at, which = ref.rpartition("@")
    if not at:
        return workspace.catalog.projects.get(ref), None
    if not which or (len(which) > MAX_NUMBER_DIGITS and which.isdecimal()):
        raise InvalidParameter(
            f"{ref!r} does not name a version.", hint="Write PROJECT@N, N a version's number or tag."
        )
    project = workspace.catalog.projects.get(name)
    if which.isdecimal():
        return project, int(which)
    if resolve_minor(workspace, ref) is not None:
        raise InvalidParameter(
            f"{ref} is a state between two versions, and a version is needed here.",
            hint=f"Make it one: mlwf restore {ref}",
        )
    return project, workspace.catalog.tags.get_number(project.id, which)


def resolve_minor(workspace: Workspace, ref: str) -> ProjectState | None:
    """Return the state between two versions that PROJECT@N.M names, or None where something else is meant.

    A tag of an earlier mlwf may be written so too; it counts.

    Raises:
        NotFound: there is no such project, or it has no such state.
    """
    name, at, which = ref.rpartition("@")
    found = IS_MINOR.fullmatch(which) if at else None
    if found is None:
        return None
    project = workspace.catalog.projects.get(name)
    if workspace.catalog.tags.find_number(project.id, which) is not None:
        return None
    state = workspace.catalog.projects.find_minor(project.id, int(found[1]), int(found[2]))
    if state is None:
        raise NotFound(
            f"{project.name} has no state {which}.", hint=f"mlwf versions {project.name} --minor lists them."
        )
    return state


def resolve_version(workspace: Workspace, ref: str) -> Version:
    """Return the version that PROJECT@N or PROJECT@TAG names.

    Raises:
        NotFound: there is no such version.
        InvalidParameter: only a project was named.
    """
    project, number = resolve_project_ref(workspace, ref)
    if number is None:
        raise InvalidParameter(
            f"{ref} names no version.", hint=f"Write {ref}@N; mlwf versions {ref} lists them."
        )
    return workspace.catalog.versions.get(project.id, number)


def resolve_manifest(workspace: Workspace, ref: str) -> tuple[Project, Digest]:
    """Return the project and manifest that a ref means: a version's, the head's, or PROJECT@N.M's."""
    state = resolve_minor(workspace, ref)
    if state is not None:
        return workspace.catalog.projects.get_by_id(state.project_id), state.manifest
    project, number = resolve_project_ref(workspace, ref)
    if number is None:
        return project, project.manifest
    return project, workspace.catalog.versions.get(project.id, number).manifest


def by_id(workspace: Workspace, ref: str) -> str:
    """Return a ref of data with the project's id for its name, so that no rename changes what it means.

    A tag becomes the number that it means now.

    Raises: as `resolve_project_ref`.
    """
    state = resolve_minor(workspace, ref)
    if state is not None:
        return f"{state.project_id}@{state.base}.{state.minor}"
    project, number = resolve_project_ref(workspace, ref)
    return project.id if number is None else f"{project.id}@{number}"


def by_name(workspace: Workspace, ref: str) -> str:
    """Return a ref of data with the project's present name for its id; a ref by name stays as it is.

    Raises:
        NotFound: the project of that id was deleted.
    """
    id, at, which = ref.partition("@")
    if not is_id(id):
        return ref
    project = workspace.catalog.projects.get(id)
    alike = [one for one in workspace.catalog.projects.list() if one.name == project.name]
    name = project.name if len(alike) == 1 else f"{project.workspace}/{project.name}"
    return f"{name}{at}{which}"


def name_project(workspace: Workspace, project: str) -> str:
    """Return the name that a project's id means now; what is no id is a name, of a new project perhaps.

    One of another workspace has that before it, which no verb writes to.

    Raises:
        NotFound: the project of that id was deleted.
    """
    if not is_id(project):
        return project
    found = workspace.catalog.projects.get(project)
    is_own = found.workspace == workspace.settings.workspace
    return found.name if is_own else f"{found.workspace}/{found.name}"


def resolve(workspace: Workspace, ref: str) -> Entity:
    """Return whatever a ref names: a version, or the project, model, report or run of that name or id.

    Of versions, which are written PROJECT@N, only a whole id is taken.
    A whole name comes before the beginning of an id, whatever kind has it, and a whole id before a name.

    Raises:
        NotFound: nothing has that name or an id that begins so.
        InvalidParameter: several ids begin so.
    """
    if "@" in ref:
        project, number = resolve_project_ref(workspace, ref)
        return project if number is None else workspace.catalog.versions.get(project.id, number)
    named = None if is_id(ref) else _find_named(workspace, ref)
    if named is not None:
        return named
    found = _find_by_id(workspace, ref)
    if len(found) > 1:
        titles = ", ".join(f"{type(entity).__name__.lower()} {entity.id}" for entity in found)
        raise InvalidParameter(f"{ref!r} may be {titles}.", hint="Write more of the id, or the name.")
    if found:
        return found[0]
    if is_id(ref):
        with suppress(NotFound):
            return workspace.catalog.versions.get_by_id(VersionId(ref))
    if any(deleted.answers_to(ref) for deleted in workspace.catalog.deletions.list()):
        raise NotFound(f"{ref} was deleted.", hint=hint_undelete(ref))
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
        InvalidParameter: it has a separator, a control character, an @, begins with a dash, or has the form
            of an id.
    """
    check_own_name(name, "project name")
    return _check_ref_part(name, "project name")


def check_tag(name: str) -> str:
    """Return a name that a tag may have.

    Raises:
        InvalidParameter: it is a number, or no project could be named so either.
    """
    if name.isdecimal():
        raise InvalidParameter(
            f"The tag {name!r} cannot be used.", hint="A number means the version that has it: add a letter."
        )
    if IS_MINOR.fullmatch(name):
        raise InvalidParameter(
            f"The tag {name!r} cannot be used.", hint="It means a state between two versions: add a letter."
        )
    return _check_ref_part(name, "tag")


def check_version_tag(name: str) -> str:
    """Return a name that a tag may have by which a version is written from now on.

    Raises:
        InvalidParameter: no tag may have it, it has a blank, or it is `head`.
    """
    check_tag(name)
    words = name.split()
    if len(words) > 1:
        raise InvalidParameter(
            f"The tag {name!r} cannot be used.", hint=f"A version's tag is one word: {'-'.join(words)}."
        )
    if name.casefold() == "head":
        raise InvalidParameter(
            f"The tag {name!r} cannot be used.", hint="It means what a project holds now: take another word."
        )
    return name


def _check_ref_part(name: str, what: str) -> str:
    check_name(name, what)
    if "@" in name or name.startswith("-") or name != name.strip():
        raise InvalidParameter(
            f"The {what} {name!r} cannot be used.", hint="Leave out @, a leading dash and outer spaces."
        )
    return name


def with_dataset(dataset: str, prefix: str) -> str:
    """Return `dataset` moved below `prefix`; either may be empty."""
    return "/".join(part for part in (prefix, dataset) if part)
