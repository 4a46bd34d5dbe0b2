"""The contract of samplers: they choose what a search tries next, and judge what it has tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mlwf_tui.entities.axis import Axis
from mlwf_tui.entities.search import Trial


class Sampler(Protocol):
    """Chooses the values of trials. It keeps nothing: all it knows of a search it is given each time.

    The same trials and seed give the same answers, so that a search goes on after a kill as if there had
    been none.
    """

    name: str
    summary: str

    def suggest(
        self, axes: Sequence[Axis], trials: Sequence[Trial], *, seed: int, is_lower_better: bool
    ) -> Mapping[str, Any] | None:
        """Return the values of the trial that comes after these, by axis; None where nothing is left to try.

        `trials` are all that count, also those that go on, by number.
        """

    def is_unpromising(
        self,
        axes: Sequence[Axis],
        trials: Sequence[Trial],
        trial: Trial,
        *,
        after: int,
        is_lower_better: bool,
    ) -> bool:
        """Whether a trial that goes on is worse so far than the others were then.

        It is not judged by its first `after` values.
        """

    def rate_importance(
        self, axes: Sequence[Axis], trials: Sequence[Trial], *, is_lower_better: bool
    ) -> dict[str, float]:
        """Return the share of each axis in how differently the trials went, the largest first.

        They add up to 1. Empty where the trials are too few, or all the same.
        """
