"""How fast a model is, as ink: each part of a pass by batch size, and under which circumstances."""

from __future__ import annotations

from collections.abc import Iterator

from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.entities.speed import BatchSpeed, Speed
from mlwf_tui.tui.widgets.drawing import SERIES_ROLES, Line, draw_bar, fit

PARTS = ("preprocess", "inference", "postprocess")
MAX_BAR = 76


def draw_speed(report: Report, evaluation: Evaluation, width: int) -> list[Line]:
    """Return the times of a pass, batch by batch, and what was measured how."""
    speed = evaluation.speed
    if speed is None or not speed.batches:
        missing = speed.missing if speed is not None else ""
        why = missing or "It was not measured: mlwf benchmark MODEL REF -p speed=full does."
        return [*_draw_old(report, width), *_wrap(why, width)]
    lines: list[Line] = []
    for of in speed.batches:
        lines += [*_draw_batch(of, width), []]
    return [*lines, *(line for text in _describe(speed) for line in _wrap(text, width))]


def _draw_old(report: Report, width: int) -> list[Line]:
    """Return what a report says whose speed was measured image by image, beside its figures."""
    known = [f"{name.removesuffix('_ms')} {report.speed[name]:.2f} ms" for name in report.speed
             if name.endswith("_ms")]  # fmt: skip
    per_second = report.speed.get("images_per_second")
    known += [f"{per_second:,.1f} images a second"] if per_second else []
    return [[(fit(f" {', '.join(known)}", width), "text")]] if known else []


def _draw_batch(of: BatchSpeed, width: int) -> list[Line]:
    parts = {times.part: times for times in of.parts}
    total = parts["total"].mean_ms or 1.0
    bar_width = min(MAX_BAR, width - 2)
    bar: Line = [(" ", "text")]
    for place, name in enumerate(PARTS):
        if name in parts:
            bar.append((draw_bar(1.0, round(parts[name].mean_ms / total * bar_width)), SERIES_ROLES[place]))
    at_once = "1 image at a time" if of.batch == 1 else f"{of.batch} images at a time"
    head = f"   {of.images_per_second:,.1f} images a second   {total / of.batch:.2f} ms an image"
    lines: list[Line] = [[(f" {at_once}", "heading"), (fit(head, width - len(at_once) - 1), "text")], bar]
    columns = " ".join(f"{name:>8}" for name in ("mean", "± dev", "p50", "p95", "p99"))
    lines.append([(fit(f"   {fit('ms a pass', 13)} {columns}", width), "muted")])
    for name, times in parts.items():
        values = (times.mean_ms, times.deviation_ms, times.p50_ms, times.p95_ms, times.p99_ms)
        role = SERIES_ROLES[PARTS.index(name)] if name in PARTS else "text"
        figures = " ".join(f"{value:>8.2f}" for value in values)
        lines.append(
            [(" ■ " if name in PARTS else "   ", role), (fit(name, 13), "strong"), (f" {figures}", "text")]
        )
    return [*lines, [(fit(f"   {_describe_costs(of)}", width), "muted")]]


def _describe_costs(of: BatchSpeed) -> str:
    costs = [f"CPU {of.cpu_ms:.2f} ms an image"]
    if of.rss_peak_bytes is not None:
        costs.append(f"memory {format_size(of.rss_peak_bytes)}")
    if of.gpu_peak_bytes is not None:
        costs.append(f"GPU {format_size(of.gpu_peak_bytes)}")
    if of.energy_j is not None:
        costs.append(f"{of.energy_j:.3f} J an image")
    return ", ".join([*costs, f"{of.passes:,} passes"])


def _describe(speed: Speed) -> Iterator[str]:
    load = "" if speed.load_1m is None else f"; load of the machine {speed.load_1m:.1f}"
    cold = "" if speed.cold_ms is None else f", the first of all took {speed.cold_ms:,.0f} ms"
    yield f"{speed.device}, {speed.runtime}, {speed.precision}; {speed.clock}{load}"
    yield f"{speed.warm_up} passes to warm up{cold}; {speed.image_count} different images, decoded before."
    if speed.is_disturbed:
        yield "! Other work disturbed it: take the times as an upper bound, and CPU time as it is."
    if speed.energy_missing:
        yield speed.energy_missing


def _wrap(text: str, width: int) -> list[Line]:
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) + 2 <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return [[(line, "faint")] for line in lines]
