"""Finds plug-ins by kind and name through entry points; importing one happens on `get`, never before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import msgspec

from mlwf_tui.entry_points import find_entry_points
from mlwf_tui.errors import NotFound, PluginError, suggest

if TYPE_CHECKING:  # for annotations alone: a process needs few kinds, and hands wait for their imports
    from mlwf_tui.protocols.evaluators import Evaluator
    from mlwf_tui.protocols.executors import Executor
    from mlwf_tui.protocols.exporters import Exporter
    from mlwf_tui.protocols.gauges import Gauge
    from mlwf_tui.protocols.importers import Importer
    from mlwf_tui.protocols.operations import Operation
    from mlwf_tui.protocols.samplers import Sampler
    from mlwf_tui.protocols.samples import Sample
    from mlwf_tui.protocols.trainers import Trainer
    from mlwf_tui.protocols.videos import VideoReader

GROUP_PREFIX = "mlwf_tui."


class Registry(msgspec.Struct, frozen=True):
    """All plug-ins that installed packages declare, by kind.

    An entry point's object is a class or function without arguments that returns the plug-in.
    """

    find_entry_points: Callable[[str], Iterable[Any]] = find_entry_points
    _points_by_kind: dict[str, dict[str, Any]] = {}  # a new one for each registry

    def list_names(self, kind: str) -> tuple[str, ...]:
        """Return the names of a kind (importers, operations, trainers, samplers, …) in order."""
        return tuple(sorted(self._by_kind(kind)))

    def get_importer(self, name: str) -> Importer:
        """Return an importer; `NAME:VARIANT` is one of several formats that one of them reads."""
        family, _, variant = name.partition(":")
        importer = self._load("importers", family)
        if not variant:
            return cast("Importer", importer)
        if not hasattr(importer, "choose"):
            raise NotFound(f"There is no format {name!r}.", hint=f"The format is {family}.")
        return cast("Importer", importer.choose(variant))

    def get_exporter(self, name: str) -> Exporter:
        """Return an exporter; `yolo:segment`, as its importer is called, is `yolo-segment`."""
        return cast("Exporter", self._load("exporters", name.replace(":", "-")))

    def get_operation(self, name: str) -> Operation:
        return cast("Operation", self._load("operations", name))

    def get_evaluator(self, name: str) -> Evaluator:
        return cast("Evaluator", self._load("evaluators", name))

    def get_executor(self, name: str) -> Executor:
        return cast("Executor", self._load("executors", name))

    def get_gauge(self, name: str) -> Gauge:
        return cast("Gauge", self._load("gauges", name))

    def get_trainer(self, name: str) -> Trainer:
        return cast("Trainer", self._load("trainers", name))

    def get_video_reader(self, name: str) -> VideoReader:
        return cast("VideoReader", self._load("videos", name))

    def get_sampler(self, name: str) -> Sampler:
        return cast("Sampler", self._load("samplers", name))

    def get_sample(self, name: str) -> Sample:
        return cast("Sample", self._load("samples", name))

    def _by_kind(self, kind: str) -> dict[str, Any]:
        """Return the entry points of a kind; every installed package is looked at once a kind."""
        if kind not in self._points_by_kind:
            points = self.find_entry_points(f"{GROUP_PREFIX}{kind}")
            self._points_by_kind[kind] = {point.name: point for point in points}
        return self._points_by_kind[kind]

    def _load(self, kind: str, name: str) -> Any:
        singular = kind.removesuffix("s")
        points = self._by_kind(kind)
        if name not in points:
            raise NotFound(
                f"There is no {singular} named {name!r}.",
                hint=f"{suggest(name, points)}There are: "
                f"{', '.join(sorted(points)) or 'none; is mlwf installed with pip?'}.",
            )
        try:
            return points[name].load()()
        except Exception as error:  # a stranger's module and class: whatever they do as they are loaded
            reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
            raise PluginError(
                f"The {singular} {name!r} could not be loaded: {reason}.",
                hint="Install what it needs, or reinstall mlwf.",
            ) from error
