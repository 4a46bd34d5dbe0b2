"""Counts every durable step of a Python process, and breaks one of them; no product code knows of it.

Python imports this file by itself where its folder stands on PYTHONPATH, so it also reaches the
processes that a command starts. A durable step creates, fills, syncs, renames or removes a file below
one of the plan's folders, or begins or commits a transaction of a database there. What SQLite and other
C code do to files by themselves is not seen here.

The plan is a JSON object in the environment variable MLWF_FAULT_PLAN; `tests/faults/harness.py` makes it.
Without the variable nothing happens.
"""

from __future__ import annotations

import builtins
import ctypes
import datetime as clock
import errno
import fcntl
import io
import json
import os
import re
import signal
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

LINE_BYTES = 512
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_NEEDS_SPACE = frozenset({"create", "write", "mkdir", "link", "sql-begin", "sql-write", "sql-commit"})
_WRITES = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|VACUUM|PRAGMA JOURNAL_MODE\s*=)", re.IGNORECASE
)
_os = {name: getattr(os, name) for name in dir(os)}  # as they were before anything is replaced


class Steps:
    """Numbers the steps of all processes of one command, and does to each what the plan says."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.roots = [os.path.realpath(root) for root in plan["roots"]]
        self.mode = plan.get("mode", "count")
        self.at = plan.get("at", 0)
        self._trace = plan["trace"]
        self._kept = plan.get("kept", "")
        self._lock = threading.RLock()
        self._file: tuple[int, int] = (-1, -1)  # process and descriptor

    def find(self, path: Any, dir_fd: int | None = None) -> str:
        """Return the real path of a file below the plan's folders, or an empty text."""
        text = os.fsdecode(path).rstrip("/")
        base = _os["getcwd"]() if dir_fd is None else _os["readlink"](f"/proc/self/fd/{dir_fd}")
        whole = text if text.startswith("/") else f"{base}/{text}"
        parent, _, name = whole.rpartition("/")
        text = f"{os.path.realpath(parent)}/{name}"
        is_inside = any(text == root or text.startswith(f"{root}/") for root in self.roots)
        return text if is_inside else ""

    def find_open(self, descriptor: int) -> str:
        """Return the same for what a descriptor has open, if that is a file or folder."""
        mode = _os["fstat"](descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            return ""
        return self.find(_os["readlink"](f"/proc/self/fd/{descriptor}"))

    def take(
        self,
        kind: str,
        path: str,
        act: Callable[[], Any],
        *,
        part: Callable[[], Any] | None = None,
        **facts: Any,
    ) -> Any:
        """Do one step, or what the plan wants instead. `part` does half of it."""
        number = self._number({"kind": kind, "path": path, "pid": os.getpid(), **facts})
        if self.mode == "kill" and number == self.at:
            self._die()
        if self.mode == "pause" and number == self.at:
            os.killpg(os.getpgid(0), signal.SIGSTOP)
        if self.mode == "torn" and number == self.at:
            if part is not None:
                part()
            self._die()
        self._refuse(kind, number)
        if self.mode in ("full", "short") and number == self.at and part is not None:
            return part()  # of a full disk the caller's next step says why
        result = act()
        if self.mode == "kill-after" and number == self.at:
            self._die()
        return result

    def keep(self, path: str) -> str:
        """Keep a file that is about to lose its name, for a power cut that gives it back; return where."""
        inode = _read_inode(path)
        if not self._kept or not inode or not stat.S_ISREG(_os["lstat"](path).st_mode):
            return ""
        kept = f"{self._kept}/{inode}"
        with suppress(FileExistsError):  # it lost another name before
            _os["link"](path, kept)
        return kept

    def _refuse(self, kind: str, number: int) -> None:
        is_on = number == self.at or (self.mode == "full" and number > self.at)
        if not is_on:
            return
        is_first_write = self.mode == "full" and number == self.at and kind == "write"
        if self.mode in ("full", "full-once") and kind in _NEEDS_SPACE and not is_first_write:
            if kind.startswith("sql"):
                raise _make_full()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.mode == "eio" and kind in ("sync", "sync-all"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _number(self, facts: Mapping[str, Any]) -> int:
        line = json.dumps(facts).encode()[: LINE_BYTES - 1].ljust(LINE_BYTES - 1) + b"\n"
        with self._lock:
            if self._file[0] != os.getpid():  # a fork shares its parent's lock
                flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._file = os.getpid(), _os["open"](self._trace, flags, 0o600)
            descriptor = self._file[1]
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                _os["write"](descriptor, line)
                return int(_os["fstat"](descriptor).st_size) // LINE_BYTES
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _die(self) -> None:
        os.killpg(os.getpgid(0), signal.SIGKILL)  # the harness gave the command a group of its own
        signal.pause()


def _make_full() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    error.sqlite_errorname = "SQLITE_FULL"
    return error


def _replace(name: str, wrapper: Callable[..., Any]) -> None:
    """Put a wrapper into os, with the abilities that the function had."""
    original = _os[name]
    for abilities in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if original in abilities:
            abilities.add(wrapper)
    setattr(os, name, wrapper)


def hook_writes(steps: Steps) -> None:
    """Make steps of what fills a file by its descriptor."""

    def write(descriptor: int, data: Any) -> int:
        path = steps.find_open(descriptor)
        if not path:
            return int(_os["write"](descriptor, data))
        view = memoryview(data).cast("B")
        half = view[: len(view) // 2]
        return int(
            steps.take(
                "write",
                path,
                lambda: _os["write"](descriptor, view),
                part=(lambda: _os["write"](descriptor, half)) if half else None,
                inode=_os["fstat"](descriptor).st_ino,
            )
        )

    def writev(descriptor: int, parts: Any) -> int:
        return write(descriptor, b"".join(parts))

    def pwrite(descriptor: int, data: Any, offset: int) -> int:
        path = steps.find_open(descriptor)
        inode = _os["fstat"](descriptor).st_ino
        half = bytes(data)[: len(data) // 2]
        return (
            int(
                steps.take(
                    "write",
                    path,
                    lambda: _os["pwrite"](descriptor, data, offset),
                    part=(lambda: _os["pwrite"](descriptor, half, offset)) if half else None,
                    inode=inode,
                )
            )
            if path
            else int(_os["pwrite"](descriptor, data, offset))
        )

    def make_copy(name: str) -> Callable[..., Any]:
        def copy(first: int, second: int, *args: Any, **kwargs: Any) -> Any:
            target = first if name == "sendfile" else second
            path = steps.find_open(target)
            if not path:
                return _os[name](first, second, *args, **kwargs)
            inode = _os["fstat"](target).st_ino
            return steps.take("write", path, lambda: _os[name](first, second, *args, **kwargs), inode=inode)

        return copy

    for name, wrapper in (("write", write), ("writev", writev), ("pwrite", pwrite)):
        _replace(name, wrapper)
    for name in ("sendfile", "copy_file_range"):
        _replace(name, make_copy(name))


def hook_descriptors(steps: Steps) -> None:
    """Make steps of syncing and cutting what a descriptor has open."""

    def make(name: str, kind: str) -> Callable[..., Any]:
        def act(descriptor: Any, *args: Any) -> Any:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            path = steps.find_open(number)
            if not path:
                return _os[name](descriptor, *args)
            facts = _os["fstat"](number)
            return steps.take(
                kind, path, lambda: _os[name](descriptor, *args), inode=facts.st_ino, size=facts.st_size
            )

        return act

    for name, kind in (("fsync", "sync"), ("fdatasync", "sync"), ("ftruncate", "cut")):
        _replace(name, make(name, kind))


def hook_whole_syncs(steps: Steps) -> None:
    """Make steps of syncing a whole file system: os.sync, and syncfs by ctypes."""
    original = ctypes.CDLL.__getattr__

    def find(library: ctypes.CDLL, name: str) -> Any:
        found = original(library, name)
        if name != "syncfs":
            return found

        def syncfs(descriptor: int) -> int:
            path = steps.find_open(descriptor)
            return int(steps.take("sync-all", path, lambda: found(descriptor)) if path else found(descriptor))

        return syncfs

    ctypes.CDLL.__getattr__ = find  # type: ignore[method-assign]
    _replace("sync", lambda: steps.take("sync-all", steps.roots[0], _os["sync"]))


def hook_names(steps: Steps) -> None:
    """Make steps of what changes a folder: new, renamed, linked and removed names."""

    def make_move(name: str) -> Callable[..., Any]:
        def move(source: Any, target: Any, **options: Any) -> Any:
            old = steps.find(source, options.get("src_dir_fd"))
            new = steps.find(target, options.get("dst_dir_fd"))
            if not new and not old:
                return _os[name](source, target, **options)
            act = partial(_os[name], source, target, **options)
            kept = steps.keep(new)
            return steps.take("rename", new or old, act, source=old, inode=_read_inode(old), kept=kept)

        return move

    def make_change(name: str, kind: str) -> Callable[..., Any]:
        def change(target: Any, *args: Any, **options: Any) -> Any:
            path = "" if isinstance(target, int) else steps.find(target, options.get("dir_fd"))
            if not path:
                return _os[name](target, *args, **options)
            kept = steps.keep(path) if kind == "remove" else ""
            return steps.take(kind, path, lambda: _os[name](target, *args, **options), kept=kept)

        return change

    def make_link(name: str) -> Callable[..., Any]:
        def link(source: Any, target: Any, *args: Any, **options: Any) -> Any:
            path = steps.find(target, options.get("dst_dir_fd", options.get("dir_fd")))
            if not path:
                return _os[name](source, target, *args, **options)
            return steps.take("link", path, lambda: _os[name](source, target, *args, **options))

        return link

    def open_(target: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        path = steps.find(target, dir_fd) if flags & (os.O_CREAT | os.O_TRUNC) else ""
        is_new = bool(path) and (not os.path.lexists(path) or bool(flags & os.O_TRUNC))
        if not is_new:
            return int(_os["open"](target, flags, mode, dir_fd=dir_fd))
        return int(steps.take("create", path, lambda: _os["open"](target, flags, mode, dir_fd=dir_fd)))

    for name in ("rename", "replace"):
        _replace(name, make_move(name))
    for name, kind in (("unlink", "remove"), ("remove", "remove"), ("rmdir", "rmdir"), ("mkdir", "mkdir")):
        _replace(name, make_change(name, kind))
    for name in ("link", "symlink"):
        _replace(name, make_link(name))
    _replace("truncate", make_change("truncate", "cut"))
    _replace("open", open_)


def _read_inode(path: str) -> int:
    try:
        return int(_os["lstat"](path).st_ino) if path else 0
    except OSError:
        return 0


def hook_files(steps: Steps) -> None:
    """Make steps of what is written through file objects, buffered or not."""
    original = io.open

    class File(io.FileIO):
        """A file whose every write to the system is a step."""

        def write(self, data: Any) -> int:
            path = steps.find_open(self.fileno())
            view = memoryview(data).cast("B")
            half = view[: len(view) // 2]
            done = steps.take(
                "write",
                path,
                lambda: io.FileIO.write(self, view),
                part=(lambda: io.FileIO.write(self, half)) if half else None,
                inode=_os["fstat"](self.fileno()).st_ino,
            )
            return int(done or 0)

        def truncate(self, size: int | None = None) -> int:
            path = steps.find_open(self.fileno())
            return int(steps.take("cut", path, lambda: io.FileIO.truncate(self, size)))

    def make_raw(file: Any, mode: str, closefd: bool, opener: Any) -> File:
        raw_mode = mode.replace("b", "").replace("t", "")

        def make() -> File:
            return File(file, raw_mode, closefd=closefd, opener=opener)

        if isinstance(file, int) or opener is not None:
            return make()
        is_new = "w" in raw_mode or not os.path.lexists(file)
        made: File = steps.take("create", steps.find(file), make) if is_new else make()
        return made

    def open_(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        is_written = not set("wax+").isdisjoint(mode)
        path = "" if not is_written else steps.find_open(file) if isinstance(file, int) else steps.find(file)
        if not path:
            return original(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = make_raw(file, mode, closefd, opener)
        if "b" in mode and buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, io.text_encoding(encoding), errors, newline, buffering == 1)

    io.open = builtins.open = open_


def hook_databases(steps: Steps) -> None:
    """Make steps of the transactions of SQLite databases, and of what is written outside of one."""

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *args: Any) -> Any:
            return _step(self.connection, sql, lambda: sqlite3.Cursor.execute(self, sql, *args))

        def executemany(self, sql: str, *args: Any) -> Any:
            return _step(self.connection, sql, lambda: sqlite3.Cursor.executemany(self, sql, *args))

        def executescript(self, sql: str) -> Any:
            return _step(self.connection, "CREATE", lambda: sqlite3.Cursor.executescript(self, sql))

    class Connection(sqlite3.Connection):
        def __init__(self, database: Any, *args: Any, **options: Any) -> None:
            super().__init__(database, *args, **options)
            self.path = "" if database == ":memory:" else steps.find(database)

        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, *args: Any) -> Any:  # the module's own would make a cursor of its own
            return self.cursor().execute(*args)

        def executemany(self, *args: Any) -> Any:
            return self.cursor().executemany(*args)

        def executescript(self, script: str) -> Any:
            return self.cursor().executescript(script)

        def commit(self) -> None:
            _step(self, "COMMIT", lambda: sqlite3.Connection.commit(self))

        def close(self) -> None:
            if self.path:  # may bring the log into the file
                steps.take("sql-close", self.path, lambda: sqlite3.Connection.close(self))
            else:
                super().close()

        def backup(self, target: Any, **options: Any) -> None:
            path = getattr(target, "path", "")
            steps.take("sql-write", path, lambda: sqlite3.Connection.backup(self, target, **options))

    def _step(connection: Any, sql: str, act: Callable[[], Any]) -> Any:
        kind = _name_statement(sql, connection.in_transaction)
        if not kind or not connection.path:
            return act()
        try:
            return steps.take(kind, connection.path, act)
        except sqlite3.OperationalError as error:
            is_ours = error.sqlite_errorcode == sqlite3.SQLITE_FULL and connection.in_transaction
            if is_ours and steps.at % 2:  # SQLite rolls back by itself in some of these cases
                sqlite3.Connection.rollback(connection)
            raise

    def connect(*args: Any, **options: Any) -> Any:
        if "factory" in options:
            raise NotImplementedError("a connection with a factory of its own would not be seen")
        return original(*args, **options, factory=Connection)

    original = sqlite3.dbapi2.connect
    sqlite3.connect = sqlite3.dbapi2.connect = connect


def _name_statement(sql: str, is_inside: bool) -> str:
    """Return the kind of step that a statement is, or an empty text."""
    word = sql.split(None, 1)[0].upper().rstrip(";") if sql.strip() else ""
    if word == "BEGIN":
        return "sql-begin"
    if word in ("COMMIT", "END"):
        return "sql-commit" if is_inside else ""
    return "sql-write" if _WRITES.match(sql) and not is_inside else ""


def shift_clock(shift_s: float) -> None:
    """Let this process live that many seconds later, or earlier; monotonic clocks stay."""
    real_time, real_time_ns = time.time, time.time_ns

    class AlsoReal(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, datetime)

    class Shifted(datetime, metaclass=AlsoReal):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=shift_s)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now(UTC).replace(tzinfo=None)

    time.time = lambda: real_time() + shift_s
    time.time_ns = lambda: real_time_ns() + int(shift_s * 1e9)
    clock.datetime = Shifted  # type: ignore[misc]


def set_boot(boot_id: str) -> None:
    """Let this process live in another boot of the machine: before a power cut, as seen from after it."""
    original = io.open

    def open_(file: Any, *args: Any, **options: Any) -> Any:
        is_asked = isinstance(file, str | os.PathLike) and os.fspath(file) == _BOOT_ID
        return io.StringIO(f"{boot_id}\n") if is_asked else original(file, *args, **options)

    io.open = builtins.open = open_


def _install(plan: Mapping[str, Any]) -> None:
    if plan.get("shift_s"):
        shift_clock(plan["shift_s"])
    if plan.get("boot_id"):
        set_boot(plan["boot_id"])
    if plan.get("roots"):
        steps = Steps(plan)
        hook_writes(steps)
        hook_descriptors(steps)
        hook_whole_syncs(steps)
        hook_names(steps)
        hook_files(steps)
        hook_databases(steps)


if "MLWF_FAULT_PLAN" in os.environ:
    _install(json.loads(os.environ["MLWF_FAULT_PLAN"]))
