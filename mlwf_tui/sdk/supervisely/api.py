"""Api: the door that Supervisely's apps come through, and the little of it that their workflows use."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlwf_tui.sdk.home import Home, open_home
from mlwf_tui.sdk.supervisely import infos
from mlwf_tui.sdk.supervisely.infos import (
    HOME_NUMBER,
    FileInfo,
    ProjectInfo,
    calmly,
    find_project,
    to_id,
    to_number,
    to_project_info,
)
from mlwf_tui.sdk.supervisely.versions import Versions
from mlwf_tui.sdk.supervisely.workflow import Workflow
from mlwf_tui.sdk.tracking import RUN_VARIABLE, TrackedRun, attach_run, open_run

WORKFLOWS_OF = (6, 11, 11)  # the server's version that brought the last of the calls that are here
file_api = project_api = infos  # as annotations name them: sly.api.file_api.FileInfo


class Api:
    """Opens the home of MLWF_HOME at its first use, or takes `home`.

    Its task is the run of MLWF_RUN, or one of its own that ends with the program.
    """

    def __init__(self, server_address: str = "", token: str = "", *, home: Home | None = None) -> None:
        self._home = home
        self.server_address = server_address
        self._runs: dict[str, TrackedRun] = {}
        self.app = _App(self.find_run)
        self.project = _ProjectApi(lambda: self.home)
        self.file = _FileApi()
        self.task = _TaskApi(lambda: self.home)

    @classmethod
    def from_env(cls, *_: Any, **__: Any) -> Api:
        """Return an Api; address and token are not needed here."""
        return cls()

    @property
    def home(self) -> Home:
        """The opened home. Raises an MlwfError where it cannot be opened, as nothing else here does."""
        if self._home is None:
            self._home = open_home()
        return self._home

    @property
    def instance_version(self) -> str:
        """The version of Supervisely's server whose workflow calls are answered here."""
        return ".".join(map(str, WORKFLOWS_OF))

    def is_version_supported(self, version: str) -> bool:
        """Return whether what a server of this version has for workflows is here; False for no version."""
        parts = version.split(".")
        return all(map(str.isdecimal, parts)) and tuple(map(int, parts)) <= WORKFLOWS_OF

    @property
    def task_id(self) -> int:
        """The id of this program's own run; 0 where nothing is tracked."""
        run = self.find_run(None)
        return to_number(run.id) if run.id else 0

    def find_run(self, task_id: int | str | None) -> TrackedRun:
        """Return the run of this program, or of a task, opened at the first call."""
        key = "" if task_id is None else to_id(task_id)
        if key not in self._runs:
            given = key or os.environ.get(RUN_VARIABLE, "")
            if given:
                self._runs[key] = attach_run(given, home=self._home)
            else:
                self._runs[key] = open_run(home=self._home)
                atexit.register(_finish, self._runs[key])
        return self._runs[key]


class _App:
    def __init__(self, find_run: Callable[[int | str | None], TrackedRun]) -> None:
        self.workflow = Workflow(find_run)


class _ProjectApi:
    def __init__(self, open_home: Callable[[], Home]) -> None:
        self._open_home = open_home
        self.version = Versions(open_home)

    def get_info_by_id(self, id: int | str) -> ProjectInfo | None:
        """Return a project, or None."""
        found = calmly("project.get_info_by_id", lambda: find_project(self._open_home(), id))
        return None if found is None else to_project_info(found)

    def get_info_by_name(self, parent_id: int, name: str) -> ProjectInfo | None:
        """Return the project of that name, in whatever workspace, or None."""
        return self.get_info_by_id(name)


class _FileApi:
    def __init__(self) -> None:
        self._paths: dict[int, str] = {}  # by id, of the files that were asked for: an id alone finds none

    def get_info_by_id(self, id: int) -> FileInfo | None:
        """Return a file that this Api was asked for by its path before, or None."""
        path = self._paths.get(id)
        return None if path is None else self.get_info_by_path(HOME_NUMBER, path)

    def get_info_by_path(self, team_id: int, remote_path: str) -> FileInfo | None:
        """Return a file of this machine, or None."""

        def find() -> FileInfo | None:
            path = Path(remote_path)
            if not path.is_file():
                return None
            status = path.stat()
            self._paths[status.st_ino] = str(path)
            url = path.absolute().as_uri()
            return FileInfo(status.st_ino, str(path), path.name, status.st_size, full_storage_url=url)

        return calmly("file.get_info_by_path", find)


class _TaskApi:
    def __init__(self, open_home: Callable[[], Home]) -> None:
        self._open_home = open_home

    def get_info_by_id(self, id: int | str) -> dict[str, Any] | None:
        """Return a run as apps know a task, or None."""
        run = calmly("task.get_info_by_id", lambda: self._open_home().jobs.get(to_id(id)))
        if run is None:
            return None
        return {"id": to_number(run.id), "type": run.verb, "status": run.state.value, "meta": {}}


def _finish(run: TrackedRun) -> None:
    """End the program's run as it leaves, as a `with` block around all of it would."""
    error = getattr(sys, "last_value", None)
    run.__exit__(None if error is None else type(error), error, None)
