"""Finds the images of a listing by what annotation files call them; two hundred thousand take little room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import iter_numbered, show_path


class ImageIndex:
    """Finds an image by the end of its path, as files name them from folders of their own."""

    def __init__(self, folder: FolderListing, finder: FileFinder) -> None:
        self._finder = finder
        self._by_name: dict[str, int | list[int]] = {}  # mostly a name has one position
        for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
            known = self._by_name.setdefault(image.name, position)
            if isinstance(known, list):
                known.append(position)
            elif known != position:
                self._by_name[image.name] = [known, position]

    def find(
        self, source: FoundFile, file_name: str, fits: Callable[[FoundFile], bool] = lambda image: False
    ) -> int:
        """Return the position of an image: beside its annotation file first, then one that fits, then any.

        Raises:
            InvalidInput: the name leads out of the folder, or no image or several fit.
        """
        path = PurePosixPath(file_name)
        if path.is_absolute() or ".." in path.parts or "\\" in file_name or not path.name:
            raise InvalidInput(f"{show_path(file_name)!r} is not a path below the folder")
        found = self._by_name.get(path.name, [])
        positions = found if isinstance(found, list) else [found]
        end = f"/{path.as_posix()}"
        candidates = [(at, image) for at, image in map(self._get, positions) if _ends(image, end)]
        beside = "/".join((*source.folders, *path.parts[:-1]))
        for fitting in (
            [at for at, image in candidates if image.folder == beside],
            [at for at, image in candidates if fits(image)],
            [at for at, _ in candidates],
        ):
            if len(fitting) == 1:
                return fitting[0]
        what = "is missing" if not candidates else f"could be any of {len(candidates)} files"
        raise InvalidInput(f"the image {show_path(file_name)} {what}")

    def find_stem(self, source: FoundFile, stem: str, suffixes: Sequence[str] = (".jpg", ".png")) -> int:
        """Return the position of an image that is called without its suffix.

        Raises:
            InvalidInput: as `find`.
        """
        for suffix in dict.fromkeys((*suffixes, *sorted(IMAGE_SUFFIXES))):
            for name in (f"{stem}{suffix}", f"{stem}{suffix.upper()}"):
                if PurePosixPath(name).name in self._by_name:
                    return self.find(source, name)
        raise InvalidInput(f"the image {show_path(stem)} is missing")

    def _get(self, position: int) -> tuple[int, FoundFile]:
        return position, self._finder.get(position)


def _ends(image: FoundFile, end: str) -> bool:
    return f"/{image.relative}".endswith(end)
