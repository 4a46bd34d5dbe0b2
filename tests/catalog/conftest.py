"""A catalog in a real file, a clock that ticks one second a look, and things to put in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import mlwf_tui
from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.project import Project, Version, VersionKind
from mlwf_tui.entities.run import Run

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
StartProcess = Callable[..., "subprocess.Popen[str]"]


class TickingClock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


class Maker:
    """Makes things with the fields that a test does not care about filled in."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def project(self, name: str = "bccd", *, workspace: str = "default", item_count: int = 0) -> Project:
        return self.catalog.projects.create(
            name, workspace=workspace, manifest=digest(name), item_count=item_count
        )

    def version(self, project: Project, manifest: str = "m", *, message: str = "") -> Version:
        return self.catalog.versions.create(
            project.id,
            manifest=digest(manifest),
            item_count=364,
            message=message,
            kind=VersionKind.MANUAL,
            author="ada",
        )

    def run(self, verb: str = "import", *, workspace: str = "default") -> Run:
        return self.catalog.runs.create(
            verb, params={}, seed=None, author="ada", workspace=workspace, environment={}
        )

    def model(self, name: str, run: Run) -> Model:
        return self.catalog.models.create(
            name=name,
            architecture="yolov10n",
            task="detect",
            trainer="ultralytics",
            class_names=("RBC", "WBC"),
            image_size_px=640,
            checkpoints=(),
            metrics={"map50": 0.861},
            run_id=run.id,
        )

    def move(self, project: Project, manifest: str, *, verb: str = "import", item_count: int = 1) -> None:
        head = self.catalog.projects.get_by_id(project.id).head
        self.catalog.projects.move_head(
            project.id,
            expected=head,
            manifest=digest(manifest),
            item_count=item_count,
            run_id=None,
            verb=verb,
        )


def digest(name: str) -> Digest:
    return Digest(name.encode().hex().rjust(64, "0"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    with Catalog(path, clock=TickingClock()) as opened:
        yield opened


@pytest.fixture
def make(catalog: Catalog) -> Maker:
    return Maker(catalog)


@pytest.fixture
def start_process() -> Iterator[StartProcess]:
    """Starts Python code with arguments, stdin and stdout piped; ends what still runs at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=Path(mlwf_tui.__path__[0]).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=30)
