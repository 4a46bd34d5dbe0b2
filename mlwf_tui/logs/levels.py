"""How grave a line of a log is, as common programs say it: Python logging, ultralytics, bars, tracebacks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

MAX_TEXT = 2000  # of a line that is looked at: what it is stands at its front, or its end for an exception


class Level(IntEnum):
    """From what is soon overwritten to what a person must see."""

    PROGRESS = 0
    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


ERRORS = re.compile(
    r"\b(?:ERROR|CRITICAL|FATAL|FAILED)\b"
    r"|Traceback \(most recent call last\)"
    r"|^(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit)(?::|$)"
    r"|\b[A-Z]\w*(?:Error|Exception): "
    r"|(?:^|[:\]] ?)(?:fatal |internal )?error: "
    r"|\blevel\"?[=:] ?\"?(?:error|critical|fatal)\b"
    r"|^(?:\[rank\d+\]: ?)?\[?[EF]\d{4} \d\d:"
    r"|^\[E [\w.]+:\d+\]"
    r"|\bSegmentation fault\b|^Killed$|\bout of memory\b|\bcore dumped\b"
)
WARNINGS = re.compile(
    r"\bWARN(?:ING)?\b"
    r"|\b[A-Z]\w*Warning: "
    r"|(?:^|[:\]] ?)warning: "
    r"|\blevel\"?[=:] ?\"?warn(?:ing)?\b"
    r"|^(?:\[rank\d+\]: ?)?\[?W\d{4} \d\d:"
    r"|^\[W [\w.]+:\d+\]"
    r"|⚠"
)
DEBUGS = re.compile(r"\b(?:DEBUG|TRACE)\b|\blevel\"?[=:] ?\"?(?:debug|trace)\b")
BARS = re.compile(r"(?<!\d)(\d{1,3})%(?:\||[ :]*[━╸╺─█▏▎▍▌▋▊▉#=>\[])")
HINTS = {
    Level.ERROR: (b"err", b"exception", b"traceback", b"critical", b"fatal", b"failed", b"killed", b"fault",
                  b"out of memory", b"dumped", b"interrupt", b"exit"),
    Level.WARNING: (b"warn", b"\xe2\x9a\xa0"),
}  # fmt: skip
"""Lower-case bytes of which one is in every line of the level, but for those that MARKS finds."""

WORDS = tuple(word.decode() for words in HINTS.values() for word in words)
DEBUG_WORDS = ("DEBUG", "TRACE", "level")  # of which one is in every line that DEBUGS finds
MARK = re.compile(r"(?:\[rank\d+\]: ?)?\[?[EFW](?:\d{4} \d\d:| [\w.]+:\d)")
MARKS = re.compile(rb"\n(?:\[rank\d+\]: ?)?\[?[efw](?:\d{4} \d\d:| [\w.]+:\d)")
FRAME = re.compile(r"^\s+File \"[^\"]*\", line \d+")


def find_level(text: str) -> Level:
    """Return the level that a line states by itself; INFO where it states none."""
    text = text[:MAX_TEXT]
    # To look for words first takes a tenth of the time, and most lines have none of them.
    lowered = text.lower()
    if any(word in lowered for word in WORDS) or MARK.match(text):
        if ERRORS.search(text):
            return Level.ERROR
        if WARNINGS.search(text):
            return Level.WARNING
    if "%" in text and (bar := BARS.search(text)) and bar.group(1) != "100":
        return Level.PROGRESS
    is_debug = any(word in text for word in DEBUG_WORDS) and DEBUGS.search(text)
    return Level.DEBUG if is_debug else Level.INFO


class LevelReader:
    """Tells the levels of consecutive lines: what belongs to a traceback is an error as a whole."""

    def __init__(self, before: Sequence[str] = ()) -> None:
        """`before` are the lines just above the first one that will be read, oldest first."""
        self._is_inside = False
        for text in before:
            self.read(text)

    def read(self, text: str) -> Level:
        """Return the level of the next line."""
        if text.startswith("Traceback (most recent call last)") or FRAME.match(text):
            self._is_inside = True
            return Level.ERROR
        if not self._is_inside:
            return find_level(text)
        self._is_inside = text[:1] in (" ", "\t", "|", "+")
        return Level.ERROR if self._is_inside or find_level(text) is Level.ERROR else find_level(text)


def may_hold(data: bytes, level: Level) -> bool:
    """Return whether lines of this level, or a graver one, can be among these; False is certain.

    Ten times as fast as asking each line, and enough for nearly all of a long log.
    """
    if level < Level.WARNING:
        return True
    lowered = b"\n" + data.lower()
    hints = [hint for graver, words in HINTS.items() if graver >= level for hint in words]
    return any(hint in lowered for hint in hints) or MARKS.search(lowered) is not None
