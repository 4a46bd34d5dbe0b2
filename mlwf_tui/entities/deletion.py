"""What was deleted: out of sight, and still to be brought back while its bytes are there."""

from __future__ import annotations

from datetime import datetime

import msgspec

from mlwf_tui.entities.run import ArtifactKind


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """A project, version, model or report that was deleted."""

    kind: ArtifactKind
    id: str
    ref: str  # its name then, or PROJECT@N
    workspace: str = ""  # of a project or version
    deleted_at: datetime

    def answers_to(self, ref: str) -> bool:
        """Return whether a person may mean it by `ref`."""
        return ref in (self.id, self.ref) or bool(self.workspace and ref == f"{self.workspace}/{self.ref}")
