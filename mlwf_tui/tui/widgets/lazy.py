"""Sequences whose entries are made when they are looked at: rows of tables, and their keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class LazySequence(Sequence[T]):
    """Who derives from it says how many entries there are, and makes each of them."""

    @abstractmethod
    def make(self, place: int) -> T:
        """Return one entry, anew."""

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return [self.make(number) for number in range(*place.indices(len(self)))]
        return self.make(place)
