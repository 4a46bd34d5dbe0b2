"""sample: keep a random part of the items."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.protocols import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class SampleParams:
    n: int | None = param(None, "how many items to keep", low=1)
    fraction: float | None = param(None, "share of the items to keep, instead of n", low=0, high=1)


class Sample:
    """A random part of the items; a larger sample with the same seed holds the smaller one."""

    name = "sample"
    summary = "keep a random part of the items"
    group = "selection"
    version = 1
    params_type: type[Any] = SampleParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: SampleParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield the chosen items in their order.

        Raises:
            InvalidParameter: not exactly one of n and fraction, or n above the number of items.
        """
        count = _count(params, len(items))

        def rank(source: SourceItem) -> str:
            return hashlib.sha256(f"{seed}\n{source.item.key}".encode()).hexdigest()

        chosen = {source.item.key for source in sorted(items, key=rank)[:count]}
        for position, source in enumerate(items):
            if source.item.key in chosen:
                yield PlannedItem(source.item, position)

    def transform_schema(self, schema: LabelSchema, params: SampleParams) -> LabelSchema:
        """Return the schema as it is."""
        return schema


def _count(params: SampleParams, item_count: int) -> int:
    if (params.n is None) == (params.fraction is None):
        raise InvalidParameter(
            "A sample needs either n or fraction.", hint="Give -p n=100 or -p fraction=0.1."
        )
    if params.fraction is not None:
        return round(params.fraction * item_count)
    count = params.n or 0
    if count > item_count:
        raise InvalidParameter(
            f"There are {item_count} items, fewer than n={count}.", hint="Choose a smaller n."
        )
    return count
