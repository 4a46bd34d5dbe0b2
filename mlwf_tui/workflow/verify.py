"""verify: read every stored byte and say whether it is what it should be."""

from __future__ import annotations

from mlwf_tui.protocols import Observer
from mlwf_tui.store.verify import VerifyResult
from mlwf_tui.workspace import Workspace


def verify(workspace: Workspace, observer: Observer) -> VerifyResult:
    """Check all packs against their digests; reads only."""
    return workspace.store.verify(observer)
