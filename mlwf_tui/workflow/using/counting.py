"""What a session counts, and how Prometheus reads it: text format 0.0.4."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LATENCY_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Counts:
    """Of one session since it began. Written by the event loop alone."""

    requests: Counter[int] = field(default_factory=Counter)  # by HTTP status
    images: int = 0
    objects: int = 0
    batches: int = 0
    batched_images: int = 0
    dropped: int = 0
    latency_sum_s: float = 0.0
    latency_buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_S) + 1))

    @property
    def request_count(self) -> int:
        return self.requests.total()

    def note_request(self, status: int, latency_s: float) -> None:
        """Count an answered request for predictions."""
        self.requests[status] += 1
        self.latency_sum_s += latency_s
        at = next(
            (n for n, bound in enumerate(LATENCY_BOUNDS_S) if latency_s <= bound), len(LATENCY_BOUNDS_S)
        )
        self.latency_buckets[at] += 1

    def note_batch(self, count: int) -> None:
        """Count a batch that is given to the model."""
        self.batches += 1
        self.batched_images += count

    def note_dropped(self) -> None:
        """Count a caller who kept a connection and did not send."""
        self.dropped += 1

    def to_text(self, *, depth: int, uptime_s: float) -> str:
        """Return all as Prometheus reads it.

        Source: Prometheus, Exposition formats, text-based format.
        """
        lines = [*_head("mlwf_requests_total", "counter", "Requests for predictions, by HTTP status.")]
        lines += [f'mlwf_requests_total{{status="{s}"}} {n}' for s, n in sorted(self.requests.items())]
        for name, kind, about, value in (
            ("mlwf_images_total", "counter", "Images that were looked at.", self.images),
            ("mlwf_objects_total", "counter", "Objects that were found.", self.objects),
            ("mlwf_batches_total", "counter", "Batches that the model was given.", self.batches),
            ("mlwf_batched_images_total", "counter", "Images in those batches.", self.batched_images),
            ("mlwf_dropped_total", "counter", "Connections that were dropped for being slow.", self.dropped),
            ("mlwf_queue_images", "gauge", "Images that wait for the model.", depth),
            ("mlwf_uptime_seconds", "gauge", "Seconds since the session began.", round(uptime_s, 3)),
        ):
            lines += [*_head(name, kind, about), f"{name} {value}"]
        lines += self._list_latencies()
        return "\n".join(lines) + "\n"

    def _list_latencies(self) -> list[str]:
        name = "mlwf_request_seconds"
        lines = [*_head(name, "histogram", "From a request's first byte to its answer.")]
        count = 0
        for bound, more in zip((*map(str, LATENCY_BOUNDS_S), "+Inf"), self.latency_buckets, strict=True):
            count += more
            lines.append(f'{name}_bucket{{le="{bound}"}} {count}')
        return [*lines, f"{name}_sum {self.latency_sum_s:.6f}", f"{name}_count {count}"]


def _head(name: str, kind: str, about: str) -> tuple[str, str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}"
