"""What reports stand on: equal grounds mean the same items and truths, counted in the same way."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import VersionId
from mlwf_tui.entities.model import Report
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import NotFound
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.benchmarking.parts import digest_items, select_items
from mlwf_tui.workflow.benchmarking.rules import FIRST, find_rules, read_rules
from mlwf_tui.workspace import Workspace


class Ground(msgspec.Struct, frozen=True):
    """Reports with equal ones can be ranked and compared, whatever their versions are called."""

    data: str  # digest of the items and truths
    evaluator: str  # figures of different kinds have nothing in common
    rules: int = FIRST  # of benchmarking/rules.py


def read_noted(report: Report) -> str:
    """Return the digest of what a report measured; "" where an older program did not note it."""
    return str(report.settings.get("measured", ""))


class Grounds:
    """Knows what reports were measured on; versions that differ elsewhere have the same split."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._versions: dict[VersionId, Version | None] = {}
        self._data: dict[tuple[VersionId, str], str] = {}

    def find(self, report: Report) -> Ground | None:
        """Return what a report stands on; None where only its version says it, and was deleted since."""
        data = read_noted(report) or self._compute(report)
        return Ground(data, report.evaluator, read_rules(report)) if data else None

    def find_anew(self, report: Report) -> Ground | None:
        """Return what a report would stand on, were the same measured now; its version must be there."""
        ground, version = self.find(report), self._find_version(report.version_id)
        if ground is None or version is None:
            return ground
        items = select_items(self._workspace, version.manifest, report.part)
        return replace(ground, rules=find_rules(items, report.evaluator))

    def has_version(self, report: Report) -> bool:
        """Whether the version that a report was measured on is still there."""
        return self._find_version(report.version_id) is not None

    def part(self, reports: Iterable[Report]) -> list[list[Report]]:
        """Return reports in groups of one ground each, all in order; one of no known ground stands alone."""
        groups: dict[Ground | str, list[Report]] = {}
        for report in reports:
            groups.setdefault(self.find(report) or report.id, []).append(report)
        return list(groups.values())

    def _compute(self, report: Report) -> str:
        """Return the digest that was not noted: who did not note it knew no parts but splits."""
        place = (report.version_id, report.split)
        if place not in self._data:
            version = self._find_version(report.version_id)
            self._data[place] = "" if version is None else self._digest(version, report.split)
        return self._data[place]

    def _digest(self, version: Version, split: str) -> str:
        items = iter_items(self._workspace.store, version.manifest)
        return digest_items(item for item in items if item.split == split)

    def _find_version(self, version_id: VersionId) -> Version | None:
        if version_id not in self._versions:
            try:
                self._versions[version_id] = self._workspace.catalog.versions.get_by_id(version_id)
            except NotFound:
                self._versions[version_id] = None
        return self._versions[version_id]
