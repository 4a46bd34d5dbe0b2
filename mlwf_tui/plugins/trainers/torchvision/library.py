"""Networks of torchvision by name, the device they run on, and its failures as one sentence."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from mlwf_tui.errors import InvalidInput, InvalidParameter, PluginError
from mlwf_tui.plugins.trainers.threads import count_threads

_ERRORS = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, OSError, ImportError)


def build_network(architecture: str, class_count: int) -> Any:
    """Return an untrained network; its weights are drawn from torch's random numbers."""
    from torchvision import models  # a second

    return models.get_model(architecture, weights=None, num_classes=class_count)


def load_pretrained(architecture: str, class_count: int, folder: Path) -> Any:
    """Return torchvision's trained network with a new last layer; what is downloaded goes to `folder`.

    Raises:
        InvalidInput: the weights could not be downloaded.
    """
    from torchvision import models

    torch.hub.set_dir(str(folder))
    network = build_network(architecture, class_count)
    try:
        trained = models.get_model_weights(architecture).DEFAULT.get_state_dict(progress=False)
    except (OSError, RuntimeError) as error:
        raise InvalidInput(
            f"The pretrained weights of {architecture} could not be downloaded.",
            hint="Train without pretrained=true.",
        ) from error
    load_fitting(network, trained)
    return network


def load_fitting(network: Any, weights: dict[str, torch.Tensor]) -> None:
    """Give a network the weights that fit; the last layer of other classes stays as it is drawn."""
    own = network.state_dict()
    fitting = {key: value for key, value in weights.items() if key in own and value.shape == own[key].shape}
    network.load_state_dict(fitting, strict=False)


def choose_device(asked: str) -> torch.device:
    """Return the device.

    Raises:
        InvalidParameter: several devices, or one that is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        return torch.device("cuda", 0) if count else torch.device("cpu")
    number = asked.removeprefix("cuda:")
    if number.isdecimal() and int(number) < count:
        return torch.device("cuda", int(number))
    if asked == "cpu" or (asked == "mps" and torch.backends.mps.is_available()):
        return torch.device(asked)
    raise InvalidParameter(
        f"The device {asked!r} cannot be used: this machine has {count} GPUs, and a run takes one device.",
        hint="Give device=cpu" + (f" or a number from 0 to {count - 1}." if count else "."),
    )


def be_deterministic() -> None:
    """Let the same seed give the same numbers, where an operation can; takes the cores there are."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(count_threads())


def describe_environment(device: torch.device) -> dict[str, str]:
    """Return the versions and the hardware that a run depends on."""
    import torchvision

    on_gpu = device.type == "cuda"
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torchvision": str(torchvision.__version__),
        "device": torch.cuda.get_device_name(device) if on_gpu else device.type,
        "cuda": str(torch.version.cuda) if on_gpu else "",
    }


@contextmanager
def report_failure(what: str) -> Iterator[None]:
    """Turn what torch and torchvision raise into one sentence."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise PluginError(
            f"torchvision could not {what}: a batch does not fit into the GPU's memory.",
            hint="Take a smaller batch or imgsz: -p batch=8 -p imgsz=96.",
        ) from error
    except _ERRORS as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise PluginError(
            f"torchvision could not {what}: {reason.rstrip('.')}.", hint="The run's log has the details."
        ) from error
