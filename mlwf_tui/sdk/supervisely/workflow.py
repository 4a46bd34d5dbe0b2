"""api.app.workflow: the edges of the lineage, by the names that Supervisely has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from mlwf_tui.entities.run import ArtifactRef
from mlwf_tui.errors import InvalidInput
from mlwf_tui.sdk.supervisely.infos import FileInfo, ProjectInfo, calmly, to_id, to_number
from mlwf_tui.sdk.tolerance import SWITCH
from mlwf_tui.sdk.tracking import Meta, TrackedRun


class Workflow:
    """The edges of the lineage, by the names that Supervisely has for them."""

    def __init__(self, find_run: Callable[[int | str | None], TrackedRun]) -> None:
        self._find_run = find_run

    def enable(self) -> None:
        """Track from now on."""
        SWITCH.enable()

    def disable(self) -> None:
        """Track nothing from now on."""
        SWITCH.disable()

    def is_enabled(self) -> bool:
        """Whether calls do anything."""
        return SWITCH.is_enabled()

    def add_input_project(
        self,
        project: int | str | ProjectInfo | None = None,
        version_id: int | str | None = None,
        version_num: int | None = None,
        task_id: int | str | None = None,
        meta: Meta = None,
    ) -> dict[str, Any]:
        """Say that the task reads a project, or a version; one of both is needed."""

        def add(run: TrackedRun) -> ArtifactRef | None:
            if version_id is not None and version_num is not None:
                raise InvalidInput("version_id and version_num exclude each other.", hint="Give one.")
            if project is None and version_id is None:
                raise InvalidInput("Neither project nor version was given.", hint="Give one.")
            ref = "" if project is None else self._name(project)
            version = None if version_id is None else to_id(version_id)
            return run.add_input_project(ref, version_num=version_num, version_id=version, meta=meta)

        return self._do("add_input_project", task_id, add)

    def add_input_dataset(
        self, dataset: Any, task_id: int | str | None = None, meta: Meta = None
    ) -> dict[str, Any]:
        """Say that the task reads a dataset, written PROJECT/DATASET."""
        return self._do(
            "add_input_dataset", task_id, lambda run: run.add_input_dataset(*_split(dataset), meta=meta)
        )

    def add_input_file(
        self,
        file: str | FileInfo,
        model_weight: bool = False,
        task_id: int | str | None = None,
        meta: Meta = None,
    ) -> dict[str, Any]:
        """Say that the task reads a file."""
        return self._do(
            "add_input_file",
            task_id,
            lambda run: run.add_input_file(_to_path(file), is_weights=model_weight, meta=meta),
        )

    def add_input_folder(
        self, path: str, task_id: int | str | None = None, meta: Meta = None
    ) -> dict[str, Any]:
        """Say that the task reads a folder."""
        return self._do("add_input_folder", task_id, lambda run: run.add_input_folder(path, meta=meta))

    def add_input_task(
        self, input_task_id: int | str, task_id: int | str | None = None, meta: Meta = None
    ) -> dict[str, Any]:
        """Say that the task uses the session of another."""
        other = to_id(input_task_id)
        return self._do("add_input_task", task_id, lambda run: run.add_input_task(other, meta=meta))

    def add_input_job(
        self, id: int | str, task_id: int | str | None = None, meta: Meta = None
    ) -> dict[str, Any]:
        """Say that the task reads the outcome of a labelling job."""
        return self._do("add_input_job", task_id, lambda run: run.add_input_job(id, meta=meta))

    def add_output_project(
        self,
        project: int | str | ProjectInfo,
        version_id: int | str | None = None,
        task_id: int | str | None = None,
        meta: Meta = None,
    ) -> dict[str, Any]:
        """Say that the task has made what a project holds now; it gets a version of its own.

        A version is linked itself where the task has made it. Of another's that holds what the project
        holds now, the task's own is a new one; any other is refused.
        """
        version = None if version_id is None else to_id(version_id)
        return self._do(
            "add_output_project",
            task_id,
            lambda run: run.add_output_project(self._name(project), version_id=version, meta=meta),
        )

    def add_output_dataset(
        self, dataset: Any, task_id: int | str | None = None, meta: Meta = None
    ) -> dict[str, Any]:
        """Say that the task has made a dataset, written PROJECT/DATASET."""
        return self._do(
            "add_output_dataset", task_id, lambda run: run.add_output_dataset(*_split(dataset), meta=meta)
        )

    def add_output_file(
        self,
        file: str | FileInfo,
        model_weight: bool = False,
        task_id: int | str | None = None,
        meta: Meta = None,
    ) -> dict[str, Any]:
        """Say that the task has written a file."""
        return self._do(
            "add_output_file",
            task_id,
            lambda run: run.add_output_file(_to_path(file), is_weights=model_weight, meta=meta),
        )

    def add_output_folder(
        self, path: str, task_id: int | str | None = None, meta: Meta = None
    ) -> dict[str, Any]:
        """Say that the task has written a folder."""
        return self._do("add_output_folder", task_id, lambda run: run.add_output_folder(path, meta=meta))

    def add_output_app(self, task_id: int | str | None = None, meta: Meta = None) -> dict[str, Any]:
        """Say that the task offers itself to others."""
        return self._do("add_output_app", task_id, lambda run: run.add_output_session(meta=meta))

    def add_output_task(
        self, output_task_id: int | str, task_id: int | str | None = None, meta: Meta = None
    ) -> dict[str, Any]:
        """Say that the task has started another."""
        other = to_id(output_task_id)
        return self._do("add_output_task", task_id, lambda run: run.add_output_task(other, meta=meta))

    def add_output_job(
        self, id: int | str, task_id: int | str | None = None, meta: Meta = None
    ) -> dict[str, Any]:
        """Say that the task has opened a labelling job."""
        return self._do("add_output_job", task_id, lambda run: run.add_output_job(id, meta=meta))

    def _do(
        self, what: str, task_id: int | str | None, add: Callable[[TrackedRun], ArtifactRef | None]
    ) -> dict[str, Any]:
        if not SWITCH.is_enabled():
            return {}
        run = self._find_run(task_id)
        made = calmly(what, lambda: add(run))
        return {} if made is None else {"type": made.kind.value, "id": to_number(made.id), "name": made.title}

    def _name(self, project: int | str | ProjectInfo) -> str:
        return project.name if isinstance(project, ProjectInfo) else to_id(project)


def _split(dataset: Any) -> tuple[str, str]:
    """Return project and dataset of PROJECT/DATASET, or of something that has both names."""
    if isinstance(dataset, Mapping):
        return str(dataset["project"]), str(dataset["name"])
    project, slash, name = str(dataset).partition("/")
    if not slash:
        raise InvalidInput(f"{dataset!r} names no dataset.", hint="Write PROJECT/DATASET.")
    return project, name


def _to_path(file: str | FileInfo) -> str:
    path = file.path if isinstance(file, FileInfo) else str(file)
    if path.startswith("file:///"):  # as full_storage_url is
        return unquote(path.removeprefix("file://"))
    if "://" in path:
        raise InvalidInput(f"{path} is no file of this machine.", hint="Download it first.")
    return path
