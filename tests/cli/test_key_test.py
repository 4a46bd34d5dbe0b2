"""The test of keys: what arrives, what does not, and what is said without anybody to press any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.cli.key_test import ask_all, write_summary
from mlwf_tui.cli.main import main
from mlwf_tui.tui.key_checks import CHECKS, advise
from mlwf_tui.tui.key_reading import Arrival, KeyReader, describe_bytes
from mlwf_tui.tui.keys import KEYS
from tests.tui.pty_terminal import Terminal

SENT = {
    b"\x1b[1;5C": "ctrl+right",
    b"\x1b[1;5A": "ctrl+up",
    b"\x1b[Z": "shift+tab",
    b"\x1bx": "alt+x",
    b"\x1bOQ": "f2",
    b"\x1b[15~": "f5",
    b"\x02": "ctrl+b",
    b"\x1b": "escape",
    b"\x1b[<0;10;5M": "click",
    b"\x1b[<65;10;5M": "wheel",
    b"\x1b[200~a path\x1b[201~": "paste",
}


class Presses:
    """Presses as somebody would do them."""

    def __init__(self, *names: str) -> None:
        self._names: Iterator[str] = iter(names)

    def read(self) -> tuple[Arrival, ...]:
        name = next(self._names, None)
        if name is None:
            raise EOFError
        return (Arrival(name, "ESC x"),)


@pytest.fixture
def reader() -> Iterator[KeyReader]:
    read_end, write_end = os.pipe()
    yield KeyReader(read_end)
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize(("sent", "name"), SENT.items(), ids=SENT.values())
def test_what_xterm_sends_is_known_by_the_apps_own_names(reader: KeyReader, sent: bytes, name: str) -> None:
    assert [arrival.name for arrival in reader.parse(sent)] == [name]


def test_moves_of_the_mouse_are_no_presses(reader: KeyReader) -> None:
    assert reader.parse(b"\x1b[<35;10;5M") == ()


def test_bytes_are_written_as_people_write_them() -> None:
    assert describe_bytes(b"\x1b[1;5C") == "ESC [ 1 ; 5 C"
    assert describe_bytes(b"\x02 \x7f") == "^B space ^?"
    assert describe_bytes(b"x" * 99).endswith("x …")


def test_what_is_asked_for_is_what_the_app_uses() -> None:
    used = {single for key in KEYS for single in key.keys.split(",")}
    asked = {name for check in CHECKS for name in check.names}
    assert asked - used == {"alt+x", "ctrl+b", "click", "wheel", "paste"}
    assert {"ctrl+right", "ctrl+up", "shift+tab", "f2", "f5", "escape"} <= used


def test_all_that_arrives_is_said_and_what_does_not_comes_with_a_hint() -> None:
    told: list[str] = []
    names = [check.names[0] for check in CHECKS]
    assert ask_all(Presses(*names, "q"), CHECKS, told.append) == ()
    assert "Everything arrives" in write_summary(())
    missing = ask_all(Presses("f9", "n", *names[1:], "f7"), CHECKS, told.append)
    assert missing == CHECKS[:1]
    assert any("that was f9" in line for line in told)
    assert any("f7" in line for line in told)
    assert "Ctrl+→" in write_summary(missing) and CHECKS[0].help in write_summary(missing)
    assert ask_all(Presses("ctrl+right", "q"), CHECKS, told.append) is None


def test_in_tmux_the_hints_are_of_tmux() -> None:
    click = next(check for check in CHECKS if check.names == ("click",))
    assert "set -g mouse on" in advise(click, {"TMUX": "/tmp/x"})
    assert "set -g mouse on" not in advise(click, {})


def test_without_a_terminal_or_as_json_it_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(tmp_path), "doctor", "--keys"]) == 2
    assert "A test of keys needs a person at a terminal." in capsys.readouterr().err
    assert main(["--home", str(tmp_path), "doctor", "--keys", "--json"]) == 2
    assert "needs a person at a terminal" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_at_a_terminal_everything_can_be_pressed_and_it_is_left_as_it_was(tmp_path: Path) -> None:
    arguments = ("-m", "mlwf_tui", "--home", str(tmp_path), "doctor", "--keys")
    terminal = Terminal(tmp_path, arguments=arguments)
    for check, sent in zip(CHECKS, SENT, strict=True):
        terminal.see(check.ask)
        os.write(terminal.fd, sent)
    terminal.see("That was all.")
    os.write(terminal.fd, b"q")
    assert terminal.wait() == 0, terminal.written[-2000:].decode()
    assert b"Everything arrives" in terminal.written
    for mode in (b"1000", b"1003", b"1006", b"2004"):
        assert terminal.written.rfind(b"\x1b[?%bl" % mode) > terminal.written.rfind(b"\x1b[?%bh" % mode) > 0
