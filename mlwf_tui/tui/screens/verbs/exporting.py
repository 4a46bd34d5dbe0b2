"""Exporting: what to write, what the format would lose of it, and writing it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from msgspec.structs import replace
from textual.content import Content

from mlwf_tui.entities.abilities import Loss
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.selection import Selection
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.command_lines import split_entries, split_words
from mlwf_tui.tui.screens.verbs.fields import read_class_names
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, finish, show_problems
from mlwf_tui.tui.widgets.completing import PATH_TYPE
from mlwf_tui.tui.widgets.entry import Entry, EntryKind, Excerpt
from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.export import ExportPlan, ExportResult, export, list_export_formats, plan_export
from mlwf_tui.workflow.reporting.export_report import FORMATS, export_report

ANY_SPLIT = "any"


class Exporting:
    """Asks for a format and a selection, tells the losses, and writes where a person still wants it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def export(self, entry: Entry) -> None:
        if entry.kind is EntryKind.REPORT:
            self._ask_report(entry)
            return
        self._list(Excerpt(ref=entry.ref, target=entry.target), {})

    def export_part(self, excerpt: Excerpt) -> None:
        """Ask for a format and write this dataset, or these items, alone."""
        given = {"items": "; ".join(item.key for item in excerpt.items)}
        if not excerpt.items:
            given = {"datasets": excerpt.dataset}
        self._list(excerpt, given)

    def _list(self, excerpt: Excerpt, given: Mapping[str, str]) -> None:
        workspace = self._host.workspace

        def read() -> tuple[tuple[str, ...], tuple[str, ...]]:
            return list_export_formats(workspace), read_class_names(workspace, (excerpt.target,))

        self._host.ask("formats", read, lambda found: self._ask(excerpt, given, *found))

    def _ask(
        self, excerpt: Excerpt, given: Mapping[str, str], formats: tuple[str, ...], classes: tuple[str, ...]
    ) -> None:
        command = partial(command_lines.write_export, excerpt.ref)
        fields = _make_fields(formats, classes, has_items="items" in given)
        form = Form(f"Export {excerpt.ref}", fields, command=command, verb="look and write", given=given)
        ask_form(self._host, form, partial(self._plan, excerpt))

    def _ask_report(self, entry: Entry) -> None:
        """Ask for a file, whose ending says the format, and write the report there."""

        def begin(values: dict[str, str], again: Again) -> None:
            work = partial(export_report, self._host.workspace, entry.target, Path(values["file"]))
            self._host.do_long(
                f"Write {entry.ref}",
                lambda _: work(),
                lambda path: self._say_file(entry.ref, path),
                failed=again,
            )

        note = f"a new file that ends in {', '.join(f'.{name}' for name in FORMATS)}"
        fields = (make_field("file", note, type_name=PATH_TYPE, is_required=True),)
        command = partial(command_lines.write_report_export, entry.ref)
        ask_form(self._host, Form(f"Write {entry.ref}", fields, command=command, verb="write"), begin)

    def _say_file(self, ref: str, path: Path) -> None:
        finish(self._host, f"{ref} is written to {path}.")

    def _plan(self, excerpt: Excerpt, values: dict[str, str], again: Again) -> None:
        work = partial(
            plan_export,
            self._host.workspace,
            excerpt.target,
            format=values["format"],
            selection=make_selection(values),
        )
        self._host.do_long(
            f"Look at {excerpt.ref}",
            lambda observer: work(observer=observer),
            lambda plan: self._confirm(excerpt, values, plan, again),
            failed=again,
        )

    def _confirm(self, excerpt: Excerpt, values: dict[str, str], plan: ExportPlan, again: Again) -> None:
        def answered(_: str) -> None:
            self._write(excerpt, values, plan, again)

        title = f"Export {plan.ref} as {plan.format}"
        self._host.put(Sheet(title, draw_losses(plan), yes="write it"), answered)

    def _write(self, excerpt: Excerpt, values: dict[str, str], plan: ExportPlan, again: Again) -> None:
        work = partial(
            export,
            self._host.workspace,
            excerpt.target,
            Path(values["folder"]),
            format=plan.format,
            selection=make_selection(values),
            is_linked=values.get("images") == "link",
        )
        self._host.do_long(
            f"Export {plan.ref}", lambda observer: work(observer=observer), self._say_written, failed=again
        )

    def _say_written(self, made: ExportResult) -> None:
        items = format_count(made.item_count, "item")
        text = f"{items} of {made.version_ref}: in {made.folder} as {made.format}."
        detail = "\n".join(map(str, made.losses))
        finish(self._host, f"{text} See ! for what was lost." if detail else text, detail=detail)
        is_taken = all(problem.is_taken for problem in made.problems)
        show_problems(self._host, "What is doubtful" if is_taken else "What was left out", made.problems)


def make_selection(values: dict[str, str]) -> Selection:
    """Return what the fields of the form select."""
    split = values.get("split", ANY_SPLIT)
    return Selection(
        datasets=split_words(values.get("datasets", "")),
        splits=() if split == ANY_SPLIT else (Split(split),),
        classes=split_words(values.get("classes", "")),
        tags=split_words(values.get("tags", "")),
        only_matching=values.get("without_objects") == "leave out",
        items=split_entries(values.get("items", "")),
    )


def draw_losses(plan: ExportPlan) -> Content:
    """Return what would be written and lost: what is gone first."""
    items, objects = format_count(plan.item_count, "item"), format_count(plan.object_count, "object")
    counts = f"{items} with {objects} would be written."
    if not plan.losses:
        return Content.assemble(counts, "\n", ("The format holds all of it.", "$success"))
    lines = [Content(counts), Content("What the format cannot hold as it is:"), *map(_draw_loss, plan.losses)]
    return Content("\n").join(lines)


def _draw_loss(loss: Loss) -> Content:
    return Content.styled(str(loss), "$error" if loss.is_whole else "$warning" if loss.is_left_out else "")


def _make_fields(
    formats: tuple[str, ...], names: tuple[str, ...], *, has_items: bool
) -> tuple[FormField, ...]:
    items = make_field("items", "only these, as DATASET/NAME, by semicolons; empty for all")
    help = "only objects of these classes, by commas; empty for all"
    classes = make_field("classes", help, suggestions=names)
    first = "yolo" if "yolo" in formats else formats[0]
    return (
        make_field("folder", "new or empty", type_name=PATH_TYPE, is_required=True),
        make_field("format", "what cannot be held is told first", first, choices=formats, is_required=True),
        *((items,) if has_items else ()),
        make_field("datasets", "only these and those below them, by commas; empty for all"),
        make_field("split", "only items of this split", ANY_SPLIT, choices=(ANY_SPLIT, *Split)),
        replace(classes, takes_several=True),
        make_field("tags", "only items with one of these tags, by commas; empty for all"),
        make_field(
            "without_objects", "items on which no object is left", "keep", choices=("keep", "leave out")
        ),
        make_field(
            "images",
            "copy, or hard-link read-only files of the home: an edit would show in every link",
            "copy",
            choices=("copy", "link"),
        ),
    )
