"""An operation shown on a few items before it is run: before and after side by side, and all counted."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.run import Progress
from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.counting_form import draw_error
from mlwf_tui.tui.screens.pictures import Order, Pictures
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.change_preview import MIN_BOTH_COLUMNS, Side
from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.picture_side import PictureSide
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.workflow.preview import Preview, Previewer, PreviewImage, PreviewPair
from mlwf_tui.workflow.transforming.planning import Counts, Fate
from mlwf_tui.workflow.transforming.sources import Source
from mlwf_tui.workspace import Workspace

COUNT = 6  # items that are shown
HIGHEST_SEED = 2**31 - 1
FATE_STYLES = {
    Fate.ADDED: "$success",
    Fate.CHANGED: "$primary",
    Fate.UNCHANGED: "$text-muted",
    Fate.DROPPED: "$error",
}
FATE_SIGNS = {Fate.ADDED: "+", Fate.CHANGED: "~", Fate.UNCHANGED: "=", Fate.DROPPED: "-"}


class Wanted(msgspec.Struct, frozen=True):
    """What a person has decided on: the seed that was looked at last, and whether to start at once."""

    seed: int
    is_start: bool


class PreviewScreen(Dialog[Wanted | None]):
    """Draws some items before and after. What it shows is what the transform makes; it writes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "back", show=False, id="preview.close"),
        Binding("enter", "start", "start", show=False, id="preview.start"),
        Binding("n,j,right,down", "step(1)", "next item", show=False, id="preview.next"),
        Binding("N,k,left,up", "step(-1)", "item before", show=False, id="preview.before"),
        Binding("s", "reseed(1)", "another seed", show=False, id="preview.seed"),
        Binding("S", "reseed(-1)", "seed before", show=False, id="preview.seed_before"),
        Binding("w", "flip", "one side or both", show=False, id="preview.flip"),
        Binding("b", "step_source", "next of several sources", show=False, id="preview.source"),
    ]
    DEFAULT_CSS = """
    PreviewScreen {
        background: transparent;
        & > Vertical { height: 100%; background: $background; border: round $primary; padding: 0; }
        & Static.line { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & #sides { height: 1fr; }
        & #after { border-left: solid $border; }
        & #counts { background: $panel; }
    }
    """

    def __init__(
        self,
        workspace: Workspace,
        work: Work,
        operation: str,
        refs: Sequence[str],
        *,
        params: Mapping[str, Any],
        seed: int,
        is_random: bool,
        sources: Sequence[Source] = (),
        title: str = "",
    ) -> None:
        """`sources` are looked at where what `refs` name is in no project, as what a step has made.

        `title` is what the data are called, where `refs` have ids.
        """
        super().__init__()
        self._sources = tuple(sources)
        self._title = title or " + ".join(refs)
        self._work = work
        self._operation, self._refs, self._params = operation, tuple(refs), dict(params)
        self._is_random = is_random
        self._shared = _Shared(workspace)
        self._observer: ScreenObserver | None = None  # of the preview that is being made
        self._preview: Preview | None = None
        self._seed = seed
        self._place = 0
        self._source = 0
        self._wanted = Side.BOTH
        self._sides = {
            Side.BEFORE: PictureSide("before", id="before"),
            Side.AFTER: PictureSide("after", id="after"),
        }
        self._head, self._counts = Static(classes="line", id="head"), Static(classes="line", id="counts")
        self._pictures = {
            side: Pictures(
                workspace, work, on_drawn=shown.picture.show, on_broken=partial(_say_broken, shown)
            )
            for side, shown in self._sides.items()
        }

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"Preview of {self._operation} on {self._title}"
            seeds = " · s seed" if self._is_random else ""
            box.border_subtitle = f"n N items{seeds} · w side · ⏎ start · esc back"
            yield self._head
            with Horizontal(id="sides"):
                yield from self._sides.values()
            yield self._counts

    def on_mount(self) -> None:
        self._arrange()
        self._look()

    def on_unmount(self) -> None:
        self._cancel()
        self._work.start("end of the preview", self._shared.close, lambda _: None)

    @property
    def preview(self) -> Preview | None:
        """What is shown, or None while it is being made."""
        return self._preview

    @property
    def pair(self) -> PreviewPair | None:
        """The item that is seen."""
        pairs = self._preview.pairs if self._preview is not None else ()
        return pairs[self._place] if self._place < len(pairs) else None

    # --- keys ----------------------------------------------------------------------------------

    def action_close(self) -> None:
        self.dismiss(Wanted(self._seed, is_start=False))

    def action_start(self) -> None:
        self.dismiss(Wanted(self._seed, is_start=True))

    def action_step(self, by: int) -> None:
        """Show the next item, round the ends."""
        if self._preview is not None and self._preview.pairs:
            self._place = (self._place + by) % len(self._preview.pairs)
            self._source = 0
            self._show()

    def action_reseed(self, by: int) -> None:
        """Look at the same with another seed."""
        if self._is_random and 0 <= self._seed + by <= HIGHEST_SEED:
            self._seed += by
            self._look()

    def action_flip(self) -> None:
        """Give one side the whole room, or both."""
        sides = [*Side] if self.size.width >= MIN_BOTH_COLUMNS else [Side.AFTER, Side.BEFORE]
        place = sides.index(self._wanted) if self._wanted in sides else 0
        self._wanted = sides[(place + 1) % len(sides)]
        self._arrange()

    def action_step_source(self) -> None:
        """Show another of the items that the result is made from."""
        if self.pair is not None:
            self._source = (self._source + 1) % len(self.pair.before)
            self._show()

    # --- making the preview --------------------------------------------------------------------

    def _look(self) -> None:
        """Make the preview in a thread; one that is still being made is given up."""
        self._cancel()
        observer = ScreenObserver(self._report)
        self._observer = observer
        if self._preview is None:
            for side in self._sides.values():
                side.show_none("Looking…", "The first picture takes a second or two.")
        self._head.update(Content.styled(f"making the preview with seed {self._seed}…", "$accent"))
        make = partial(
            self._shared.make, self._operation, self._refs, params=self._params, seed=self._seed,
            count=COUNT, sources=self._sources, observer=observer,
        )  # fmt: skip
        self._work.start(
            "preview", make, partial(self._take, observer), fail=partial(self._give_up, observer)
        )

    def _cancel(self) -> None:
        if self._observer is not None:
            self._observer.cancel()
            self._observer = None

    def _report(self, progress: Progress) -> None:
        if self.app.is_running:
            self.app.call_from_thread(self._tell_progress, progress)

    def _tell_progress(self, progress: Progress) -> None:
        if self._observer is not None:
            self._head.update(Content.styled(f"{progress.message} {progress.step:,}…", "$accent"))

    def _take(self, observer: ScreenObserver, preview: Preview) -> None:
        if self._observer is observer:
            self._observer = None
            self._preview = preview
            self._place = min(self._place, max(0, len(preview.pairs) - 1))
            self._counts.update(draw_counts(preview.counts))
            self._show()

    def _give_up(self, observer: ScreenObserver, error: MlwfError) -> None:
        if self._observer is observer and not isinstance(error, Cancelled):
            self._observer = self._preview = None
            self._head.update(draw_error(error))
            self._counts.update("")
            for side in self._sides.values():
                side.show_none("No preview", "esc goes back to the form.")

    # --- showing it ----------------------------------------------------------------------------

    def _show(self) -> None:
        """Show the item whose turn it is, on both sides."""
        assert self._preview is not None
        pair = self.pair
        for pictures in self._pictures.values():
            pictures.forget()
        if pair is None:
            self._head.update("")
            for side in self._sides.values():
                side.show_none("Nothing to show", "The operation leaves no item, and drops none.")
            return
        self._head.update(self._draw_head(pair))
        source = pair.before[self._source]
        several = (
            f"source {self._source + 1} of {len(pair.before)}, b the next" if len(pair.before) > 1 else ""
        )
        before, after = self._sides[Side.BEFORE], self._sides[Side.AFTER]
        before.show_item(source.item, self._preview.schema, Content.styled(several, "$accent"))
        note = Content.styled(f"{FATE_SIGNS[pair.fate]} {pair.fate}", FATE_STYLES[pair.fate])
        if pair.after is not None:
            after.show_item(pair.after.item, self._preview.result_schema, note)
        elif pair.problem:
            after.show_none("It cannot be made", pair.problem, note)
        elif pair.fate is Fate.DROPPED:
            after.show_none("Dropped", "The result does not have this item.", note)
        else:
            after.show_none("Nothing is left of it", "The result does not have this item.", note)
        self._order_pictures()

    def _draw_head(self, pair: PreviewPair) -> Content:
        assert self._preview is not None
        place = f"{self._place + 1} of {len(self._preview.pairs)}"
        seed = f"   seed {self._seed}" if self._is_random else ""
        key = pair.before[self._source].item.key
        made = f" → {pair.after.item.key}" if pair.after is not None and pair.after.item.key != key else ""
        return Content.assemble((place, "bold"), (seed, "$accent"), f"   {key}", (made, "$success"))

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Show both sides or one: what was asked for, what there is room for."""
        side = self._wanted
        if side is Side.BOTH and self.size.width < MIN_BOTH_COLUMNS:
            side = Side.AFTER
        self._sides[Side.BEFORE].display = side is not Side.AFTER
        self._sides[Side.AFTER].display = side is not Side.BEFORE

    @on(PictureView.Resized)
    def _order_pictures(self) -> None:
        """Have drawn what is seen now, in the room that it has."""
        pair = self.pair
        if pair is None:
            return
        self._order(Side.BEFORE, pair.before[self._source])
        if pair.after is not None:
            self._order(Side.AFTER, pair.after)

    def _order(self, side: Side, shown: PreviewImage) -> None:
        view = self._sides[side]
        if view.display and view.item is not None:
            columns, rows = view.picture.room
            key = (self._seed, self._place, self._source, columns, rows)
            order = Order(key, shown.item, view.list_outlines(), columns, rows, shown.image)
            self._pictures[side].want(order)


class _Shared:
    """The one previewer of a screen: its threads come after each other, the last one closes it."""

    def __init__(self, workspace: Workspace) -> None:
        self._previewer = Previewer(workspace)
        self._lock = threading.Lock()

    def make(self, operation: str, refs: Sequence[str], **arguments: Any) -> Preview:
        with self._lock:
            return self._previewer.preview(operation, refs, **arguments)

    def close(self) -> None:
        with self._lock:
            self._previewer.__exit__(None, None, None)


def _say_broken(side: PictureSide, error: MlwfError) -> None:
    side.picture.say(error.message, error.hint)


def draw_counts(counts: Counts) -> Content:
    """Return what becomes of all items, in one line."""
    numbers = {
        Fate.ADDED: counts.items_added,
        Fate.CHANGED: counts.items_changed,
        Fate.UNCHANGED: counts.items_unchanged,
        Fate.DROPPED: counts.items_dropped,
    }
    parts: list[Any] = [(f"All {counts.items_in:,} → {counts.items_out:,} items   ", "bold")]
    for fate, number in numbers.items():
        if number:
            parts.append((f"{FATE_SIGNS[fate]}{number:,} {fate}   ", FATE_STYLES[fate]))
    images = f"{counts.images:,} images to make" if counts.images else "no image is made"
    return Content.assemble(*parts, (images, "$text-muted"))
