"""Being a hand: messages in, answers out, by whichever role it was given; not a verb.

Where its input ends without a farewell a hand drops what it has not made durable and ends, so none
outlives the process that it works for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from mlwf_tui.errors import MlwfError
from mlwf_tui.workflow.messages import Answer, Role, Work, receive, send


def serve(home: Path, open_role: Role, source: IO[bytes], sink: IO[bytes]) -> None:
    """Be a hand: say who it is, and answer messages until the farewell, an empty one.

    Where the messages end without one, nothing more becomes durable.
    """
    send(sink, Answer(b"%d" % os.getpid()).encode())
    setup = receive(source)
    if setup is None:
        return
    try:
        with open_role(home, setup) as work:
            _answer_all(work, source, sink)
        answer = Answer()
    except MlwfError as error:
        answer = Answer(error=error.message, hint=error.hint)
    except _Deserted:
        return
    send(sink, answer.encode())


def find_role(name: str) -> Role:
    """Return what a hand of that role does, with what it needs loaded."""
    if name == "read":
        from mlwf_tui.workflow.importing.reading_hand import open_reading

        return open_reading
    if name == "inspect":
        from mlwf_tui.workflow.inspecting import open_inspecting

        return open_inspecting
    if name == "make":
        from mlwf_tui.workflow.transforming.making_hand import open_making

        return open_making
    if name == "show":
        from mlwf_tui.workflow.transforming.making_hand import open_showing

        return open_showing
    if name == "try":
        from mlwf_tui.workflow.training.trial import open_trying

        return open_trying
    from mlwf_tui.workflow.trees.write import open_writing

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
