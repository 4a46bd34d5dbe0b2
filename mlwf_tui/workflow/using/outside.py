"""What a model is applied to beside versions: folders, which are imported first, pictures, and videos."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.folder import show_path
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Item, check_name
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.media.probe import count_frames, probe_image
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.videos import VIDEO_SUFFIXES
from mlwf_tui.settings import expand_path
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.workflow.importing.intake import DEFAULT_DATASET
from mlwf_tui.workflow.importing.reading import MAX_IMAGE_BYTES, read_stable
from mlwf_tui.workflow.importing.signing import sign_status
from mlwf_tui.workflow.importing.videos import SURE_SUFFIXES
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
            more = "Or give the path of a folder, a picture or a video."
            raise type(error)(error.message, hint=_join_hints(error.hint, more)) from None
        return path
    return None


def _join_hints(*hints: str) -> str:
    return " ".join(hint if hint.endswith((".", "?")) else f"{hint}." for hint in hints if hint)


def check_path(path: Path, dataset: str = "") -> None:
    """Return if a model can be applied to what a path leads to.

    A video or a picture may come into a `dataset` beside what a project has; a folder is a project's own.

    Raises:
        InvalidInput: it is a file, but neither a video nor a picture.
        InvalidParameter: a folder is to come into a dataset.
    """
    if path.is_file() and not (is_video(path) or is_picture(path)):
        pictures, videos = (", ".join(sorted(known)) for known in (IMAGE_SUFFIXES, VIDEO_SUFFIXES))
        raise InvalidInput(
            f"{path} is no folder, no picture and no video.",
            hint=f"Pictures end in {pictures}; videos in {videos}.",
        )
    if dataset and path.is_dir():
        raise InvalidParameter(
            "A folder that a model is applied to comes into a project of its own.",
            hint=f"Leave --dataset out; or mlwf import {path.name} PROJECT --dataset {dataset}, then apply.",
        )


def is_video(path: Path) -> bool:
    """Whether a file's name is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


class Outside(NamedTuple):
    """What a video or a picture holds: the manifest of its items, and what of it cannot be read."""

    items: ManifestSummary
    problems: tuple[Problem, ...] = ()


def read_video(recorder: Recorder, path: Path, *, every: int, observer: Observer) -> Outside:
    """Store every n-th frame of a video as an item.

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
        made = write_manifest(writer, LabelSchema(), items)
    wanted = None if total is None else -(-total // every)
    if (wanted is not None and len(items) >= wanted) or not reader.is_cut_off(path):
        return Outside(made)
    what = f"only its first {len(items):,}" if wanted is None else f"{len(items):,} of {wanted:,}"
    return Outside(made, (Problem(show_path(path.name), f"is cut off: {what} frames could be read"),))


def read_picture(recorder: Recorder, path: Path) -> Outside:
    """Store a picture as an item, as that of a folder of one would be; of an animation it is the first frame.

    Raises:
        InvalidInput: it cannot be decoded or read, or is too large.
    """
    try:
        data, _ = read_stable(str(path), sign_status(path.stat()), MAX_IMAGE_BYTES)
        facts = probe_image(data)
    except InvalidInput as error:
        hint = error.hint or "Look at it with another program."
        raise InvalidInput(f"{path} {error.message}.", hint=hint) from error
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Look at its rights.") from error
    with recorder.writer() as writer:
        item = Item(
            dataset=DEFAULT_DATASET,
            name=check_name(path.name, "file name"),
            blob=writer.put(data),
            size_bytes=len(data),
            width_px=facts.width_px,
            height_px=facts.height_px,
        )
        made = write_manifest(writer, LabelSchema(), [item])
    frames = count_frames(data)
    if frames == 1:
        return Outside(made)
    what = f"is an animation of {frames:,} frames, of which the first was taken: make a video of it for all"
    return Outside(made, (Problem(show_path(path.name), what, is_taken=True),))


def import_images(recorder: Recorder, path: Path, to: str, observer: Observer) -> tuple[Problem, ...]:
    """Import a folder into a project, as a run of its own, and return what was left out of it.

    What is there already is only looked at. Videos are left out.

    Raises:
        InvalidInput: there is no image in it that can be used.
    """
    from mlwf_tui.workflow.import_ import import_folder

    try:
        left_out = import_folder(recorder.workspace, path, to, observer=observer).problems
    except InvalidInput as error:
        if "--format" not in error.hint:
            raise
        hint = f"Give a folder with images; or mlwf import {path.name} PROJECT, then apply the model to that."
        raise InvalidInput(error.message, hint=hint) from error
    told = "is a video, which is not looked at in a folder: give it by itself"
    return (*left_out, *(Problem(name, told) for name in _iter_videos(path)))


def _iter_videos(root: Path) -> Iterator[str]:
    """Yield the videos below a folder by their paths from it, in order; hidden ones are passed over."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name[name.rfind(".") :].lower() in SURE_SUFFIXES:
                yield show_path(str(Path(folder, name).relative_to(root)))
