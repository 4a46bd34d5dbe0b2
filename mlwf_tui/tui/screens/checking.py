"""The view of what a check has found: findings, where each is seen, and the item with its objects."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.finding import CheckResult, Finding, FoundPlace, Severity
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.pictures import Order, Pictures
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.item_preview import ItemPreview
from mlwf_tui.tui.widgets.key_names import name_key
from mlwf_tui.tui.widgets.table import Cell, Column, EntityTable
from mlwf_tui.workflow.items import ItemSource, open_items, read_item
from mlwf_tui.workspace import Workspace

SIGNS = {Severity.ERROR: "✗", Severity.WARNING: "▲", Severity.NOTE: "·"}
STYLES = {Severity.ERROR: "$text-error", Severity.WARNING: "$text-warning", Severity.NOTE: "$text-primary"}
SOUND = ("Nothing suspicious", "No rule has found anything; V checks again after a change.")
NO_PLACE = ("Nothing to show", "This finding is about no single item; esc leads back to the others.")


class CheckPane(Vertical):
    """Draws a CheckResult; the list of findings takes the keys first, then the places of one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("comma f", "fix", "fix", id="check.fix"),
        Binding("comma l", "look", "find look-alikes", id="check.look"),
        Binding("w", "toggle_bare", "large picture", id="check.large"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"check--{severity.value}" for severity in Severity}
    DEFAULT_CSS = (
        "\n".join(
            f"CheckPane > .check--{s.value} {{ color: {STYLES[s]}; text-style: bold; }}" for s in Severity
        )
        + """
    CheckPane {
        & > #check-head { height: auto; max-height: 4; padding: 0 1; }
        & > Horizontal { height: 1fr; }
        & #check-lists { width: 56%; max-width: 76; border-right: solid $border; }
        & #check-findings { height: 40%; min-height: 4; }
        & #check-message { height: auto; max-height: 7; padding: 0 1; background: $panel; }
        & #check-places { height: 1fr; }
        & > Horizontal > ItemPreview { width: 1fr; height: 1fr; }
        &.-bare #check-lists { display: none; }
        &.-sound #check-places, &.-sound #check-message, &.-sound ItemPreview { display: none; }
        &.-sound #check-lists { width: 1fr; max-width: 100%; border-right: none; }
        &.-sound #check-findings { height: 1fr; }
    }
    """
    )

    class Wanted(Message):
        """A person wants a finding fixed, or without one that look-alikes are looked for."""

        def __init__(self, found: CheckResult, finding: Finding | None) -> None:
            super().__init__()
            self.found = found
            self.finding = finding

    def __init__(self, workspace: Workspace, work: Work, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._workspace = workspace
        self._work = work
        self._found: CheckResult | None = None
        self._head = Static(id="check-head")
        self._findings = EntityTable(
            Column("", 1), Column("finding", flex=3), Column("count", 7, align="right"), Column("fix", 3),
            empty=SOUND, id="check-findings",
        )  # fmt: skip
        self._message = Static(id="check-message")
        self._places = EntityTable(
            Column("where", flex=3, cut="start"), Column("obj", 7), Column("what", flex=4),
            empty=NO_PLACE, id="check-places",
        )  # fmt: skip
        self._preview = ItemPreview()
        self._pictures = Pictures(
            workspace, work, on_drawn=self._preview.show_picture, on_broken=self._say_broken
        )
        self._shown: Finding | None = None
        self._is_outdated = False

    def compose(self) -> ComposeResult:
        yield self._head
        with Horizontal():
            with Vertical(id="check-lists"):
                yield self._findings
                yield self._message
                yield self._places
            yield self._preview

    def notify_style_update(self) -> None:
        """Draw the signs in the colours of the theme that was just chosen."""
        super().notify_style_update()
        if self._found is not None and self.is_mounted:
            self._draw_findings(self._found)
            self._order_picture()

    def show(self, found: CheckResult) -> None:
        """Draw what was found, the gravest first."""
        self._found = found
        self._shown = None
        self._is_outdated = False
        self.set_class(not found.findings, "-sound")
        self._head.update(_draw_head(found, look_key=name_key(self, "check.look")))
        self._findings.cursor = 0
        self._draw_findings(found)
        self.go_large(False)
        self._show_finding()
        source = partial(open_items, self._workspace, found.ref)
        self._work.start("classes", source, partial(self._take_source, found))

    def note_heads(self, heads: Mapping[str, Digest]) -> None:
        """Say where what was checked is a head, by its ref, that has moved on since."""
        if self._found is None:
            return
        is_outdated = heads.get(self._found.ref, self._found.manifest) != self._found.manifest
        if is_outdated is not self._is_outdated:
            self._is_outdated = is_outdated
            look_key = name_key(self, "check.look")
            self._head.update(_draw_head(self._found, look_key=look_key, is_outdated=is_outdated))

    def go_back(self) -> bool:
        """Undo what hides a part, or go back to the findings. False where there is nothing to undo."""
        if self.has_class("-bare"):
            self.go_large(False)
        elif self.has_focus_within and not self._findings.has_focus:
            self._findings.focus()
        else:
            return False
        return True

    def go_large(self, is_large: bool) -> None:
        """Give the picture all the room, or share it again."""
        self.set_class(is_large, "-bare")
        self._preview.set_class(is_large, "-bare")
        if self.has_focus_within:
            target = self._preview.picture if is_large else self._places if self._shown else self._findings
            target.focus()

    # --- keys ----------------------------------------------------------------------------------

    def action_fix(self) -> None:
        finding = self._find_current()
        if self._found is not None and finding is not None:
            if finding.fix:
                self.post_message(self.Wanted(self._found, finding))
            else:
                text = f"This needs a person's eye: {self._fix_key} changes nothing."
                self._message.update(Content.styled(text, "$text-warning"))

    def action_look(self) -> None:
        if self._found is not None:
            self.post_message(self.Wanted(self._found, None))

    def action_toggle_bare(self) -> None:
        self.go_large(not self.has_class("-bare"))

    # --- findings and places -------------------------------------------------------------------

    def _draw_findings(self, found: CheckResult) -> None:
        rows = [self._make_row(finding) for finding in found.findings]
        self._findings.show_rows(rows, [finding.kind.value for finding in found.findings])

    def _make_row(self, finding: Finding) -> tuple[Cell, ...]:
        style = self.get_component_rich_style(f"check--{finding.severity.value}", partial=True)
        name = finding.kind.value.replace("_", " ")
        return (
            Text(SIGNS[finding.severity], style),
            name,
            f"{finding.count:,}",
            self._fix_key if finding.fix else "",
        )

    @property
    def _fix_key(self) -> str:
        return name_key(self, "check.fix")

    def _find_current(self) -> Finding | None:
        key = self._findings.cursor_key
        findings = self._found.findings if self._found is not None else ()
        return next((finding for finding in findings if finding.kind.value == key), None)

    @on(EntityTable.RowHighlighted, "#check-findings")
    def _on_finding_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        self._show_finding()

    @on(EntityTable.RowSelected, "#check-findings")
    def _on_finding_opened(self, event: EntityTable.RowSelected) -> None:
        event.stop()
        self._places.focus()

    @on(EntityTable.RowHighlighted, "#check-places")
    def _on_place_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        self._show_place()

    @on(EntityTable.RowSelected, "#check-places")
    def _on_place_opened(self, event: EntityTable.RowSelected) -> None:
        event.stop()
        self.go_large(True)

    def _show_finding(self) -> None:
        finding = self._find_current()
        if finding is self._shown:
            return
        self._shown = finding
        rows: list[tuple[Cell, ...]] = []
        if finding is not None and finding.places:
            rows = [(place.item, _list_numbers(place), place.note) for place in finding.places]
        elif finding is not None:
            rows = [(name, "", "class") for name in finding.classes]
        self._places.cursor = 0
        self._places.show_rows(rows, [str(number) for number in range(len(rows))])
        self._show_place()

    # --- the item of a place -------------------------------------------------------------------

    def _find_place(self) -> FoundPlace | None:
        key = self._places.cursor_key
        if self._shown is None or key is None or int(key) >= len(self._shown.places):
            return None
        return self._shown.places[int(key)]

    def _show_place(self) -> None:
        place = self._find_place()
        if self._shown is not None:
            self._message.update(_draw_message(self._shown, place, self._fix_key))
        if place is None or self._found is None:
            self._preview.show_item(None)
            self._pictures.forget()
            self._preview.picture.say("")
            return
        work = partial(read_item, self._workspace, self._found.manifest, place.item)
        self._work.start("item", work, partial(self._show_item, place))

    def _show_item(self, place: FoundPlace, item: Item | None) -> None:
        """Show an item once it is read, unless the cursor has moved on."""
        if place is self._find_place():
            self._preview.show_item(item, [number - 1 for number in place.objects])
            self._order_picture()

    def _take_source(self, found: CheckResult, source: ItemSource) -> None:
        if found is self._found:  # else another check is shown by now
            self._preview.set_schema(source.schema)
            self._order_picture()

    @on(ItemPreview.Outdated)
    def _order_picture(self) -> None:
        item, place = self._preview.item, self._find_place()
        if item is None or place is None:
            return
        columns, rows = self._preview.picture.room
        outlines = self._preview.list_outlines()
        key = (item.key, item.blob, place.objects, self._preview.selected, columns, rows, self.app.theme)
        self._pictures.want(Order((*key, len(outlines)), item, outlines, columns, rows))

    def _say_broken(self, error: MlwfError) -> None:
        self._preview.picture.say(error.message, error.hint)


def _draw_head(found: CheckResult, *, look_key: str, is_outdated: bool = False) -> Content:
    counts = [(s, sum(finding.severity is s for finding in found.findings)) for s in Severity]
    words = [Content.styled(f"{SIGNS[s]} {format_count(n, s.value)}", STYLES[s]) for s, n in counts if n]
    summary = words or [Content.styled("nothing suspicious", "$text-success")]
    size = f"{format_count(found.items, 'item')}, {format_count(found.objects, 'object')}"
    line = Content("   ").join(
        [Content.styled(found.ref, "bold"), Content.styled(size, "$text-muted"), *summary]
    )
    lines = [line]
    if is_outdated:
        changed = f"{found.ref} has changed since it was checked: V on it checks it again."
        lines.append(Content.styled(changed, "$text-warning"))
    if found.images_undecoded:
        count = format_count(found.images_undecoded, "image")
        unseen = f"{count} not compared by their looks: {look_key} decodes them, once."
        lines.append(Content.styled(unseen, "$text-warning"))
    if found.images_partly_compared:
        count = format_count(found.images_partly_compared, "image")
        cut = f"{count} not compared with each of very many that nearly look alike."
        lines.append(Content.styled(cut, "$text-warning"))
    return Content("\n").join(lines)


def _draw_message(finding: Finding, place: FoundPlace | None, fix_key: str) -> Content:
    parts = [Content.styled(finding.message, STYLES[finding.severity])]
    if finding.fix:
        parts.append(Content.assemble((f"{fix_key}  ", "$accent"), f"{finding.fix}."))
    if len(finding.places) < finding.count and finding.places:
        parts.append(Content.styled(f"The first {len(finding.places):,} are listed.", "$text-muted"))
    if place is not None and place.note:
        parts.append(Content.styled(f"{place.item}: {place.note}", "$text-muted"))
    return Content("\n").join(parts)


def _list_numbers(place: FoundPlace) -> str:
    return ",".join(map(str, place.objects))
