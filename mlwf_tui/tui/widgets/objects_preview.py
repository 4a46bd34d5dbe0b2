"""What previews of items have alike: a list of objects, and word of when their pictures are outdated."""

from __future__ import annotations

from textual import on
from textual.containers import Vertical
from textual.message import Message

from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.table import EntityTable


class ObjectsPreview(Vertical):
    """Tells when other pictures are wanted; each kind makes the list, and the pictures' outlines."""

    objects: EntityTable

    class Outdated(Message):
        """Another picture is wanted: of another size, of another side, or with other outlines."""

    @property
    def selected(self) -> int:
        """The place of the object under the cursor, or -1 where a person is not among them."""
        key = self.objects.cursor_key if self.objects.has_focus else None
        return int(key) if key is not None else -1

    @on(EntityTable.RowHighlighted)
    def _on_object_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        if self.objects.has_focus:
            self.post_message(self.Outdated())

    @on(PictureView.Resized)
    def _on_picture_resized(self, event: PictureView.Resized) -> None:
        event.stop()
        self.post_message(self.Outdated())

    def on_descendant_focus(self) -> None:
        self.post_message(self.Outdated())

    def on_descendant_blur(self) -> None:
        self.post_message(self.Outdated())
