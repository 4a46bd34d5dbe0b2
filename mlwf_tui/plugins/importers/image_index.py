"""Finds the images of a listing by what annotation files call them; two hundred thousand take little room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import Report, compose, iter_numbered, show_path
from mlwf_tui.plugins.importers.tallies import Tally

_Found = list[tuple[int, FoundFile]]
_T = TypeVar("_T")


class ImageNotFound(InvalidInput):
    """No image, or several, are called so; `of_many` is what is wrong, as it is said of many images."""

    def __init__(self, file_name: str, message: str, of_many: str) -> None:
        super().__init__(message)
        self.name = show_path(file_name)
        self.of_many = of_many


class ImageIndex:
    """Finds an image by the end of its path, as files name them from folders of their own.

    A path from elsewhere, such as a server's or another computer's, is that of the image with which it has
    most parts at its end; since that is a guess, `report_guesses` counts such images.
    """

    def __init__(self, folder: FolderListing, finder: FileFinder) -> None:
        self._finder = finder
        self._by_name: dict[str, int | list[int]] = {}  # composed; mostly a name has one position
        self._guesses: dict[str, Tally] = {}  # by annotation file
        for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
            name = compose(image.name)
            known = self._by_name.setdefault(name, position)
            if isinstance(known, list):
                known.append(position)
            elif known != position:
                self._by_name[name] = [known, position]

    def find(
        self, source: FoundFile, file_name: str, fits: Callable[[FoundFile], bool] = lambda image: False
    ) -> int:
        """Return the position of an image: beside its annotation file first, then one that fits, then any.

        Raises:
            ImageNotFound: the name leads out of the folder, or no image or several fit.
        """
        parts, is_foreign = _split(file_name, source.root)
        end, candidates = self._search(parts, is_foreign)
        beside = compose("/".join((*source.folders, *end[:-1])))
        for fitting in (
            [at for at, image in candidates if compose(image.folder) == beside],
            [at for at, image in candidates if fits(image)],
            [at for at, _ in candidates],
        ):
            if len(fitting) == 1:
                if is_foreign:
                    self._tell_guess(source, file_name, fitting[0])
                return fitting[0]
        if candidates:
            told = f"the image {show_path(file_name)} could be any of {len(candidates)} files"
            raise ImageNotFound(file_name, told, "could be any of several files")
        if is_foreign:
            raise _make_outside(file_name, ", and no image has its name")
        raise _make_missing(file_name)

    def find_stem(self, source: FoundFile, stem: str, suffixes: Sequence[str] = (".jpg", ".png")) -> int:
        """Return the position of an image that is called without its suffix.

        Raises:
            ImageNotFound: as `find`.
        """
        for suffix in dict.fromkeys((*suffixes, *sorted(IMAGE_SUFFIXES))):
            for name in (f"{stem}{suffix}", f"{stem}{suffix.upper()}"):
                if compose(PurePosixPath(name.replace("\\", "/")).name) in self._by_name:
                    return self.find(source, name)
        raise _make_missing(stem)

    def iter_sure_first(
        self, source: FoundFile, things: Iterable[_T], read_name: Callable[[_T], str]
    ) -> Iterator[_T]:
        """Yield what names images so that no guess takes the image of a better one: guesses last."""
        guesses: list[tuple[int, _T]] = []
        for thing in things:
            try:
                parts, is_foreign = _split(read_name(thing), source.root)
            except ImageNotFound:
                is_foreign = False  # `find` says it
            if is_foreign:
                guesses.append((len(self._search(parts, is_foreign)[0]), thing))
            else:
                yield thing
        for _, thing in sorted(guesses, key=lambda guess: -guess[0]):
            yield thing

    def report_guesses(self, report: Report) -> None:
        """Report how many images were found by the ends of paths from elsewhere, as doubtful."""
        for tally in self._guesses.values():
            tally.report(report)

    def _search(self, parts: Sequence[str], is_foreign: bool) -> tuple[Sequence[str], _Found]:
        """Return the images whose paths end with these parts, of a foreign path with the most, and these."""
        known = self._by_name.get(compose(parts[-1]), [])
        named = [(at, self._finder.get(at)) for at in (known if isinstance(known, list) else [known])]
        for start in range(len(parts) if is_foreign and named else 1):
            if found := _choose_ending(named, "/".join(parts[start:])):
                return parts[start:], found
        return parts[-1:], []

    def _tell_guess(self, source: FoundFile, file_name: str, position: int) -> None:
        tally = self._guesses.setdefault(source.relative, Tally(source, "image", is_taken=True))
        image = self._finder.get(position).relative
        told = f"the image {show_path(file_name)} is elsewhere, and {image} was taken for it"
        of_many = "are named by paths elsewhere, and were found by how these end"
        tally.add_alike(f"{show_path(file_name)} as {image}", told, of_many)


def _split(file_name: str, root: str) -> tuple[Sequence[str], bool]:
    """Return the parts of a path as any system writes it, and whether it begins outside of the folder.

    Raises:
        ImageNotFound: it leads out, or names nothing.
    """
    path = PurePosixPath(file_name.replace("\\", "/").removeprefix(f"{root}/"))
    parts = path.parts
    if ".." in parts or not path.name:
        raise _make_outside(file_name)
    has_start = path.is_absolute() or (len(parts) > 1 and parts[0].endswith(":"))  # a drive, or a host's
    return (parts[1:], True) if has_start else (parts, False)


def _make_missing(file_name: str) -> ImageNotFound:
    return ImageNotFound(file_name, f"the image {show_path(file_name)} is missing", "are missing")


def _make_outside(file_name: str, besides: str = "") -> ImageNotFound:
    told = f"{show_path(file_name)!r} is not a path below the folder{besides}"
    return ImageNotFound(file_name, told, f"have names that are no paths below the folder{besides}")


def _choose_ending(named: _Found, end: str) -> _Found:
    """Return the images whose paths end so, letter by letter where there are such, else to the eye."""
    exact = [(at, image) for at, image in named if f"/{image.relative}".endswith(f"/{end}")]
    if exact or end.isascii():
        return exact
    composed = f"/{compose(end)}"
    return [(at, image) for at, image in named if compose(f"/{image.relative}").endswith(composed)]
