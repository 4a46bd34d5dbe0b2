"""Copying text out of the terminal, and saying truthfully which way it went."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

TMUX_TIMEOUT_S = 2.0
MAX_OSC52_BYTES = 74_994  # what xterm takes; base64 of this fits its 100,000-byte string


def copy_text(
    text: str, environment: Mapping[str, str], send_osc52: Callable[[str], None], file: Path
) -> str:
    """Copy `text` by the first way that works and return the sentence to show; `file` takes what is too long.

    Inside tmux its own buffer is certain, and `-w` passes the text on to the outer terminal whatever
    `set-clipboard` says; a bare OSC 52 is silently dropped by tmux's default settings.
    """
    if environment.get("TMUX") and _load_tmux_buffer(text):
        return f"Copied {_shorten(text)} to the tmux buffer and, where it listens, to your clipboard."
    if len(text.encode()) > MAX_OSC52_BYTES:
        return _write_file(text, file)
    send_osc52(text)
    if environment.get("TMUX"):
        return f"Sent {_shorten(text)} to the terminal, but tmux may have dropped it."
    return f"Sent {_shorten(text)} to your terminal's clipboard (OSC 52; not every terminal takes it)."


def _load_tmux_buffer(text: str) -> bool:
    program = shutil.which("tmux")
    if program is None:
        return False
    command = [program, "load-buffer", "-w", "-"]
    try:
        done = subprocess.run(
            command, input=text.encode(), timeout=TMUX_TIMEOUT_S, capture_output=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _write_file(text: str, file: Path) -> str:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        return f"Not copied: too long for the terminal's clipboard, and {file}: {error.strerror or error}."
    return f"Too long for the terminal's clipboard: {_shorten(text)} was written to {file} instead."


def _shorten(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return f"“{first[:40]}{'…' if len(first) > 40 or chr(10) in text else ''}”"
