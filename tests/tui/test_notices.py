"""What a terminal is sent for a notice: the right ways, wrapped for tmux, and no orders hidden in a name."""

from __future__ import annotations

import re

import pytest

from mlwf_tui.tui.notices import write_notice

ALL = ("app", "bell", "osc9", "osc777")
PLAIN = {"TERM": "xterm-256color"}


def test_a_notice_is_sent_by_every_way_that_is_wanted() -> None:
    written = write_notice("mlwf", "train a is done", ALL, PLAIN)
    assert written == "\x1b]9;mlwf: train a is done\x1b\\\x1b]777;notify;mlwf;train a is done\x1b\\\a"


@pytest.mark.parametrize(
    ("ways", "written"),
    [
        ((), ""),
        (("app",), ""),
        (("bell",), "\a"),
        (("osc9",), "\x1b]9;mlwf: x\x1b\\"),
        (("osc777",), "\x1b]777;notify;mlwf;x\x1b\\"),
    ],
)
def test_each_way_can_be_switched_off(ways: tuple[str, ...], written: str) -> None:
    assert write_notice("mlwf", "x", ways, PLAIN) == written


def test_a_terminal_that_knows_both_ways_is_sent_one() -> None:
    assert "\x1b]9;" not in write_notice("mlwf", "x", ALL, {"TERM": "xterm-kitty"})
    assert "\x1b]9;" in write_notice("mlwf", "x", ("osc9",), {"TERM": "xterm-kitty"})


def test_tmux_gets_it_wrapped_to_be_passed_on_and_the_bell_as_it_is() -> None:
    written = write_notice("mlwf", "x", ("bell", "osc9"), {**PLAIN, "TMUX": "/tmp/tmux-0/default,1,0"})
    assert written == "\x1bPtmux;\x1b\x1b]9;mlwf: x\x1b\x1b\\\x1b\\\a"


def test_no_name_can_give_the_terminal_an_order() -> None:
    written = write_notice("a;b", "x\x1b]52;c;bm8=\a\x9c\x07\ny" + "z" * 999, ("osc777",), PLAIN)
    body = written.removeprefix("\x1b]777;notify;a,b;").removesuffix("\x1b\\")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", body)
    assert len(body) <= 200
