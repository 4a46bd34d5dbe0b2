"""What a model is applied to beside versions: folders, which are imported first, and frames of videos."""

from __future__ import annotations

import re
from pathlib import Path

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.entities.run import ArtifactRef
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.videos import VIDEO_SUFFIXES
from mlwf_tui.settings import expand_path
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workspace import Workspace

_READER = "opencv"
_TOLD_EVERY = 25  # frames
_NAME = re.compile(r"[^\w.-]+")


def find_path(workspace: Workspace, ref: str) -> Path | None:
    """Return the folder or file that a person means, None where it is a project or a version.

    Raises:
        NotFound: it is neither.
        InvalidParameter: it can be no ref, and there is no such path.
    """
    try:
        resolve_manifest(workspace, ref)
    except (NotFound, InvalidParameter) as error:
        path = expand_path(Path(ref))
        if not path.exists():
            raise type(error)(
                error.message, hint=f"{error.hint} Or give the path of a folder or a video."
            ) from None
        return path
    return None


def check_path(workspace: Workspace, path: Path, to: str, dataset: str = "") -> None:
    """Return if a folder or a video can be brought into a project.

    The project is new, or holds what the same was brought into it before: objects that people drew are
    never replaced by the way. A video may also come into a `dataset` of its own.

    Raises:
        InvalidInput: it is a file, but no video.
        InvalidParameter: a folder is to come into a dataset.
        Conflict: there is such a project already.
    """
    if path.is_file() and not is_video(path):
        raise InvalidInput(
            f"{path} is neither a folder nor a video.",
            hint=f"Videos end in {', '.join(sorted(VIDEO_SUFFIXES))}.",
        )
    if dataset and path.is_dir():
        raise InvalidParameter(
            "A folder that a model is applied to comes into a project of its own.",
            hint=f"Leave --dataset out; or mlwf import {path.name} PROJECT --dataset {dataset}, then apply.",
        )
    known = workspace.catalog.projects.find(to, workspace.settings.workspace)
    if dataset or known is None or not known.item_count:
        return
    wanted = (str(path), known.name)
    runs = workspace.catalog.runs.list(limit=None)
    if not any(
        run.verb == "apply" and (run.params.get("data"), run.params.get("to")) == wanted for run in runs
    ):
        raise Conflict(
            f"There is a project {known.name} already, which holds something else.",
            hint=f"Give another name with --to; or import {path.name} there, and apply the model to it.",
        )


def is_video(path: Path) -> bool:
    """Whether a file's name is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def note_video(workspace: Workspace, path: Path) -> ArtifactRef:
    """Return the video as an artifact, as it is now."""
    stat = path.stat()
    return workspace.catalog.artifacts.add_file(
        str(path),
        is_weights=False,
        is_output=False,
        signature=f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}",
        digest=None,
        size_bytes=stat.st_size,
    )


def read_video(recorder: Recorder, path: Path, *, every: int, observer: Observer) -> ManifestSummary:
    """Store every n-th frame of a video as an item, and return the manifest of all of them.

    Done again, it comes to the same blobs, and what a model has said of them stands.

    Raises:
        InvalidInput: it is no video, or has no frame.
        Cancelled: the observer asked for it.
    """
    reader = recorder.workspace.registry.get_video_reader(_READER)
    total = reader.count_frames(path)
    dataset = _NAME.sub("_", path.stem)[:100].strip(".") or "video"
    items: list[Item] = []
    told_at = -_TOLD_EVERY  # by frames of the video, those between included: they take time too
    with recorder.writer() as writer:
        for frame in reader.iter_frames(path, every=every):
            if frame.index >= told_at + _TOLD_EVERY:
                told_at = frame.index
                observer.check_cancelled()
                observer.progress(frame.index, total, f"reading frame {frame.index:,}")
            items.append(
                Item(
                    dataset=dataset,
                    name=f"{frame.index:08}{frame.suffix}",
                    blob=writer.put(frame.data),
                    size_bytes=len(frame.data),
                    width_px=frame.width_px,
                    height_px=frame.height_px,
                )
            )
        return write_manifest(writer, LabelSchema(), items)


def import_images(recorder: Recorder, path: Path, to: str, observer: Observer) -> None:
    """Import a folder into a project, as a run of its own; what is there already is only looked at."""
    from mlwf_tui.workflow.import_ import import_folder

    import_folder(recorder.workspace, path, to, observer=observer)
