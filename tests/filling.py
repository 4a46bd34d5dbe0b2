"""Fills homes with projects of small blobs, without a folder to import: what is stored is what counts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.model import Checkpoint, Model
from mlwf_tui.entities.project import Version
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace


def make_blob(seed: int, size: int = 5000) -> bytes:
    """Return bytes that do not compress."""
    return random.Random(seed).randbytes(size)


def write_version(workspace: Workspace, name: str, images: Mapping[str, bytes]) -> Version:
    """Make a version of a project, made where there is none, that holds these images by name."""
    with record(workspace, "fill", params={}) as run:
        with run.writer() as writer:
            items = [
                Item(
                    dataset="main",
                    name=image,
                    blob=writer.put(data),
                    size_bytes=len(data),
                    width_px=1,
                    height_px=1,
                )
                for image, data in images.items()
            ]
            manifest = write_manifest(writer, LabelSchema(), items)
        empty = write_empty_manifest(workspace)
        with run.finishing():
            found = workspace.catalog.projects.find(name, workspace.settings.workspace)
            project = found or create_project(workspace, name, empty)
            return run.write_version(project, manifest.digest, manifest.item_count, message=name)


def write_model(workspace: Workspace, name: str, weights: bytes) -> Model:
    """Make a model with one checkpoint."""
    with record(workspace, "fill", params={}) as run:
        with run.writer() as writer:
            checkpoint = Checkpoint("best.pt", writer.put(weights), len(weights))
        with run.finishing():
            return run.write_model(
                name=name, architecture="a", task="detect", trainer="t", class_names=(), image_size_px=64,
                checkpoints=(checkpoint,), metrics={},
            )  # fmt: skip


def list_packs(home: Path) -> list[Path]:
    """Return the packs of a home, by name."""
    return sorted((home / "store" / "packs").glob("*.pack"))


def flip(path: Path, offset: int) -> None:
    """Turn one bit of a file."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


def damage_image(workspace: Workspace, image: bytes) -> tuple[Path, bytes]:
    """Damage an image in the store; return its pack, and what that held."""
    [pack] = [path for path in list_packs(workspace.home) if image in path.read_bytes()]
    whole = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(whole.replace(image, image[:-9] + bytes([image[-9] ^ 1]) + image[-8:]))
    return pack, whole
