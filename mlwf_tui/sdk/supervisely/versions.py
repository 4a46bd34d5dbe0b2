"""api.project.version: the versions of projects, by the names of what Supervisely does with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlwf_tui.entities.project import Project, Version
from mlwf_tui.errors import NotFound
from mlwf_tui.sdk.home import Home
from mlwf_tui.sdk.supervisely.infos import (
    ProjectInfo,
    VersionInfo,
    calmly,
    find_project,
    to_id,
    to_number,
    to_project_info,
    to_version_info,
)


class Versions:
    """The versions of projects, by the names that Supervisely has for what is done with them."""

    def __init__(self, open_home: Callable[[], Home]) -> None:
        self._open_home = open_home

    def create(
        self,
        project: int | str | ProjectInfo,
        version_title: str | None = None,
        version_description: str | None = None,
        enable_preview: bool = False,
    ) -> int | None:
        """Name what the project holds as a version, and return its id; the newest one's where none did."""

        def make() -> int:
            found = find_project(self._open_home(), project)
            message = "\n".join(text for text in (version_title, version_description) if text)
            made = self._open_home().commit(found.id, message=message or None)
            return to_number(self._get(found, made.version).id)

        return calmly("version.create", make)

    def get_list(self, project_id: int | str, filters: Any = None) -> list[VersionInfo]:
        """Return all versions of a project, oldest first; filters are passed over."""
        found = calmly("version.get_list", lambda: self._open_home().versions(to_id(project_id)))
        return [to_version_info(version) for version in reversed(found or ())]

    def get_info_by_id(self, project_id: int | str, version_id: int | str) -> VersionInfo | None:
        """Return a version by its id, or None."""
        wanted = to_id(version_id)
        return next((v for v in self.get_list(project_id) if to_id(v.id) == wanted), None)

    def get_info_by_number(self, project_id: int | str, version_num: int) -> VersionInfo | None:
        """Return a version by its number, or None."""
        return next((v for v in self.get_list(project_id) if v.version == version_num), None)

    def get_id_by_number(self, project_id: int | str, version_num: int) -> int | None:
        """Return the id of a version by its number, or None."""
        found = self.get_info_by_number(project_id, version_num)
        return None if found is None else found.id

    def restore(
        self,
        project: int | str | ProjectInfo,
        version_id: int | str | None = None,
        version_num: int | None = None,
        skip_missed_entities: bool = False,
        workspace_id: int | None = None,
        project_name: str | None = None,
        project_description: str | None = None,
    ) -> ProjectInfo | None:
        """Make a new project of a version, and return it: "NAME, from ver. N" where no name is given."""

        def make() -> ProjectInfo:
            found = find_project(self._open_home(), project)
            number = version_num
            if number is None:
                info = None if version_id is None else self.get_info_by_id(found.id, version_id)
                if info is None:
                    raise NotFound(f"{found.name} has no version {version_id}.", hint="See mlwf versions.")
                number = info.version
            name = self._find_free(project_name or f"{found.name}, from ver. {number}")
            self._open_home().copy(f"{found.id}@{number}", name)
            words = project_description or f"restored from {found.name}@{number}"
            self._open_home().describe(name, words)
            made = to_project_info(find_project(self._open_home(), name))
            source = {"project_id": to_number(found.id), "version_num": number}
            return made._replace(custom_data={"restored_from": source})

        return calmly("version.restore", make)

    def update(self, version_id: int | str, name: str | None = None, description: str | None = None) -> None:
        """Give a version another title and description; what is not given, or None, stays as it is.

        What was said before stays in its history.
        """

        def change() -> None:
            wanted = to_id(version_id)
            versions = (
                v for project in self._open_home().projects() for v in self._open_home().versions(project.id)
            )
            known = next((v.message for v in versions if v.id == wanted), "").partition("\n")[::2]
            texts = (old if new is None else new for old, new in zip(known, (name, description), strict=True))
            self._open_home().describe(f"version:{wanted}", "\n".join(text for text in texts if text))

        calmly("version.update", change)

    def _get(self, project: Project, number: int) -> Version:
        return next(v for v in self._open_home().versions(project.id) if v.number == number)

    def _find_free(self, name: str) -> str:
        taken = {project.name for project in self._open_home().projects()}
        return next(n for k in range(len(taken) + 1) if (n := f"{name} ({k})" if k else name) not in taken)
