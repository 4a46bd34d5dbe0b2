"""The screen on which a pipeline is put together: its parts as a table, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import msgspec
from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Offset
from textual.widgets import Static

from mlwf_tui.entities.counts import format_count
from mlwf_tui.tui.screens.command_lines import write_command
from mlwf_tui.tui.screens.pipeline_rows import (
    COLUMNS,
    Part,
    draw_parts,
    find_faults,
    list_parts,
)
from mlwf_tui.tui.widgets.context_menu import Choice
from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.formats import format_keys
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.workflow.pipelines.drafts import DraftCheck, Opened, PlacedFault

MAX_FAULTS_SHOWN = 4
FRAME_CELLS = 6  # corners and the spaces around a title in the frame
Kind = Literal["source", "step", "branch", "output", "sweep", "train"]


class EditorKey(msgspec.Struct, frozen=True):
    """One thing that can be done in the editor; `kinds` says to which parts, empty needs none."""

    id: str
    keys: str
    label: str
    help: str
    group: str
    kinds: tuple[Kind, ...] = ()


KEYS = (
    EditorKey("edit", "e", "edit", "Change it in its form; ⏎ too", "Part",
              ("source", "step", "branch", "output", "sweep", "train")),
    EditorKey("add", "a", "add a step", "Pick an operation that goes on from here", "Part"),
    EditorKey("model", "m", "apply a model", "Let a model annotate what comes from here", "Part"),
    EditorKey("branch", "b", "branch", "Begin a branch from here, beside the other steps", "Part",
              ("source", "step", "branch")),
    EditorKey("duplicate", "c", "duplicate", "Do the step once more behind it", "Part", ("step",)),
    EditorKey("up", "K,shift+up", "up", "Change places with the step before it", "Part", ("step",)),
    EditorKey("down", "J,shift+down", "down", "Change places with the step behind it", "Part", ("step",)),
    EditorKey("sweep", "v", "vary", "Do the pipeline once for each of several values", "Part", ("step",)),
    EditorKey("delete", "D,delete", "delete", "Take it out; what read it reads what it has read", "Part",
              ("source", "step", "output", "sweep", "train")),
    EditorKey("source", "i", "source", "Read another project as well", "Pipeline"),
    EditorKey("output", "p", "output", "Put a result into another project as well", "Pipeline"),
    EditorKey("train", "t", "train", "Train a model at the end", "Pipeline"),
    EditorKey("head", "n", "name", "Name, description and seed of the pipeline", "Pipeline"),
    EditorKey("undo", "u", "undo", "Take the last change back", "Pipeline"),
    EditorKey("redo", "U,ctrl+r", "redo", "Do the undone change again", "Pipeline"),
    EditorKey("dry_run", "d", "dry run", "What would be done, how many items go where", "Run"),
    EditorKey("run", "R", "run", "Look at the steps and run them, here or as a job", "Run"),
    EditorKey("save", "w", "save", "Write it to its file", "File"),
    EditorKey("save_as", "W", "save as", "Write it to another file", "File"),
    EditorKey("open", "o", "open", "Open a file, or a recipe that ships with mlwf", "File"),
    EditorKey("new", "N", "new", "Begin anew; u brings this one back", "File"),
    EditorKey("keys", "question_mark,colon,ctrl+p", "keys", "All that can be done here", "File"),
)  # fmt: skip
KEYS_BY_ID = {key.id: key for key in KEYS}
HINTS = (
    "x keys", "a add", "⏎ edit", "R run", "w save", "u undo", "D delete", "J K move", "b branch", "d dry run",
)  # fmt: skip
"""The keys that a person needs most, the first ones on a narrow screen too."""
LAST_HINT = "esc back"


class PipelineEditor(Dialog[None]):
    """Draws what is worked on. Keys are handed on with the part under the cursor; esc leaves, all is kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "back", show=False, id="editor.close"),
        *(
            Binding(key.keys, f"act('{key.id}')", key.label, show=False, id=f"editor.{key.id}")
            for key in KEYS
        ),
    ]
    DEFAULT_CSS = """
    PipelineEditor {
        background: transparent;
        & > Vertical { height: 100%; background: $background; border: round $primary; padding: 0; }
        & Static { height: auto; padding: 0 1; }
        & #head { height: 1; text-wrap: nowrap; text-overflow: ellipsis; background: $panel; }
        & EntityTable { height: 1fr; }
        & #faults { max-height: 8; background: $panel; }
        & #command { color: $secondary; background: $panel; }
    }
    """

    def __init__(self, opened: Opened, act: Callable[[str, Part | None], None]) -> None:
        """`act` is told what is to be done, by its id in KEYS, and to which part."""
        super().__init__()
        self.opened = opened
        self._act = act
        self._check: DraftCheck | None = None
        self._parts: list[Part] = []
        self._is_composed = False
        self._wanted = find_last(opened)  # the part that the cursor is to be on
        self._table = EntityTable(
            *COLUMNS, empty=("No step yet", "a adds one"), is_lazy=True, id="pipeline-parts"
        )

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Pipeline"
            yield Static(id="head")
            yield self._table
            yield Static(id="faults")
            yield Static(id="command", markup=False)

    def on_mount(self) -> None:
        self._is_composed = True
        self._table.focus()
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self.query_one(Vertical).border_subtitle = draw_hints(event.size.width - FRAME_CELLS)

    @property
    def part(self) -> Part | None:
        """What the cursor stands on."""
        key = self._table.cursor_key
        return next((part for part in self._parts if part.key == key), None)

    @property
    def check(self) -> DraftCheck | None:
        """What was found to be wrong; None until it is known."""
        return self._check

    def show(self, opened: Opened, *, cursor: str = "") -> None:
        """Draw another state of the pipeline, with the cursor on the part of this key where it is there."""
        self._wanted = cursor or self._table.cursor_key or self._wanted
        self.opened, self._check = opened, None
        self._draw()

    def take(self, opened: Opened, check: DraftCheck) -> None:
        """Draw what was found to be wrong with this state, unless another one is shown by now."""
        if opened is self.opened:
            self._check = check
            self._draw()

    def list_choices(self) -> tuple[Choice, ...]:
        """Return all that can be done, with the reason where it cannot be done to the part here."""
        part = self.part
        return tuple(
            Choice(
                id=key.id, label=key.label, key=format_keys(key.keys.split(",")[0]), note=key.help,
                group=key.group, reason=find_reason(key, part),
            )
            for key in KEYS
            if key.id != "keys"
        )  # fmt: skip

    def find_menu_place(self) -> Offset:
        """Return where a menu of the part under the cursor should appear."""
        return self._table.content_region.offset + Offset(2, 2 + self._table.cursor)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_act(self, name: str) -> None:
        if self.is_mounted:
            self._act(name, self.part)

    @on(EntityTable.RowSelected)
    def _on_opened(self) -> None:
        self._act("edit", self.part)

    @on(EntityTable.MenuRequested)
    def _on_menu(self) -> None:
        self._act("menu", self.part)

    @on(EntityTable.RowHighlighted)
    def _show_faults(self) -> None:
        if self._is_composed:
            self.query_one("#faults", Static).update(self._draw_faults())

    def _draw(self) -> None:
        """Draw all of it; before the screen is there that is left to `on_mount`."""
        opened = self.opened
        if not self._is_composed:
            return
        self._parts = list_parts(opened.pipeline)
        place = opened.path or "in no file yet"
        changed = " ● not saved" if opened.is_changed and opened.path else ""
        self.query_one(Vertical).border_title = f"Pipeline {opened.pipeline.name} · {place}{changed}"
        self._table.show_rows(draw_parts(self._parts, self._check), [part.key for part in self._parts])
        self._table.move_to_key(self._wanted)
        self._wanted = ""
        self.query_one("#head", Static).update(self._draw_head())
        ref = "draft" if opened.is_changed else opened.path
        self.query_one("#command", Static).update(f"$ {write_command('pipeline', ref)}")
        self._show_faults()

    def _draw_head(self) -> Content:
        pipeline = self.opened.pipeline
        points = (
            f" · {self._check.points:,} points" if self._check is not None and self._check.points > 1 else ""
        )
        facts = f"{format_count(len(pipeline.steps), 'step')} · seed {pipeline.seed}{points}"
        return Content.assemble(
            self._draw_standing(), ("   " + facts, "$text-muted"), f"   {pipeline.description}"
        )

    def _draw_standing(self) -> Content:
        if self._check is None:
            return Content.styled("checking…", "$accent")
        wrong = sum(not fault.is_warning for fault in self._check.faults)
        if wrong:
            return Content.styled(f"✗ {format_count(wrong, 'fault')}", "$error")
        return Content.styled("✓ it can be run", "$success")

    def _draw_faults(self) -> Content:
        """Return what is wrong with the part here; where nothing is, with all others."""
        part, check = self.part, self._check
        if check is None:
            return Content("")
        faults = find_faults(check, part.key) if part is not None else []
        return draw_faults(faults or check.faults)


def find_last(opened: Opened) -> str:
    """Return the key of the last step outside of branches, "" where there is none: more come behind it."""
    steps = [step for step in opened.pipeline.steps if not step.branch]
    return f"step:{steps[-1].name}" if steps else ""


def draw_hints(width: int) -> str:
    """Return as many of the keys as fit into `width` cells, and always the one that leads out."""
    shown = LAST_HINT
    for count in range(1, len(HINTS) + 1):
        wider = " · ".join([*HINTS[:count], LAST_HINT])
        if cell_len(wider) > width:
            break
        shown = wider
    return shown


def find_reason(key: EditorKey, part: Part | None) -> str:
    """Return why something cannot be done to a part, or ""."""
    if not key.kinds or (part is not None and part.kind in key.kinds):
        return ""
    return f"Put the cursor on a {' or '.join(key.kinds[:3])} first."


def draw_faults(faults: Sequence[PlacedFault]) -> Content:
    """Return what is wrong, a line each, with what to do about it."""
    lines = []
    for fault in faults[:MAX_FAULTS_SHOWN]:
        sign, style = ("▲ ", "$warning") if fault.is_warning else ("✗ ", "$error")
        message = fault.message[:1].upper() + fault.message[1:]
        parts: list[Any] = [(sign, f"{style} bold"), (message, style)]
        if fault.hint:
            parts.append(("  " + fault.hint, "$text-muted"))
        lines.append(Content.assemble(*parts))
    if len(faults) > MAX_FAULTS_SHOWN:
        lines.append(Content.styled(f"… and {len(faults) - MAX_FAULTS_SHOWN:,} more", "$text-muted"))
    return Content("\n").join(lines)
