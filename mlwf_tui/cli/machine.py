"""The command that shows what this machine does now."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import click
import msgspec

from mlwf_tui.cli.face import DONE, Face, NumberRange, command
from mlwf_tui.cli.text import format_table
from mlwf_tui.entities.machine import Gpu, GpuProcess, Host, Machine
from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.sizes import format_size

group = click.Group()
KEPT = 300
BAR_WIDTH = 20


@command(group, "machine")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C; with --json, one document a line.")
@click.option(
    "--interval", type=NumberRange(0.2, 3600), default=2.0, show_default=True,
    help="Seconds between two readings of --watch.",
)  # fmt: skip
def machine_command(face: Face, watch: bool, interval: float) -> int:
    """Show what this machine does: GPUs and whose they are, processors, memory, disk, network.

    \b
    mlwf machine --watch
    """
    from mlwf_tui.workflow.machine import iter_machine
    from mlwf_tui.workflow.running.machine_marks import mark_machine

    history: list[Machine] = []
    with face.open() as workspace, closing(iter_machine(workspace, interval)) as readings:
        for machine in readings:
            history = [*history[1 - KEPT :], machine]
            marks = mark_machine(history)
            if watch and not face.is_json and sys.stdout.isatty():
                click.echo("\x1b[H\x1b[J", nl=False)
            face.show(_to_document(machine, marks), "\n".join(_draw(machine, marks)))
            sys.stdout.flush()
            if not watch:
                break
    return DONE


def _to_document(machine: Machine, marks: Sequence[Mark]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(machine)
    found["host"]["cpu_percent"] = machine.host.cpu_percent
    return {**found, "marks": msgspec.to_builtins(marks)}


def _draw(machine: Machine, marks: Sequence[Mark]) -> list[str]:
    lines: list[str] = []
    for mark in marks:
        lines += [_paint(f"! {mark.message}", "yellow"), f"  {mark.hint}"]
    return lines + _draw_gpus(machine.gpus) + ["", *_draw_host(machine.host)]


def _draw_gpus(gpus: Sequence[Gpu]) -> list[str]:
    if not gpus:
        return ["No GPU is seen: there is neither NVIDIA's driver nor AMD's."]
    header = ("GPU", "NAME", "BUSY", "MEMORY", "TEMPERATURE", "POWER")
    rows = [
        (
            str(gpu.index),
            gpu.name,
            _with_unit(gpu.utilisation_percent, " %"),
            _draw_memory(gpu),
            _with_unit(gpu.temperature_c, " °C"),
            f"{_with_unit(gpu.power_w, ' W')} of {_with_unit(gpu.power_limit_w, ' W')}",
        )
        for gpu in gpus
    ]
    held = [(str(gpu.index), process) for gpu in gpus for process in gpu.processes]
    lines = [format_table(header, rows, empty="")]
    if held:
        table = [(index, *_describe_process(process)) for index, process in held]
        lines += ["", format_table(("GPU", "PID", "WHOSE", "COMMAND", "MEMORY"), table, empty="")]
    return lines


def _draw_memory(gpu: Gpu) -> str:
    if gpu.memory_used_bytes is None or gpu.memory_total_bytes is None:
        return "-"
    return f"{format_size(gpu.memory_used_bytes)} of {format_size(gpu.memory_total_bytes)}"


def _describe_process(process: GpuProcess) -> tuple[str, str, str, str]:
    whose = f"run {process.run}" if process.run else process.user or "somebody not to be seen from here"
    memory = "-" if process.memory_bytes is None else format_size(process.memory_bytes)
    return str(process.pid), whose, process.name or "-", memory


def _draw_host(host: Host) -> list[str]:
    cores = host.core_percents or ()
    used, total = host.memory_used_bytes, host.memory_total_bytes
    rows = [
        (
            "CPU",
            _draw_bar((host.cpu_percent or 0.0) / 100),
            f"{host.cpu_percent or 0.0:.0f} % of {len(cores)} cores, load {host.load_1m:.2f}",
        ),
        ("memory", _draw_bar(used / total), f"{format_size(used)} of {format_size(total)}"),
    ]
    if host.swap_total_bytes:
        swap = f"{format_size(host.swap_used_bytes)} of {format_size(host.swap_total_bytes)}"
        rows.append(("swap", _draw_bar(host.swap_used_bytes / host.swap_total_bytes), swap))
    disk, network = host.disk, host.network
    if disk is not None:
        rates = f"reads {_rate(disk.read_bytes_per_s)}, writes {_rate(disk.write_bytes_per_s)}"
        free = f"{format_size(disk.free_bytes)} of {format_size(disk.total_bytes)} free; {rates}"
        rows.append(("disk", _draw_bar(1 - disk.free_bytes / disk.total_bytes), free))
    traffic = f"receives {_rate(network.received_bytes_per_s)}, sends {_rate(network.sent_bytes_per_s)}"
    rows.append(("network", " " * BAR_WIDTH, traffic))
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 200
    lines = [f"{label:<8} {bar}  {text}"[:columns] for label, bar, text in rows]
    return [*lines, *_draw_cores(cores)]


def _draw_cores(cores: Sequence[float]) -> list[str]:
    """Return the cores as numbers, sixteen a line."""
    rows = [cores[first : first + 16] for first in range(0, len(cores), 16)]
    return [
        f"{'cores' if not number else '':<8} {' '.join(f'{percent:3.0f}' for percent in row)}"
        for number, row in enumerate(rows)
    ]


def _draw_bar(share: float) -> str:
    filled = round(min(1.0, max(0.0, share)) * BAR_WIDTH)
    return "━" * filled + "╌" * (BAR_WIDTH - filled)


def _rate(bytes_per_s: float | None) -> str:
    return "-" if bytes_per_s is None else f"{format_size(bytes_per_s)}/s"


def _with_unit(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.0f}{unit}"


def _paint(text: str, color: str) -> str:
    is_colored = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return click.style(text, fg=color) if is_colored else text
