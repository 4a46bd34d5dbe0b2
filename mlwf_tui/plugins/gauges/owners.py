"""Whose a process is: the name of its command and its user's, as far as they are to be seen."""

from __future__ import annotations

import pwd
from pathlib import Path

MAX_NAME = 40


def describe_process(pid: int, root: Path = Path("/")) -> tuple[str, str]:
    """Return the name of a process's command and its user's; empty where they are not to be seen."""
    folder = root / "proc" / str(pid)
    try:
        name = (folder / "comm").read_text("utf-8", errors="replace").strip()[:MAX_NAME]
        uid = folder.stat().st_uid
    except OSError:
        return "", ""
    try:
        return name, pwd.getpwuid(uid).pw_name
    except KeyError:
        return name, str(uid)
