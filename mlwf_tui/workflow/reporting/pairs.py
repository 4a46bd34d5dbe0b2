"""What looks behind a pair of reports, whatever they count."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.evidence import FatePick, ItemFates, ObjectFate
from mlwf_tui.entities.item import Item
from mlwf_tui.workflow.reporting.evidence import Evidence


class PairEvidence(ABC):
    """What stands behind a pair of a comparison; each report counts at its own thresholds."""

    is_of_pixels: ClassVar[bool]
    """Whether images are won and lost, by their pixels; not objects one by one."""

    def __init__(self, new: Evidence, old: Evidence) -> None:
        self._new, self._old = new, old

    @property
    def schema(self) -> LabelSchema:
        """The classes of the version that was measured on."""
        return self._new.schema

    @property
    def names(self) -> tuple[str, str]:
        """The newer model and the older."""
        return self._new.report.model_name, self._old.report.model_name

    @abstractmethod
    def list_items(self, pick: FatePick) -> tuple[ItemFates, ...]:
        """Return the images that are meant."""

    @abstractmethod
    def look(self, key: str, pick: FatePick) -> tuple[Item, tuple[ObjectFate, ...]]:
        """Return an image, and what both say of it, what is meant first."""
