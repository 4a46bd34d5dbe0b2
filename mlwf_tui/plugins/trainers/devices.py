"""What the parameter `device` names, and how a batch is dealt out; no library is needed."""

from __future__ import annotations

from mlwf_tui.errors import InvalidParameter

_WORDS = ("auto", "cpu", "mps", "cuda")


def list_devices(device: str) -> tuple[str, ...]:
    """Return the devices that a parameter names, as `0,1` or `cpu,cpu`; one alone is no list."""
    return tuple(word.strip().removeprefix("cuda:") for word in device.split(",") if word.strip())


def check_device(device: str, *, are_several_taken: bool) -> None:
    """Raise InvalidParameter where a parameter names no devices, or more than a run takes.

    Whether they are there is asked later.
    """
    devices = list_devices(device)
    is_one = len(devices) == 1 and (devices[0] in _WORDS or devices[0].isdecimal())
    are_gpus = all(map(str.isdecimal, devices)) and len(set(devices)) == len(devices)
    are_several = len(devices) > 1 and (are_gpus or set(devices) == {"cpu"})
    if not is_one and not (are_several and are_several_taken):
        raise InvalidParameter(
            f"The parameter device is {device!r}, which names no device that can be trained on.",
            hint="Give auto, cpu, mps, or the number of a GPU"
            + (", or of several as 0,1." if are_several_taken else "."),
        )


def check_batch(batch: float, count: int) -> None:
    """Raise InvalidParameter where a batch cannot be dealt out to so many devices."""
    if batch < 1 or batch % count:
        fitting = max(1, round(batch / count)) * count
        raise InvalidParameter(
            f"A batch of {batch:g} cannot be dealt out to {count} devices.", hint=f"Give -p batch={fitting}."
        )
