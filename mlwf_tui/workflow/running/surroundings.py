"""What a run is done with: program, Python, machine and the commit of its code; what a repetition needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from mlwf_tui import __version__

GIT_TIMEOUT_S = 5.0


def describe_surroundings() -> dict[str, str]:
    """Return what every run notes, for a few microseconds."""
    return {"mlwf": __version__, "python": ".".join(map(str, sys.version_info[:3]))}


def describe_program(arguments: Sequence[str], folder: Path) -> dict[str, str]:
    """Return what a tracked program is: its command line, folder, machine, and commit where git knows one."""
    import platform  # 6 ms with shlex and socket, which commands that track nothing do without
    import shlex
    import socket

    return {
        **describe_surroundings(),
        "platform": platform.platform(terse=True),
        "host": socket.gethostname(),
        "program": shlex.join(arguments),
        "executable": sys.executable,
        "folder": str(folder),
        **describe_code(folder),
    }


def describe_code(folder: Path) -> dict[str, str]:
    """Return the commit that is checked out, and whether the files differ from it."""
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return {}
    commit = _ask_git(folder, "rev-parse", "HEAD")
    changes = _ask_git(folder, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:
        return {}
    return {"commit": commit, "code": "changed since the commit" if changes else "as committed"}


def read_code_changes(folder: Path, *, max_bytes: int) -> bytes | None:
    """Return what the files of a repository differ by from its commit, as a patch; None where that is longer.

    Files that git does not follow are not in it. Of the programs that a repository may
    name only those that turn its files into what git keeps (clean filters) are called.
    """
    patch = _call_git(folder, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "HEAD")
    return patch if patch is not None and len(patch) <= max_bytes else None


def _ask_git(folder: Path, *words: str) -> str | None:
    """Return what git says, without the end of its last line."""
    said = _call_git(folder, *words)
    return None if said is None else said.decode(errors="replace").strip()


def _call_git(folder: Path, *words: str) -> bytes | None:
    """Return what git says, or None where it is not there, or will not.

    It takes no lock, which a commit of the tracked program would meet, and leaves its index alone. The
    program that a repository may name to watch its files is not started.
    """
    import subprocess

    try:
        said = subprocess.run(
            ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder), *words],
            capture_output=True, timeout=GIT_TIMEOUT_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout
