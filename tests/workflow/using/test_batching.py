"""Callers' images meet in batches, a queue that is full refuses, and a model's failure reaches who asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress

import pytest

from mlwf_tui.errors import Busy, PluginError
from mlwf_tui.protocols.trainers import ItemPrediction
from mlwf_tui.workflow.using.batching import Batcher


class Model:
    """Says of an image its text; stands still while the gate is shut."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.begun = threading.Event()
        if is_open:
            self.gate.set()

    def look(self, images: Sequence[bytes]) -> tuple[ItemPrediction, ...]:
        self.batches.append(len(images))
        self.begun.set()
        self.gate.wait(30)
        if b"fail" in images:
            raise PluginError("The model failed.")
        return tuple(ItemPrediction(key=image.decode()) for image in images)


async def run_with(batcher: Batcher, work: asyncio.Future[None]) -> None:
    running = asyncio.create_task(batcher.run())
    try:
        await work
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_one_caller_with_many_images_gets_them_in_order_and_in_batches() -> None:
    model = Model()
    batcher = Batcher(model.look, max_batch=4, max_wait_s=5, max_queue=100)
    images = [str(number).encode() for number in range(10)]

    async def work() -> None:
        said = await batcher.ask(images)
        assert [one.key.encode() for one in said] == images

    await run_with(batcher, asyncio.ensure_future(work()))
    assert model.batches == [4, 4, 2]


async def test_what_comes_while_the_model_works_is_the_next_batch() -> None:
    model = Model(is_open=False)
    counted: list[int] = []
    batcher = Batcher(model.look, max_batch=8, max_wait_s=0, max_queue=5, on_batch=counted.append)

    async def work() -> None:
        first = asyncio.create_task(batcher.ask([b"first"]))
        await asyncio.to_thread(model.begun.wait, 30)
        others = [asyncio.create_task(batcher.ask([str(n).encode()])) for n in range(5)]
        await asyncio.sleep(0)
        assert batcher.depth == 5
        with pytest.raises(Busy, match="5 images wait"):
            await batcher.ask([b"more"])
        others[2].cancel()  # a caller who leaves is not looked for
        model.gate.set()
        await first
        said = await asyncio.gather(*others, return_exceptions=True)
        assert [one[0].key for one in said if not isinstance(one, BaseException)] == ["0", "1", "3", "4"]

    await run_with(batcher, asyncio.ensure_future(work()))
    assert model.batches == counted == [1, 4]


async def test_a_failure_reaches_who_asked_and_the_next_is_answered() -> None:
    model = Model()
    batcher = Batcher(model.look, max_batch=4, max_wait_s=0, max_queue=10)

    async def work() -> None:
        with pytest.raises(PluginError, match="failed"):
            await batcher.ask([b"fail"])
        assert (await batcher.ask([b"good"]))[0].key == "good"

    await run_with(batcher, asyncio.ensure_future(work()))
