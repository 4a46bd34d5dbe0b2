"""Finds the importer for a folder: by the format's name, or by what the folder holds; not a verb."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound, PluginError
from mlwf_tui.protocols.importers import Detection, Importer
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.importing.unread import find_other_images, find_unread_annotations
from mlwf_tui.workflow.importing.videos import check_videos

AUTO = "auto"
MARGIN = 0.1
"""Formats whose confidence is so near to the best one's are told beside it."""
SURE = 0.5
"""Importers that load a library to look are asked only where nobody else is as confident."""


class FormatFit(msgspec.Struct, frozen=True):
    """A format that a folder seems to be in, and why."""

    format: str
    reason: str


class Choice(msgspec.Struct, frozen=True):
    """The importer of a folder, why it was taken, and which others fit nearly as well."""

    importer: Importer
    reason: str
    others: tuple[FormatFit, ...] = ()


def list_format_names(registry: Registry) -> tuple[str, ...]:
    """Return the names that an import's format can have; importers are loaded to ask for their variants."""
    names = [AUTO]
    for name in registry.list_names("importers"):
        names.append(name)
        with suppress(PluginError):  # one that cannot be loaded says so when it is used
            names += [f"{name}:{variant}" for variant in getattr(registry.get_importer(name), "variants", ())]
    return tuple(names)


def choose_importer(registry: Registry, listing: FolderListing, format: str) -> Choice:
    """Return the importer of a format, or for `auto` the one that fits the folder best.

    Raises:
        InvalidParameter: there is no such format.
        InvalidInput: no importer finds anything in the folder.
    """
    names = registry.list_names("importers")
    if format == AUTO:
        return _detect(registry, listing, names)
    if format.partition(":")[0] not in names:
        raise InvalidParameter(
            f"There is no format {format!r}.",
            hint=f"The formats are: {', '.join(list_format_names(registry))}.",
        )
    try:
        return Choice(registry.get_importer(format), f"--format says {format}")
    except NotFound as error:  # a library's format, behind the colon
        raise InvalidParameter(error.message, hint=error.hint) from error


@contextmanager
def doubting(registry: Registry, listing: FolderListing, format: str) -> Iterator[None]:
    """Where a format that a person has named cannot be read, tell which one the folder looks like.

    Raises:
        InvalidInput: as raised inside.
    """
    try:
        yield
    except InvalidInput as error:
        fits = [] if format == AUTO else _find_fits(registry, listing, registry.list_names("importers"))
        _, likely = max(fits, key=lambda fit: fit[0].confidence, default=(None, format))
        if likely == format.partition(":")[0]:
            raise
        looks = _describe_likely(registry.get_importer(likely), listing)
        raise InvalidInput(
            error.message, hint=f"{looks} Else: {error.hint}" if error.hint else looks
        ) from error


def _describe_likely(importer: Importer, listing: FolderListing) -> str:
    """Say which format a folder looks like, and what would not be read in it."""
    name = importer.name
    if unread := find_unread_annotations(listing, importer):
        told = ". ".join(f"{problem.path} {problem.reason}" for problem in unread)
        return f"{told}. --format {name} reads the images without them."
    return f"It looks like {name}: leave --format out, or give {name}."


def _detect(registry: Registry, listing: FolderListing, names: tuple[str, ...]) -> Choice:
    found = _find_fits(registry, listing, names)
    if not found:
        check_videos(listing)
        passed_over = find_other_images(listing)
        more = f"; {passed_over.path} {passed_over.reason}" if passed_over else ""
        named = "|".join(list_format_names(registry)[1:])
        raise InvalidInput(
            f"No images were found in {listing.root}{more}.",
            hint=f"Give a folder with images, or name its format with --format {named}.",
        )
    best, name = max(found, key=lambda pair: pair[0].confidence)
    others = tuple(
        FormatFit(other, detection.reason)
        for detection, other in found
        if other != name and detection.confidence >= best.confidence - MARGIN
    )
    return Choice(registry.get_importer(name), best.reason, others)


def _find_fits(
    registry: Registry, listing: FolderListing, names: tuple[str, ...]
) -> list[tuple[Detection, str]]:
    importers = [registry.get_importer(name) for name in names]
    cheap = [importer for importer in importers if not getattr(importer, "is_costly", False)]
    found = _ask(cheap, listing)
    if max((detection.confidence for detection, _ in found), default=0.0) < SURE:
        found += _ask([importer for importer in importers if importer not in cheap], listing)
    return found


def _ask(importers: list[Importer], listing: FolderListing) -> list[tuple[Detection, str]]:
    """Return what each importer that finds something says, with the name of the format."""
    asked = ((importer.detect(listing), importer.name) for importer in importers)
    return [(detection, detection.format or name) for detection, name in asked if detection]
