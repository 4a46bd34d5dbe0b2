"""The images behind the numbers of a comparison of pixels: those that were won and lost, and where."""

from __future__ import annotations

from msgspec.structs import replace

from mlwf_tui.entities.evidence import FatePick, ItemFates, ObjectEvidence, ObjectFate
from mlwf_tui.entities.item import Item
from mlwf_tui.workflow.reporting.evidence import Evidence, trace_masks
from mlwf_tui.workflow.reporting.pairs import PairEvidence


class PixelPairEvidence(PairEvidence):
    """What stands behind a pair of reports of pixels; asked by any thread."""

    is_of_pixels = True

    def __init__(self, new: Evidence, old: Evidence) -> None:
        """Raise Conflict where the two are not of the same images."""
        from mlwf_tui.evaluation.pixel_evidence import PixelsEvidence  # numpy
        from mlwf_tui.evaluation.pixel_pairs import PixelsPair

        assert isinstance(new.looker, PixelsEvidence) and isinstance(old.looker, PixelsEvidence)
        super().__init__(new, old)
        self._pair = PixelsPair(new.looker.maps, old.looker.maps)

    def list_items(self, pick: FatePick) -> tuple[ItemFates, ...]:
        """Return the images of the fate that is meant, those whose IoU changed most first.

        Raises:
            InvalidInput: a slice is meant.
            InvalidParameter: neither report has such a class.
            NotFound: there is no such image.
        """
        return self._pair.list_items(pick)

    def look(self, key: str, pick: FatePick) -> tuple[Item, tuple[ObjectFate, ...]]:
        """Return an image, and its regions with what both say of each, those that are meant first.

        Raises:
            InvalidInput: a slice is meant.
            NotFound: the image was not measured.
        """
        seen = self._pair.look(key, pick)
        return self._new.get_item(key), tuple(
            replace(one, newer=_trace(one.newer), older=_trace(one.older)) for one in seen
        )


def _trace(side: ObjectEvidence | None) -> ObjectEvidence | None:
    return None if side is None else trace_masks(side)
