"""Writes what the rounds gave as Markdown tables: medians, ratios to `cp -a`, CPU seconds, bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.peers import Phase
from benchmarks.rounds import Played

Rounds = Mapping[str, Sequence[Played]]  # by the peer's name


def format_costs(rounds: Rounds) -> str:
    """Seconds, and the ratio to the copy that ran just before."""
    return _format_phases("seconds (ratio to cp -a)", rounds, _format_seconds)


def format_cpu(rounds: Rounds) -> str:
    """CPU seconds, user and system, of a phase's processes."""
    return _format_phases("CPU seconds", rounds, _format_cpu)


def format_sizes(rounds: Rounds) -> str:
    """What is stored, in how many files, the largest memory of any phase, and what was found wrong."""
    header = (
        "peer", "MB after first / edit / collect", "files after edit", "peak MB", "peak in", "rounds", "notes"
    )  # fmt: skip
    return _format_table(header, [_format_sizes(name, played) for name, played in rounds.items() if played])


def _format_phases(title: str, rounds: Rounds, format_cell: Callable[[Sequence[Played], Phase], str]) -> str:
    rows = [
        (name, *(format_cell([one for one in played if phase in one.costs], phase) for phase in Phase))
        for name, played in rounds.items()
    ]
    return _format_table((title, *Phase), rows)


def _format_seconds(played: Sequence[Played], phase: Phase) -> str:
    if not played:
        return "-"
    seconds = median(one.costs[phase].seconds for one in played)
    ratio = median(one.costs[phase].seconds / one.copy_seconds[phase] for one in played)
    return f"{seconds:.2f} ({ratio:.2f})"


def _format_cpu(played: Sequence[Played], phase: Phase) -> str:
    return f"{median(one.costs[phase].cpu_s for one in played):.2f}" if played else "-"


def _format_sizes(name: str, played: Sequence[Played]) -> tuple[str, ...]:
    last = played[-1]
    stored = " / ".join(
        f"{last.sizes[phase][0] / 1e6:,.0f}" if phase in last.sizes else "-"
        for phase in (Phase.FIRST, Phase.EDIT, Phase.COLLECT)
    )
    count = f"{last.sizes[Phase.EDIT][1]:,}" if Phase.EDIT in last.sizes else "-"
    peaks = [(cost.peak_bytes, phase) for one in played for phase, cost in one.costs.items()]
    peak_bytes, phase = max(peaks, default=(0, ""))
    notes = "; ".join(sorted({note for one in played for note in one.notes}))
    return name, stored, count, f"{peak_bytes / 1e6:.0f}", phase, str(len(played)), notes


def _format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
