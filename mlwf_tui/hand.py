"""The hand: a process that does a part of another's work; `python -m mlwf_tui.hand HOME`.

Where its input ends without a farewell it drops what it has not made durable and ends, so none outlives
the process that it works for. It imports what its role needs and no more: there is one for each core,
and all work waits for them to start.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import IO

from mlwf_tui.errors import MlwfError
from mlwf_tui.workflow.messages import Answer, Role, Setup, Work, receive, send


def main(arguments: list[str]) -> int:
    """Answer messages until their end; Ctrl-C is for the process that sends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # it makes no cycles, and looking for some takes a twelfth of its time
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand between two answers
    with os.fdopen(os.dup(0), "rb") as messages, answers:
        try:
            serve(Path(arguments[0]), messages, answers)
        except BrokenPipeError:
            return 1  # the process that it works for is gone
    return 0


def serve(home: Path, source: IO[bytes], sink: IO[bytes]) -> None:
    """Be a hand: answer messages until the farewell, an empty one.

    Where the messages end without one, nothing more becomes durable.
    """
    first = receive(source)
    if first is None:
        return
    setup = Setup.decode(first)
    try:
        with _find_role(setup.role)(home, setup.setup) as work:
            _answer_all(work, source, sink)
        answer = Answer()
    except MlwfError as error:
        answer = Answer(error=error.message, hint=error.hint)
    except _Deserted:
        return
    send(sink, answer.encode())


def _find_role(name: str) -> Role:
    if name == "read":
        from mlwf_tui.workflow.reading_hand import open_reading

        return open_reading
    from mlwf_tui.workflow.tree_write import open_writing

    return open_writing


class _Deserted(Exception):
    """The process that the hand works for is gone."""


def _answer_all(work: Work, source: IO[bytes], sink: IO[bytes]) -> None:
    while True:
        message = receive(source)
        if message is None:
            raise _Deserted
        if not message:
            return
        send(sink, Answer(work(message)).encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
