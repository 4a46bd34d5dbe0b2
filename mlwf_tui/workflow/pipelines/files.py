"""Finds a pipeline by what a person writes: a file, a ready recipe, a kept one, or the person's draft."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import msgspec

from mlwf_tui.entities.pipeline import Pipeline
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.formats.pipelines import hint_at, read_pipeline
from mlwf_tui.formats.yaml_nodes import MAX_BYTES
from mlwf_tui.settings import expand_path
from mlwf_tui.workflow.personal.layouts import find_own_folder
from mlwf_tui.workspace import Workspace

SUFFIXES = (".yaml", ".yml")
FOLDER = "recipes"  # of the package
DRAFT = "draft"
"""What a person writes for the pipeline that was put together in the app last."""


class ReadyRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline that ships with mlwf."""

    name: str
    description: str
    sources: tuple[str, ...]
    steps: tuple[str, ...]
    text: str


class Found(msgspec.Struct, frozen=True):
    """A pipeline's text, and what errors call it."""

    name: str
    content: bytes

    def read(self) -> Pipeline:
        """Return the pipeline; raises InvalidParameter with the faults and their lines."""
        return read_pipeline(self.content, self.name)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline as it is kept while a person works on it: see drafts.py for what the fields mean."""

    text: str
    path: str = ""
    saved: str = ""


def find_draft(workspace: Workspace) -> Draft | None:
    """Return what this person worked on last, or None where that is nothing.

    Raises:
        InvalidParameter: the file that holds it cannot be read.
    """
    place = place_draft(workspace)
    try:
        return msgspec.json.decode(place.read_bytes(), type=Draft)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameter(
            f"The draft {place} cannot be read: {error}.",
            hint="Move it away; the next draft takes its place.",
        ) from error


def place_draft(workspace: Workspace) -> Path:
    """Return where this person's draft is kept."""
    return find_own_folder(workspace) / "draft.json"


def list_ready() -> tuple[ReadyRecipe, ...]:
    """Return the recipes that ship with mlwf, by name."""
    found = []
    for name in _list_names():
        content = _read_ready(name)
        pipeline = read_pipeline(content, f"{name}.yaml")
        found.append(
            ReadyRecipe(
                name=name,
                description=pipeline.description,
                sources=tuple(source.name for source in pipeline.sources),
                steps=tuple(step.name for step in pipeline.steps),
                text=content.decode(),
            )
        )
    return tuple(found)


def find_pipeline(workspace: Workspace, ref: str) -> Found:
    """Return the file at a path, else the ready recipe of that name, else the kept recipe of that id.

    The word `draft` is this person's draft.

    Raises:
        NotFound: there is none.
        InvalidParameter: it is a folder, a device, or too large.
    """
    path = expand_path(Path(ref))
    if path.suffix in SUFFIXES or "/" in ref:
        return Found(ref, _read_file(path))
    names = _list_names()
    if ref in names:
        return Found(f"{ref}.yaml", _read_ready(ref))
    if ref == DRAFT:
        draft = find_draft(workspace)
        if draft is None:
            raise NotFound("You have no draft.", hint="Put one together in the app, with ctrl+y.")
        return Found(DRAFT, draft.text.encode())
    if path.is_file():
        return Found(ref, _read_file(path))
    try:
        recipe = workspace.catalog.recipes.get(ref)
    except NotFound as error:
        raise NotFound(f"There is no pipeline {ref!r}.", hint=hint_at(ref, names)) from error
    return Found(recipe.name, recipe.text.encode())


def _read_file(path: Path) -> bytes:
    if not path.exists():
        raise NotFound(f"There is no file {path}.", hint="mlwf pipeline --list shows the ready recipes.")
    if not path.is_file():
        raise InvalidParameter(f"{path} is no file.", hint="Give a YAML file.")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidParameter(f"{path} cannot be read: {error.strerror}.", hint="Look at it.") from error


def _list_names() -> list[str]:
    folder = files("mlwf_tui") / FOLDER
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def _read_ready(name: str) -> bytes:
    return (files("mlwf_tui") / FOLDER / f"{name}.yaml").read_bytes()
