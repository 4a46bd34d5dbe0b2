"""Problems of one kind as one line: a fault of a file's maker is in a hundred thousand of its entries."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlwf_tui.entities.folder import FoundFile
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.importers.files import SOME, Report, name_some

_OF_MANY = {"has ": "have ", "the entry is ": "are ", "is ": "are ", "belongs ": "belong "}


@dataclass(slots=True)
class _Kind:
    told: str  # of the first
    count: int = 0
    names: list[str] = field(default_factory=list)  # of the first few


@dataclass(slots=True)
class Tally:
    """Counts what is wrong with the things of a file, by kind; `noun` is one of them: "annotation"."""

    source: FoundFile
    noun: str
    is_taken: bool = False  # though doubtful
    _kinds: dict[str, _Kind] = field(default_factory=dict)

    def add(self, name: str, reason: str) -> None:
        """Count a thing for a reason that follows its name: `has a box without area: width 0, height 5`.

        Things are alike whose reasons are the same before the colon.
        """
        kind, _, detail = reason.partition(": ")
        starts = (one for one in _OF_MANY if kind.startswith(one))
        one = next(starts, "")
        of_many = _OF_MANY.get(one, "") + kind.removeprefix(one)
        self.add_alike(f"{name} ({detail})" if detail else name, f"{self.noun} {name}: {reason}", of_many)

    def add_alike(self, name: str, told: str, of_many: str) -> None:
        """Count a thing of which `told` says alone what is wrong, and `of_many` of several: `are missing`."""
        kind = self._kinds.setdefault(of_many, _Kind(told))
        kind.count += 1
        if len(kind.names) < SOME:
            kind.names.append(name)

    def report(self, report: Report) -> None:
        """Report each kind in a line: a thing by itself, several by their number and the first names."""
        for of_many, kind in self._kinds.items():
            told = kind.told
            if kind.count > 1:
                told = f"{kind.count:,} {self.noun}s {of_many}: {name_some(kind.names, kind.count)}"
            report(Problem(self.source.relative, told, self.is_taken))
        self._kinds.clear()
