"""Settles what both sides of a merge changed, as a person chose it; not a verb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlwf_tui.entities.threeway import MergeConflict, Side
from mlwf_tui.errors import InvalidParameter

Policy = Literal["fail", "ours", "theirs"]
"""What becomes of conflicts that nobody chose for."""


@dataclass(slots=True)
class Referee:
    """Settles conflicts by choice, then by policy; keeps those that neither settles."""

    choices: Mapping[str, Side] = field(default_factory=dict)
    policy: Policy = "fail"
    settled: list[tuple[MergeConflict, Side]] = field(default_factory=list)
    unsettled: list[MergeConflict] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @property
    def preferred(self) -> Side:
        """Whose state is taken of what is no conflict, though both sides have it differently."""
        return Side.THEIRS if self.policy == "theirs" else Side.OURS

    def decide(self, conflict: MergeConflict) -> Side:
        """Return whose state is taken: ours as well where nobody says."""
        self.seen |= {conflict.key, conflict.item}
        chosen = self.choices.get(conflict.key) or self.choices.get(conflict.item)
        if chosen is None and self.policy == "fail":
            self.unsettled.append(conflict)
            return Side.OURS
        side = Side(chosen or self.policy)
        self.settled.append((conflict, side))
        return side

    def check_choices(self) -> None:
        """Raise InvalidParameter for a choice that is about nothing that is in conflict."""
        unknown = sorted(self.choices.keys() - self.seen)
        if unknown:
            raise InvalidParameter(
                f"There is no conflict {unknown[0]!r} to choose for.", hint="Nothing was changed."
            )
