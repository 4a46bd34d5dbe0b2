"""What reports stand on: equal grounds mean the same items and truths, counted by the same evaluator."""

from __future__ import annotations

import hashlib

import msgspec

from mlwf_tui.entities.ids import VersionId
from mlwf_tui.entities.model import Report
from mlwf_tui.errors import NotFound
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workspace import Workspace


class Grounds:
    """Knows what reports were measured on; versions that differ elsewhere have the same split."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[tuple[VersionId, str], str] = {}

    def read(self, report: Report) -> str:
        """Return a digest of the items and truths; empty where the version was deleted since."""
        noted = report.settings.get("measured")
        if noted:  # an older program did not note it
            return f"{noted} {report.evaluator}"  # figures of different kinds have nothing in common
        place = (report.version_id, report.split)
        if place not in self._known:
            self._known[place] = self._compute(*place)
        return self._known[place]

    def _compute(self, version_id: VersionId, split: str) -> str:
        try:
            version = self._workspace.catalog.versions.get_by_id(version_id)
        except NotFound:
            return ""
        digest = hashlib.sha256()
        for item in iter_items(self._workspace.store, version.manifest):
            if item.split == split:
                digest.update(msgspec.msgpack.encode((item.key, item.blob, item.annotation)))
        return f"{digest.hexdigest()} detect"
