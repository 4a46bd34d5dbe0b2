"""What the parameter `device` names, and how a batch is dealt out; the library is not needed."""

from __future__ import annotations

from mlwf_tui.errors import InvalidParameter


def list_devices(device: str) -> tuple[str, ...]:
    """Return the devices that a parameter names, as `0,1` or `cpu,cpu`; one alone is no list."""
    return tuple(word.strip().removeprefix("cuda:") for word in device.split(",") if word.strip())


def check_batch(batch: float, count: int) -> None:
    """Raise InvalidParameter where a batch cannot be dealt out to so many devices."""
    if batch < 1 or batch % count:
        fitting = max(1, round(batch / count)) * count
        raise InvalidParameter(
            f"A batch of {batch:g} cannot be dealt out to {count} devices.", hint=f"Give -p batch={fitting}."
        )
