"""What a report says of paired keypoints beyond what it says of boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from msgspec.structs import replace

from mlwf_tui.entities.model import Evaluation
from mlwf_tui.entities.section import TableSection
from mlwf_tui.evaluation.keypoints import (
    COCO_SIGMAS,
    MAX_DETECTIONS,
    KeypointKind,
    list_labelled,
    measure_truth,
)
from mlwf_tui.evaluation.shapes import measure_shapes
from mlwf_tui.plugins.evaluators.paired import ShapedMeasurement
from mlwf_tui.protocols.evaluators import EvaluationRequest


def measure_keypoints(request: EvaluationRequest, check: Callable[[], None]) -> PoseMeasurement:
    """Pair keypoints; see the contract `Evaluator.measure`."""
    return PoseMeasurement(measure_shapes(request, KeypointKind(), most=MAX_DETECTIONS, check=check), "OKS")


class PoseMeasurement(ShapedMeasurement):
    """Paired keypoints."""

    def summarize(self) -> Evaluation:
        """Return the measured part of a report."""
        return replace(super().summarize(), sections=(self._list_points(),))

    def _list_notes(self) -> Iterator[str]:
        yield from super()._list_notes()
        counts = {len(one.geometry.points) for one in self.shaped.truths}
        others = sorted(count for count in counts if count != len(COCO_SIGMAS))
        if others:
            listed = ", ".join(f"{count} (1/{count})" for count in others)
            yield f"OKS takes one tolerance for all points of an object with other than 17 of them: {listed}."
        wrong = sum(len(one.geometry.points) not in counts for one in self.shaped.found)
        if wrong:
            yield f"{wrong:,} predictions have another number of points than any truth, and match none."

    def _list_points(self) -> TableSection:
        """Return how far predicted points lie from labelled ones, by point, of objects that were found."""
        at, shaped = self.measured, self.shaped
        shares: dict[str, list[float]] = {}
        for row in np.flatnonzero(at.kept & at.is_hit).tolist():
            truth, found = shaped.truths[int(at.matches.truth[row])], shaped.found[row]
            names = truth.geometry.names or tuple(map(str, range(1, len(truth.geometry.points) + 1)))
            distance = np.hypot(*(np.array(found.geometry.points) - np.array(truth.geometry.points)).T)
            size = float(np.sqrt(measure_truth(truth)))
            for name, is_known, px in zip(
                names, list_labelled(truth).tolist(), distance.tolist(), strict=True
            ):
                if is_known:
                    shares.setdefault(name, []).append(px / size)
        return TableSection(
            title="Points",
            header=("point", "labelled", "mean distance", "within 0.05", "within 0.1"),
            rows=tuple(
                (
                    name,
                    len(of),
                    float(np.mean(of)),
                    *(float(np.mean(np.array(of) <= at)) for at in (0.05, 0.1)),
                )
                for name, of in sorted(shares.items(), key=lambda pair: -float(np.mean(pair[1])))
            ),
            note="Of objects that were found; distances are shares of the object's size, the root of its "
            "area. The worst point first.",
        )
