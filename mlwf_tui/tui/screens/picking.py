"""The operation picker: all operations by group, a search as it is typed, and what the chosen one does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec
from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlwf_tui.params import ParamSpec
from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.form import format_default
from mlwf_tui.tui.widgets.line_field import SearchField
from mlwf_tui.workflow.operations import OperationInfo

MAX_DEFAULT_CELLS = 24  # a longer default is told in the form


class Pick(msgspec.Struct, frozen=True):
    """Which operation was chosen, and what was searched for: a second look begins there."""

    name: str
    text: str = ""


NO_PICK = Pick("")


class OperationList(OptionList, can_focus=False):
    """The operations that fit the search. It is moved from the search field, which keeps the focus."""


class OperationPicker(Dialog[Pick | None]):
    """Shows all operations and returns the chosen one, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False, id="operations.close"),
        # With priority, for the search field has the focus and takes some of them.
        Binding("down,ctrl+j", "move(1)", "down", show=False, priority=True, id="operations.down"),
        Binding("up,ctrl+k", "move(-1)", "up", show=False, priority=True, id="operations.up"),
        Binding("pagedown", "move(10)", "page down", show=False, priority=True, id="operations.page_down"),
        Binding("pageup", "move(-10)", "page up", show=False, priority=True, id="operations.page_up"),
        Binding("tab", "move_group(1)", "next group", show=False, priority=True, id="operations.group"),
        Binding(
            "shift+tab", "move_group(-1)", "group before", show=False, priority=True, id="operations.group_up"
        ),
        Binding("shift+down", "read(4)", "read on", show=False, priority=True, id="operations.read"),
        Binding("shift+up", "read(-4)", "read back", show=False, priority=True, id="operations.back"),
    ]
    DEFAULT_CSS = """
    OperationPicker {
        background: transparent;
        align: center middle;
        & > Vertical {
            width: 112; max-width: 100%; height: 34; max-height: 100%;
            background: $panel; border: round $primary; padding: 0 1;
        }
        & #search { height: 1; background: $boost; }
        & #search > Static { width: auto; padding: 0 1; color: $accent; }
        & #search > #count { color: $text-muted; }
        & Input { width: 1fr; height: 1; border: none; padding: 0; background: $boost; }
        & #body { height: 1fr; margin-top: 1; }
        & OperationList {
            width: 32; height: 1fr; background: $panel; border: none; padding: 0;
            scrollbar-background: $panel;
            & > .option-list--option { padding: 0 1; }
            & > .option-list--option-disabled { color: $secondary; text-style: bold; }
            & > .option-list--option-highlighted {
                background: $primary 30%; color: $foreground; text-style: none;
            }
        }
        & VerticalScroll {
            width: 1fr; height: 1fr; background: $panel; border-left: solid $border; padding: 0 1 0 2;
            scrollbar-background: $panel;
        }
        & #told { height: auto; }
    }
    OperationPicker.-narrow OperationList { width: 26; }
    OperationPicker.-narrow VerticalScroll { padding: 0 0 0 1; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(
        self,
        title: str,
        operations: Sequence[OperationInfo],
        *,
        start: Pick = NO_PICK,
        others: Sequence[OperationInfo] = (),
        why_not: str = "",
    ) -> None:
        """`start` is what is searched for and chosen at first.

        `others` cannot be chosen here, and `why_not` says so to who searches for one of them.
        """
        super().__init__()
        self._others, self._why_not = others, why_not
        self._title = title
        self._operations = {operation.name: operation for operation in operations}
        self._start = start

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "↑ ↓ choose · tab group · ⏎ open · esc close"
            with Horizontal(id="search"):
                yield Static("/")
                yield SearchField(self._start.text, placeholder="type to search", compact=True)
                yield Static(id="count")
            with Horizontal(id="body"):
                yield OperationList()
                with VerticalScroll(can_focus=False):
                    yield Static(id="told")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._fill(self._start.text, self._start.name)

    @property
    def chosen(self) -> OperationInfo | None:
        """The operation under the cursor."""
        option = self.query_one(OperationList).highlighted_option
        return self._operations[option.id] if option is not None and option.id is not None else None

    def action_close(self) -> None:
        """Empty the search, or else leave."""
        search = self.query_one(Input)
        if search.value:
            search.value = ""
        else:
            self.dismiss(None)

    def action_move(self, by: int) -> None:
        """Go some operations on, and no further than to the ends."""
        if not self.is_mounted:
            return  # a key in the same burst that opened the picker
        lines = self.query_one(OperationList)
        places = [n for n, option in enumerate(lines.options) if not option.disabled]
        if lines.highlighted is not None and places:
            at = places.index(lines.highlighted) + by
            self._highlight(places[min(max(at, 0), len(places) - 1)])

    def action_move_group(self, by: int) -> None:
        """Go to the first operation of the next group, or the one before, round the ends."""
        if not self.is_mounted:
            return
        lines = self.query_one(OperationList)
        heads = [n for n, option in enumerate(lines.options) if option.disabled]
        if lines.highlighted is not None and heads:
            present = sum(head < lines.highlighted for head in heads) - 1
            head = heads[(present + by) % len(heads)]
            self._highlight(head + 1)
            lines.scroll_to(y=head, animate=False)

    def action_read(self, lines: int) -> None:
        """Scroll the description."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def on_click(self, event: events.Click) -> None:
        if not self.query_one(Vertical).region.contains(*event.screen_offset):
            self.dismiss(None)

    @on(Input.Changed)
    def _on_search(self, event: Input.Changed) -> None:
        self._fill(event.value, "" if event.value else getattr(self.chosen, "name", ""))

    @on(Input.Submitted)
    def _open(self) -> None:
        if self.chosen is not None:
            self.dismiss(Pick(self.chosen.name, self.query_one(Input).value))

    @on(OptionList.OptionSelected)
    def _on_clicked(self) -> None:
        self._open()

    @on(OptionList.OptionHighlighted)
    def _show_chosen(self) -> None:
        if self.chosen is not None:
            self.query_one("#told", Static).update(draw_operation(self.chosen))
            self.query_one(VerticalScroll).scroll_home(animate=False)

    def _fill(self, text: str, name: str) -> None:
        """List what fits the text, best first where there is one, and choose `name` if it is among it."""
        words = text.casefold().split()
        found = search_operations(self._operations.values(), words)
        lines = self.query_one(OperationList)
        lines.clear_options()
        groups = Counter(operation.group for operation in found)
        group = ""
        for operation in found:
            if operation.group != group:
                group = operation.group
                head = Content.assemble(group.capitalize(), (f"  {groups[group]}", "$text-muted not bold"))
                lines.add_option(Option(head, disabled=True))
            lines.add_option(Option(_draw_name(operation.name, words), id=operation.name))
        self.query_one("#count", Static).update(f"{len(found)} of {len(self._operations)}")
        places = {option.id: n for n, option in enumerate(lines.options) if option.id is not None}
        if places:
            self._highlight(places.get(name, next(iter(places.values()))))
        else:
            self.query_one("#told", Static).update(self._draw_none(text, words))

    def _draw_none(self, text: str, words: Sequence[str]) -> Content:
        """Say that nothing fits the search, or why what does cannot be chosen."""
        others = [operation.name for operation in search_operations(self._others, words)]
        if not others:
            return Content.styled(f"No operation speaks of {text!r}; esc empties the search.", "$text-muted")
        return Content.assemble((", ".join(others), "bold"), (f"\n{self._why_not}", "$text-muted"))

    def _highlight(self, place: int) -> None:
        """Choose a line; the name of its group stays in sight above the first one."""
        lines = self.query_one(OperationList)
        lines.highlighted = place
        if place and lines.options[place - 1].disabled and lines.scroll_offset.y >= place:
            lines.scroll_to(y=place - 1, animate=False)


def search_operations(operations: Iterable[OperationInfo], words: Sequence[str]) -> list[OperationInfo]:
    """Return the operations that speak of all words, in groups, the group that fits best first.

    Parameters are looked through only where no operation's name, summary and group have all words: `splits`
    is a parameter of half of them.
    """
    known = tuple(operations)
    ranks = [(operation, _rank(operation, words)) for operation in known]
    found = [(operation, rank) for operation, rank in ranks if rank is not None]
    if not found:
        found = [(operation, 0) for operation in known if _has_params(operation, words)]
    best: dict[str, int] = {}
    for operation, rank in found:
        best[operation.group] = min(rank, best.get(operation.group, rank))
    order = {group: (rank, place) for place, (group, rank) in enumerate(best.items())}
    found.sort(key=lambda pair: (order[pair[0].group], pair[1]))
    return [operation for operation, _ in found]


def _rank(operation: OperationInfo, words: Sequence[str]) -> int | None:
    """Return how well name, summary and group fit: 0 is best, None not at all."""
    ranks = [_rank_word(operation, word) for word in words]
    return None if None in ranks else sum(rank or 0 for rank in ranks)


def _rank_word(operation: OperationInfo, word: str) -> int | None:
    name = operation.name.casefold()
    fits = (name == word, name.startswith(word), word in name,
            word in f"{operation.summary} {operation.group}".casefold())  # fmt: skip
    return next((rank for rank, is_fit in enumerate(fits) if is_fit), None)


def _has_params(operation: OperationInfo, words: Sequence[str]) -> bool:
    params = " ".join(f"{spec.name} {spec.help} {' '.join(spec.choices)}" for spec in operation.params)
    return all(word in f"{operation.name} {params}".casefold() for word in words)


def _draw_name(name: str, words: Sequence[str]) -> Content:
    """Return an operation's name, with what was searched for standing out."""
    drawn = Content(f"  {name}")
    for word in words:
        for match in re.finditer(re.escape(word), name.casefold()):
            drawn = drawn.stylize("bold $accent", match.start() + 2, match.end() + 2)
    return drawn


def draw_operation(operation: OperationInfo) -> Content:
    """Return what an operation does, and each parameter with its default and what it may be."""
    pixels = "makes new images" if operation.makes_images else "leaves the pixels as they are"
    chance = "draws by the seed" if operation.is_random else "draws nothing by chance"
    lines = [
        Content.styled(operation.name, "bold $primary"),
        Content(operation.summary),
        Content(""),
        Content.styled(
            f"{operation.group} · {pixels} · {chance} · version {operation.version}", "$text-muted"
        ),
        Content(""),
    ]
    if operation.problem:
        lines.append(Content.styled(operation.problem, "$error"))
    elif operation.params:
        lines.append(Content.styled("Parameters", "bold $secondary"))
        width = max(cell_len(spec.name) for spec in operation.params)
        for spec in operation.params:
            lines += _draw_param(spec, width)
    else:
        lines.append(Content.styled("It has no parameters.", "$text-muted"))
    return Content("\n").join(lines)


def _draw_param(spec: ParamSpec, width: int) -> list[Content]:
    default = format_default(spec)
    shown = default if cell_len(default) <= MAX_DEFAULT_CELLS else default[: MAX_DEFAULT_CELLS - 1] + "…"
    facts = (f"{spec.name:<{width}}", "bold"), "  ", (shown or "–", "$accent"), "  "
    kinds = " · ".join(part for part in (spec.type_name, spec.bounds) if part)
    return [
        Content.assemble(*facts, (kinds, "$text-disabled")),
        Content.styled(f"  {spec.help}", "$text-muted"),
    ]
