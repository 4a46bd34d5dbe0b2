"""A second process that signs files while a scan signs others: Python's lock lets one use one core only."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from mlwf_tui.workflow.importing import signing
from mlwf_tui.workflow.importing.signing import Signed, decode_answer, encode_question, receive, send

FEWEST_FILES = 2_000
"""So many are signed before there is a hand: starting it takes as long."""
_MOST_ASKED = 5
_ANSWERS_BYTES = 56 << 10
"""More than so many answers take. A pipe with less room holds one question at a time, or each side would wait
for the other to read: Linux gives someone with very many pipes small ones."""
_ANSWER_TIMEOUT_S = 30.0
"""So long even a disk far away has looked at 256 files; a hand that was stopped by somebody has not."""
_END_TIMEOUT_S = 1.0


class Question(msgspec.Struct):
    """Files of a folder that the hand was asked to sign."""

    folder: str
    names: Sequence[str]
    answer: Signed | None = None
    is_lost: bool = False  # the hand is gone: there will be no answer

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to wait for any more."""
        return self.answer is not None or self.is_lost


class SigningHand:
    """The hand of one scan; started when the scan turns out to be long. Used in a `with`, by one thread.

    One that `goes_ahead` is started at once, and signs files before the scan begins.
    """

    def __init__(self, root: Path, *, goes_ahead: bool = False) -> None:
        self.root = Path(os.path.realpath(root))  # resolve raises where a link leads to itself
        self.begun_at_ns = time.time_ns()  # before it looks at a file
        self._signed_count = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = select.poll()
        self._asked: deque[Question] = deque()
        self._most_asked = _MOST_ASKED
        self._is_usable = bool(sys.executable) and (os.cpu_count() or 1) > 1
        if goes_ahead and self._is_usable and os.path.isdir(self.root):  # noqa: PTH112 - False, whatever the fault
            self._start("ahead")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._lose()

    def ask(self, folder: str, names: Sequence[str]) -> Question | None:
        """Ask for the signatures of some files; None where the caller had better sign them."""
        if not self._is_usable or not self._has_time(len(names)):
            return None
        question = Question(folder, names)
        process = self._process
        assert process is not None and process.stdin is not None  # it has time
        try:
            send(process.stdin.fileno(), encode_question(folder, names))
        except OSError:
            self._lose()
            return None
        self._asked.append(question)
        return question

    def settle(self, question: Question) -> None:
        """Wait until a question has its answer, or is lost, as with a hand that says nothing for long."""
        while not question.is_settled:
            if self._answers.poll(_ANSWER_TIMEOUT_S * 1000):
                self._receive()
            else:
                self._lose()

    def _has_time(self, count: int) -> bool:
        if self._process is None:
            self._signed_count += count
            if self._signed_count < FEWEST_FILES:
                return False
            self._start()
        while self._asked and self._has_answered():
            self._receive()
        return self._is_usable and len(self._asked) < self._most_asked

    def _start(self, *words: str) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-IS", signing.__file__, str(self.root), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the scan, which ends it
            )
        except OSError:  # no process or no memory is left: the scan does without
            self._is_usable = False
        else:
            assert self._process.stdout is not None  # Popen was asked for it
            self._answers.register(self._process.stdout, select.POLLIN)
            if _read_room(self._process.stdout) < _ANSWERS_BYTES:
                self._most_asked = 1

    def _has_answered(self) -> bool:
        return self._process is not None and bool(self._answers.poll(0))

    def _receive(self) -> None:
        """Read the answer to the oldest question; all are lost where the hand is gone."""
        process = self._process
        assert process is not None and process.stdout is not None  # something was asked
        answer = receive(process.stdout.fileno())
        if answer is None:
            self._lose()
            return
        question = self._asked.popleft()
        question.answer = decode_answer(answer, len(question.names))

    def _lose(self) -> None:
        """End the hand for good."""
        self._is_usable = False
        for question in self._asked:
            question.is_lost = True
        self._asked.clear()
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it holds nothing that would be lost
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what was left to send has nobody to read it
                if pipe is not None:
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):  # a disk that does not answer keeps it for now
            process.wait(_END_TIMEOUT_S)


def _read_room(pipe: IO[bytes]) -> int:
    """Return how many bytes a pipe holds, 0 where the system does not say."""
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) if sys.platform == "linux" else 0
