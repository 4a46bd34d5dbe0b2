"""The keys that a person has given to actions in settings.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textual.app import App

from mlwf_tui.errors import InvalidInput, MlwfError
from mlwf_tui.tui.keys import find_faults, make_keymap

HINT = "docs/reference/keys.md lists the ids; F5 does not read them again."


def use_own_keys(app: App[Any], keymap: Mapping[str, str], fail: Callable[[MlwfError], None]) -> None:
    """Take them, and say what is wrong with them: what is no action, and keys that would mean two things."""
    if not keymap:
        return
    from mlwf_tui.tui.screens.panes import find_pane_faults  # noqa: PLC0415 - every dialog's imports

    app.set_keymap(make_keymap(keymap))
    for fault in (*find_faults(keymap), *find_pane_faults(keymap)):
        fail(InvalidInput(fault, hint=HINT))
