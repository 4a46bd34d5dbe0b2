"""Writes items with an exporter as the export verb does: each is fitted to the format first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mlwf_tui.entities.abilities import Loss
from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.protocols.exporters import ExportedItem, Exporter, ExportSummary
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.workflow.exporting.fitting import Fitter, make_fitter
from tests.fakes.observers import KeepingObserver


def write_fitted(
    exporter: Exporter, items: Iterable[SourceItem], schema: LabelSchema, folder: Path
) -> tuple[ExportSummary, tuple[Loss, ...]]:
    """Write what fits of the items, and return what was lost beside what was written."""
    fitter, sources = fit_to(exporter, items, schema)
    summary = exporter.write(_iter_fitted(fitter, sources), fitter.schema, folder, KeepingObserver())
    return summary, fitter.list_losses()


def fit_all(
    exporter: Exporter, items: Iterable[SourceItem], schema: LabelSchema
) -> tuple[LabelSchema, list[Item]]:
    """Return the items as the format holds them, and the schema they are written with."""
    fitter, sources = fit_to(exporter, items, schema)
    return fitter.schema, [exported.item for exported in _iter_fitted(fitter, sources)]


def fit_to(
    exporter: Exporter, items: Iterable[SourceItem], schema: LabelSchema
) -> tuple[Fitter, list[SourceItem]]:
    """Return what fits items to the format, and the items."""
    sources = list(items)
    return make_fitter(exporter.abilities, schema, lambda: [source.item for source in sources]), sources


def _iter_fitted(fitter: Fitter, sources: Iterable[SourceItem]) -> Iterator[ExportedItem]:
    for source in sources:
        fitted = fitter.fit(source.item)
        if fitted is not None:
            yield ExportedItem(fitted, source.read_image)
