"""An operation that makes pictures in plain Pillow, and fails where a test says so."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from PIL import Image

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.errors import InvalidInput
from mlwf_tui.params import param
from mlwf_tui.protocols.operations import Draft, PlannedItem, ResultItem, SourceItem, draw_seed


@dataclass(frozen=True, slots=True)
class ScribbleParams:
    copies: int = param(1, "pictures of each item", low=1)
    keep: bool = param(True, "keep the items")
    broken: tuple[str, ...] = param((), "names of items whose pictures are refused")
    crashing: tuple[str, ...] = param((), "names of items over which it falls")
    emptied: tuple[str, ...] = param((), "names of items of which nothing is left")
    name: str = param("", "what every picture is called, and not after its item")
    joined: bool = param(False, "make each picture of its item and the first one")
    trace: str = param("", "a file that gets a line for each picture")


class Scribble:
    """Draws a picture in one colour that the draft's seed decides."""

    name = "scribble"
    summary = "draws pictures of one colour"
    group = "pixels"
    version = 1
    params_type: type[Any] = ScribbleParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: ScribbleParams, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        for position, source in enumerate(items):
            if params.keep:
                yield PlannedItem(source.item, position)
            stem = source.item.name.rpartition(".")[0]
            for copy in range(params.copies):
                yield Draft(
                    sources=(position, 0) if params.joined else (position,),
                    dataset=source.item.dataset,
                    name=params.name or f"{stem}-{copy}.png",
                    seed=draw_seed(seed, source.item.key, copy),
                    arguments={"copy": copy},
                )

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: ScribbleParams) -> ResultItem | None:
        name = sources[0].item.name
        if params.trace:
            with Path(params.trace).open("a", encoding="utf-8") as file:
                file.write(f"{draft.name} {os.getpid()}\n")
        if name in params.broken:
            raise InvalidInput(f"The image {name} cannot be decoded.")
        if name in params.crashing:
            raise ZeroDivisionError(f"no {name}")
        if name in params.emptied:
            return None
        colour = draft.seed.to_bytes(8)[-3:]
        file_ = BytesIO()
        Image.new("RGB", (32, 24), (colour[0], colour[1], colour[2])).save(file_, "PNG")
        item = replace(sources[0].item, dataset=draft.dataset, name=draft.name, width_px=32, height_px=24)
        return ResultItem(item=item, image=file_.getvalue())

    def transform_schema(self, schema: LabelSchema, params: ScribbleParams) -> LabelSchema:
        return schema
