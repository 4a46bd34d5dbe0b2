"""Starts what helps a command before the command line itself is loaded, which takes as long."""

from __future__ import annotations

import os
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself takes as long as all that is needed here
    from mlwf_tui.workflow.importing.signing_process import SigningProcess


def start_ahead(words: Sequence[str]) -> SigningProcess | None:
    """Start a process that signs the files of the folder that these words import, if they do.

    Which it is is a guess: one that is elsewhere is not asked.
    """
    if "import" not in words:
        return None
    from mlwf_tui.workflow.importing.signing_process import start_signing

    for word in words[words.index("import") + 1 :]:
        folder = os.path.expanduser(word)  # noqa: PTH111 - as above
        if os.path.isdir(folder):  # noqa: PTH112
            return start_signing(folder, goes_ahead=True)
    return None
