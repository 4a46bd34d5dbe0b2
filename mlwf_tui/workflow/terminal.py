"""What doctor says of the terminal: colours, the link, tmux, the clipboard, and keys that never arrive.

Everything follows from the environment and from what tmux says of itself; the terminal is not asked.
"""

from __future__ import annotations

import re
import subprocess
import unicodedata
from collections.abc import Collection, Mapping

from mlwf_tui.entities.health import Check, Health

ASK_TIMEOUT_S = 2.0
SLOW_ESCAPE_MS = 100
"""From here on Esc is felt to hang; tmux waits 500 as it comes."""
MANY_COLORS = ("truecolor", "24bit")
MODIFIERS = {"C": "ctrl", "M": "alt", "S": "shift"}
NAMED_KEYS = {
    "PPage": "pageup", "NPage": "pagedown", "BSpace": "backspace", "BTab": "shift+tab",
    "DC": "delete", "IC": "insert",
}  # fmt: skip
"""Keys that tmux and Textual call differently; of the others the case differs."""
SIGNS = {
    "solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
    "plus_sign": "plus", "low_line": "underscore",
}  # fmt: skip
"""Signs by Unicode's name that have a shorter one in Textual."""


def check_terminal(environment: Mapping[str, str]) -> Check:
    """Whether the app can draw as it is meant to, and in how many colours."""
    term = environment.get("TERM", "")
    if term in ("", "dumb"):
        return Check("terminal", Health.WARN, f"TERM is {term or 'not set'}", "The app needs a terminal.")
    inside = "tmux, " if environment.get("TMUX") else ""
    if environment.get("NO_COLOR"):
        return Check("terminal", Health.OK, f"{inside}{term} without colours (NO_COLOR)")
    if environment.get("COLORTERM", "").lower() in MANY_COLORS:
        return Check("terminal", Health.OK, f"{inside}{term} with 16 million colours")
    count = "256" if term.endswith(("256color", "kitty")) else "16"
    return Check("terminal", Health.OK, f"{inside}{term} with {count} colours",
                 "export COLORTERM=truecolor, where your terminal has them: ssh does not tell.")  # fmt: skip


def check_link(environment: Mapping[str, str]) -> Check:
    """Whether what is drawn goes over a network."""
    if not is_remote(environment):
        return Check("link", Health.OK, "this machine's own terminal")
    found = "over SSH" + (", in tmux" if environment.get("TMUX") else "")
    if environment.get("TMUX") or environment.get("STY"):
        return Check("link", Health.OK, found)
    return Check("link", Health.OK, found,
                 "In tmux the app itself outlives a lost connection; runs always do.")  # fmt: skip


def is_remote(environment: Mapping[str, str]) -> bool:
    """Whether the terminal is at the other end of an SSH connection."""
    return any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"))


def check_tmux(options: Mapping[str, str] | None) -> tuple[Check, ...]:
    """What of tmux's settings is felt in the app; nothing outside tmux."""
    if options is None:
        return ()
    if not options:
        return (Check("tmux", Health.WARN, "TMUX is set, but tmux does not answer",
                      "The program must be in the PATH, and its server run."),)  # fmt: skip
    return judge_tmux(options)


def read_tmux_options(environment: Mapping[str, str]) -> dict[str, str] | None:
    """Return tmux's server, session and window options by name: {} where it does not answer, None outside."""
    if not environment.get("TMUX"):
        return None
    text = "".join(_ask_tmux("show-options", scope) for scope in ("-s", "-g", "-gw"))
    return {name: value.strip('"') for name, _, value in (line.partition(" ") for line in text.splitlines())}


def judge_tmux(options: Mapping[str, str]) -> tuple[Check, ...]:
    """Return what these options mean for a person of the app; the first tells all, the others what hurts."""
    wait_ms = int(options.get("escape-time", "0") or 0)
    names = ("escape-time", "set-clipboard", "allow-passthrough", "focus-events", "default-terminal")
    told = ", ".join(f"{name} {options[name]}" for name in names if name in options)
    checks = [Check("tmux", Health.OK, told)]
    if wait_ms > SLOW_ESCAPE_MS:
        checks.append(Check("tmux", Health.WARN, f"Esc arrives {wait_ms} ms late",
                            "In ~/.tmux.conf: set -sg escape-time 10"))  # fmt: skip
    if options.get("default-terminal", "").startswith("screen"):
        checks.append(Check("tmux", Health.WARN, "programs are told of an old terminal (screen)",
                            "In ~/.tmux.conf: set -g default-terminal tmux-256color"))  # fmt: skip
    return tuple(checks)


def check_clipboard(options: Mapping[str, str] | None) -> Check:
    """Which way a copy takes, and whether it is known to arrive."""
    if options is None:
        return Check("clipboard", Health.OK, "sent to the terminal (OSC 52), which never says if it took it",
                     "Should y change nothing, allow it in the terminal's settings.")  # fmt: skip
    if options.get("set-clipboard") == "off":
        return Check("clipboard", Health.WARN, "stays in tmux's buffer: set-clipboard is off",
                     "In ~/.tmux.conf: set -g set-clipboard external")  # fmt: skip
    return Check("clipboard", Health.OK, "into tmux's buffer, and from there to the outer terminal")


def check_keys(options: Mapping[str, str] | None, used: Collection[str]) -> Check:
    """Which of the keys that are used, in Textual's names, tmux keeps for itself."""
    if options is None:
        return Check("keys", Health.OK, "nothing between the terminal and the app that would take any")
    taken = find_taken_keys(options, _ask_tmux("list-keys", "-T", "root"))
    eaten = sorted(taken & set(used))
    if eaten:
        return Check("keys", Health.WARN, f"tmux keeps for itself: {', '.join(eaten)}",
                     "The palette (:) has every action; tmux's prefix twice sends it on.")  # fmt: skip
    return Check(
        "keys", Health.OK, f"tmux takes {', '.join(sorted(taken)) or 'none'}, which the app does not use"
    )


def find_taken_keys(options: Mapping[str, str], root_table: str) -> frozenset[str]:
    """Return the keys, in Textual's names, that tmux acts on without its prefix, and the prefix."""
    prefixes = [options.get(name, "None") for name in ("prefix", "prefix2")]
    bound = re.findall(r"^bind-key\s+(?:-r\s+)?-T root\s+(\S+)", root_table, re.MULTILINE)
    names = [name for name in (*prefixes, *bound) if name != "None"]
    return frozenset(_to_textual(name) for name in names if not _is_of_mouse(name))


def _is_of_mouse(name: str) -> bool:
    return any(word in name for word in ("Mouse", "Wheel", "Click"))


def _to_textual(name: str) -> str:
    """Return Textual's name of a key that tmux calls so: C-b is ctrl+b, F5 is f5, M-- is alt+minus."""
    *modifiers, key = name.split("-") if not name.endswith("-") else (*name[:-2].split("-"), "-")
    key = key[1:] if len(key) == 2 and key.startswith("\\") else key  # tmux quotes signs
    return "+".join([*(MODIFIERS.get(modifier, modifier) for modifier in modifiers if modifier), _name(key)])


def _name(key: str) -> str:
    if len(key) > 1:
        return NAMED_KEYS.get(key, key.lower())
    if key.isalnum():
        return key
    name = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
    return SIGNS.get(name, name)


def _ask_tmux(*words: str) -> str:
    """Return what tmux prints, "" where it fails or is missing."""
    try:
        done = subprocess.run(
            ("tmux", *words), capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
