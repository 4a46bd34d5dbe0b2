"""Keeps a library that reads a stranger's folder inside of it: leaving, writing and running are refused.

An audit hook can never be taken away again; it looks at one thread's events while a guard is on, else at
none.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_PATH_EVENTS: Final = frozenset({"open", "os.listdir", "os.scandir"})
_REFUSED: Final = frozenset(
    {
        "pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork",
        "socket.connect", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink",
        "os.truncate", "os.chmod", "os.chown", "shutil.rmtree",
    }
)  # fmt: skip
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DEVICES: Final = ("/dev/null", "/dev/urandom")

_local = threading.local()
_lock = threading.Lock()
_installed: list[bool] = []


@contextmanager
def staying_inside(root: Path) -> Iterator[None]:
    """Refuse this thread to read outside of `root` and Python's own folders, to write, or to run programs.

    What is refused raises PermissionError where it is tried.
    """
    with _lock:
        if not _installed:
            _installed.append(True)
            sys.addaudithook(_look)
    _local.roots = (str(root.resolve()), *_list_own_folders())
    try:
        yield
    finally:
        _local.roots = None


def _list_own_folders() -> tuple[str, ...]:
    """Return the folders from which Python imports; a relative one would be anywhere."""
    folders = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path}
    return tuple({os.path.realpath(folder) for folder in folders if folder.startswith("/")} - {"/"})


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    roots = getattr(_local, "roots", None)
    if roots is None:
        return
    if event in _REFUSED:
        raise PermissionError(errno.EPERM, f"reading does not need {event}")
    if event not in _PATH_EVENTS or not arguments or isinstance(arguments[0], int):
        return
    path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else "."
    real = os.path.realpath(path)
    is_writing = event == "open" and len(arguments) > 2 and bool((arguments[2] or 0) & _WRITING)
    is_inside = any(real == root or real.startswith(f"{root}/") for root in roots)
    if real not in _DEVICES and (is_writing or not is_inside):
        raise PermissionError(errno.EACCES, "leads out of the folder", real)
