"""A list of actions to choose from: context menu, help and pickers; what cannot be done says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import ClassVar

import msgspec
from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Offset, Region, Spacing
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.drawing import fit
from mlwf_tui.tui.widgets.line_field import SearchField

NARROW, WIDE = 78, 90  # cells of the box, as in its style
FRAME = 6  # cells of a line that are border, padding, scroll bar, and one to spare
MAX_LABEL = 18  # a longer one moves its own note to the right
MIN_NOTE = 16  # cells; with less room a note is not broken by us
OWN_KEYS = frozenset(("slash", "q", "j", "k", "g", "G", "up", "down", "enter", "escape"))
"""What moves in the menu itself, and so chooses nothing."""


class Choice(msgspec.Struct, frozen=True):
    """One line of a menu; with a `reason` it is shown but cannot be chosen."""

    id: str
    label: str
    key: str = ""
    reason: str = ""
    group: str = ""
    note: str = ""


class MenuList(OptionList):
    """The lines of a menu, with the movements that every list of the app has."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor_down", "down", show=False, id="menu.down"),
        Binding("k,up", "cursor_up", "up", show=False, id="menu.up"),
        Binding("g,home", "first", "first", show=False, id="menu.first"),
        Binding("G,end", "last", "last", show=False, id="menu.last"),
        Binding("enter", "select", "do", show=False, id="menu.choose"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Refuse what moves by a page before the lines are laid out, which Textual's list fails at."""
        is_laid_out = bool(self.scrollable_content_region)
        return super().check_action(action, parameters) if is_laid_out or "page" not in action else False


class ContextMenu(Dialog[str | None]):
    """Shows choices and returns the id of the chosen one, or None.

    A choice's own key chooses it at once; `/` filters a long menu.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "close", show=False, id="menu.close"),
        Binding("slash", "filter", "filter", show=False, id="menu.filter"),
    ]
    DEFAULT_CSS = """
    ContextMenu {
        background: transparent;
        & > Vertical {
            width: 78; max-width: 100%; height: auto; max-height: 90%;
            background: $panel; border: round $primary; padding: 0 1;
        }
        &.-centered { align: center middle; }
        &.-wide > Vertical { width: 90; }
        & MenuList {
            height: auto; max-height: 100%; background: $panel; border: none; padding: 0;
            &:focus { border: none; background-tint: $panel 0%; }
            & > .option-list--option-disabled { color: $text-disabled; }
            & > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
            &:focus > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
        }
        & Input { display: none; height: 1; border: none; padding: 0; background: $boost; }
        &.-filtering Input { display: block; }
        & .hint { color: $text-muted; height: 1; }
    }
    """

    def __init__(
        self, title: str, choices: Sequence[Choice], *, at: Offset | None = None, is_wide: bool = False
    ) -> None:
        super().__init__(classes="" if at is not None else "-centered")
        self._title = title
        self._choices = tuple(choices)
        self._at = at
        self._key_width = max((cell_len(choice.key) for choice in self._choices), default=0)
        labels = [cell_len(c.label) for c in self._choices if c.note or c.reason]
        self._label_width = min(MAX_LABEL, max(labels, default=0))
        self._is_wide = is_wide
        self.set_class(is_wide, "-wide")

    @property
    def choices(self) -> tuple[Choice, ...]:
        """All lines, those that scrolled away too."""
        return self._choices

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "⏎ do · / filter · esc close"
            yield SearchField(placeholder="part of a name", compact=True)
            yield MenuList()
            if not self._choices:
                yield Static("Nothing to choose from.", classes="hint")

    def on_mount(self) -> None:
        self._fill("")
        self.query_one(MenuList).focus()
        if self._at is not None:
            self.call_after_refresh(self._place)

    def on_resize(self) -> None:
        """Break the notes anew, where they have another room now."""
        highlighted = self.query_one(MenuList).highlighted
        self._fill(self.query_one(Input).value)
        if highlighted is not None:
            self.query_one(MenuList).highlighted = highlighted

    def action_close(self) -> None:
        if self.has_class("-filtering"):
            self.remove_class("-filtering")
            self.query_one(Input).value = ""
            self.query_one(MenuList).focus()
        else:
            self.dismiss(None)

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one(Input).focus()

    def on_key(self, event: events.Key) -> None:
        if isinstance(self.focused, Input):
            if event.key in ("down", "up"):
                self.query_one(MenuList).focus()
            return
        if event.key in OWN_KEYS:
            return
        pressed = event.character or event.key
        for choice in self._choices:
            if choice.key and choice.key == pressed and not choice.reason:
                event.stop()
                self.dismiss(choice.id)
                return

    def on_click(self, event: events.Click) -> None:
        if not self.query_one(Vertical).region.contains(*event.screen_offset):
            self.dismiss(None)

    @on(Input.Changed)
    def _on_filter_changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    @on(Input.Submitted)
    def _on_filter_submitted(self) -> None:
        self.query_one(MenuList).action_select()

    @on(OptionList.OptionSelected)
    def _on_chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def _fill(self, text: str) -> None:
        wanted = text.casefold()
        kept = [c for c in self._choices if wanted in f"{c.label} {c.note} {c.key}".casefold()]
        if wanted:  # what is called so comes before what only speaks of it
            kept.sort(key=lambda choice: wanted not in choice.label.casefold())
        lines = self.query_one(MenuList)
        lines.clear_options()
        lines.add_options(self._make_options(kept))  # one by one, each would lay out those before it
        first = next((n for n, option in enumerate(lines.options) if not option.disabled), None)
        lines.highlighted = first

    def _make_options(self, choices: Sequence[Choice]) -> Iterator[Option]:
        group = ""
        for choice in choices:
            if choice.group and choice.group != group:
                group = choice.group
                yield Option(Content.styled(group, "bold $secondary"), disabled=True)
            yield Option(self._draw(choice), id=choice.id, disabled=bool(choice.reason))

    def _draw(self, choice: Choice) -> Content:
        key = Content.styled(
            f"{fit(choice.key, self._key_width, 'right')} ", "$accent bold" if not choice.reason else ""
        )
        told = choice.reason or choice.note
        if not told:
            return Content.assemble(key, choice.label)
        label = f"{fit(choice.label, max(self._label_width, cell_len(choice.label)))}  "
        indent = self._key_width + 1 + self._label_width + 2
        room = min(WIDE if self._is_wide else NARROW, self.app.size.width) - FRAME
        style = "italic" if choice.reason else "$text-muted"
        return Content.assemble(
            key, label, (_hang(told, room, indent, cell_len(label) - self._label_width - 2), style)
        )

    def _place(self) -> None:
        """Put the box where the pointer is, moved as far as it takes to be whole on the screen."""
        box = self.query_one(Vertical)
        at = self._at or Offset()
        wanted = Region(at.x, at.y, box.outer_size.width, box.outer_size.height)
        box.absolute_offset = wanted.constrain("inside", "inside", Spacing(), self.region).offset


def _hang(text: str, room: int, indent: int, used: int) -> str:
    """Return a note broken into lines below each other; the first has `used` cells less, or is left out."""
    width = room - indent
    if width < MIN_NOTE:
        return text
    below = f"\n{' ' * indent}"
    if used + cell_len(text.partition(" ")[0]) > width:  # a long label has left no room for the first word
        return below + below.join(wrap(text, width))
    return below.join(wrap(text, width, initial_indent="x" * used))[used:]
