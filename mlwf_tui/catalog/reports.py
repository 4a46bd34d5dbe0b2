"""Benchmark reports by name and id; the evaluation's body lies in the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import find_named
from mlwf_tui.catalog.tables import ModelRow, ProjectRow, ReportRow, VersionRow
from mlwf_tui.entities.ids import Digest, ModelId, ReportId, RunId, VersionId, new_id
from mlwf_tui.entities.item import check_own_name
from mlwf_tui.entities.model import Report, ReportKind
from mlwf_tui.errors import Conflict, NotFound

IS_LIVE = ReportRow.deleted_at.is_null()


class Reports:
    """The reports of a home. Deleted ones keep their rows, for lineage, and their names are free again."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def create(
        self,
        *,
        name: str,
        model_id: ModelId,
        version_id: VersionId,
        split: str,
        metrics: Mapping[str, float],
        speed: Mapping[str, float],
        evaluation: Digest,
        run_id: RunId,
        settings: Mapping[str, float | str] | None = None,
        kind: ReportKind = ReportKind.BENCHMARK,
        predictions: Digest | None = None,
        description: str = "",
    ) -> Report:
        """Add a report; the model's name and the version's ref are read from what the ids name.

        Raises:
            Conflict: another has that name.
            InvalidInput: the name cannot be used.
            NotFound: there is no such model, version or run.
        """
        check_own_name(name, "report name")
        report_id = ReportId(new_id())
        with self._database.transaction():
            self._check_free(name)
            self._database.execute(
                ReportRow.insert(
                    id=report_id,
                    name=name,
                    description=description,
                    model_id=model_id,
                    version_id=version_id,
                    split=split,
                    metrics={key: float(value) for key, value in metrics.items()},
                    speed={key: float(value) for key, value in speed.items()},
                    settings=settings or {},
                    evaluation=evaluation,
                    predictions=predictions,
                    kind=kind,
                    run_id=run_id,
                    created_at=self._database.now(),
                )
            )
            self._journal.append("report.created", report_id, name=name, run=run_id, text=description)
            return self.get_by_id(report_id)

    def get(self, ref: str) -> Report:
        """Return the report of this name, or whose id alone starts with `ref`.

        Raises:
            NotFound: there is none.
            InvalidInput: several ids start with it.
        """
        return self.get_by_id(ReportId(find_named(self._database, ReportRow, ref, "report")))

    def find(self, name: str) -> Report | None:
        """Return the report of exactly that name, if there is one."""
        found = self._read(ReportRow.name == name)
        return found[0] if found else None

    def get_by_id(self, report_id: ReportId) -> Report:
        """Raises NotFound, also where the report was deleted."""
        found = self._read(ReportRow.id == report_id)
        if not found:
            raise NotFound(f"There is no report with the id {report_id}.", hint="mlwf report lists them.")
        return found[0]

    def list(self, *, model_id: ModelId | None = None) -> tuple[Report, ...]:
        """Return the reports of one model, or all, newest first."""
        return self._read(*([] if model_id is None else [ReportRow.model_id == model_id]))

    def rename(self, report_id: ReportId, name: str, *, author: str = "") -> Report:
        """Raises NotFound, Conflict where the name is taken, InvalidInput where it cannot be used."""
        check_own_name(name, "report name")
        with self._database.transaction():
            report = self.get_by_id(report_id)
            if report.name != name:
                self._check_free(name)
            self._update(report_id, name=name)
            self._journal.append("report.renamed", report_id, author=author, before=report.name, name=name)
            return self.get_by_id(report_id)

    def describe(self, report_id: ReportId, text: str, *, author: str = "") -> Report:
        """Replace the description. Raises NotFound."""
        with self._database.transaction():
            before = self.get_by_id(report_id).description
            self._update(report_id, description=text)
            self._journal.append("report.described", report_id, author=author, before=before, text=text)
            return self.get_by_id(report_id)

    def delete(self, report_id: ReportId, *, author: str = "") -> None:
        """Hide a report; its row stays for lineage. Raises NotFound."""
        with self._database.transaction():
            report = self.get_by_id(report_id)
            self._update(report_id, deleted_at=self._database.now())
            self._journal.append("report.deleted", report_id, author=author, name=report.name)

    def undelete(self, report_id: ReportId, name: str, *, author: str = "") -> Report:
        """Bring a deleted report back into sight under a name, its own or another.

        Raises:
            Conflict: another has that name.
            InvalidInput: the name cannot be used.
        """
        with self._database.transaction():
            check_own_name(name, "report name")
            self._check_free(name)
            self._update(report_id, deleted_at=None, name=name)
            self._journal.append("report.undeleted", report_id, author=author, name=name)
            return self.get_by_id(report_id)

    def _check_free(self, name: str) -> None:
        if self.find(name) is not None:
            raise Conflict(f"There is a report {name!r} already.", hint="Choose another name.")

    def _update(self, report_id: ReportId, **values: Any) -> None:
        self._database.execute(ReportRow.update(**values).where(ReportRow.id == report_id))

    def _read(self, *conditions: Any) -> tuple[Report, ...]:
        query = (
            ReportRow.select(
                ReportRow,
                ModelRow.name.alias("model_name"),
                ProjectRow.name.alias("project_name"),
                VersionRow.number,
            )
            .join(ModelRow, on=(ModelRow.id == ReportRow.model_id))
            .join_from(ReportRow, VersionRow, on=(VersionRow.id == ReportRow.version_id))
            .join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
            .where(IS_LIVE, *conditions)
            .order_by(ReportRow.sequence.desc())
        )
        return self._database.fetch_as(query.objects(), _to_report)


def _to_report(row: Any) -> Report:
    return Report(
        id=ReportId(row.id),
        name=row.name,
        description=row.description,
        model_id=ModelId(row.model_id),
        model_name=row.model_name,
        version_id=VersionId(row.version_id),
        version_ref=f"{row.project_name}@{row.number}",
        split=row.split,
        metrics=row.metrics,
        speed=row.speed,
        evaluation=Digest(row.evaluation),
        run_id=RunId(row.run_id),
        created_at=row.created_at,
        settings=row.settings,
        kind=ReportKind(row.kind),
        predictions=None if row.predictions is None else Digest(row.predictions),
    )
