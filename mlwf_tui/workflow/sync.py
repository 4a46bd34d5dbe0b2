"""sync: take what was edited in a checkout into its project, and bring the folder up to the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    Annotation,
    LabelSchema,
    TagDefinition,
    define_classes,
    define_tags,
    distinguish_colors,
)
from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import check_text
from mlwf_tui.entities.project import ManifestSummary, Project, VersionKind
from mlwf_tui.entities.run import Problem
from mlwf_tui.entities.threeway import MergeConflict, Side
from mlwf_tui.errors import Conflict
from mlwf_tui.formats.supervisely import encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, place_annotation, place_image
from mlwf_tui.processes import read_boot_id
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.manifests import iter_items, read_summary, update_manifest
from mlwf_tui.store.rows import encode_item
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.combine import combine
from mlwf_tui.workflow.importing.signing_hand import SigningHand
from mlwf_tui.workflow.referee import Referee
from mlwf_tui.workflow.running.recorder import Recorder, pin_head, record
from mlwf_tui.workflow.trees.edits import TreeEdits, read_edits
from mlwf_tui.workflow.trees.plan import Plan, plan_change, plan_new
from mlwf_tui.workflow.trees.recovery import is_sound, recover
from mlwf_tui.workflow.trees.state import TreeState, check_checkout, get_state, write_state
from mlwf_tui.workflow.trees.tree import (
    find_keys,
    find_project,
    hold_tree,
    note_in_the_way,
    scan_tree,
    set_aside,
    settle,
)
from mlwf_tui.workflow.trees.write import write_plan
from mlwf_tui.workspace import Workspace

_SHOWN = 3


class BothChanged(Conflict):
    """The folder and the project both changed what nobody chose a side for; nothing was changed."""

    def __init__(self, project: str, conflicts: Sequence[MergeConflict]) -> None:
        shown = ", ".join(conflict.key for conflict in conflicts[:_SHOWN])
        more = f" and {len(conflicts) - _SHOWN:,} more" if len(conflicts) > _SHOWN else ""
        super().__init__(
            f"The folder and {project} both changed {shown}{more}.",
            hint="Choose a side for each with --choose KEY=ours|theirs, or for all of it with --policy:"
            " ours (the project's) or theirs (the folder's).",
        )
        self.project = project
        self.conflicts = tuple(conflicts)

    @property
    def details(self) -> Mapping[str, object]:
        """All conflicts, as `merge` tells them."""
        return {"conflicts": msgspec.to_builtins(self.conflicts)}


class SyncResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was edited in the folder; `version` is the one that was committed, where a message was given.

    `conflicts_settled` counts what both sides had changed, and a choice or the policy settled; of
    `edits_given_up` of them the project's was taken. `files_written` counts the files of the folder that were
    written or removed, where the project had changed meanwhile. `kept_in` is where files were moved that
    were in the way of these and did not come into the project, or not all of them; a path from the folder. It
    has those of an interrupted sync as well, or checkout, which this one went on with.
    """

    project: str
    items_added: int
    items_updated: int
    items_removed: int
    items_renamed: int
    is_schema_changed: bool  # classes and tags
    version: int | None
    conflicts_settled: int
    edits_given_up: int
    files_written: int
    kept_in: str
    problems: tuple[Problem, ...]
    run: str


def sync(
    workspace: Workspace,
    folder: Path,
    *,
    message: str | None = None,
    policy: Side | None = None,
    choices: Mapping[str, Side] | None = None,
    hand: SigningHand | None = None,
    observer: Observer,
) -> SyncResult:
    """Move the project's head by what was edited in the folder, and the folder to that head.

    Where the head has moved since the checkout, both are merged, object by object. `choices` (by a
    conflict's key, or its item's) and then `policy` settle what both sides changed: ours is the
    project's, theirs the folder's. Edits that give way to the project's are moved aside. A `hand` may have
    gone ahead through the folder.

    Raises:
        NotFound: the folder is no checkout, or its project is deleted or not in this home.
        InvalidParameter: a choice is about nothing that is in conflict.
        BothChanged: both sides changed the same, and neither choice nor policy settles it.
        Busy: another checkout or sync of the folder is going on.
    """
    check_text(message or "", "message")
    check_checkout(expand_path(folder))  # what is none gets no lock
    with hold_tree(workspace, folder) as held:
        state = get_state(held)
        project = find_project(workspace, state, held)
        if not is_sound(state):
            state = recover(workspace, held, state, observer).state
        with record(workspace, "sync", params={"folder": str(held), "project": project.name}) as run:
            run.read_folder(str(held))
            if project.item_count:
                run.read_state(project, project.head)
            referee = Referee(choices or {}, policy.value if policy else "fail")
            return _Sync(run, held, state, project, message, referee, hand, observer).do()


@dataclass(slots=True)
class _Sync:
    run: Recorder
    folder: Path
    state: TreeState
    project: Project
    message: str | None
    referee: Referee
    hand: SigningHand | None
    observer: Observer
    on_disk: TreeState = field(init=False)
    schema_problems: tuple[Problem, ...] = ()
    kept_in: str = field(init=False)

    def __post_init__(self) -> None:
        self.on_disk = self.state
        self.kept_in = self.state.kept_in  # of a sync that was interrupted

    def do(self) -> SyncResult:
        self.observer.progress(0, None, "looking through the folder")
        listing = scan_tree(self.folder, self.hand)
        store = self.run.workspace.store
        with self.run.writer() as writer:
            edits = read_edits(self.run.workspace, self.state, listing, writer.put, self.observer)
            manifest = self.state.manifest
            schema, self.schema_problems = _define_used(store, manifest, edits)
            if edits.edits or schema != read_summary(store, manifest).schema:
                summary = update_manifest(store, writer, manifest, schema=schema, changes=edits.changes)
                manifest = summary.digest
        head = self._combine(manifest)
        version = self._move_head(head, edits)
        written = self._bring_up(edits, manifest, head)
        return self._summarise(edits, version, written)

    def _combine(self, theirs: Digest) -> ManifestSummary:
        """Return the manifest that the head becomes."""
        store, ours = self.run.workspace.store, self.project.manifest
        if ours == self.state.manifest or theirs in (ours, self.state.manifest):
            self.referee.check_choices()
            return read_summary(store, theirs if ours == self.state.manifest else ours)
        combined = combine(
            store, self.state.manifest, ours, theirs, self.referee.decide, preferred=self.referee.preferred
        )
        self.referee.check_choices()
        if self.referee.unsettled:
            raise BothChanged(self.project.name, self.referee.unsettled)
        with self.run.writer() as writer:
            return update_manifest(store, writer, ours, schema=combined.schema, changes=combined.changes)

    def _move_head(self, head: ManifestSummary, edits: TreeEdits) -> int | None:
        """Move the head, and name it where there is a message; return the version's number."""
        catalog = self.run.workspace.catalog
        version = None
        with catalog.transaction():
            if head.digest != self.project.manifest:
                self.run.write_head(self.project, head)
            if self.message is not None:
                project = catalog.projects.get_by_id(self.project.id)
                version = pin_head(
                    self.run.workspace, project, message=self.message, kind=VersionKind.MANUAL
                ).number
            self.run.result = msgspec.to_builtins(self._summarise(edits, version, 0)) | {
                "summary": _describe(edits)
            }
            with self.run.finishing():
                pass
        return version

    def _bring_up(self, edits: TreeEdits, synced: Digest, head: ManifestSummary) -> int:
        """Make the folder what the head is, remember its files, and return how many were written."""
        store = self.run.workspace.store
        found = edits.found
        # An orphan that a kill leaves there is no known file, so that no image takes it for its own.
        here = {META_NAME, *found, *edits.unseen}.difference(edits.orphans)
        files = {path: sign for path, sign in self.state.files.items() if path in here}
        # What was touched counts as known in the state in which it was read; what could not be read
        # keeps its old signature, and so is looked at again next time.
        files |= settle(edits.signatures)
        plan = plan_change(store, synced, head.digest, {})
        in_the_way = sorted((_list_left_out(edits) | self._list_given_up(edits)) & plan.changed)
        if in_the_way:
            plan = plan_change(store, synced, head.digest, find_keys(in_the_way))
        changed_count = plan.file_count
        plan.removals += edits.orphans
        is_schema_read = META_NAME not in edits.touched or META_NAME in edits.signatures
        if head.schema != edits.schema and is_schema_read:  # classes that the folder uses and does not name
            plan.schema = encode_meta(head.schema)
        planned = {step.key for step in plan.steps}
        unannotated = [
            plan_new(encode_item(edit.after)).without(place_image(edit.after.dataset, edit.after.name))
            for edit in edits.edits
            if edit.after and place_annotation(edit.after.dataset, edit.after.name) not in here
            and edit.after.key not in planned
        ]  # fmt: skip
        if plan.step_count or plan.removals or plan.schema or unannotated:
            # Known, though not there: a sync that goes on after a kill then writes them.
            due = {step.paths[1]: b"" for step in unannotated}
            self.state = replace(note_in_the_way(self.folder, self.state, in_the_way), boot=read_boot_id())
            self.kept_in = self.state.kept_in
            self._write_state(files | due, synced, target=head.digest)
            set_aside(self.folder, self.state)
            steps = [*plan.steps, *unannotated]
            plan = Plan(None, steps, len(steps), plan.removals, plan.schema)
            written = write_plan(
                self.run.workspace, self.folder, plan, files, is_new=False, observer=self.observer
            )
            gone = plan.gone
            files = {path: sign for path, sign in files.items() if path not in gone}
            files |= settle(written.files)
        self.state = replace(self.state, in_the_way={}, kept_in="")
        self._write_state(files, head.digest, target=Digest(""))
        return changed_count

    def _list_given_up(self, edits: TreeEdits) -> set[str]:
        """Return the files of edits of which not all came into the project."""
        overruled = {
            conflict.item or META_NAME
            for conflict, side in self.referee.settled
            if side is Side.OURS and conflict.what != "name"
        }
        if not overruled:
            return set()
        paths = {META_NAME} & overruled
        # Where names went round, an edit of an item is under another key here.
        blobs = {edit.before.blob for edit in edits.edits if edit.before and edit.before.key in overruled}
        for edit in edits.edits:
            sides = [item for item in (edit.before, edit.after) if item]
            is_moved = edit.after is not None and edit.after.blob in blobs
            if is_moved or not overruled.isdisjoint(item.key for item in sides):
                for item in sides:
                    paths |= {place_image(item.dataset, item.name), place_annotation(item.dataset, item.name)}
        return paths & edits.signatures.keys()

    def _write_state(self, files: dict[str, bytes], manifest: Digest, *, target: Digest) -> None:
        state = replace(
            self.state,
            files=files,
            manifest=manifest,
            target=target,
            ref=self.project.name,
            verb="sync" if target else "",
        )
        if state != self.on_disk:  # which would be waited for
            write_state(self.folder, state)
            self.on_disk = state

    def _summarise(self, edits: TreeEdits, version: int | None, written: int) -> SyncResult:
        return SyncResult(
            project=self.project.name,
            items_added=edits.count(ChangeKind.ADDED),
            items_updated=edits.count(ChangeKind.CHANGED),
            items_removed=edits.count(ChangeKind.REMOVED),
            items_renamed=edits.count(ChangeKind.RENAMED),
            is_schema_changed=edits.is_schema_changed,
            version=version,
            conflicts_settled=len(self.referee.settled),
            edits_given_up=sum(side is Side.OURS for _, side in self.referee.settled),
            files_written=written,
            kept_in=self.kept_in,
            problems=edits.problems + self.schema_problems,
            run=self.run.run_id,
        )


def _list_left_out(edits: TreeEdits) -> set[str]:
    """Return the files that are as somebody left them, and of which the sync took in nothing."""
    unread = (edits.touched & edits.found.keys()) - edits.signatures.keys()
    hidden = {path for path, cover in edits.unseen.items() if path == cover}  # a link or folder in its place
    return unread.difference(edits.orphans) | hidden


def _define_used(store: Store, manifest: Digest, edits: TreeEdits) -> tuple[LabelSchema, tuple[Problem, ...]]:
    """Return the folder's label schema with the classes and tags that are used and that it does not define.

    A class or tag that it defines no more, and that something has, stays as it was, and is a problem.
    """
    before, declared = read_summary(store, manifest).schema, edits.schema
    used = _Used()
    for edit in edits.edits:
        if edit.after:
            used.add(edit.after.annotation)
    tag_names = {definition.name for definition in declared.tags}
    gone_classes = [one for one in before.classes if one.name not in declared.class_names]
    gone_tags = [one for one in before.tags if one.name not in tag_names]
    if gone_classes or gone_tags:
        edited = edits.changes
        for item in iter_items(store, manifest):
            if item.key not in edited:
                used.add(item.annotation)
    kept_classes = tuple(one for one in gone_classes if one.name in used.class_names)
    kept_tags = tuple(one for one in gone_tags if one.name in used.tags)
    classes, tags = declared.classes + kept_classes, declared.tags + kept_tags
    known, known_tags = ({one.name for one in of_one} for of_one in (classes, tags))
    missing = tuple(sorted(used.class_names - known))
    classes += distinguish_colors(define_classes(missing, geometry=None), classes)
    tags += tuple(used.tags[name] for name in sorted(used.tags.keys() - known_tags))
    stays = [f"{one.name}, which objects have; the class stays" for one in kept_classes]
    stays += [f"the tag {one.name}, which items or objects carry; it stays" for one in kept_tags]
    problems = tuple(Problem(META_NAME, f"does not define {what}") for what in stays)
    return LabelSchema(classes, tags), problems


@dataclass(slots=True)
class _Used:
    """The classes that objects have, and the tags that they and items carry, by what they need defined."""

    class_names: set[str] = field(default_factory=set)
    tags: dict[str, TagDefinition] = field(default_factory=dict)

    def add(self, annotation: Annotation) -> None:
        self.class_names.update(labelled.class_name for labelled in annotation.objects)
        for tag in define_tags(annotation):
            if self.tags.setdefault(tag.name, tag).value_type != tag.value_type:
                self.tags[tag.name] = replace(tag, value_type="text")


def _describe(edits: TreeEdits) -> str:
    counts = {kind.value: edits.count(kind) for kind in ChangeKind}
    found = [f"{count:,} {kind}" for kind, count in counts.items() if count]
    found += ["classes and tags"] if edits.is_schema_changed else []
    return ", ".join(found) or "nothing new"
