"""The verbs of an opened home as methods: each is the workflow's own function, watched by nobody."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlwf_tui.entities.change import Diff
from mlwf_tui.entities.comparison import Leaderboard, ModelDiff
from mlwf_tui.entities.deletion import Deleted
from mlwf_tui.entities.experiment import Experiment
from mlwf_tui.entities.finding import CheckResult, FixResult
from mlwf_tui.entities.folder import FolderStatus
from mlwf_tui.entities.health import Check
from mlwf_tui.entities.lineage import LineageGraph, LineageNode
from mlwf_tui.entities.machine import Machine
from mlwf_tui.entities.model import Evaluation, Model, Report
from mlwf_tui.entities.project import Project, ProjectState, Version
from mlwf_tui.entities.remark import LintResult, Remark
from mlwf_tui.entities.selection import WHOLE, Selection
from mlwf_tui.entities.threeway import Side
from mlwf_tui.protocols.observer import SILENT, Observer
from mlwf_tui.sdk.door import Door
from mlwf_tui.sdk.items import Items
from mlwf_tui.sdk.jobs import Jobs
from mlwf_tui.settings import find_home
from mlwf_tui.workflow.affected import Affected, find_affected
from mlwf_tui.workflow.backup import BackupResult, backup
from mlwf_tui.workflow.checkout import CheckoutResult, checkout
from mlwf_tui.workflow.collect import GRACE_S, Collected, collect
from mlwf_tui.workflow.commit import CommitResult, commit
from mlwf_tui.workflow.compare import CompareResult, compare
from mlwf_tui.workflow.copy import CopyResult, copy
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.doctor import examine
from mlwf_tui.workflow.export import ExportPlan, ExportResult, export, plan_export
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs.export_graph import write_graph
from mlwf_tui.workflow.hide import hide, list_hidden, unhide
from mlwf_tui.workflow.history import Change, list_changes, list_minor_versions
from mlwf_tui.workflow.import_ import ImportResult, import_folder
from mlwf_tui.workflow.items import open_items
from mlwf_tui.workflow.leaderboard import read_leaderboard
from mlwf_tui.workflow.lint import fix_remarks, lint
from mlwf_tui.workflow.machine import iter_machine
from mlwf_tui.workflow.merge import MergePlan, MergeResult, merge, plan_merge
from mlwf_tui.workflow.metrics import find_run
from mlwf_tui.workflow.model_diff import diff_models
from mlwf_tui.workflow.models import choose_experiments, list_models, read_experiments
from mlwf_tui.workflow.operations import OperationInfo, list_operations
from mlwf_tui.workflow.pipeline import PipelineResult, make_request, preview_pipeline, run_pipeline
from mlwf_tui.workflow.pipelines.files import ReadyRecipe, list_ready
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workflow.referee import Policy
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.reports import get_report, list_reports, read_evaluation
from mlwf_tui.workflow.restore import RestoreResult, restore
from mlwf_tui.workflow.run_diff import RunDiff, diff_runs
from mlwf_tui.workflow.show import Shown, show
from mlwf_tui.workflow.star import star_model
from mlwf_tui.workflow.stats import Stats, read_stats
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.sync import SyncResult, sync
from mlwf_tui.workflow.tag import TagResult, tag, untag
from mlwf_tui.workflow.trace import Trace, find_paths, trace
from mlwf_tui.workflow.transform import TransformPlan, TransformResult, plan_transform, transform
from mlwf_tui.workflow.undelete import UndeleteResult, list_deleted, undelete
from mlwf_tui.workflow.undo import UndoResult, redo, undo
from mlwf_tui.workflow.verify import Scope, VerifyResult, verify
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace

StrPath = str | os.PathLike[str]


def open_home(path: StrPath | None = None) -> Home:
    """Open the home at `path`, else MLWF_HOME, else the user's data folder; it is made where missing.

    One that can only be read can be read; what would change it raises StorageFailed. Use it in a `with`
    block, or close it.

    Raises:
        StorageFailed: the home is not ours, or is missing and cannot be made.
        CorruptData: its catalog or the store's index is damaged.
    """
    home = find_home(None if path is None else Path(path), os.environ)
    return Home(Door(home))


class Home:
    """One opened home. Any number of threads may use it.

    `PROJECT` names a project's head and `PROJECT@N` or `PROJECT@TAG` a version, as on the command line.
    A verb raises what its function in `mlwf_tui.workflow` says, always an `MlwfError`: NotFound,
    Conflict, InvalidInput, CorruptData, Busy, StorageFailed. Work that takes long tells `observer` how
    far it has come, and stops with Cancelled where that one raises it. `jobs` is the queue of runs that
    go on when this program ends.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._door.open()
        self.jobs = Jobs(door)

    @property
    def path(self) -> Path:
        """The folder that holds everything."""
        return self._door.home

    @property
    def door(self) -> Door:
        """What opens the home in any process; for runs that are tracked."""
        return self._door

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the home, and all items that were opened from it, in this process."""
        self._door.close()

    def __repr__(self) -> str:
        return f"<Home {self.path}>"

    def open_data(self, ref: str) -> Items:
        """Return the items of a version, or of a head as it is now, to be read straight from the packs.

        Raises:
            NotFound: there is no such version.
        """
        return Items(self._door, open_items(self._workspace, ref))

    def projects(self) -> tuple[Project, ...]:
        """Return all projects, by workspace and name."""
        return list_projects(self._workspace)

    def show(self, ref: str) -> Shown:
        """Return everything about a project, version, model, report or run."""
        return show(self._workspace, ref)

    def versions(self, project: str) -> tuple[Version, ...]:
        """Return all versions of a project, newest first."""
        return list_versions(self._workspace, project)

    def lint(self) -> LintResult:
        """Return what is undocumented, sprawls or cannot be made again, and how much is described."""
        return lint(self._workspace)

    def fix_remarks(self, *kinds: str, nodes: Collection[str] = ()) -> tuple[Remark, ...]:
        """Put right what lint says, of these kinds or all that can be; return what was put right."""
        return fix_remarks(self._workspace, kinds, nodes)

    def minor_versions(self, project: str) -> tuple[ProjectState, ...]:
        """Return the states that no version names, oldest first; `project@2.1` means one, also to restore."""
        return list_minor_versions(self._workspace, project)

    def history(self, ref: str) -> tuple[Change, ...]:
        """Return what was ever said and done of a thing: names, descriptions, states; oldest first."""
        return list_changes(self._workspace, ref)

    def diff(self, before: str | None, after: str, *, max_items: int | None = None) -> Diff:
        """Compare two refs; without `before`, `after` with the state before it.

        Of more than `max_items` differing items only so many are kept; all are counted.
        """
        return diff(self._workspace, before, after, max_items=max_items)

    def diff_runs(self, before: str, after: str) -> RunDiff:
        """Compare two runs, or the runs that made two models: parameters, data, environment, metrics."""
        workspace = self._workspace
        return diff_runs(workspace, find_run(workspace, before), find_run(workspace, after))

    def diff_models(self, *refs: str) -> ModelDiff:
        """Compare several models, or runs: what was asked, read and measured, and their curves."""
        return diff_models(self._workspace, refs)

    def check(self, ref: str, *, is_near: bool | None = None, observer: Observer = SILENT) -> CheckResult:
        """Return what is wrong or suspicious; with `is_near` each image is decoded once for look-alikes."""
        from mlwf_tui.workflow.check import check  # numpy, which most programs need not wait for

        return check(self._workspace, ref, is_near=is_near, observer=observer)

    def fix(self, ref: str, *kinds: str, observer: Observer = SILENT) -> FixResult:
        """Put right what a check found of these kinds, as a new version."""
        from mlwf_tui.workflow.fixing import fix

        return fix(self._workspace, ref, kinds, observer=observer)

    def models(self) -> tuple[Model, ...]:
        """Return all models, newest first."""
        return list_models(self._workspace)

    def experiments(
        self, query: str = "", *, where: str = "", sort: str = "", is_reversed: bool = False
    ) -> tuple[Experiment, ...]:
        """Return models with what their trainings were asked for: `experiments(where="map50 > 0.5")`."""
        found = read_experiments(self._workspace)
        return choose_experiments(found, query=query, where=where, sort=sort, is_reversed=is_reversed)

    def leaderboard(self, project: str, *, metric: str = "", on: str = "", split: str = "") -> Leaderboard:
        """Return the models of a project, the best first, and what the order rests on."""
        return read_leaderboard(self._workspace, project, metric=metric, on=on, split=split)

    def star(self, model: str, *, is_starred: bool = True) -> Model:
        """Mark a model that is to be found again, or take its star away."""
        return star_model(self._workspace, model, is_starred=is_starred)

    def reports(self) -> tuple[Report, ...]:
        """Return all reports, newest first."""
        return list_reports(self._workspace)

    def evaluation(self, report: str) -> Evaluation:
        """Return all of a report, by its name or id: metrics, classes, curves, confusion."""
        return read_evaluation(self._workspace, get_report(self._workspace, report))

    def compare(
        self,
        *refs: str,
        on: str | None = None,
        split: str | None = None,
        evaluator: str | None = None,
        fail_if: Sequence[str] = (),
        observer: Observer = SILENT,
    ) -> CompareResult:
        """Compare models or reports, each with the last named: `compare("new", "old")`.

        `fail_if` are gates as `"map50 < -0.01"`; the result's `failed` has those that hold.
        """
        return compare(
            self._workspace, refs, on=on, split=split, evaluator=evaluator, fail_if=fail_if, observer=observer
        )

    def graph(self, ref: str | None = None) -> LineageGraph:
        """Return the whole lineage, or what `ref` came from and what came of it."""
        return read_graph(self._workspace, ref)

    def export_graph(
        self,
        ref: str | None = None,
        *,
        format: str = "html",
        is_folded: bool = True,
        with_hidden: bool = False,
    ) -> str:
        """Return the lineage as text, mermaid, dot, svg, html, openlineage (an event a line) or prov.

        Folders of files and bundles of runs are each drawn as one, unless `is_folded` is off.
        """
        graph = read_graph(self._workspace, ref)
        return write_graph(self._workspace, graph, format, is_folded=is_folded, with_hidden=with_hidden)

    def hide(self, *refs: str) -> tuple[str, ...]:
        """Leave things out where people look at the lineage; return the nodes that were seen before."""
        return hide(self._workspace, refs)

    def unhide(self, *refs: str) -> tuple[str, ...]:
        """Show things again; return the nodes that were hidden."""
        return unhide(self._workspace, refs)

    def hidden(self) -> tuple[LineageNode, ...]:
        """Return all that is hidden, oldest first."""
        return list_hidden(self._workspace)

    def trace(
        self,
        ref: str,
        *,
        is_up: bool = True,
        is_down: bool = True,
        depth: int | None = None,
        kinds: Collection[str] = (),
    ) -> Trace:
        """Return what `ref` came from and what came of it, nearest first.

        Which models used a version: `home.trace("cells@2", is_up=False, kinds=["model"])`.
        """
        return trace(self._workspace, ref, is_up=is_up, is_down=is_down, depth=depth, kinds=kinds)

    def paths(self, ref: str, to: str) -> Trace:
        """Return all ways between two things, whichever of them came first."""
        return find_paths(self._workspace, ref, to)

    def affected(self, ref: str, key: str, *, observer: Observer = SILENT) -> Affected:
        """Return what would be affected if the item `key` of `ref` were wrong: versions, models, reports."""
        return find_affected(self._workspace, ref, key, observer=observer)

    def machine(self) -> Machine:
        """Return what this machine does now; takes half a second, for what is a rate."""
        with closing(self.iter_machine()) as readings:
            return next(readings)

    def iter_machine(self, interval_s: float = 2.0) -> Generator[Machine]:
        """Yield what this machine does every `interval_s` seconds without end."""
        return iter_machine(self._workspace, interval_s)

    def doctor(self) -> tuple[Check, ...]:
        """Look for what would hurt later on this machine, and say what to do."""
        return examine(self._workspace, os.environ)

    def stats(self) -> Stats:
        """Return how much there is by project, and how many bytes it takes."""
        return read_stats(self._workspace)

    def import_folder(
        self,
        path: StrPath,
        project: str,
        *,
        dataset: str = "",
        format: str = "auto",
        message: str | None = None,
        observer: Observer = SILENT,
    ) -> ImportResult:
        """Take a folder's or an archive's images and annotations into a project, made where it is missing.

        What is there already is updated where it differs; what cannot be imported is in `problems`. With
        a `message` what the project then holds is committed.
        """
        return import_folder(
            self._workspace,
            Path(path),
            project,
            dataset=dataset,
            format=format,
            message=message,
            observer=observer,
        )

    def export(
        self,
        ref: str,
        folder: StrPath,
        *,
        format: str = "yolo",
        selection: Selection = WHOLE,
        is_linked: bool = False,
        observer: Observer = SILENT,
    ) -> ExportResult:
        """Write what is selected of a version into a folder that is empty or missing.

        A changed head is committed first. Linked, images are hard links to read-only files of the home.

        Raises:
            CorruptData: images are damaged in the store; the message says whether all others were written.
        """
        return export(
            self._workspace,
            ref,
            Path(folder),
            format=format,
            selection=selection,
            is_linked=is_linked,
            observer=observer,
        )

    def plan_export(
        self,
        ref: str,
        *,
        format: str = "yolo",
        selection: Selection = WHOLE,
        observer: Observer = SILENT,
    ) -> ExportPlan:
        """Return what `export` would write, and what the format cannot hold as it is."""
        return plan_export(self._workspace, ref, format=format, selection=selection, observer=observer)

    def operations(self) -> tuple[OperationInfo, ...]:
        """Return what `transform` can do, with all parameters."""
        return list_operations(self._workspace)

    def transform(
        self,
        operation: str,
        *refs: str,
        to: str = "",
        dataset: str = "",
        params: Mapping[str, Any] | None = None,
        seed: int = 0,
        workers: int | None = None,
        is_strict: bool = False,
        observer: Observer = SILENT,
    ) -> TransformResult:
        """Apply an operation to all items of `refs`, and make the result the newest version of `to`.

        Without `to` it becomes a new project; with `dataset` it comes beside what `to` has already.
        """
        return transform(
            self._workspace,
            operation,
            refs,
            to=to,
            dataset=dataset,
            params=params or {},
            seed=seed,
            workers=workers,
            is_strict=is_strict,
            observer=observer,
        )

    def plan_transform(
        self,
        operation: str,
        *refs: str,
        to: str = "",
        dataset: str = "",
        params: Mapping[str, Any] | None = None,
        seed: int = 0,
        observer: Observer = SILENT,
    ) -> TransformPlan:
        """Return what `transform` would add, change and drop; nothing is done."""
        return plan_transform(
            self._workspace,
            operation,
            refs,
            to=to,
            dataset=dataset,
            params=params or {},
            seed=seed,
            observer=observer,
        )

    def pipeline(
        self,
        file: StrPath,
        *,
        sources: Mapping[str, str] | None = None,
        to: Mapping[str, str] | None = None,
        datasets: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        seed: int | None = None,
        sweep: Mapping[str, Sequence[Any]] | None = None,
        is_dry_run: bool = False,
        observer: Observer = SILENT,
    ) -> PipelineResult:
        """Do the steps of a YAML file, or of a recipe that ships with mlwf, and make its outputs.

        `sources` are refs by the source's name, `to` projects by the result's and `datasets` what of them it
        is put into, "" for the only one; `params` and `sweep` go by `STEP.PARAMETER`. What was done before
        is used as it is. A step that applies a model does so in this process; `jobs.pipeline` leaves it to a
        worker.
        """
        request = make_request(
            self._workspace, os.fspath(file), sources=sources, to=to, datasets=datasets,
            params=params, seed=seed, sweep=sweep,
        )  # fmt: skip
        do = preview_pipeline if is_dry_run else run_pipeline
        return do(self._workspace, request, observer=observer)

    def recipes(self) -> tuple[ReadyRecipe, ...]:
        """Return the pipelines that ship with mlwf."""
        return list_ready()

    def commit(self, project: str, *, message: str | None = None) -> CommitResult:
        """Name a project's head as a version; without a message it says what has changed."""
        return commit(self._workspace, project, message=message)

    def restore(self, ref: str) -> RestoreResult:
        """Bring a version back as a new one; nothing is overwritten."""
        return restore(self._workspace, ref)

    def undo(self, project: str | None = None) -> UndoResult:
        """Take back the newest change of a project, or of any."""
        return undo(self._workspace, project)

    def redo(self, project: str | None = None) -> UndoResult:
        """Do again what was undone last."""
        return redo(self._workspace, project)

    def copy(self, ref: str, name: str) -> CopyResult:
        """Make a project that goes on from a version or head of another, in constant time."""
        return copy(self._workspace, ref, name)

    def plan_merge(
        self,
        project: str,
        ref: str,
        *,
        choices: Mapping[str, Side] | None = None,
        policy: Policy = "fail",
        is_unrelated: bool = False,
    ) -> MergePlan:
        """Return what `merge` would change, and the conflicts that neither `choices` nor `policy` settles."""
        return plan_merge(
            self._workspace, project, ref, choices=choices, policy=policy, is_unrelated=is_unrelated
        )

    def merge(
        self,
        project: str,
        ref: str,
        *,
        choices: Mapping[str, Side] | None = None,
        policy: Policy = "fail",
        message: str | None = None,
        is_unrelated: bool = False,
    ) -> MergeResult:
        """Merge `ref` into a project's head as a new version.

        Where conflicts are left that neither `choices` (by a conflict's key, or its item's) nor
        `policy` settles, nothing is changed and the result holds them.
        """
        return merge(
            self._workspace,
            project,
            ref,
            choices=choices,
            policy=policy,
            message=message,
            is_unrelated=is_unrelated,
        )

    def tag(self, ref: str, name: str, *, is_forced: bool = False) -> TagResult:
        """Let PROJECT@NAME mean a version; forced, also where it means another one now.

        A tag of a model, report, run, folder or file is a word to find it by.
        """
        return tag(self._workspace, ref, name, is_forced=is_forced)

    def untag(self, ref: str, name: str) -> TagResult:
        """Take a tag off what has it, which stays; of a project, off the version that it means."""
        return untag(self._workspace, ref, name)

    def describe(self, ref: str, text: str) -> None:
        """Set the description of a project, model or report, or a version's message."""
        describe(self._workspace, ref, text)

    def rename(self, ref: str, name: str) -> None:
        """Give a project, model or report another name."""
        rename(self._workspace, ref, name)

    def delete(self, ref: str, *, is_forced: bool = False) -> str:
        """Take a project, version, model or report out of sight, and return which of these it was.

        A version that something depends on is deleted only where it is forced.
        """
        return delete(self._workspace, ref, is_forced=is_forced)

    def deleted(self) -> tuple[Deleted, ...]:
        """Return what was deleted and can be brought back, the newest first."""
        return list_deleted(self._workspace)

    def undelete(self, ref: str, *, name: str = "", observer: Observer = SILENT) -> UndeleteResult:
        """Bring what was deleted back, by its name, PROJECT@N or id; under another `name` if one is given."""
        return undelete(self._workspace, ref, name=name, observer=observer)

    def checkout(
        self, ref: str, folder: StrPath, *, is_forced: bool = False, observer: Observer = SILENT
    ) -> CheckoutResult:
        """Make a folder hold what a version holds, in Supervisely's layout; only differences are written.

        Edits that were not synced are a Conflict; forced, they are moved aside inside of the folder.
        """
        return checkout(self._workspace, ref, Path(folder), is_forced=is_forced, observer=observer)

    def status(self, folder: StrPath, *, observer: Observer = SILENT) -> FolderStatus:
        """Return what was edited in a checkout since it was written or synced."""
        return read_status(self._workspace, Path(folder), observer=observer)

    def sync(
        self,
        folder: StrPath,
        *,
        message: str | None = None,
        policy: Side | None = None,
        choices: Mapping[str, Side] | None = None,
        observer: Observer = SILENT,
    ) -> SyncResult:
        """Take a checkout's edits into its project, and bring the folder up to the head.

        With a message the head is committed. `choices` (by a conflict's key, or its item's) and then
        `policy` settle what both sides changed: ours is the project's, theirs the folder's. What neither
        settles is a Conflict, whose `details` list it, and nothing is changed.
        """
        return sync(
            self._workspace,
            Path(folder),
            message=message,
            policy=policy,
            choices=choices,
            observer=observer,
        )

    def verify(
        self,
        *,
        scope: Scope = "all",
        share: float = 1.0,
        is_rebuilding: bool = False,
        repair_from: StrPath | None = None,
        observer: Observer = SILENT,
    ) -> VerifyResult:
        """Check stored bytes, and ask for everything that is named; damage is in `problems`, not raised.

        Scope `new` reads what was not verified since it was written, `sample` a `share` of all packs.
        """
        return verify(
            self._workspace,
            observer,
            scope=scope,
            share=share,
            is_rebuilding=is_rebuilding,
            repair_from=None if repair_from is None else Path(repair_from),
        )

    def collect(
        self, *, is_dry_run: bool = True, grace_s: float = GRACE_S, observer: Observer = SILENT
    ) -> Collected:
        """Free the bytes that nothing needs; a dry run, which is the default, says what that would free.

        What was deleted within the last `grace_s` seconds, a week by default, stays.
        """
        return collect(self._workspace, observer, is_dry_run=is_dry_run, grace_s=grace_s)

    def backup(self, folder: StrPath, *, observer: Observer = SILENT) -> BackupResult:
        """Bring a second home up to date, what is copied checked; it opens like this one."""
        return backup(self._workspace, Path(folder), observer)

    @property
    def _workspace(self) -> Workspace:
        return self._door.open()
