"""Says of a plug-in's own fault that it is the plug-in's: its code may be a stranger's; not a verb."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlwf_tui.errors import MlwfError, PluginError


@contextmanager
def blaming(operation: str, *, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn what an operation fell over into PluginError; our own errors, and `passing`, go on as they are.

    Raises:
        PluginError: the operation's code raised something that it may not.
    """
    try:
        yield
    except Exception as error:  # of a stranger's code: whatever it may be, it is told as its own
        if isinstance(error, (MlwfError, *passing)):
            raise
        raise PluginError(
            f"The operation {operation} failed: {describe_fault(error)}.",
            hint="Nothing was changed. This is a fault of the operation itself; tell whoever wrote it.",
        ) from error


def describe_fault(error: Exception) -> str:
    """Return what a plug-in fell over and where: of its traceback the place that raised is kept."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno})"
