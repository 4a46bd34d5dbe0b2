"""What the line at the foot says: the keys for the selection, and how things stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from textual.content import Content
from textual.widget import Widget

from mlwf_tui.entities.run import Progress, RunState
from mlwf_tui.tui.keys import KEYS_BY_ID, list_footer_keys, split_keys
from mlwf_tui.tui.screens.choices import find_reason, list_pane_hints
from mlwf_tui.tui.screens.marks import Marks, describe_marks
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.formats import STATE_GLYPHS, format_keys
from mlwf_tui.tui.widgets.pane_shares import NARROW_COLUMNS, WIDE_COLUMNS
from mlwf_tui.tui.widgets.status_bar import Hint, StatusBar
from mlwf_tui.workflow.describe import Coverage
from mlwf_tui.workspace import Workspace

MAX_HOME = 32  # cells; of a longer path the end is told
BACK, UNMARK = KEYS_BY_ID["back"], KEYS_BY_ID["unmark"]


class Host(Protocol):
    """What is needed of the screen."""

    workspace: Workspace
    marks: Marks

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    @property
    def entry(self) -> Entry | None:
        """What is selected."""


class Foot:
    """Keeps the line at the foot of a screen up to date."""

    def __init__(self, host: Host, status: StatusBar) -> None:
        self._host = host
        self._status = status

    def show_hints(self, focused: Widget | None, *, is_unmarking: bool) -> None:
        """Show the keys for what has the focus and what is selected; `is_unmarking` of the way back."""
        host = self._host
        self._status.show_hints(
            [
                (id, self._name_key(id, key), label)
                for id, key, label in list_hints(
                    focused, host.entry, host.snapshot, host.marks.entries, is_unmarking=is_unmarking
                )
            ]
        )

    def _name_key(self, id: str, key: str) -> str:
        own = split_keys(self._host.workspace.settings.keys.get(id, ""))
        return format_keys(own[0]) if own else key

    def show_standing(self, progress: Progress | None, waited_for: str, errors: int, width: int) -> None:
        """Show how things stand; few columns have no room for the home."""
        standing = draw_standing(
            progress=progress,
            waited_for=waited_for,
            marked=self._host.marks.entries,
            going=[run.state for run in self._host.snapshot.active_runs],
            is_queue_paused=self._host.snapshot.is_queue_paused,
            errors=errors,
            coverage=self._host.snapshot.coverage,
            is_short=width < WIDE_COLUMNS,
            home=self._host.workspace.home if width >= NARROW_COLUMNS else None,
            is_read_only=self._host.workspace.is_read_only,
        )
        self._status.show_standing(standing)


def list_hints(
    focused: Widget | None,
    entry: Entry | None,
    snapshot: Snapshot,
    marked: Sequence[Entry],
    *,
    is_unmarking: bool = False,
) -> list[Hint]:
    """Return the keys of the pane that has the focus, then those that do something to the selection now.

    The way back is called by what it does where it takes the marks away first.
    """
    own = [(choice.id, choice.key, choice.label) for choice in list_pane_hints(focused)]
    if own or is_unmarking:
        own.append((BACK.id, BACK.display, UNMARK.label if is_unmarking else BACK.label))
    taken = {sign for _, signs, _ in own for sign in signs.split()}  # the pane has them for itself
    keys = (key for key in list_footer_keys(entry.kind if entry else None) if key.display not in taken)
    allowed = (key for key in keys if not find_reason(key, entry, snapshot, marked))
    return [*own, *((key.id, key.display, key.label) for key in allowed)]


def draw_standing(
    *,
    progress: Progress | None,
    waited_for: str = "",
    marked: Sequence[Entry],
    going: Sequence[RunState],
    errors: int,
    coverage: Coverage,
    home: Path | None,
    is_queue_paused: bool = False,
    is_read_only: bool = False,
    is_short: bool = False,
) -> Content:
    """Draw what goes on here and is marked, how many runs go on or wait and errors were told, and the home.

    How much is described is said while something is not, and can be; `is_short` leaves the word for it out.
    """
    parts = []
    if progress is not None:
        share = f"{progress.step / progress.total:.0%}" if progress.total else f"{progress.step:,}"
        parts.append(Content.styled(f"⧗ {share}", "$accent"))
    if waited_for:
        parts.append(Content.styled(f"⧗ {waited_for} …", "$accent"))
    if marked:
        parts.append(Content.styled(f"◆ {describe_marks(marked)} marked", "$accent bold"))
    parts += [Content.styled(words, "$accent") for words in _count_going(going)]
    if is_queue_paused:
        parts.append(Content.styled(f"{STATE_GLYPHS[RunState.PAUSED]} queue is paused", "$warning"))
    if errors:
        parts.append(Content.styled(f"✗ {errors}", "$error"))
    if is_read_only:
        parts.append(Content.styled("read-only", "$warning"))
    elif coverage.described < coverage.describable:
        percent = min(99, int(coverage.share * 100))
        words = f"✎{percent}%" if is_short else f"✎ {percent}% described"
        parts.append(Content.styled(words, "$text-muted"))
    if home is not None:
        parts.append(Content.styled(_shorten(home), "$text-muted"))
    return Content("  ").join(parts)


def _count_going(states: Sequence[RunState]) -> Iterator[str]:
    """Yield how many runs are queued, paused, or have a process that works."""
    still = (RunState.PAUSED, RunState.QUEUED)
    counts = Counter(state if state in still else RunState.RUNNING for state in states)
    for state in (RunState.RUNNING, *still):
        if counts[state]:
            yield f"{STATE_GLYPHS[state]} {counts[state]} {state}"


def _shorten(path: Path) -> str:
    home = Path.home()
    text = f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)
    names = text.split("/")
    for place in range(1, len(names)):
        if len(text) <= MAX_HOME:
            break
        text = "/".join(("…", *names[place:]))
    return text
