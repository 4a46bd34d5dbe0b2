"""What an import says of videos, which it does not read; not a verb."""

from __future__ import annotations

from shlex import quote
from typing import Final

from mlwf_tui.entities.folder import FolderListing, show_path
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.videos import VIDEO_SUFFIXES

SURE_SUFFIXES: Final = VIDEO_SUFFIXES - {".ts"}
"""Suffixes that are those of videos in any folder; a .ts is mostly TypeScript."""


def check_videos(listing: FolderListing) -> None:
    """Return if a folder without images holds no videos either.

    Raises:
        InvalidInput: it holds some.
    """
    names = [
        show_path(f"{page.folder}/{name}".lstrip("/"))
        for page in listing.pages
        for _, name in page.list_ending(SURE_SUFFIXES)
    ]
    if names:
        what = f"{len(names):,} videos, as {names[0]}" if len(names) > 1 else f"the video {names[0]}"
        raise InvalidInput(f"No images were found in {listing.root}, but {what}.", hint=advise(names[0]))


def advise(path: str) -> str:
    """Return how the frames of a video become items."""
    name = quote(path)
    return (
        f"mlwf apply MODEL {name} --to PROJECT takes its frames; "
        f"ffmpeg -i {name} FOLDER/%06d.jpg makes images of them to import."
    )
