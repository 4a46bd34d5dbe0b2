"""A second process that signs files while a scan signs others: Python's lock lets one use one core only."""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from mlwf_tui.workflow.importing.signing import (
    HAND_OVER,
    Listed,
    Signed,
    decode_answer,
    decode_listed,
    encode_question,
    receive,
    send,
)
from mlwf_tui.workflow.importing.signing_process import SigningProcess, start_signing

FEWEST_FILES = 2_000
"""So many are signed before there is a hand: starting it takes as long."""
_MOST_ASKED = 5
_ANSWERS_BYTES = 56 << 10
"""More than so many answers take. A pipe with less room holds one question at a time, or each side would wait
for the other to read: Linux gives someone with very many pipes small ones."""
_ANSWER_TIMEOUT_S = 30.0
"""So long even a disk far away has looked at 256 files; a hand that was stopped by somebody has not."""


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

    A `process` that goes ahead in its folder may have been started before; one that is elsewhere is not used.
    """

    def __init__(self, root: Path, process: SigningProcess | None = None) -> None:
        self.root = Path(os.path.realpath(root))  # resolve raises where a link leads to itself
        if process and process.root != str(self.root):
            process = None
        self.begun_at_ns = process.begun_at_ns if process else time.time_ns()  # before it looks at a file
        self._signed_count = 0
        self._process: SigningProcess | None = None
        self._answers = select.poll()
        self._asked: deque[Question] = deque()
        self._listed: dict[str, Listed] | None = None if process else {}  # None as long as the hand has it
        self._most_asked = _MOST_ASKED
        self._is_usable = True
        if process:
            self._employ(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lose()

    def take_listed(self, folder: str) -> Listed | None:
        """Return what the hand found in a folder ahead of the scan, None where it was not there; once."""
        if self._listed is None:
            self._listed = self._receive_listed()
        return self._listed.pop(folder, None)

    def ask(self, folder: str, names: Sequence[str]) -> Question | None:
        """Ask for the signatures of some files; None where the caller had better sign them."""
        if not self._is_usable or not self._has_time(len(names)):
            return None
        question = Question(folder, names)
        process = self._process
        assert process is not None  # it has time
        try:
            send(process.questions, encode_question(folder, names))
        except OSError:
            self._lose()
            return None
        self._asked.append(question)
        return question

    def settle(self, question: Question) -> None:
        """Wait until a question has its answer, or is lost, as with a hand that says nothing for long."""
        while not question.is_settled:
            self._receive()

    def _has_time(self, count: int) -> bool:
        if self._process is None:
            self._signed_count += count
            if self._signed_count < FEWEST_FILES:
                return False
            self._employ(start_signing(str(self.root)))
        while self._asked and self._has_answered():
            self._receive()
        return self._is_usable and len(self._asked) < self._most_asked

    def _employ(self, process: SigningProcess | None) -> None:
        self._process = process
        self._is_usable = process is not None
        if process:
            self._answers.register(process.answers, select.POLLIN)
            if _read_room(process.answers) < _ANSWERS_BYTES:
                self._most_asked = 1

    def _receive_listed(self) -> dict[str, Listed]:
        if self._process is None:
            return {}
        with suppress(OSError):  # it is gone
            send(self._process.questions, HAND_OVER)
            message = receive(self._process.answers, self._wait)
            if message is not None:
                return decode_listed(message)
        self._lose()
        return {}

    def _wait(self) -> bool:
        """Wait for more of an answer; False where the hand says nothing for long."""
        return bool(self._answers.poll(_ANSWER_TIMEOUT_S * 1000))

    def _has_answered(self) -> bool:
        return self._process is not None and bool(self._answers.poll(0))

    def _receive(self) -> None:
        """Read the answer to the oldest question; all are lost where the hand is gone."""
        assert self._process is not None  # something was asked
        answer = receive(self._process.answers, self._wait)
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
        if process:
            self._answers.unregister(process.answers)
            process.end()


def _read_room(pipe: int) -> int:
    """Return how many bytes a pipe holds, 0 where the system does not say."""
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) if sys.platform == "linux" else 0
