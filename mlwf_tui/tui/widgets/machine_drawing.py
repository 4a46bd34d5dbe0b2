"""The machine as ink: a card for each GPU with whose it is, processors, memory, disk, network; no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlwf_tui.entities.machine import Gpu, GpuProcess, Host, Machine
from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.tui.widgets.area import draw_area
from mlwf_tui.tui.widgets.drawing import Line, draw_bar, fit, fit_tail, measure_line

GAP = 3
WIDE = 100  # from here on charts are three lines high
MAX_PROCESSES = 6
MIN_RATE = float(1 << 20)  # bytes a second: below, the noise of a quiet machine would fill the chart
CORE_WIDTH = 16
MAX_BARS = 32  # cores; more are drawn as one block each
WARM_C, HOT_C = 80.0, 90.0
NO_GPU = "No GPU is seen: there is neither NVIDIA's driver nor AMD's."


@dataclass(frozen=True, slots=True)
class Chart:
    """One small chart; `top` None follows the largest value shown."""

    label: str
    now: str
    values: Sequence[float | None]
    top: float | None
    role: str


def draw_machine(
    history: Sequence[Machine], marks: Sequence[Mark], titles: Mapping[str, str], width: int
) -> list[Line]:
    """Return all lines, each at most `width` cells; `titles` are of runs, by their ids."""
    now = history[-1]
    lines = _draw_marks(marks, width)
    for place, gpu in enumerate(now.gpus):
        lines += [*_draw_gpu(gpu, _find_past(history, place, gpu), titles, width), []]
    if not now.gpus:
        lines += [[(fit(NO_GPU, width), "muted")], []]
    return lines + _draw_host([machine.host for machine in history], width)


def _draw_marks(marks: Sequence[Mark], width: int) -> list[Line]:
    lines: list[Line] = []
    for mark in marks:
        lines += [[(fit(f"▲ {mark.message}", width), "warning")], [(fit(f"  {mark.hint}", width), "muted")]]
    return [*lines, []] if lines else lines


# --- GPUs ------------------------------------------------------------------------------------------


def _find_past(history: Sequence[Machine], place: int, gpu: Gpu) -> list[Gpu | None]:
    """Return the same GPU at each moment; one may have come or gone."""
    found: list[Gpu | None] = []
    for machine in history:
        one = machine.gpus[place] if place < len(machine.gpus) else None
        found.append(one if one is not None and (one.vendor, one.index) == (gpu.vendor, gpu.index) else None)
    return found


def _draw_gpu(gpu: Gpu, past: Sequence[Gpu | None], titles: Mapping[str, str], width: int) -> list[Line]:
    charts = (
        Chart("busy", _with_unit(gpu.utilisation_percent, " %"),
              _pick(past, lambda one: one.utilisation_percent), 100.0, "series-0"),
        Chart("memory", _share(gpu.memory_used_bytes, gpu.memory_total_bytes),
              _pick(past, lambda one: one.memory_used_bytes), gpu.memory_total_bytes, "series-4"),
        Chart("power", _describe_power(gpu),
              _pick(past, lambda one: one.power_w), gpu.power_limit_w, "series-1"),
    )  # fmt: skip
    lines = [_draw_heading(f"GPU {gpu.index}", gpu.name, _describe_gpu(gpu), width)]
    lines += _draw_charts(charts, width, 3 if width >= WIDE else 2)
    shown = sorted(gpu.processes, key=lambda one: (not one.run, -(one.memory_bytes or 0)))
    lines += [_draw_process(process, titles, width) for process in shown[:MAX_PROCESSES]]
    if len(shown) > MAX_PROCESSES:
        lines.append([(f"  … and {len(shown) - MAX_PROCESSES} more", "muted")])
    if not shown:
        lines.append([("  nobody is on it", "muted")])
    return lines


def _describe_gpu(gpu: Gpu) -> Line:
    facts: Line = []
    if gpu.temperature_c is not None:
        role = (
            "error" if gpu.temperature_c >= HOT_C else "warning" if gpu.temperature_c >= WARM_C else "muted"
        )
        facts.append((f" {gpu.temperature_c:.0f} °C", role))
    if gpu.fan_percent is not None:
        facts.append((f"  fan {gpu.fan_percent:.0f} %", "muted"))
    return facts


def _draw_process(process: GpuProcess, titles: Mapping[str, str], width: int) -> Line:
    whose = titles.get(process.run, f"run {process.run}") if process.run else process.user or "not to be seen"
    memory = "" if process.memory_bytes is None else format_size(process.memory_bytes)
    room = max(12, width - 44)
    return [
        ("  ● " if process.run else "  ○ ", "accent" if process.run else "muted"),
        (fit(whose, room), "strong" if process.run else "text"),
        (fit(f" {process.name}", 17), "muted"),
        (fit(str(process.pid), 9, "right"), "muted"),
        (fit(memory, 12, "right"), "text"),
    ]


def _describe_power(gpu: Gpu) -> str:
    if gpu.power_w is None:
        return "not told"
    return f"{gpu.power_w:.0f}" + (f" of {gpu.power_limit_w:.0f} W" if gpu.power_limit_w else " W")


# --- the host --------------------------------------------------------------------------------------


def _draw_host(past: Sequence[Host], width: int) -> list[Line]:
    host = past[-1]
    cores = host.core_percents or ()
    facts: Line = [(f" load {host.load_1m:.2f}", "muted")]
    lines = [_draw_heading("Processors and memory", f"{len(cores)} cores" if cores else "", facts, width)]
    charts = [
        Chart("CPU", _with_unit(host.cpu_percent, " %"),
              [one.cpu_percent for one in past], 100.0, "series-2"),
        Chart("memory", _share(host.memory_used_bytes, host.memory_total_bytes),
              [one.memory_used_bytes for one in past], float(host.memory_total_bytes), "series-4"),
    ]  # fmt: skip
    if host.swap_total_bytes:
        swap = _share(host.swap_used_bytes, host.swap_total_bytes)
        total = float(host.swap_total_bytes)
        charts.append(Chart("swap", swap, [one.swap_used_bytes for one in past], total, "series-5"))
    lines += [*_draw_charts(charts, width, 3 if width >= WIDE else 2), *_draw_cores(cores, width), []]
    return lines + _draw_disk(past, width)


def _draw_disk(past: Sequence[Host], width: int) -> list[Line]:
    host = past[-1]
    lines = [_draw_heading("Disk and network", "", [], width)]
    if host.disk is not None:
        lines.append(_draw_room(host, width))
    rates = {
        "reads": [one.disk.read_bytes_per_s if one.disk else None for one in past],
        "writes": [one.disk.write_bytes_per_s if one.disk else None for one in past],
        "receives": [one.network.received_bytes_per_s for one in past],
        "sends": [one.network.sent_bytes_per_s for one in past],
    }
    roles = ("series-0", "series-1", "series-2", "series-4")
    charts = [
        Chart(label, _rate(values[-1]), values, None, role)
        for (label, values), role in zip(rates.items(), roles, strict=True)
    ]
    return lines + _draw_charts(charts, width, 2 if width >= WIDE else 1)


def _draw_room(host: Host, width: int) -> Line:
    assert host.disk is not None, "asked for a disk"
    used = 1 - host.disk.free_bytes / host.disk.total_bytes if host.disk.total_bytes else 0.0
    bar_width = max(8, width // 4)
    role = "error" if used > 0.98 else "warning" if used > 0.9 else "series-0"
    free = f"  {format_size(host.disk.free_bytes)} of {format_size(host.disk.total_bytes)} free  "
    room = width - bar_width - len(free)
    return [
        (draw_bar(used, bar_width).replace(" ", "░"), role),
        (free, "text"),
        (fit_tail(host.disk.path, min(len(host.disk.path), room)) if room > 4 else "", "muted"),
    ]


def _draw_cores(cores: Sequence[float], width: int) -> list[Line]:
    """Return a bar for each core, or where there are many a block for each."""
    if len(cores) > MAX_BARS:
        blocks = [
            (draw_area([percent], 1, 1, 100.0, role="series-2")[0][1][0], "series-2") for percent in cores
        ]
        return [blocks[first : first + width] for first in range(0, len(blocks), width)]
    columns = max(1, (width + 2) // (CORE_WIDTH + 2))
    rows = -(-len(cores) // columns)
    drawn = [_draw_core(number, percent) for number, percent in enumerate(cores)]
    return [[piece for core in drawn[row::rows] for piece in core] for row in range(rows)]


def _draw_core(number: int, percent: float) -> Line:
    bar = draw_bar(percent / 100, CORE_WIDTH - 8)
    return [(f"{number:>2} ", "faint"), (bar, "series-2"), (f"{percent:>4.0f}   ", "muted")]


# --- pieces ----------------------------------------------------------------------------------------


def _draw_heading(title: str, name: str, facts: Line, width: int) -> Line:
    head: Line = [(title, "heading"), (f"  {name} " if name else " ", "text")]
    rule = width - measure_line(head) - measure_line(facts)
    return [*head, ("─" * max(0, rule), "faint"), *facts]


def _draw_charts(charts: Sequence[Chart], width: int, height: int) -> list[Line]:
    """Return the charts beside each other: a line of labels and figures, then the areas."""
    each = (width - GAP * (len(charts) - 1)) // len(charts)
    gap: Line = [(" " * GAP, "text")]
    head: Line = []
    rows: list[Line] = [[] for _ in range(height)]
    for place, chart in enumerate(charts):
        between = gap if place else []
        now = fit(chart.now, min(each, len(chart.now)))
        head += [*between, (fit(chart.label, each - len(now)), "muted"), (now, "strong")]
        top = chart.top or max([MIN_RATE, *(value for value in chart.values[-each:] if value is not None)])
        for row, area in zip(rows, draw_area(chart.values, each, height, top, role=chart.role), strict=True):
            row += [*between, *area]
    return [head, *rows]


def _pick(past: Sequence[Gpu | None], choose: Callable[[Gpu], float | None]) -> list[float | None]:
    return [choose(one) if one is not None else None for one in past]


def _share(used_bytes: int | None, total_bytes: int | None) -> str:
    """Return how much of all, in one unit where there is one for both."""
    if used_bytes is None:
        return "not told"
    if not total_bytes:
        return format_size(used_bytes)
    if 1 << 30 <= total_bytes < 1 << 40:
        return f"{used_bytes / (1 << 30):.1f} of {format_size(total_bytes)}"
    return f"{format_size(used_bytes)} of {format_size(total_bytes)}"


def _rate(bytes_per_s: float | None) -> str:
    return "…" if bytes_per_s is None else f"{format_size(bytes_per_s)}/s"


def _with_unit(value: float | None, unit: str) -> str:
    return "…" if value is None else f"{value:.0f}{unit}"
