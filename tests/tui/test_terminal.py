"""What is written to the terminal: differences that end in the same picture, and clean ends."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from time import monotonic

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from mlwf_tui.cli.main import spare_link
from mlwf_tui.tui import plain_signs
from mlwf_tui.tui.terminal import CellDiff, find_obstacle, is_backed_up, is_wanted
from mlwf_tui.tui.widgets.drawing import KIND_GLYPHS
from mlwf_tui.tui.widgets.formats import STATE_GLYPHS
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace
from tests.tui.homes import write_run_files
from tests.tui.pty_terminal import Terminal

COLUMNS, ROWS = 24, 4
CONSOLE = Console(file=StringIO(), force_terminal=True, color_system="truecolor", width=COLUMNS)
STYLES = tuple(
    Style.parse(text)
    for text in (
        "none",
        "bold",
        "#ff0000",
        "#00ff00 on #000080",
        "on #202020",
        "underline #0000ff",
        "reverse",
    )
)
PIECES = (*"ab ─█世é", "e\u0301", "👍🏽", "👩\u200d🔬", "❤\ufe0f", "\U0010eeee\u0305\u030d")
LINES = st.lists(
    st.tuples(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.sampled_from(STYLES)),
    min_size=1,
    max_size=6,
)
FRAMES = st.lists(st.lists(LINES, min_size=ROWS, max_size=ROWS), min_size=1, max_size=5)


def _make_update(frame: list[list[tuple[str, Style]]]) -> LayoutUpdate:
    strips = [
        [Strip([Segment(text, style) for text, style in line]).adjust_cell_length(COLUMNS, Style())]
        for line in frame
    ]
    return LayoutUpdate(strips, Region(0, 0, COLUMNS, ROWS))  # type: ignore[arg-type]


def _show(writes: list[str]) -> list[list[tuple[object, ...]]]:
    """Return every cell that a terminal shows after these writes; of a blank only what can be seen."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    stream.feed("\x1b[?7l")  # as Textual has it: nothing goes on in the next line
    for write in writes:
        stream.feed(write)
    return [[_see(screen.buffer[row][column]) for column in range(COLUMNS)] for row in range(ROWS)]


def _see(cell: pyte.screens.Char) -> tuple[object, ...]:
    is_plain_blank = cell.data == " " and not (cell.underscore or cell.reverse)
    return (cell.data, "" if is_plain_blank else cell.fg, cell.bg, cell.underscore, cell.reverse) + (
        () if is_plain_blank else (cell.bold,)
    )


@settings(max_examples=150, deadline=None)
@given(FRAMES)
def test_differences_end_in_the_same_picture_as_whole_frames(
    frames: list[list[list[tuple[str, Style]]]],
) -> None:
    diff = CellDiff()
    written = [diff.render(_make_update(frame), (COLUMNS, ROWS), CONSOLE) for frame in frames]
    whole = CellDiff().render(_make_update(frames[-1]), (COLUMNS, ROWS), CONSOLE)
    assert _show(written) == _show([whole])


def test_a_frame_that_changes_nothing_writes_nothing() -> None:
    frame = [[("hello", STYLES[1])]] * ROWS
    diff = CellDiff()
    assert diff.render(_make_update(frame), (COLUMNS, ROWS), CONSOLE)
    assert diff.render(_make_update(frame), (COLUMNS, ROWS), CONSOLE) == ""


def test_one_changed_cell_costs_some_twenty_bytes() -> None:
    before = [[("hello world", STYLES[0])]] * ROWS
    after = [*before[:-1], [("hellO world", STYLES[0])]]
    diff = CellDiff()
    diff.render(_make_update(before), (COLUMNS, ROWS), CONSOLE)
    assert len(diff.render(_make_update(after), (COLUMNS, ROWS), CONSOLE)) <= 20


def test_after_a_resize_or_when_told_to_forget_everything_is_written() -> None:
    frame = [[("hello", STYLES[0])]] * ROWS
    diff = CellDiff()
    whole = diff.render(_make_update(frame), (COLUMNS, ROWS), CONSOLE)
    assert diff.render(_make_update(frame), (COLUMNS, ROWS + 1), CONSOLE) == whole
    diff.forget()
    assert diff.render(_make_update(frame), (COLUMNS, ROWS), CONSOLE) == whole


def test_what_was_drawn_for_a_larger_terminal_is_left_out() -> None:
    strips = [[Strip([Segment("beyond", STYLES[1])])]] * (ROWS + 2)
    update = LayoutUpdate(strips, Region(COLUMNS + 3, 0, 6, ROWS + 2))  # type: ignore[arg-type]
    assert CellDiff().render(update, (COLUMNS, ROWS), CONSOLE) == ""


def test_the_environment_can_turn_it_off() -> None:
    assert is_wanted({})
    assert not is_wanted({"MLWF_PLAIN_OUTPUT": "1"})


def test_a_textual_that_was_not_tried_writes_as_it_always_does() -> None:
    assert find_obstacle() == ""
    assert find_obstacle("99.0.0") == "Textual 99.0.0 was not tried"


def test_what_follows_joined_characters_stands_where_textual_means_it_to() -> None:
    """Terminals take ❤ with its selector for one or two cells; Textual counts two."""
    line = LayoutUpdate([[Strip([Segment("❤\ufe0f👩\u200d🔬x")])]], Region(0, 0, COLUMNS, 1))
    assert "\x1b[5Gx" in CellDiff().render(line, (COLUMNS, ROWS), CONSOLE)


def test_over_ssh_fewer_frames_are_drawn_unless_a_person_has_said_how_many() -> None:
    here, there, chosen = {"TERM": "xterm"}, {"SSH_TTY": "/dev/pts/1"}, {"SSH_TTY": "x", "TEXTUAL_FPS": "5"}
    for environment in (here, there, chosen):
        spare_link(environment)
    assert [e.get("TEXTUAL_FPS") for e in (here, there, chosen)] == [None, "20", "5"]


def test_a_driver_without_a_writer_thread_is_never_backed_up() -> None:
    assert not is_backed_up(None)


RESTORED = {
    b"\x1b[?1049h": b"\x1b[?1049l",  # the alternate screen
    b"\x1b[?1000h": b"\x1b[?1000l",  # mouse reports
    b"\x1b[?1003h": b"\x1b[?1003l",
    b"\x1b[?1006h": b"\x1b[?1006l",
    b"\x1b[?25l": b"\x1b[?25h",  # the cursor
    b"\x1b[?2004h": b"\x1b[?2004l",  # bracketed paste
}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_terminal_as_it_was_and_the_next_app_begins_there(
    full_home: Workspace, number: int, code: int
) -> None:
    terminal = Terminal(full_home.home)
    terminal.see("cells-val-1")
    os.write(terminal.fd, b"jjjjjj\r")
    terminal.see("2 Report")
    os.write(terminal.fd, b"1\x1b[1;5C")
    assert terminal.see("╮╭", lambda picture: picture.splitlines()[0].index("╮╭") == 39)
    os.kill(terminal.pid, number)
    assert terminal.wait() == code, terminal.written[-3000:].decode()
    for begin, end in RESTORED.items():
        assert terminal.written.rfind(end) > terminal.written.rfind(begin) >= 0, end

    again = Terminal(full_home.home)
    picture = again.see("2 Report")
    assert picture.splitlines()[0].index("╮╭") == 39
    os.kill(again.pid, number)
    assert again.wait() == code


def test_an_app_that_was_stopped_draws_everything_anew_when_it_goes_on(projects_home: Workspace) -> None:
    terminal = Terminal(projects_home.home)
    terminal.see("parts")
    os.kill(terminal.pid, signal.SIGTSTP)
    terminal.read_until(b"\x1b[?1049l")  # the shell has its screen back
    assert os.WIFSTOPPED(os.waitpid(terminal.pid, os.WUNTRACED)[1])
    terminal.clear()  # and writes over what was there
    os.kill(terminal.pid, signal.SIGCONT)
    assert "parts" in terminal.see("╭─ 1 Projects")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 143


def test_a_terminal_that_goes_away_ends_the_app(projects_home: Workspace) -> None:
    terminal = Terminal(projects_home.home)
    terminal.read_until(b"cells")
    os.close(terminal.fd)
    assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 129


def test_a_home_that_cannot_be_opened_is_said_by_whoever_started_the_app(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"this is no database" * 100)
    terminal = Terminal(tmp_path)
    assert terminal.wait() == 1
    assert b"Error" in terminal.written or b"CorruptData" in terminal.written
    assert b"\x1b[?1049l" in terminal.written


def test_opening_a_home_sends_no_more_than_the_budget(full_home: Workspace) -> None:
    terminal = Terminal(full_home.home, 160, 45)
    assert terminal.read_until(b"1 running") <= 45_000
    os.kill(terminal.pid, signal.SIGTERM)
    terminal.wait()


STALL_S = 8.0
HELD_LIMIT_S = 0.15


@pytest.mark.slow
def test_a_terminal_that_stops_reading_holds_nothing_and_gets_the_whole_picture_later(
    full_home: Workspace, tmp_path: Path
) -> None:
    gaps_path = tmp_path / "gaps"
    run = next(run for run in list_runs(full_home) if not run.state.is_finished)
    probed = str(Path(__file__).with_name("probed_app.py"))
    terminal = Terminal(full_home.home, arguments=(probed, str(full_home.home), str(gaps_path)))
    terminal.see("1 running")
    os.write(terminal.fd, b"m")
    terminal.see("epoch 13")
    began, epochs = monotonic(), 13
    while monotonic() < began + STALL_S:
        epochs += 1
        write_run_files(full_home, run, epochs=epochs, total=epochs)
        select.select([], [], [], 0.1)  # nobody reads what the app draws meanwhile
    ended = monotonic()
    moments = [tuple(map(float, line.split())) for line in gaps_path.read_text().splitlines()]
    held_s = [gap_s for at, gap_s in moments if began + 1 < at < ended]
    assert len(held_s) > STALL_S  # the loop went on
    assert max(held_s) < HELD_LIMIT_S

    before = len(terminal.written)
    picture = terminal.see(f"100%  epoch {epochs}", limit_s=10)
    terminal.see(f"epoch {epochs}/{epochs}", limit_s=10)  # the log's last line
    assert len(terminal.written) - before < 200_000  # what was left out is not sent later
    assert picture.splitlines()[0].startswith("╭─ 1 Projects"), picture
    assert picture.splitlines()[38].startswith("╰")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 143, terminal.written[-3000:].decode()


@pytest.mark.parametrize(
    "environment",
    [
        {"NO_COLOR": "1"},
        {"TERM": "xterm", "COLORTERM": ""},
        {"TERM": "linux", "COLORTERM": ""},
        {"LC_ALL": "C"},
    ],
    ids=lambda environment: " ".join(environment.values()) or "none",
)
def test_poor_terminals_get_a_readable_picture(
    projects_home: Workspace, environment: Mapping[str, str]
) -> None:
    terminal = Terminal(projects_home.home, 80, 24, environment={"TERM": "xterm-256color", **environment})
    terminal.see("parts")
    os.write(terminal.fd, b"?")
    assert "Projects" in terminal.see("This pane")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 143, terminal.written[-3000:].decode()


def test_a_terminal_without_our_signs_gets_ascii_and_what_people_wrote() -> None:
    """Kinds and states keep a sign of their own each."""
    line = LayoutUpdate([[Strip([Segment("╭─ ◆ größe ✓ ⣿")])]], Region(0, 0, COLUMNS, 1))
    written = CellDiff(plain_signs.ASCII).render(line, (COLUMNS, ROWS), CONSOLE)
    assert "+- V größe + @" in written
    glyphs = (*KIND_GLYPHS.values(), *STATE_GLYPHS.values())
    assert all(plain_signs.ASCII.get(glyph, glyph).isascii() for glyph in glyphs)
    kinds = {plain_signs.ASCII[glyph] for glyph in KIND_GLYPHS.values()}
    assert len(kinds) == len(KIND_GLYPHS) - 1, "models and weights share theirs; the card names its kind"


def test_ascii_is_written_where_a_person_or_the_kind_of_terminal_asks_for_it() -> None:
    assert plain_signs.is_wanted({"TERM": "linux"})
    assert plain_signs.is_wanted({"MLWF_ASCII": "1", "TERM": "xterm"})
    assert not plain_signs.is_wanted({"TERM": "linux", "MLWF_ASCII": "0"})
    assert not plain_signs.is_wanted({"TERM": "xterm"})


def test_a_terminal_that_places_no_cursor_is_refused_kindly_and_sent_no_sequence(tmp_path: Path) -> None:
    arguments = ("-m", "mlwf_tui", "--home", str(tmp_path))
    terminal = Terminal(tmp_path, arguments=arguments, environment={"TERM": "dumb", "NO_COLOR": "1"})
    assert terminal.wait() == 2
    assert b"TERM is empty or dumb" in terminal.written
    assert b"mlwf --help" in terminal.written
    assert b"\x1b" not in terminal.written
