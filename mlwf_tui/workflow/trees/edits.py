"""Finds what was edited in a checkout's folder, reading only files that are not known; not a verb."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Mapping, Sequence, Set
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import Annotation, LabelSchema, find_class_fault
from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split, check_dataset, check_name
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely import (
    MAX_ANNOTATION_BYTES,
    decode_annotation,
    decode_meta,
    encode_annotation,
)
from mlwf_tui.formats.supervisely_layout import (
    META_NAME,
    Place,
    find_place,
    find_place_fault,
    find_sibling,
    place_annotation,
    place_image,
)
from mlwf_tui.media.probe import IMAGE_SUFFIXES, probe_image
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import find_rows, read_summary
from mlwf_tui.store.rows import decode_item
from mlwf_tui.workflow.importing.reading import MAX_IMAGE_BYTES, keep_inside, read_stable
from mlwf_tui.workflow.trees.state import TreeState, find_touched
from mlwf_tui.workspace import Workspace

_ROOT = "."  # a fault of the whole folder

Keep = Callable[[bytes], Digest]
"""Takes an image's bytes, to store them or only to look at them, and returns their digest."""


class TreeEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One item that the folder has otherwise than the checkout's manifest."""

    kind: ChangeKind
    key: str
    before: Item | None
    after: Item | None


class TreeEdits(msgspec.Struct, frozen=True, kw_only=True):
    """All edits in key order. `found` are the signatures of all files by their paths, `touched` the paths
    that are not as they were left, `signatures` those of the touched files as they were read.

    `unseen` has the files that may well be there, behind a link or in a folder that cannot be read: by
    path, what hides them. Their items stay as they were. `orphans` are the annotation files that are as they
    were written and whose images are gone.
    """

    edits: tuple[TreeEdit, ...]
    schema: LabelSchema
    is_schema_changed: bool
    problems: tuple[Problem, ...]
    found: Mapping[str, bytes]
    touched: Set[str]
    signatures: Mapping[str, bytes]
    unseen: Mapping[str, str]
    orphans: Sequence[str]

    @property
    def changes(self) -> dict[str, Item | None]:
        """What the manifest becomes: items by key, None where one is gone."""
        gone: dict[str, Item | None] = {edit.before.key: None for edit in self.edits if edit.before}
        return gone | {edit.after.key: edit.after for edit in self.edits if edit.after}

    def count(self, kind: ChangeKind) -> int:
        return sum(edit.kind is kind for edit in self.edits)


def read_edits(
    workspace: Workspace, state: TreeState, listing: FolderListing, keep: Keep, observer: Observer
) -> TreeEdits:
    """Return what differs between the folder and the manifest that was checked out.

    An image that was moved or renamed takes its annotation along where it has no new one. What cannot
    be read, or not all of it, stays as it was, and is a problem; so do the items of a dataset that has lost
    the folder of its images, or of its annotations, and has the other.
    """
    reader = _Reader(workspace, state, listing, keep, observer)
    return reader.read()


@dataclass(slots=True)
class _Reader:
    workspace: Workspace
    state: TreeState
    listing: FolderListing
    keep: Keep
    observer: Observer
    found: dict[str, bytes] = field(default_factory=dict)  # signatures by path
    base: dict[str, Item] = field(default_factory=dict)  # the manifest's items under touched keys
    problems: list[Problem] = field(default_factory=list)
    signatures: dict[str, bytes] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)
    placeless: dict[str, str] = field(default_factory=dict)  # images that no checkout writes, by key
    former: dict[str, Place] = field(default_factory=dict)  # what a file was before its folder was renamed

    def read(self) -> TreeEdits:
        self.problems += [fault.to_problem() for fault in self.listing.faults]
        self.found = self.listing.list_signatures()
        touched = find_touched(self.state, self.found)
        self.unseen = self._find_unseen(touched)
        keys = self._find_keys(touched)
        rows = find_rows(self.workspace.store, self.state.manifest, list(keys))
        self.base = {key: decode_item(row) for key, row in rows}
        self.former = self._find_former_places(touched)
        images = self._read_images(keys)
        gone = [item for key, item in self.base.items() if images.get(key) is None and key in keys]
        sources = _pair_moved(
            gone, [image for key, image in images.items() if image and key not in self.base]
        )
        self._leave_out_placeless(images, sources)
        edits = self._make_edits(keys, images, sources)
        schema = read_summary(self.workspace.store, self.state.manifest).schema
        found_schema = self._read_schema(schema) if META_NAME in touched else schema
        return TreeEdits(
            edits=tuple(sorted(edits, key=lambda edit: edit.key)),
            schema=found_schema,
            is_schema_changed=found_schema != schema,
            problems=tuple(self.problems),
            found=self.found,
            touched=touched,
            signatures=self.signatures,
            unseen=self.unseen,
            orphans=self.orphans,
        )

    def _find_former_places(self, touched: set[str]) -> dict[str, Place]:
        """Return by its path what each file was that is as it was left, only elsewhere.

        A folder that is renamed leaves its files with their signatures. Those of one file that has several
        names say nothing of which is which.
        """
        left: dict[bytes, str] = {}
        several: set[bytes] = set()
        for path in touched:
            if signature := self.state.files.get(path):
                if signature in left:
                    several.add(signature)
                left[signature] = path
        found: dict[bytes, str] = {}
        for path in touched & self.found.keys():
            signature = self.found[path]
            if signature in found:
                several.add(signature)
            if signature in left:
                found[signature] = path
        places = {
            path: find_place(left[signature]) for signature, path in found.items() if signature not in several
        }
        return {path: place for path, place in places.items() if place}

    def _find_former(self, path: str, *, is_image: bool) -> Item | None:
        """Return the item of which a file was the image, or the annotation, before its folder was renamed."""
        place = self.former.get(path)
        if place is None or place.is_image is not is_image:
            return None
        return self.base.get(f"{place.dataset}/{place.name}")

    def _find_unseen(self, touched: set[str]) -> dict[str, str]:
        """Return the files that are not found and may well be there, by path, with what hides each."""
        hidden: dict[str, str] = {}  # what hides by folder, empty where nothing does
        faults = {fault.relative for fault in self.listing.faults}
        unseen: dict[str, str] = {}
        for path in sorted(touched - self.found.keys()):
            folder = path.rpartition("/")[0]
            if folder not in hidden:
                hidden[folder] = self._find_cover(folder, faults)
            cover = path if path in faults else hidden[folder]
            if not cover and self._is_folder(path):
                self.problems.append(Problem(path, "is a folder where a file was; what that said stays"))
                cover = path
            if cover:
                unseen[path] = cover
        return unseen

    def _find_cover(self, folder: str, faults: Container[str]) -> str:
        """Return what hides the files of a folder of ours, empty where nothing does."""
        cover = folder
        while cover and cover not in faults:
            if cover in self.found:
                problem = Problem(cover, "is a file where a folder was; its items stay as they were")
                self.problems += [problem] if problem not in self.problems else []  # both of its folders tell
                return cover
            cover = cover.rpartition("/")[0]
        if cover or _ROOT in faults:
            return cover or _ROOT
        sibling = find_sibling(folder)
        if sibling and self._is_folder(sibling) and not self._is_folder(folder):
            self.problems.append(Problem(folder, "is gone; what was in it stays as it was"))
            return folder
        return ""

    def _is_folder(self, path: str) -> bool:
        return stat.S_ISDIR(self._read_mode(path))

    def _read_mode(self, path: str) -> int:
        """Return the mode of what stands at a path, which is not followed; 0 where nothing does."""
        try:
            return os.lstat(f"{self.listing.root}/{path}").st_mode
        except (OSError, ValueError):  # a state that somebody forged may name what is no path
            return 0

    def _refuse_link(self, path: str) -> bool:
        """Say whether a link says otherwise than the file whose place it has, and tell of it.

        One that was taken in, where nothing was before, is no other than what it led to then.
        """
        is_refused = stat.S_ISLNK(self._read_mode(path))
        if is_refused:
            self.problems.append(Problem(path, "is a link where a file was; what that said stays"))
            self.signatures.pop(path, None)
        return is_refused

    def _find_keys(self, touched: set[str]) -> dict[str, tuple[str, str]]:
        """Return dataset and name by key of all items of which a file was touched."""
        keys: dict[str, tuple[str, str]] = {}
        for path in sorted(touched - {META_NAME}):
            place = find_place(path)
            if place is None:
                if path.lower().endswith(tuple(IMAGE_SUFFIXES)):
                    self.problems.append(Problem(path, "lies in no img folder of a dataset"))
                continue
            try:
                key = f"{check_dataset(place.dataset)}/{check_name(place.name, 'file name')}"
            except InvalidInput as error:
                self.problems.append(Problem(path, error.message))
                continue
            if place.is_image and path in self.found and (fault := find_place_fault(*place[:2])):
                self.problems.append(Problem(path, fault))
                self.placeless[key] = path
            keys[key] = place.dataset, place.name
        return keys

    def _read_images(self, keys: Mapping[str, tuple[str, str]]) -> dict[str, Item | None]:
        """Return the items of touched keys without their annotations; None where the image is gone."""
        images: dict[str, Item | None] = {}
        for count, (key, (dataset, name)) in enumerate(keys.items(), start=1):
            self.observer.check_cancelled()
            self.observer.progress(count, len(keys), name)
            path = place_image(dataset, name)
            before = self.base.get(key)
            if path in self.unseen:
                images[key] = before
            elif path not in self.found:
                images[key] = None
                self._report_orphan(dataset, name, before)
            elif before is not None and self.found[path] == self.state.files.get(path):
                images[key] = before
            else:
                taken = self._take_image(path, dataset, name)
                is_other = taken and before and taken.blob != before.blob
                images[key] = before if is_other and self._refuse_link(path) else taken or before
        return images

    def _report_orphan(self, dataset: str, name: str, before: Item | None) -> None:
        """Note the annotation file that an image which is gone left behind, if it did."""
        path = place_annotation(dataset, name)
        if path not in self.found:
            return
        if before is not None and self._is_as_written(path, before):
            self.orphans.append(path)
        else:
            self.problems.append(Problem(path, "has no image"))

    def _is_as_written(self, path: str, item: Item) -> bool:
        """Say whether an annotation file is what a checkout makes of an item."""
        if self.found[path] == self.state.files.get(path):
            return True
        try:
            location = f"{self.listing.root}/{path}"
            content, _ = read_stable(location, self.found[path], MAX_ANNOTATION_BYTES)
        except InvalidInput:
            return False
        return content == encode_annotation(item)

    def _take_image(self, path: str, dataset: str, name: str) -> Item | None:
        former = self._find_former(path, is_image=True)
        if former is None:
            return self._read_image(path, dataset, name)
        self.signatures[path] = self.found[path]
        return Item(
            dataset=dataset,
            name=name,
            blob=former.blob,
            size_bytes=former.size_bytes,
            width_px=former.width_px,
            height_px=former.height_px,
        )

    def _read_image(self, path: str, dataset: str, name: str) -> Item | None:
        try:
            location = f"{self.listing.root}/{path}"
            data, signature = read_stable(location, self.found[path], MAX_IMAGE_BYTES)
            facts = probe_image(data)
        except InvalidInput as error:
            self.problems.append(Problem(path, error.message))
            return None
        self.signatures[path] = signature
        return Item(
            dataset=dataset,
            name=name,
            blob=self.keep(data),
            size_bytes=len(data),
            width_px=facts.width_px,
            height_px=facts.height_px,
        )

    def _leave_out_placeless(self, images: dict[str, Item | None], sources: dict[str, Item]) -> None:
        """Take in no new item that no checkout could write; one that was renamed to it stays as it was."""
        for key in self.placeless.keys() - self.base.keys():
            images[key] = None
            self.signatures.pop(self.placeless[key], None)
            source = sources.pop(key, None)
            if source is not None:
                images[source.key] = source
                self.unseen[place_image(source.dataset, source.name)] = self.placeless[key]
                annotation = place_annotation(source.dataset, source.name)
                self.orphans = [path for path in self.orphans if path != annotation]

    def _make_edits(
        self,
        keys: Mapping[str, tuple[str, str]],
        images: Mapping[str, Item | None],
        sources: Mapping[str, Item],
    ) -> list[TreeEdit]:
        moved = {item.key for item in sources.values()}
        edits = []
        for key in keys:
            before, image = self.base.get(key), images[key]
            if image is None:
                if before is not None and key not in moved:
                    edits.append(TreeEdit(kind=ChangeKind.REMOVED, key=key, before=before, after=None))
                continue
            known = before or sources.get(key)
            after = self._annotate(image, before, sources.get(key))
            if before and (after.split, after.annotation) != (before.split, before.annotation):
                path = place_annotation(image.dataset, image.name)
                if path in self.found and self._refuse_link(path):
                    after = replace(after, split=before.split, annotation=before.annotation)
            if known is not None and known.origins:  # no file says where an image came from
                after = replace(after, origins=known.origins)
            if before is None:
                source = sources.get(key)
                kind = ChangeKind.ADDED if source is None else ChangeKind.RENAMED
                edits.append(TreeEdit(kind=kind, key=key, before=source, after=after))
            elif after != before:
                edits.append(TreeEdit(kind=ChangeKind.CHANGED, key=key, before=before, after=after))
        return edits

    def _annotate(self, image: Item, before: Item | None, source: Item | None) -> Item:
        """Return an item with what its annotation file says, or with what it had where it came from."""
        path = place_annotation(image.dataset, image.name)
        known = before or source
        if known is not None and path not in self.found and (before is None or path in self.unseen):
            return replace(image, split=known.split, annotation=known.annotation)
        if before is not None and self.found.get(path) == self.state.files.get(path):
            return replace(image, split=before.split, annotation=before.annotation)
        split = known.split if known else Split.NONE
        if path not in self.found:  # somebody removed it: nothing is said of the image any more
            return replace(image, split=split, annotation=Annotation())
        former = self._find_former(path, is_image=False)
        if former is not None and (former.width_px, former.height_px) == (image.width_px, image.height_px):
            self.signatures[path] = self.found[path]
            return replace(image, split=former.split, annotation=former.annotation)
        try:
            content, signature = read_stable(
                f"{self.listing.root}/{path}", self.found[path], MAX_ANNOTATION_BYTES
            )
            decoded = decode_annotation(content)
        except InvalidInput as error:
            self.problems.append(Problem(path, error.message))
            annotation = known.annotation if known else Annotation()
            return replace(image, split=split, annotation=annotation)
        reasons = list(decoded.problems)
        annotation = keep_inside(
            decoded.annotation, image.width_px, image.height_px, path,
            lambda problem: reasons.append(problem.reason),
        )  # fmt: skip
        if decoded.is_whole and annotation == decoded.annotation:
            self.signatures[path] = signature
        elif known is not None:  # what is left of it would take the place of what was whole
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            self.problems.append(Problem(path, f"{reasons[0]}{more}; its item stays as it was"))
            return replace(image, split=split, annotation=known.annotation)
        self.problems += [Problem(path, reason) for reason in reasons]
        return replace(image, split=decoded.split or split, annotation=annotation)

    def _read_schema(self, before: LabelSchema) -> LabelSchema:
        if META_NAME in self.unseen:
            return before
        if META_NAME not in self.found:
            self.problems.append(Problem(META_NAME, "is gone; the classes stay as they were"))
            return before
        try:
            content, signature = read_stable(
                f"{self.listing.root}/{META_NAME}", self.found[META_NAME], MAX_ANNOTATION_BYTES
            )
            schema = decode_meta(content)
            if faults := list(filter(None, map(find_class_fault, schema.class_names))):
                raise InvalidInput(faults[0])
        except InvalidInput as error:
            self.problems.append(Problem(META_NAME, error.message))
            return before
        if schema != before and self._refuse_link(META_NAME):
            return before
        self.signatures[META_NAME] = signature
        return schema


def _pair_moved(gone: Sequence[Item], new: Sequence[Item]) -> dict[str, Item]:
    """Return where new items came from, by their keys: a gone item with the same bytes."""
    by_blob: dict[Digest, list[Item]] = {}
    for item in gone:
        by_blob.setdefault(item.blob, []).append(item)
    sources: dict[str, Item] = {}
    for item in new:
        candidates = by_blob.get(item.blob)
        if candidates:
            same_name = next((c for c in candidates if c.name == item.name), candidates[0])
            candidates.remove(same_name)
            sources[item.key] = same_name
    return sources
