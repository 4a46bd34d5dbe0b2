"""Reads the files of one item: checks its image, stores it, and makes its manifest row; not a verb.

What is here runs in the importing process, or in a process of its own (see readers.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from stat import S_ISREG
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple, replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    GeometryKind,
    TagDefinition,
    define_tags,
    find_class_fault,
)
from mlwf_tui.entities.boxes import Boxes
from mlwf_tui.entities.folder import FoundFile, show_path
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.run import Problem, ProblemRow
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import ImageFacts, probe_image
from mlwf_tui.protocols.importers import Description, Importer
from mlwf_tui.store.manifests import StoredImage, encode
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.importing.signatures import get_size
from mlwf_tui.workflow.importing.signing import sign_status

MAX_IMAGE_BYTES = 1 << 30
MAX_SOURCE_BYTES = 64 << 20
_ATTEMPTS = 3


class Task(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One item to read: its place in the project, its image file, and the file that annotates it."""

    dataset: str
    name: str
    split: Split
    image: str  # relative to the root of the folder, as is the source
    image_signature: bytes
    source: str = ""
    source_signature: bytes = b""
    annotation: Annotation | None = None  # where it has no file of its own
    stored: StoredImage | None = None  # where the image is as it was, and only what is said of it is new
    told_size_px: tuple[int, int] | None = None  # width and height, beside that annotation

    @property
    def key(self) -> str:
        """The key of the item that it becomes."""
        return f"{self.dataset}/{self.name}"

    @property
    def is_annotated(self) -> bool:
        """Whether the folder says anything of the image."""
        return bool(self.source) or self.annotation is not None

    @property
    def unread_bytes(self) -> int:
        """How many bytes have to be read: of the image, unless it is stored, and of its own file."""
        of_image = 0 if self.stored else get_size(self.image_signature)
        return of_image + (get_size(self.source_signature) if self.source else 0)


class Reading(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What became of a task. `row` is empty where the item is left out; `problems` say why, or what is odd.

    The signatures are those of the bytes that were read, and `row` has what the files say.
    """

    problems: tuple[ProblemRow, ...] = ()  # path relative to the root, and reason
    row: bytes = b""
    object_count: int = 0
    size_bytes: int = 0
    class_names: tuple[str, ...] = ()
    image_signature: bytes = b""
    source_signature: bytes = b""
    has_own_split: bool = False  # that the item's own file says
    tags: tuple[TagDefinition, ...] = ()  # that the item and its objects carry


class _Image(NamedTuple):
    """A task whose files were read; the signatures are those of the bytes that were read."""

    task: Task
    data: bytes  # empty where the image is stored already
    facts: ImageFacts | StoredImage
    annotation: Annotation | Boxes
    split: Split | None  # that the item's own file says
    problems: list[ProblemRow]
    signature: bytes
    source_signature: bytes


class ItemReader(msgspec.Struct):
    """Reads items of one folder into one writer. `key` is the importer's, of that folder."""

    writer: StoreWriter
    importer: Importer
    root: str
    key: Any

    def read_all(self, tasks: Iterable[Task]) -> list[Reading]:
        """Store the images of some tasks and make their rows, or say why an item is left out."""
        images = [self._read_image(task) for task in tasks]
        new = (image.data for image in images if isinstance(image, _Image) and not image.task.stored)
        digests = iter(self.writer.put_all(new))
        return [self._finish(image, digests) if isinstance(image, _Image) else image for image in images]

    def _read_image(self, task: Task) -> _Image | Reading:
        problems: list[ProblemRow] = []
        data, signature = b"", task.image_signature
        facts: ImageFacts | StoredImage
        if task.stored:
            facts = task.stored
        else:
            try:
                data, signature = read_stable(f"{self.root}/{task.image}", signature, MAX_IMAGE_BYTES)
                facts = probe_image(data)
            except InvalidInput as error:
                return Reading((ProblemRow(task.image, error.message),))
        source_signature = task.source_signature
        described = Description(task.annotation or Annotation(), told_size_px=task.told_size_px)
        if task.source:
            try:
                described, source_signature = self._read_source(task, facts, problems)
            except InvalidInput as error:
                return _leave_out(task, error)
        annotation, size = described.annotation, (facts.width_px, facts.height_px)
        if described.told_size_px not in (None, size):
            told = _tell_size(size, described.told_size_px or size)
            problems.append(ProblemRow(task.image, told, is_taken=True))
        if not isinstance(annotation, Boxes):
            annotation = keep_inside(annotation, *size, task.image, problems.append)
        elif not annotation.are_sound(*size):
            annotation = keep_inside(annotation.to_annotation(), *size, task.image, problems.append)
        return _Image(task, data, facts, annotation, described.split, problems, signature, source_signature)

    def _finish(self, image: _Image, digests: Iterator[Digest]) -> Reading:
        """Return the reading; an image that was read takes the next of the digests."""
        task, facts, annotation = image.task, image.facts, image.annotation
        boxes = annotation if isinstance(annotation, Boxes) else None
        item = Item(
            dataset=task.dataset,
            name=task.name,
            blob=Digest(task.stored.blob.hex()) if task.stored else next(digests),
            size_bytes=task.stored.size_bytes if task.stored else len(image.data),
            width_px=facts.width_px,
            height_px=facts.height_px,
            split=task.split if image.split is None else image.split,
            annotation=Annotation() if isinstance(annotation, Boxes) else annotation,
        )
        try:
            encoded = encode(item, boxes)
        except InvalidInput as error:
            return _leave_out(task, error)
        names = boxes.class_names if boxes else [one.class_name for one in item.annotation.objects]
        return Reading(
            tuple(image.problems), encoded.row, encoded.object_count, encoded.size_bytes, tuple(set(names)),
            image.signature, image.source_signature, image.split is not None, define_tags(item.annotation),
        )  # fmt: skip

    def _read_source(
        self, task: Task, facts: ImageFacts | StoredImage, problems: list[ProblemRow]
    ) -> tuple[Description, bytes]:
        """Return what the item's own file says, and the signature of the bytes that it was read from."""
        path = f"{self.root}/{task.source}"
        signature = task.source_signature
        if parse := getattr(self.importer, "parse_annotation", None):
            content, signature = read_stable(path, signature, MAX_SOURCE_BYTES)
            size = facts.width_px, facts.height_px
            described = parse(
                content, self.key, *size, lambda reason: problems.append(ProblemRow(task.source, reason))
            )
            return described, signature
        for _ in range(_ATTEMPTS):
            found: list[Problem] = []
            file = FoundFile(self.root, task.source, signature)
            described = self._describe(file, facts, found.append)
            after = _sign(path)
            if after != signature:  # somebody is writing it: what was read may be the half of it
                signature = after
            elif isinstance(described, InvalidInput):
                raise described
            else:
                problems += [ProblemRow(*astuple(problem)) for problem in found]
                return described, signature
        raise InvalidInput("changes while it is read")

    def _describe(
        self, source: FoundFile, facts: ImageFacts | StoredImage, report: Callable[[Problem], None]
    ) -> Description | InvalidInput:
        try:
            return self.importer.read_annotation(source, self.key, facts.width_px, facts.height_px, report)
        except InvalidInput as error:
            return error


def _leave_out(task: Task, error: InvalidInput) -> Reading:
    """Return the reading of an image of which nothing certain is said: it must not pass for an empty one."""
    if not task.source:
        return Reading((ProblemRow(task.image, error.message),))
    with_it = f"its image, {show_path(task.image)}, is left out with it"
    return Reading((ProblemRow(task.source, f"{error.message}; {with_it}"),))


def _tell_size(size: tuple[int, int], told: tuple[int, int]) -> str:
    annotated = f"is annotated as one of {told[0]}×{told[1]}"
    return f"is {size[0]}×{size[1]}, but {annotated}; it was imported, coordinates as they are"


def keep_inside(
    annotation: Annotation,
    width_px: int,
    height_px: int,
    path: str,
    report: Callable[[ProblemRow], None],
) -> Annotation:
    """Return the annotation without objects that have no class or lie wholly outside of the image."""
    if _is_sound(annotation.objects, width_px, height_px):
        return annotation
    kept: list[AnnotatedObject] = []
    for labelled in annotation.objects:
        fault = _find_fault(labelled, width_px, height_px)
        if fault:
            report(ProblemRow(path, f"an object ({show_path(labelled.class_name)}) {fault}"))
        else:
            kept.append(labelled)
    return replace(annotation, objects=tuple(kept))


def _is_sound(objects: Iterable[AnnotatedObject], width_px: int, height_px: int) -> bool:
    names: set[str] = set()  # a few, each looked at once
    for labelled in objects:
        if not _is_inside(labelled, width_px, height_px):
            return False
        names.add(labelled.class_name)
    return not any(map(find_class_fault, names))


def _find_fault(labelled: AnnotatedObject, width_px: int, height_px: int) -> str:
    if not _is_inside(labelled, width_px, height_px):
        return f"lies outside of the {width_px}×{height_px} image"
    return find_class_fault(labelled.class_name)


def _is_inside(labelled: AnnotatedObject, width_px: int, height_px: int) -> bool:
    geometry = labelled.geometry
    if geometry.kind is GeometryKind.RECTANGLE and len(geometry.points) == 2:  # most; no need of bounds
        (left, top), (right, bottom) = geometry.points
    else:
        left, top, right, bottom = geometry.bounds
    return left < width_px and top < height_px and right > 0 and bottom > 0


def read_stable(path: str, signature: bytes, max_bytes: int) -> tuple[bytes, bytes]:
    """Return a file's bytes and the signature of the very state that they are.

    Raises:
        InvalidInput: it cannot be read, is too large, or changes each time while it is read; the
            message follows its name.
    """
    try:
        for _ in range(_ATTEMPTS):
            data, after = _read_all(path, get_size(signature), max_bytes)
            if after == signature:
                return data, signature
            signature = after
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}") from error
    raise InvalidInput("changes while it is read")


def _read_all(path: str, expected_bytes: int, max_bytes: int) -> tuple[bytes, bytes]:
    """Return a file's bytes, and its signature after they were read."""
    # Plain descriptors: a buffered file object costs as much again as the reading.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        # Of what is known to be too large, one byte is enough to see whether it still is.
        data = os.read(descriptor, expected_bytes + 1 if expected_bytes <= max_bytes else 1)
        status = os.fstat(descriptor)
        size = status.st_size
        if not S_ISREG(status.st_mode):
            raise InvalidInput("is not a file")
        if size > max_bytes:
            raise InvalidInput(f"is larger than {max_bytes >> 20} MiB")
        if len(data) == size:  # nearly always
            return data, sign_status(status)
        while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
            data += more
        return data, sign_status(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _sign(path: str) -> bytes:
    try:
        return sign_status(os.stat(path))  # noqa: PTH116 - no Path for each of a million files
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}") from error
