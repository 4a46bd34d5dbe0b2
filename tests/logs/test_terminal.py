"""What a terminal would show: overwriting, moves, colours, and nothing that could reach the user's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.logs.terminal import Shown, draw, show_line


def show(data: bytes) -> str:
    return show_line(data).text


def test_a_progress_bar_shows_its_last_state() -> None:
    assert show(b"  0%|   |\r 50%|=  |\r100%|===|\n") == "100%|===|"
    assert show(b" 50%|=  |\r100%|===|\r\n") == "100%|===|"


def test_what_is_shorter_overwrites_only_so_much() -> None:
    assert show(b"loading\rOK\n") == "OKading"
    assert show(b"loading\r\x1b[KOK\n") == "OK"
    assert show(b"abc\b\bX\n") == "aXc"
    assert show(b"abc\x1b[2D!\n") == "a!c"
    assert show(b"abc\x1b[1GX\x1b[3CY") == "Xbc Y"


def test_control_codes_are_taken_out_and_tabs_made_blanks() -> None:
    assert show(b"\x1b[31mred\x1b[0m \x1b[2K\x1b]0;title\x07text\n").strip() == "text"
    assert show(b"a\x1b]52;c;ZXZpbA==\x07b\x1bPq#0\x1b\\c\x1b(Bd\x1b[?1049he\n") == "abcde"
    assert show(b"a\tb\x07\n") == "a       b"
    assert show(b"\xff broken \xc3\xa9\n") == "\ufffd broken é"
    assert show("⚠\ufe0f stop\n".encode()) == "⚠ stop"
    assert show("abc\u202edcb\n".encode()) == "abcdcb"


def test_colours_are_kept_as_the_nearest_of_eight() -> None:
    line = show_line(
        b"\x1b[34m\x1b[1mtrain: \x1b[0mx \x1b[38;2;255;80;80mred\x1b[0m \x1b[38;5;46mgreen\x1b[m"
    )
    assert line.text == "train: x red green"
    assert line.colours == ((0, 7, "blue"), (9, 12, "red"), (13, 18, "green"))


@given(
    st.lists(
        st.sampled_from(["a", "bc ", " ", "é", "⚠\ufe0f", "\u200b", "\t", "\b", "\r", "\x1b[K", "\x1b[2D"])
        | st.sampled_from(["\x1b[31m", "\x1b[m", "\x1b[1m", "\x1b[0;1;32m", "\x1b[38;5;46m", "\x1b[39m"]),
        max_size=12,
    )
)
def test_lines_that_only_have_colours_are_read_by_a_shorter_way_and_show_the_same(parts: list[str]) -> None:
    text = "".join(parts) + "\x1b[0m"
    assert show_line(text.encode()) == draw(text, row=0, count=0).get(0, Shown(""))


def test_moves_up_write_on_earlier_rows() -> None:
    rows = draw("one\ntwo\nthree\x1b[2A\rONE\x1b[1B\rTWO\x1b[Edown", row=10, count=10)
    assert {number: shown.text for number, shown in rows.items()} == {10: "ONE", 11: "TWO", 12: "downe"}


@given(st.binary(max_size=200))
def test_no_bytes_at_all_get_a_control_code_through(data: bytes) -> None:
    text = show(data.replace(b"\n", b""))
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text)
