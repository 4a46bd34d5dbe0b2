"""What lint says of a home's lineage: what is undocumented, sprawls, or cannot be made again."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class RemarkKind(StrEnum):
    """What is not as it should be."""

    UNDOCUMENTED = "undocumented"  # nobody has said what it is
    DATASET = "dataset"  # a dataset stands where its project belongs
    SPRAWL = "sprawl"  # three or more files of one folder, each with a card of its own
    NOT_REPRODUCIBLE = "not_reproducible"  # a run lacks what a repetition needs


FIXES = tuple(RemarkKind)
"""What can be put right without a person's thought."""

WARNING_TAGS = {RemarkKind.SPRAWL: "sprawls", RemarkKind.NOT_REPRODUCIBLE: "not-reproducible"}
"""The tags that a node gets where what was done cannot be changed any more, but can be told."""


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be. `fix` says what fixing does; empty where nobody can."""

    kind: RemarkKind
    ref: str  # what a person calls it
    node: str  # kind:id
    message: str
    fix: str = ""


class LintResult(msgspec.Struct, frozen=True, kw_only=True):
    """All remarks, and how many of the things that can be described are."""

    remarks: tuple[Remark, ...]
    described: int
    describable: int

    @property
    def coverage(self) -> float:
        """The share of things with a description, from 0 to 1; 1 where there is none."""
        return self.described / self.describable if self.describable else 1.0
