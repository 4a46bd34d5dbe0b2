"""The command that looks at the machine and the home."""

from __future__ import annotations

import os
import sys

import click
import msgspec

from mlwf_tui.cli.face import DONE, FAILED, Face, command
from mlwf_tui.cli.text import paint
from mlwf_tui.entities.health import Check, Health
from mlwf_tui.errors import InvalidParameter

group = click.Group()
COLORS = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "red"}


@command(group, "doctor")
@click.option("--keys", "is_of_keys", is_flag=True, help="Test at this terminal which keys reach the app.")
def doctor_command(face: Face, is_of_keys: bool) -> int:
    """Look for what would hurt later in machine, home and terminal.

    Looked at are logout, disk, file system, GPUs, libraries, keys, tmux and the clipboard. The exit code
    is 1 where something must be mended.

    \b
    mlwf doctor
    mlwf doctor --keys
    """
    if is_of_keys:
        return _test_keys(face)
    from mlwf_tui.tui.graphics import check_graphics
    from mlwf_tui.tui.keys import list_used_keys  # textual costs 200 ms that other commands need not
    from mlwf_tui.tui.terminal import check_output
    from mlwf_tui.workflow.doctor import examine, find_worst

    with face.open() as workspace:
        checks = (
            *examine(workspace, os.environ, keys=list_used_keys()),
            check_output(os.environ),
            check_graphics(os.environ),
        )
    worst = find_worst(checks)
    document = {"health": worst.value, "checks": [msgspec.structs.asdict(check) for check in checks]}
    face.show(document, lambda: "\n".join(_format(check) for check in checks))
    return FAILED if worst is Health.FAIL else DONE


def _test_keys(face: Face) -> int:
    """Let a person press keys, and return the exit code.

    Raises:
        InvalidParameter: nobody is there to press any.
    """
    if face.is_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidParameter(
            "A test of keys needs a person at a terminal.",
            hint="Run mlwf doctor --keys there, without --json.",
        )
    from mlwf_tui.cli.key_test import run_key_test  # textual costs 200 ms that other checks need not

    return run_key_test(sys.stdin.fileno())


def _format(check: Check) -> str:
    mark = paint(f"{check.health.value:<4}", COLORS[check.health])
    hint = f"\n{'':16}{check.hint}" if check.hint else ""
    return f"{mark}  {check.name:<9} {check.found}{hint}"
