"""The process of a signing hand (see signing.py), which may be started before the program is loaded."""

from __future__ import annotations

import fcntl
import os
import sys
import time

from mlwf_tui.workflow.importing import signing
from mlwf_tui.workflow.pipes import open_pipe

_END_TIMEOUT_S = 1.0
_STEP_S = 0.001
_PIPE_BYTES = 1 << 20  # what is listed ahead takes 50 bytes a file


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
    """A process that signs files below a folder, and the pipes to it; whoever has started it ends it.

    It is there before anything else is loaded: Python's subprocess alone would take 10 ms. What only ends it
    is imported then.
    """

    def __init__(self, root: str, *, goes_ahead: bool) -> None:
        """Start it.

        Raises:
            OSError: no process, descriptor or memory is left.
            NotImplementedError: the system cannot start one that Ctrl-C does not reach.
        """
        self.root = os.path.realpath(root)  # Path.resolve raises where a link leads to itself
        self.begun_at_ns = time.time_ns()  # before it looks at a file
        self._has_ended = False
        questions, self.questions = open_pipe()
        try:
            self.answers, answers = open_pipe()
        except OSError:
            os.close(questions)
            os.close(self.questions)
            raise
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-IS", signing.__file__, self.root, *(["ahead"] if goes_ahead else [])],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, questions, 0),
                    (os.POSIX_SPAWN_DUP2, answers, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setsid=True,  # Ctrl-C is for the scan, which ends it
            )
        except BaseException:
            self._close()
            raise
        finally:
            os.close(questions)
            os.close(answers)
        self._widen_answers()

    def end(self) -> None:
        """Kill it, once, and wait until it is gone: for a second at most, as a disk may not answer.

        It holds nothing that would be lost.
        """
        import signal

        if self._has_ended:
            return
        self._has_ended = True
        self._close()
        if not self._is_gone():
            os.kill(self.pid, signal.SIGKILL)
        until = time.monotonic() + _END_TIMEOUT_S
        while not self._is_gone() and time.monotonic() < until:
            time.sleep(_STEP_S)

    def _is_gone(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        except ChildProcessError:  # and taken away, also where SIGCHLD is ignored
            return True

    def _close(self) -> None:
        os.close(self.questions)
        os.close(self.answers)

    def _widen_answers(self) -> None:
        """Let the pipe hold more, so that who writes need not wait for who reads, where that is allowed."""
        from contextlib import suppress

        if sys.platform == "linux":
            with suppress(OSError):  # somebody with very many pipes
                fcntl.fcntl(self.answers, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
