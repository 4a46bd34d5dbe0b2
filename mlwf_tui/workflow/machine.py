"""machine: what this machine does now, and whose the processes on its GPUs are."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable
from contextlib import ExitStack
from types import TracebackType

from msgspec.structs import replace

from mlwf_tui import processes
from mlwf_tui.entities.ids import JobId
from mlwf_tui.entities.machine import Gpu, GpuProcess, Machine
from mlwf_tui.errors import MlwfError, NotFound, StorageFailed
from mlwf_tui.protocols.gauges import Gauge
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
FIRST_INTERVAL_S = 0.5  # between the two readings that a rate needs
COMPUTE_BYTES = 4 << 30  # less than that is a display's, or a part of a processor


class MachineReader:
    """Reads the machine again and again while its block runs. Not for use by two threads at once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._held = ExitStack()
        self._gauges: list[Gauge] = []
        self._runs: dict[str, str] = {}  # by job

    def __enter__(self) -> MachineReader:
        from mlwf_tui.host import HostReader  # psutil's 20 ms

        self._gauges = load_gauges(self._workspace)
        for gauge in self._gauges:
            self._held.enter_context(gauge.hold())
        self._host = HostReader(self._workspace.home)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def read(self) -> Machine:
        """Return the machine as it is now; rates are since the last call.

        Raises:
            StorageFailed: the home, or what the kernel tells, cannot be read.
        """
        try:
            host = self._host.read()
        except OSError as error:
            raise StorageFailed(
                f"The machine cannot be read: {error}.", hint="Is the home still there?"
            ) from error
        gpus = [gpu for gauge in self._gauges for gpu in gauge.read_gpus()]
        return Machine(at=time.time(), host=host, gpus=tuple(self._name_runs(gpu) for gpu in gpus))

    def _name_runs(self, gpu: Gpu) -> Gpu:
        if not gpu.processes:
            return gpu
        return replace(gpu, processes=tuple(self._name_run(process) for process in gpu.processes))

    def _name_run(self, process: GpuProcess) -> GpuProcess:
        job = processes.find_job(process.pid)
        if job and job not in self._runs:
            try:
                self._runs[job] = self._workspace.catalog.jobs.get(JobId(job)).run_id
            except NotFound:  # a job of another home
                self._runs[job] = ""
        return replace(process, run=self._runs.get(job, ""))


def iter_machine(workspace: Workspace, interval_s: float) -> Generator[Machine]:
    """Yield the machine every `interval_s` seconds without end; the first reading has its rates as well.

    Raises:
        StorageFailed: the home, or what the kernel tells, cannot be read.
    """
    with MachineReader(workspace) as reader:
        reader.read()
        time.sleep(min(FIRST_INTERVAL_S, interval_s))
        while True:
            yield reader.read()
            time.sleep(interval_s)


def load_gauges(workspace: Workspace) -> list[Gauge]:
    """Return all gauges; one that cannot be loaded is left out, and said in the log."""
    found: list[Gauge] = []
    for name in workspace.registry.list_names("gauges"):
        try:
            found.append(workspace.registry.get_gauge(name))
        except MlwfError as error:
            logger.warning("%s %s", error.message, error.hint)
    return found


def read_gpus(workspace: Workspace) -> tuple[Gpu, ...]:
    """Return the GPUs of this machine that jobs may have; see `choose_for_jobs`."""
    return choose_for_jobs(gpu for gauge in load_gauges(workspace) for gpu in gauge.read_gpus())


def choose_for_jobs(gpus: Iterable[Gpu]) -> tuple[Gpu, ...]:
    """Return the GPUs that jobs may have, told apart by their indices alone.

    They are of one vendor, for the libraries are: NVIDIA's where there are any, and of AMD's those that
    are no mere part of a processor.
    """
    found = tuple(gpus)
    nvidia = tuple(gpu for gpu in found if gpu.vendor == "nvidia")
    return nvidia or tuple(gpu for gpu in found if (gpu.memory_total_bytes or 0) >= COMPUTE_BYTES)
