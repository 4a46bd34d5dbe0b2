"""Every error that a caller may want to tell apart; what they are shown as belongs to the faces.

MlwfError                the root: a message for a person and a hint that says what to do
├── NotFound             a project, version, run, model, report, plug-in or path that is not there
├── Conflict             the thing exists already, or somebody changed it meanwhile
├── InvalidInput         data that cannot be used as it is
│   └── InvalidParameter a name, option or parameter that a person gave and that cannot be used
│       └── Untrusted    a file whose opening may run code of its maker, whom nobody vouches for
├── CorruptData          stored bytes that are not what their digest says
├── Busy                 another process holds what is needed
├── Cancelled            a person or a signal asked for the work to stop
│   └── Paused           the work is to be interrupted, and will be gone on with later
├── StorageFailed        the disk is full, read-only or not ours
└── PluginError          a plug-in is missing, or failed inside its own code
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class MlwfError(Exception):
    """What happened and to which thing (`message`), and what to do about it (`hint`)."""

    kind = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def details(self) -> Mapping[str, object]:
        """What a program is told besides, as plain values by key; a person has it in the message."""
        return {}


class NotFound(MlwfError):
    """The named thing does not exist."""

    kind = "not_found"


class Conflict(MlwfError):
    """The change does not fit the present state: a name is taken, or head has moved."""

    kind = "conflict"


class InvalidInput(MlwfError):
    """What came from outside cannot be used as it is."""

    kind = "invalid_input"


class InvalidParameter(InvalidInput):
    """A name, option or parameter that a person gave cannot be used; nothing was begun."""

    kind = "usage"


class Untrusted(InvalidParameter):
    """Opening a file may run code of its maker; a person has to say that they trust it."""

    kind = "untrusted"


class CorruptData(MlwfError):
    """Stored bytes do not match their digest or their format."""

    kind = "corrupt_data"


class Busy(MlwfError):
    """Another process holds the lock, the lease or the name."""

    kind = "busy"


class Cancelled(MlwfError):
    """The work was asked to stop and has stopped."""

    kind = "cancelled"


class Paused(Cancelled):
    """The work is to be let go of for now.

    Work that writes checkpoints goes on to the next one before it lets this out, unless `is_urgent`.
    """

    kind = "paused"

    def __init__(self, message: str, *, hint: str = "", is_urgent: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_urgent = is_urgent


class StorageFailed(MlwfError):
    """The file system refused: full, read-only, or owned by somebody else."""

    kind = "storage_failed"


class PluginError(MlwfError):
    """A plug-in could not be loaded, or failed inside its own code."""

    kind = "plugin_error"


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `Did you mean ROTATE? ` for a hint where a known word is much like `word`, else nothing.

    One that differs in its case alone is the nearest.
    """
    from difflib import get_close_matches  # 4 ms that only a mistake has to pay

    names = list(known)
    near = [name for name in names if name.casefold() == word.casefold()]
    near = near or get_close_matches(word, names, n=1)
    return f"Did you mean {near[0]}? " if near else ""
