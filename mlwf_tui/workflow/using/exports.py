"""A model's weights in another format: which there are, and the file made and compared with its source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mlwf_tui.entities.project import Version
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import ExportRequest, ExportResult, Trainer
from mlwf_tui.workflow.using.samples import choose_samples
from mlwf_tui.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PackageParams:
    """What the package's example keeps, and what else goes into it."""

    confidence: float = param(0.25, "the example keeps objects at least this sure", low=0, high=1)
    iou: float = param(0.7, "of two objects that overlap more it keeps the surer one", low=0.01, high=1)
    max_objects: int = param(300, "most objects that it keeps of one picture", low=1, high=10_000)
    sample: bool = param(True, "put a picture of the data in, on which the package can be checked")
    licence: str = param("", "licence of the package; empty for what the trainer's library states")
    device: str = param("auto", "GPU to write for where the format is made for one: auto, or its index")


class Exported(NamedTuple):
    """What a trainer wrote into FOLDER/package, and on which pictures it was compared, in words."""

    made: ExportResult
    compared_on: str


def check_format(trainer: Trainer, format: str) -> None:
    """Raise where a trainer's models cannot be written in a format here.

    Raises:
        InvalidParameter: there is no such format, or what makes it is not installed.
    """
    targets = trainer.list_export_targets()
    found = next((target for target in targets if target.name == format), None)
    if found is None:
        names = ", ".join(target.name for target in targets) or "none"
        raise InvalidParameter(f"There is no format {format!r} to package.", hint=f"There is: {names}.")
    if found.missing:
        raise InvalidParameter(found.missing, hint=found.hint)


def export_weights(
    workspace: Workspace,
    trainer: Trainer,
    weights: Path,
    folder: Path,
    *,
    name: str,
    version: Version | None,
    format: str,
    class_names: tuple[str, ...],
    image_size_px: int,
    params: PackageParams,
    has_any_batch: bool = False,
    is_trusted: bool = False,
    observer: Observer,
) -> Exported:
    """Let a trainer write weights in another format into `folder`, which is empty, and compare both.

    Raises:
        InvalidInput: they do not say the same; `name` is what the message calls the model.

    With `has_any_batch` it takes any number of images at once, instead of one.
    """
    samples = choose_samples(workspace, version, image_size_px)
    request = ExportRequest(
        weights=weights,
        format=format,
        folder=folder,
        class_names=class_names,
        image_size_px=image_size_px,
        confidence=params.confidence,
        iou=params.iou,
        max_objects=params.max_objects,
        samples=samples.images,
        has_sample=params.sample,
        has_any_batch=has_any_batch,
        device=params.device,
        is_trusted=is_trusted,
    )
    made = trainer.export(request, observer)
    _check_agreement(name, made)
    return Exported(made, samples.origin)


def _check_agreement(name: str, made: ExportResult) -> None:
    """Raise where the two forms say something else: a package that lies is worse than none."""
    broken = [one for one in made.agreement if not one.is_kept]
    if broken:
        worst = ", ".join(
            f"{one.name} differs by {one.difference:.3g} (allowed {one.tolerance:g})" for one in broken
        )
        raise InvalidInput(
            f"The package does not say what {name} says: {worst}. Nothing was written.",
            hint="Try another format, or other versions of its library.",
        )
