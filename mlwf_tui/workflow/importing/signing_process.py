"""The process of a signing hand (see signing.py), which may be started before the program is loaded."""

from __future__ import annotations

import os
import sys
import time

from mlwf_tui.workflow.importing import signing
from mlwf_tui.workflow.pipes import open_pipe

_END_TIMEOUT_S = 1.0
_STEP_S = 0.001


def start_signing(root: str, *, goes_ahead: bool = False) -> SigningProcess | None:
    """Start a process that signs files below a folder, None where there cannot be one, or is nothing to sign.

    One that goes ahead lists folders and signs files before it is asked.
    """
    if not sys.executable or (os.cpu_count() or 1) < 2 or not os.path.isdir(root):  # noqa: PTH112, PLR2004
        return None
    try:
        return SigningProcess(root, goes_ahead=goes_ahead)
    except (OSError, NotImplementedError):  # no process or no memory is left: the scan does without
        return None


class SigningProcess:
    """A process that signs files below a folder, and the pipes to it; `end` it, or use it in a `with`.

    It is there before anything else is loaded: Python's subprocess alone would take 10 ms, and so what only
    ends it is imported then.
    """

    def __init__(self, root: str, *, goes_ahead: bool) -> None:
        """Start it.

        Raises:
            OSError: no process, descriptor or memory is left.
            NotImplementedError: the system cannot start one that Ctrl-C does not reach.
        """
        self.root = os.path.realpath(root)  # Path.resolve raises where a link leads to itself
        self.goes_ahead = goes_ahead
        self.begun_at_ns = time.time_ns()  # before it looks at a file
        words = [sys.executable, "-IS", signing.__file__, self.root, *(["ahead"] if goes_ahead else [])]
        questions, self.questions = open_pipe()
        try:
            self.answers, answers = open_pipe()
            try:
                self._pid = os.posix_spawn(
                    sys.executable,
                    words,
                    os.environ,
                    file_actions=[
                        (os.POSIX_SPAWN_DUP2, questions, 0),
                        (os.POSIX_SPAWN_DUP2, answers, 1),
                        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                    ],
                    setsid=True,  # Ctrl-C is for the scan, which ends it
                )
            except BaseException:
                os.close(self.answers)
                raise
            finally:
                os.close(answers)
        except BaseException:
            os.close(self.questions)
            raise
        finally:
            os.close(questions)
        self._has_ended = False

    def __enter__(self) -> SigningProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def kill(self) -> None:
        """Kill it: it holds nothing that would be lost."""
        import signal
        from contextlib import suppress

        with suppress(ProcessLookupError):  # where SIGCHLD is ignored, nobody keeps its number for us
            os.kill(self._pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it, once, and wait until it is gone: for a second at most, as a disk may not answer."""
        from contextlib import suppress

        if self._has_ended:
            return
        self._has_ended = True
        self.kill()
        for pipe in (self.questions, self.answers):
            os.close(pipe)
        until = time.monotonic() + _END_TIMEOUT_S
        with suppress(ChildProcessError):  # as above
            while os.waitpid(self._pid, os.WNOHANG) == (0, 0) and time.monotonic() < until:
                time.sleep(_STEP_S)
