"""Puts the images of many requests together into batches for one model; knows nothing of HTTP.

While the model looks at a batch, the next one gathers. A batch that is not full waits for others for a
moment, but only where somebody else is being answered too: a lone caller never waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from mlwf_tui.errors import Busy
from mlwf_tui.protocols.trainers import ItemPrediction

Look = Callable[[Sequence[bytes]], tuple[ItemPrediction, ...]]


class _Waiting(NamedTuple):
    image: bytes
    answer: asyncio.Future[ItemPrediction]


class Batcher:
    """Asks a model in batches from one thread of its own. Use it within one event loop."""

    def __init__(
        self,
        look: Look,
        *,
        max_batch: int,
        max_wait_s: float,
        max_queue: int,
        on_batch: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._look = look
        self._max_batch = max_batch
        self._max_wait_s = max_wait_s
        self._max_queue = max_queue
        self._on_batch = on_batch
        self._waiting: deque[_Waiting] = deque()
        self._callers = 0
        self._has_work = asyncio.Event()
        self._is_full = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    @property
    def depth(self) -> int:
        """How many images wait."""
        return len(self._waiting)

    def warm_up(self, image: bytes, counts: Sequence[int]) -> None:
        """Ask the model of so many copies of an image each, before `run`.

        What a library loads, plans and allocates at its first batches is there then, for the thread as well.

        Raises:
            MlwfError: the model failed.
        """
        try:
            for count in counts:
                self._thread.submit(self._look, [image] * count).result()
        except BaseException:
            self._thread.shutdown(wait=True)
            raise

    async def ask(self, images: Sequence[bytes]) -> tuple[ItemPrediction, ...]:
        """Return what the model says of the images of one caller, in order.

        Raises:
            Busy: so many wait already that these would not fit.
            MlwfError: the model failed.
        """
        if len(self._waiting) + len(images) > self._max_queue:
            raise Busy(
                f"{len(self._waiting):,} images wait already, of at most {self._max_queue:,}.",
                hint="Try again in a moment.",
            )
        loop = asyncio.get_running_loop()
        mine = [_Waiting(image, loop.create_future()) for image in images]
        self._waiting.extend(mine)
        self._callers += 1
        self._has_work.set()
        if len(self._waiting) >= self._max_batch:
            self._is_full.set()
        try:
            return tuple(await asyncio.gather(*(one.answer for one in mine)))
        finally:
            self._callers -= 1
            for one in mine:  # of a caller who has left
                one.answer.cancel()

    async def run(self) -> None:
        """Work through what is asked until it is cancelled."""
        try:
            while True:
                await self._has_work.wait()
                if len(self._waiting) < self._max_batch and self._callers > 1:
                    await self._gather_more()
                await self._answer(self._take())
        finally:
            self._thread.shutdown(wait=True)

    async def _gather_more(self) -> None:
        self._is_full.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_full.wait(), self._max_wait_s)

    def _take(self) -> list[_Waiting]:
        """Return the next batch, without those whose callers have left."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._max_batch:
            one = self._waiting.popleft()
            if not one.answer.done():
                batch.append(one)
        if not self._waiting:
            self._has_work.clear()
        return batch

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        self._on_batch(len(batch))
        loop = asyncio.get_running_loop()
        try:
            said = await loop.run_in_executor(self._thread, self._look, [one.image for one in batch])
            for one, prediction in zip(batch, said, strict=True):
                if not one.answer.done():
                    one.answer.set_result(prediction)
        except Exception as error:  # noqa: BLE001 - whoever asked is told, and the next batch is answered
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
