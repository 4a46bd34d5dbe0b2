"""An item's image as a terminal can draw it, with outlines over it; read from the store, never restored."""

from __future__ import annotations

from collections.abc import Sequence

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import WHOLE, Outline, Picture, Window
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.pictures import draw_picture
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workspace import Workspace


def render_item(
    workspace: Workspace,
    item: Item,
    outlines: Sequence[Outline],
    *,
    columns: int,
    rows: int,
    is_sharp: bool = False,
    window: Window = WHOLE,
) -> Picture:
    """Return the image, or a window of it, in at most `columns` x `rows` cells.

    A sharp one in more pixels as well.

    Raises:
        NotFound: the store does not hold its bytes.
        CorruptData: its bytes are damaged.
        InvalidInput: it cannot be shown.
    """
    image = workspace.store.read(item.blob)
    return render_image(
        item.name, image, outlines, columns=columns, rows=rows, is_sharp=is_sharp, window=window
    )


def render_thumbnails(
    workspace: Workspace,
    items: Sequence[tuple[Item, Sequence[Outline]]],
    *,
    columns: int,
    rows: int,
    observer: Observer,
) -> dict[str, Picture]:
    """Return small pictures of items by their keys; each image is decoded once, and its thumbnail kept.

    One whose bytes are missing, damaged or no image is left out.

    Raises:
        Cancelled: the observer asked for it.
    """
    from mlwf_tui.workflow.sights import THUMBNAILS, make_sights, read_sights

    digests = list(dict.fromkeys(item.blob for item, _ in items))
    known = read_sights(workspace, digests, sight=THUMBNAILS)
    missing = [digest for digest in digests if digest not in known]
    if missing:
        known |= make_sights(workspace, missing, observer, sight=THUMBNAILS)
    pictures = {}
    for item, outlines in items:
        if made := known.get(item.blob):
            size = (item.width_px, item.height_px)
            pictures[item.key] = draw_picture(made, outlines, columns, rows, outlined_px=size)
    return pictures


def render_image(
    name: str,
    image: bytes,
    outlines: Sequence[Outline],
    *,
    columns: int,
    rows: int,
    is_sharp: bool = False,
    window: Window = WHOLE,
) -> Picture:
    """Return an image that the store need not hold, as a file's bytes, in at most `columns` x `rows` cells.

    Raises:
        InvalidInput: it cannot be shown; the message begins with `name`.
    """
    try:
        return draw_picture(image, outlines, columns, rows, is_sharp=is_sharp, window=window)
    except InvalidInput as error:
        raise InvalidInput(f"{name} {error.message}.", hint=error.hint) from error
