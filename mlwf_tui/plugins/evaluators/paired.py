"""What the evaluators of objects have in common: predictions that were paired with truths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from mlwf_tui.entities.model import Evaluation
from mlwf_tui.evaluation.columns import Floats
from mlwf_tui.evaluation.evaluate import summarize
from mlwf_tui.evaluation.measured import Measured
from mlwf_tui.evaluation.resampling import weigh
from mlwf_tui.evaluation.shapes import Shaped
from mlwf_tui.evaluation.tables import list_names


class PairedMeasurement:
    """Objects that were paired; figures are COCO's, whatever two of them have in common."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured

    @property
    def keys(self) -> tuple[str, ...]:
        """The items, in order."""
        return self.measured.keys

    def summarize(self) -> Evaluation:
        """Return the measured part of a report."""
        return summarize(self.measured)

    def weigh(self, batches: Iterator[Floats], check: Callable[[], None]) -> Mapping[str, Floats]:
        """Return the metrics of each weighting."""
        return weigh(self.measured, batches, check=check).metrics


class ShapedMeasurement(PairedMeasurement):
    """Shapes that were paired; `similarity` is what was compared."""

    def __init__(self, shaped: Shaped, similarity: str) -> None:
        super().__init__(shaped.measured)
        self.shaped = shaped
        self._similarity = similarity

    def summarize(self) -> Evaluation:
        """Return the measured part of a report, and what was left out of it."""
        evaluation = super().summarize()
        notes = (*evaluation.notes, *self._list_notes())
        return replace(evaluation, similarity=self._similarity, notes=notes)

    def _list_notes(self) -> Iterator[str]:
        shaped, at = self.shaped, self.measured
        if shaped.empty_count:
            yield f"{shaped.empty_count:,} annotated objects have no shape on their image and are left out."
        if shaped.other_count:
            yield f"{shaped.other_count:,} annotated objects of other kinds are left out."
        seen = set(at.truths.label.tolist())
        absent = [name for label, name in enumerate(at.names) if label not in seen]
        if absent:
            yield f"No truth is of {list_names(absent)}: they are in no mean."
        found = set(at.detections.label[at.kept].tolist())
        never = [name for label, name in enumerate(at.names) if label in seen and label not in found]
        if never:
            yield f"The model finds no {list_names(never)} at the operating confidence: its recall is 0."
