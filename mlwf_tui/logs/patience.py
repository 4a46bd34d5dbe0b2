"""Search patterns, and matching that gives up: some expressions take years on an innocent line."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ESCAPES = re.compile(r"\\.")
SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()]")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression for a search: plain text where it is no valid one, smart about case.

    Without a capital letter in it, other than in a class such as \\S, case does not matter.
    """
    plain = ESCAPES.sub("", pattern)
    flags = re.IGNORECASE if plain == plain.lower() else re.NOFLAG
    return re.compile(re.escape(pattern) if find_fault(pattern) else pattern, flags)


def find_fault(pattern: str) -> str:
    """Return why a pattern is no expression and so plain text to `compile_pattern`; "" where it is one."""
    try:
        re.compile(pattern.encode())
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError, UnicodeEncodeError) as error:
        return str(error)
    return ""


def is_literal(pattern: str) -> bool:
    """Return whether a pattern is plain text."""
    return SPECIAL.search(pattern) is None


@contextmanager
def limit(cpu_s: float) -> Iterator[None]:
    """Let what is done inside take this much CPU time of the process; without limit off the main thread.

    Python's `re` asks for signals while it matches, so a timer's signal ends even a match that would never.
    A timer of CPU time leaves the one of wall time to others.

    Raises:
        TimeoutError: it took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return
    is_armed = True

    def end(number: int, frame: FrameType | None) -> None:
        if is_armed:
            raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, end)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s, cpu_s)
        yield
    finally:
        is_armed = False  # first: the signal may be on its way
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def find_spans(expression: re.Pattern[str], text: str, cpu_s: float) -> list[tuple[int, int]]:
    """Return where the expression matches in a text; off the main thread nothing.

    Raises:
        TimeoutError: it took longer than `cpu_s`.
    """
    if threading.current_thread() is not threading.main_thread():
        return []
    with limit(cpu_s):
        return [match.span() for match in expression.finditer(text) if match.end() > match.start()]
