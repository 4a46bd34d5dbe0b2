"""What a terminal sends for what is pressed, and what the app takes it for: by the app's own parser, no app.

Knows of Textual's insides its parser and the modes that its driver asks for.
"""

from __future__ import annotations

import os
import select
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import msgspec
from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

ON = "\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[>25u"
OFF = "\x1b[<u\x1b[?2004l\x1b[?1006l\x1b[?1003l\x1b[?1000l"
"""Mouse reports, bracketed paste, Kitty's keyboard: as the app asks for them."""
SETTLE_S = 0.15  # after which a lone escape is a key, and no sequence that was cut in two
MAX_SHOWN = 24


class Arrival(msgspec.Struct, frozen=True):
    """One press: what the app calls it, and the bytes that were sent for it."""

    name: str  # a key's name, or click, wheel, paste
    sent: str


class KeyReader:
    """Reads presses from a terminal's descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._parser = XTermParser()

    def read(self) -> tuple[Arrival, ...]:
        """Wait for a press and return what it is; several where they came at once.

        Raises:
            EOFError: the terminal is gone.
        """
        sent = b""
        while not sent or self._waits(SETTLE_S):
            block = os.read(self._descriptor, 4096)
            if not block:
                raise EOFError
            sent += block
        return self.parse(sent)

    def parse(self, sent: bytes) -> tuple[Arrival, ...]:
        """Return what the app takes these bytes for."""
        messages = list(self._parser.feed(sent.decode("utf-8", errors="replace")))
        deadline = monotonic() + 2 * SETTLE_S
        while not messages and monotonic() < deadline:
            self._waits(SETTLE_S / 3)
            messages += self._parser.tick()
        names = [name for message in messages if (name := _name(message))]
        return tuple(Arrival(name, describe_bytes(sent)) for name in names)

    def _waits(self, limit_s: float) -> bool:
        return bool(select.select([self._descriptor], [], [], limit_s)[0])


@contextmanager
def reading_keys(descriptor: int) -> Iterator[KeyReader]:
    """Let the terminal send what it sends to the app, every key and at once; put it back at the end."""
    before = termios.tcgetattr(descriptor)
    raw = termios.tcgetattr(descriptor)
    raw[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
    raw[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    termios.tcsetattr(descriptor, termios.TCSANOW, raw)
    os.write(descriptor, ON.encode())
    try:
        yield KeyReader(descriptor)
    finally:
        os.write(descriptor, OFF.encode())
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)  # what mouse and keys still send is no word


def describe_bytes(sent: bytes) -> str:
    """Return bytes as people write them: ESC for the escape, ^B for controls, the rest as it is."""
    parts = []
    for character in sent.decode("utf-8", errors="replace"):
        code = ord(character)
        if code == 27:
            parts.append("ESC")
        elif code < 32 or code == 127:
            parts.append(f"^{chr(code ^ 64)}")
        else:
            parts.append("space" if character == " " else character)
    shown = " ".join(parts[:MAX_SHOWN])
    return shown if len(parts) <= MAX_SHOWN else f"{shown} …"


def _name(message: Message) -> str:
    match message:
        case events.Key():
            return message.key
        case events.MouseDown():
            return "click"
        case events.MouseScrollDown() | events.MouseScrollUp():
            return "wheel"
        case events.Paste():
            return "paste"
        case _:
            return ""  # a move of the mouse, an answer of the terminal
