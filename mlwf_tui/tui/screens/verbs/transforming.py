"""Transform: pick an operation, fill in its form, look at what it would do, and do it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace
from textual.content import Content

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.item import check_dataset
from mlwf_tui.entities.pipeline import Step
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import ParamSpec
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.counting_form import CountingForm
from mlwf_tui.tui.screens.operation_form import Looks, OperationForm
from mlwf_tui.tui.screens.picking import NO_PICK, OperationPicker, Pick
from mlwf_tui.tui.screens.previewing import PreviewScreen, Wanted
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.verbs.drafting import Drafting
from mlwf_tui.tui.screens.verbs.fields import SEED, read_class_names
from mlwf_tui.tui.screens.verbs.host import (
    Again,
    Host,
    ask_form,
    find_new,
    find_project,
    finish,
    list_known,
    queue_call,
    show_problems,
)
from mlwf_tui.tui.screens.verbs.terms import list_detach_fields, read_detached_terms
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.form import FormField, make_field
from mlwf_tui.workflow.names import find_free
from mlwf_tui.workflow.operations import OperationInfo, list_operations
from mlwf_tui.workflow.pipelines.drafts import read_params
from mlwf_tui.workflow.transform import TransformPlan, TransformResult, plan_transform, transform

DATA, INTO, TO, PROJECT, DATASET = "the-data", "the-place", "the-new-project", "the-project", "the-dataset"
OWN = (DATA, INTO, TO, PROJECT, DATASET, SEED.spec.name, *command_lines.DETACHED_TERMS)
"""Fields of the form itself. Hyphens tell them from an operation's parameters, which may be called `to`."""
NEW, BESIDE, IN_PLACE = "new", "dataset", "in-place"
CLASSES = "classes"
"""What operations call the classes that they are about."""
OF_ITEMS = ("filter", "copy", "move", "tag")
"""Operations that can be told by a condition which items are meant."""
NOT_OF_ITEMS = "Not for some items alone: o on the project, the version or the tree's head takes all of it."
PLACES = {NEW: "a new project", BESIDE: "a dataset of a project", IN_PLACE: "in place"}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a form asks for: the arguments of a transform, and the options of the queue."""

    operation: str
    refs: tuple[str, ...]
    to: str
    dataset: str
    seed: int
    params: dict[str, str]
    terms: dict[str, str]

    def pin(self, snapshot: Snapshot) -> Order:
        """Return it by the ids of the projects that have these names in what was looked at."""
        refs = tuple(snapshot.find_target(ref) for ref in self.refs)
        return replace(self, refs=refs, to=snapshot.find_target(self.to))

    def write_command(self) -> str:
        seed = str(self.seed) if self.seed else ""
        options = {"to": self.to, "dataset": self.dataset, "seed": seed, **self.terms}
        return command_lines.write_transform(self.operation, self.refs, options, self.params)


class Transforming:
    """Asks for and does transforms, in this process and with their progress shown, or queued."""

    def __init__(self, host: Host, drafts: Drafting) -> None:
        self._host = host
        self._drafts = drafts
        self._classes: tuple[str, ...] = ()  # of the data that was asked about last

    def transform(self, entry: Entry) -> None:
        self._pick(entry, NO_PICK)

    def transform_part(self, entry: Entry, condition: str) -> None:
        """Ask for an operation that is done only to the items of `entry` that meet a condition."""
        self._pick(entry, NO_PICK, condition)

    def _pick(self, entry: Entry, start: Pick, condition: str = "") -> None:
        refs = (entry.ref,) if condition else list_refs(entry, self._host.marks.entries)

        def read() -> tuple[tuple[OperationInfo, ...], tuple[str, ...]]:
            return list_operations(self._host.workspace), read_class_names(self._host.workspace, refs)

        def listed(found: tuple[tuple[OperationInfo, ...], tuple[str, ...]]) -> None:
            operations, self._classes = found
            able = [one for one in operations if not condition or one.name in OF_ITEMS]
            by_name = {operation.name: operation for operation in able}
            picker = OperationPicker(
                f"Transform {' + '.join(refs)} with", able, start=start,
                others=[one for one in operations if one.name not in by_name], why_not=NOT_OF_ITEMS,
            )  # fmt: skip
            self._host.put(picker, lambda pick: self._ask(entry, refs, by_name[pick.name], pick, condition))

        self._host.ask("operations", read, listed)

    def _ask(
        self, entry: Entry, refs: Sequence[str], operation: OperationInfo, pick: Pick, condition: str
    ) -> None:
        read, snapshot = partial(read_order, operation.name), self._host.snapshot
        added: list[Order] = []

        def add(form: OperationForm) -> None:
            added.append(read(form.collect()))
            form.dismiss(None)

        def closed() -> None:
            if added:
                self._add(added[0])
            else:
                self._pick(entry, pick, condition)

        form = OperationForm(
            f"{operation.name}: {operation.summary}",
            self._list_fields(entry, refs, operation),
            command=lambda values: read(values).write_command(),
            verb="start",
            looks=Looks(
                preview=lambda form: self._preview(form, operation, read(form.collect()), snapshot),
                count=lambda form: self._count(form, read(form.collect()).pin(snapshot)),
                add=add,
            ),
            given={"where": condition} if condition else None,
        )
        ask_form(
            self._host,
            form,
            lambda values, again: self._begin(read(values), snapshot, again),
            closed=closed,
        )

    def _list_fields(
        self, entry: Entry, refs: Sequence[str], operation: OperationInfo
    ) -> tuple[FormField, ...]:
        snapshot = self._host.snapshot
        data = make_field(
            DATA, "PROJECT for its head, or PROJECT@N; several by commas come together", ", ".join(refs),
            suggestions=tuple(snapshot.iter_data_refs()), is_required=True,
        )  # fmt: skip
        return (
            replace(data, label="data", takes_several=True),
            *_list_target_fields(
                find_project(entry) or refs[0], operation.name,
                tuple(snapshot.refer_to(project) for project in snapshot.projects),
            ),
            *(self._make_field(spec) for spec in operation.params),
            *((SEED,) if operation.is_random else ()),
            *list_detach_fields(snapshot),
        )  # fmt: skip

    def _make_field(self, spec: ParamSpec) -> FormField:
        """Ask for a parameter; classes are completed with those of the data."""
        if spec.name != CLASSES:
            return FormField(spec)
        return FormField(spec, suggestions=self._classes, takes_several=True)

    # --- looking before it is done -------------------------------------------------------------

    def _preview(
        self, form: OperationForm, operation: OperationInfo, named: Order, snapshot: Snapshot
    ) -> None:
        order = named.pin(snapshot)

        def wanted(answer: Wanted) -> None:
            if operation.is_random:
                form.fill(SEED.spec.name, str(answer.seed))
            if answer.is_start:
                form.action_submit()

        screen = PreviewScreen(
            self._host.workspace, self._host.work, order.operation, order.refs,
            params=order.params, seed=order.seed, is_random=operation.is_random,
            title=" + ".join(named.refs),
        )  # fmt: skip
        self._host.put(screen, wanted)

    def _count(self, form: CountingForm, order: Order) -> None:
        form.watch_count(
            self._host.work,
            lambda observer: draw_plan(
                plan_transform(
                    self._host.workspace, order.operation, order.refs, to=order.to, dataset=order.dataset,
                    params=order.params, seed=order.seed, observer=observer,
                )
            ),
        )  # fmt: skip

    def _add(self, order: Order) -> None:
        """Put the operation onto the draft of a pipeline, which takes the form's place."""
        params = read_params(self._host.workspace, order.operation, order.params, {})
        step = Step(name=order.operation, operation=order.operation, params=params, seed=order.seed or None)
        self._drafts.add(step, order.refs)

    # --- doing it ------------------------------------------------------------------------------

    def _begin(self, named: Order, snapshot: Snapshot, again: Again) -> None:
        order = named.pin(snapshot)
        call = {
            "operation": order.operation, "refs": order.refs, "to": order.to, "dataset": order.dataset,
            "params": order.params, "seed": order.seed,
        }  # fmt: skip
        terms = read_detached_terms(order.terms)
        if terms is not None:
            queue_call(self._host, "transform", call, terms, again, seed=order.seed)
            return
        work = partial(
            transform, self._host.workspace, order.operation, order.refs, to=order.to,
            dataset=order.dataset, params=order.params, seed=order.seed,
        )  # fmt: skip
        title = f"{order.operation} of {' + '.join(named.refs)}"
        done = partial(self._say_made, list_known(self._host))
        self._host.do_long(title, lambda observer: work(observer=observer), done, failed=again)

    def _say_made(self, known: Collection[str], made: TransformResult) -> None:
        has_moved = bool(made.items_added or made.items_changed or made.items_dropped)
        detail = "\n".join(made.conflicts)
        select = find_new(made.project, known)
        finish(self._host, describe_made(made), detail=detail, select=select, has_moved=has_moved)
        show_problems(
            self._host, f"Images that could not be used for {made.project}@{made.version}", made.problems
        )


def describe_made(made: TransformResult) -> str:
    """Return what a transform has made, in a sentence or some."""
    how = " (known recipe, nothing was computed)" if made.cached else ""
    counts = f"{format_count(made.items_in, 'item')} in, {made.items_out:,} out"
    text = f"Made {made.project}@{made.version}: {counts}{how}."
    if made.objects_in != made.objects_out:
        text += f" Of {made.objects_in:,} objects there are {made.objects_out:,} now."
    if made.images_resumed:
        text += f" {made.images_resumed:,} images were there from before."
    if made.problems:
        text += f" {len(made.problems):,} images could not be used."
    return text


def list_refs(entry: Entry, marked: Sequence[Entry]) -> tuple[str, ...]:
    """Return what to transform: the selection, behind the data that is marked."""
    kinds = (EntryKind.PROJECT, EntryKind.VERSION)
    return (*(one.ref for one in marked if one.kind in kinds and one.ref != entry.ref), entry.ref)


def read_order(operation: str, values: Mapping[str, str]) -> Order:
    """Return what a form's values come to."""
    own, params = command_lines.split_values(values, OWN)
    refs = command_lines.split_words(own.get(DATA, ""))
    place = own.get(INTO, NEW)
    first = refs[0] if refs else ""
    to = {NEW: own.get(TO, ""), BESIDE: own.get(PROJECT, "")}.get(place, first.partition("@")[0])
    seed = own.get(SEED.spec.name, "")
    return Order(
        operation=operation,
        refs=refs,
        to=to,
        dataset=own.get(DATASET, "") if place == BESIDE else "",
        seed=int(seed) if seed.isdecimal() else 0,  # a form that is still written in may hold anything
        params=params,
        terms={name: own[name] for name in command_lines.DETACHED_TERMS if name in own},
    )


def draw_plan(plan: TransformPlan) -> Content:
    """Return what a transform would do, in a line or two."""
    target = f"{plan.project}/{plan.dataset}" if plan.dataset else plan.project
    counts: list[Any] = [
        (f"{plan.items_in:,} → {plan.items_out:,} items", "bold"), f" in {target}: ",
        (f"+{plan.items_added:,} added", "$success"), " · ", (f"~{plan.items_changed:,} changed", "$primary"),
        " · ", (f"-{plan.items_dropped:,} dropped", "$error"), f" · {plan.items_unchanged:,} as they are",
    ]  # fmt: skip
    if plan.objects_out not in (None, plan.objects_in):
        counts.append(f" · {plan.objects_in:,} → {plan.objects_out:,} objects")
    if plan.cached:
        counts.append("\nThe same recipe was followed before: its result is used at once.")
    elif plan.images:
        resumed = f", {plan.images_resumed:,} of them there already" if plan.images_resumed else ""
        counts.append(f"\n{plan.images:,} images to make{resumed}.")
    else:
        counts.append("\nNo image is made.")
    return Content.assemble(*counts)


def _list_target_fields(project: str, operation: str, projects: Sequence[str]) -> tuple[FormField, ...]:
    """Ask where the result goes: into a new project, a dataset of one, or the source itself."""
    stem = f"{project.rpartition('/')[2]}-{operation}"
    new = find_free(stem, projects) if stem in projects else stem
    into = make_field(
        INTO, "in place: the source's own head moves on, and its state before stays a version", NEW,
        choices=tuple(PLACES),
    )  # fmt: skip
    of_new = make_field(
        TO, "project that gets the result; of one that exists the former head stays a version", new,
        is_required=True,
    )  # fmt: skip
    of_beside = make_field(
        PROJECT, "project that gets the dataset; what else it has stays beside it", project,
        suggestions=projects, is_required=True,
    )  # fmt: skip
    dataset = make_field(
        DATASET, "dataset for the results, with their own datasets below it", operation, is_required=True
    )
    return (
        replace(into, label="into", labels=PLACES),
        replace(of_new, label="project", is_wanted=lambda values: values[INTO] == NEW),
        replace(of_beside, label="project", is_wanted=lambda values: values[INTO] == BESIDE),
        replace(
            dataset, label="dataset", is_wanted=lambda values: values[INTO] == BESIDE,
            find_fault=_find_dataset_fault,
        ),
    )  # fmt: skip


def _find_dataset_fault(text: str) -> str:
    try:
        check_dataset(text)
    except InvalidParameter as error:
        return error.message
    return ""
